/**
 * Addresses of one network on one node, without a central store and without an address that two nodes have.
 *
 *   claim ── Claiming ── AddressPool            what is ours is used without asking anybody
 *               │  too little
 *            Errands ──► board ──► Agenda of a voter ──► Council (Paxos) ──► board
 *               │                                            │
 *            Lending (owner to owner)          Ledger ◄──────┘  everybody learns
 *               ▲                                 │
 *            AddressPool ◄── Standing, Fence ◄────┘  what is ours, and whether it still is
 *
 * It has no input and output of its own: the board, time and storage are given. After each thing that happens, `settle` goes as
 * far as it can.
 */
import { createHash } from 'node:crypto';
import type { IpAddress } from '../../dataplane/address.ts';
import type { Timer } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { AddressPool } from './address-pool.ts';
import { Agenda } from './agenda.ts';
import { Claiming } from './claiming.ts';
import { isSameBytes } from './codec.ts';
import { Council } from './council.ts';
import { CouncilArchive } from './council-archive.ts';
import { CouncilState } from './council-state.ts';
import { Errands } from './errands.ts';
import { Fence } from './fence.ts';
import { Forgetting } from './forgetting.ts';
import { Founding, foundersOf } from './founding.ts';
import type { SavedState } from './host.ts';
import { makeIncarnation } from './incarnation.ts';
import { Intake } from './intake.ts';
import { Ledger } from './ledger.ts';
import { Lending } from './lending.ts';
import { DEFAULT_LEASE, DEFAULT_PATIENCE, DEFAULT_REST, FOUNDING_WAIT } from './limits.ts';
import { decodeLocal, decodeVote, encodeLocal, encodeVote } from './local-state.ts';
import type { IpamModules, IpamOptions } from './options.ts';
import { Posts } from './posts.ts';
import { Provision } from './provision.ts';
import { Reasons } from './reasons.ts';
import { Saver } from './saver.ts';
import { Silence } from './silence.ts';
import { Space } from './space.ts';
import { Standing } from './standing.ts';
import { type IpamView, viewSpace } from './view.ts';

/** How often to look at what only time changes, in milliseconds: while somebody waits, and for a voter at most. */
const BUSY = 500;
const VOTER_LOOK = 10_000;

export class Ipam {
  private readonly modules: IpamModules;
  private readonly options: IpamOptions;
  private readonly lease: number;
  private readonly pools: readonly AddressPool[];
  private readonly posts: Posts;
  private readonly saver: Saver;
  private readonly ledger: Ledger;
  private readonly archive: CouncilArchive;
  private readonly silence: Silence;
  private readonly agenda: Agenda;
  private readonly council: Council;
  private readonly founding: Founding;
  private readonly errands: Errands;
  private readonly lending: Lending;
  private readonly claiming: Claiming;
  private readonly provision: Provision;
  private readonly forgetting: Forgetting;
  private readonly fence: Fence;
  private readonly standing: Standing;
  private readonly intake: Intake;
  private readonly posted = new Map<string, Uint8Array | undefined>();
  private timer: Timer | undefined;
  private due = Number.POSITIVE_INFINITY;
  private startedAt = 0;
  private isSettling = false;
  private isRunning = false;
  private hasLearnt = false;
  private leaving: (() => void) | undefined;

  /** Throws `invalid_argument`, and `malformed` if what was saved cannot be read. */
  constructor(modules: IpamModules, options: IpamOptions) {
    const { clock, random, liveness } = modules;
    const { name, saved, lease = DEFAULT_LEASE, rest = DEFAULT_REST } = options;
    this.modules = modules;
    this.options = options;
    this.lease = lease;
    const spaces = options.spaces.map(space => new Space(space));
    const shape = spaces.map(({ bits }) => bits);
    this.pools = spaces.map(space => new AddressPool(space, { rest }));
    const { incarnation, isRegistered, pledge } =
      saved === undefined
        ? { incarnation: makeIncarnation(1, random), isRegistered: false, pledge: 0 as const }
        : decodeLocal(saved.local, this.pools);
    this.posts = new Posts(fingerprintOf(options.network, spaces));
    const { posts } = this;
    this.errands = new Errands(incarnation);
    const { errands } = this;
    this.saver = new Saver({
      journal: modules.journal,
      post: modules.post,
      capture: () => this.capture(),
      failed: error => this.fail(error),
    });
    const { saver } = this;
    const post = (key: string, body: Uint8Array | undefined): void => saver.post(key, body);
    const woken = (): void => this.settle();
    this.ledger = new Ledger({ posts, post }, { name, shape });
    const { ledger } = this;
    if (saved?.council !== undefined) ledger.state = CouncilState.decode(saved.council, shape);
    this.archive = new CouncilArchive(saved?.council);
    const founders = options.isNew === true ? [name] : foundersOf(options.founders);
    this.founding = new Founding({ name, founders, pledge });
    this.silence = new Silence(modules, { name, lease });
    const isAlive = (node: string): boolean => node === name || liveness.silentFor(node) === 0;
    this.agenda = new Agenda({ clock, silence: this.silence, isAlive }, { spaces, rest });
    const { agenda, pools } = this;
    this.council = new Council(
      { clock, random, liveness, saver, posts, ledger, woken, agenda: state => agenda.build(state) },
      { name, incarnation: () => errands.incarnation, vote: saved && decodeVote(saved.vote) },
    );
    const reasons = new Reasons(
      { clock, liveness, pools, state: () => ledger.state, reachable: () => this.council.reachable },
      options,
    );
    const refresh = (): void => this.provision.refresh();
    this.lending = new Lending({ clock, liveness, errands, pools, refresh }, { name });
    this.claiming = new Claiming(
      {
        clock,
        pools,
        errands,
        lending: this.lending,
        state: () => ledger.state,
        obstacle: () => (this.isFenced ? reasons.fenced() : undefined),
        shortage: (space, offset) => reasons.shortage(space, offset),
        afterSave: callback => this.save(callback),
        woken,
      },
      { name, patience: options.patience ?? DEFAULT_PATIENCE },
    );
    const { claiming, lending } = this;
    this.provision = new Provision({ clock, pools, errands, lending, claiming }, { name });
    this.forgetting = new Forgetting(
      { clock, liveness, errands, quorum: () => reasons.quorum(), woken },
      { name },
    );
    this.fence = new Fence({ clock, liveness }, { name, lease });
    this.standing = new Standing(
      {
        clock,
        random,
        errands,
        fence: this.fence,
        saver,
        unfenced: () => {
          options.onEvent({ type: 'unfenced' });
          this.settle();
        },
        fenced: reason => options.onEvent({ type: 'fenced', reason }),
        forgotten: () => this.lose(),
      },
      { name, isRegistered },
    );
    this.intake = new Intake({
      posts,
      agenda,
      ledger,
      council: this.council,
      founding: this.founding,
      lending: this.lending,
      silence: this.silence,
    });
  }

  start(): void {
    this.isRunning = true;
    this.startedAt = this.modules.clock.now();
    this.council.restart();
    // What the board still has of our last life is replaced or withdrawn.
    for (const key of ['p', 'r', 'y', 'x', 'f']) this.saver.post(key, undefined);
    this.saver.touch();
    this.settle();
  }

  stop(): void {
    this.isRunning = false;
    this.timer?.cancel();
    this.council.stop();
    this.saver.stop();
    this.claiming.failAll(new WeftError('unavailable', 'the daemon stops'));
    this.forgetting.stop();
  }

  /** The board has something new of somebody else; undefined: no longer. */
  take(origin: string, key: string, body: Uint8Array | undefined): void {
    if (origin === this.options.name) return;
    this.intake.take(origin, key, body);
    this.settle();
  }

  /** None of our addresses may be used: see fence.ts. */
  get isFenced(): boolean {
    return this.standing.isFenced;
  }

  /** Claims of this node, also while it is fenced. */
  get claims(): { readonly owner: string; readonly address: IpAddress }[] {
    return this.pools.flatMap(({ space, claims }) =>
      claims.map(({ offset, owner }) => ({ owner, address: space.addressOf(offset) })),
    );
  }

  /**
   * Gives the owner an address, the same one if it has one. Rejects with `unavailable` if there is none within
   * the patience, `invalid_argument` if the network has none of this family.
   */
  async claim(owner: string, family: 4 | 6): Promise<IpAddress> {
    return this.claiming.claim(owner, family);
  }

  /** Gives the owner this address. Rejects besides with `conflict` if somebody has it. */
  async claimFixed(owner: string, address: IpAddress): Promise<IpAddress> {
    return this.claiming.claimFixed(owner, address);
  }

  /** Resolves when that is saved. Not to be in use is no error. */
  release(address: IpAddress): Promise<void> {
    return new Promise(resolve => {
      const wall = this.modules.clock.wallTime();
      for (const pool of this.pools) {
        const offset = pool.space.offsetOf(address);
        if (offset !== undefined && pool.release(offset, wall)) this.saver.touch();
      }
      this.saver.afterSave(resolve);
      this.settle();
    });
  }

  /** Releases the addresses of all owners that are not alive any more. Returns them. */
  reconcile(live: ReadonlySet<string>): IpAddress[] {
    const leaked = this.claims.filter(({ owner }) => !live.has(owner)).map(({ address }) => address);
    for (const address of leaked) void this.release(address);
    return leaked;
  }

  /** See {@link Forgetting.forget}. */
  async forget(node: string): Promise<void> {
    return this.forgetting.forget(this.ledger.state, node);
  }

  /** Gives up all that is ours. Resolves when the voters know; rejects with `conflict` while there are claims. */
  async leave(): Promise<void> {
    if (this.claims.length > 0) {
      throw new WeftError('conflict', `${this.claims.length} addresses are in use`, {
        hint: 'detach them first',
      });
    }
    return new Promise(resolve => {
      this.leaving = resolve;
      this.settle();
    });
  }

  /** How far we know the decisions: equal numbers have equal chains on all nodes. */
  get position(): { readonly decided: number; readonly chain: string } {
    const { state } = this.ledger;
    return { decided: this.ledger.number, chain: Buffer.from(state?.chain ?? []).toString('hex') };
  }

  view(): IpamView {
    const { ledger, council, intake, errands } = this;
    const wall = this.modules.clock.wallTime();
    return {
      spaces: this.pools.map((pool, index) => viewSpace(pool, ledger.state, index, wall)),
      voters: (ledger.state?.voters ?? []).map(({ name }) => name),
      reachable: council.reachable,
      decided: ledger.number,
      isFenced: this.isFenced,
      waitingFor: errands.describe(),
      malformed: intake.malformed,
      diverged: ledger.diverged,
    };
  }

  private settle(): void {
    if (this.isSettling || !this.isRunning) return;
    this.isSettling = true;
    try {
      do {
        if (this.ledger.state === undefined) this.found();
        if (this.council.step() || !this.hasLearnt) this.learn();
        this.work();
      } while (this.showRequest());
    } finally {
      this.isSettling = false;
    }
    this.schedule();
    this.saver.flush();
  }

  /** Founds a council, or pledges us to who does, while we know of none. */
  private found(): void {
    const { errands, founding, intake, ledger, options, saver } = this;
    if (!founding.isFounder) return;
    if (!intake.hasSeenCouncil && founding.renew(errands.incarnation)) saver.touch();
    this.show('f', this.posts.founding(founding.post(errands.incarnation)));
    const waited = this.modules.clock.now() - this.startedAt;
    const mayFound = options.isNew === true || (waited >= FOUNDING_WAIT && !intake.hasSeenCouncil);
    if (founding.isFirst && !mayFound) return;
    const voters = founding.voters(errands.incarnation);
    if (voters === undefined) return;
    ledger.state = CouncilState.found(
      this.pools.map(({ space }) => space.bits),
      voters,
    );
    saver.touch();
  }

  /** The state of the council is another one. */
  private learn(): void {
    const { state } = this.ledger;
    if (state === undefined) return;
    this.hasLearnt = true;
    const { name } = this.options;
    this.standing.learn(state);
    if (this.council.isVoter) {
      this.silence.learn(state);
      this.agenda.learn(state);
    }
    this.forgetting.learn(state);
    this.provision.learn(state, this.standing.isRegistered);
    if (this.archive.isDue(state, name, this.council.isVoter)) this.saver.touch();
    const founded = state.number === 0 ? this.founding.founded(state.voters) : undefined;
    const { incarnation } = this.errands;
    this.show('f', founded && this.posts.founding({ incarnation, pledge: this.founding.pledge, founded }));
  }

  /** What is done for others and for ourselves with what is known. */
  private work(): void {
    const { state } = this.ledger;
    if (state === undefined || this.isFenced) return;
    if (this.leaving !== undefined) {
      this.errands.wish('leave', { kind: 'leave', space: 0 });
      return;
    }
    const answers = this.lending.lend(state, this.claiming.isBusy);
    if (answers !== undefined) this.show('y', this.posts.answers(answers));
    this.claiming.serve();
    this.provision.provide();
    const levels = this.lending.advert();
    if (levels !== undefined) this.show('a', this.posts.advert(levels));
  }

  /** Posts what we want. Returns whether that is something else than before, which we may have to decide on ourselves. */
  private showRequest(): boolean {
    const request = this.errands.post();
    if (!this.show('r', request && this.posts.request(request))) return false;
    this.agenda.take(this.options.name, request);
    return true;
  }

  private show(key: string, body: Uint8Array | undefined): boolean {
    if (this.posted.has(key) ? isSameBytes(this.posted.get(key), body) : body === undefined) return false;
    this.posted.set(key, body);
    this.saver.post(key, body);
    return true;
  }

  private schedule(): void {
    const { clock } = this.modules;
    const isVoter = this.council.isVoter;
    const isBusy =
      this.claiming.isBusy ||
      this.lending.isBusy ||
      this.forgetting.isBusy ||
      (this.ledger.state === undefined && this.founding.isFounder) ||
      (isVoter && this.agenda.isBusy);
    const look = isVoter ? Math.min(VOTER_LOOK, this.lease / 20) : Number.POSITIVE_INFINITY;
    const due = clock.now() + Math.min(this.fence.interval, look, isBusy ? BUSY : Number.POSITIVE_INFINITY);
    if (this.timer !== undefined && this.due <= due) return;
    this.timer?.cancel();
    this.due = due;
    this.timer = clock.after(due - clock.now(), () => this.tick());
  }

  private tick(): void {
    this.timer = undefined;
    const { state } = this.ledger;
    if (state !== undefined) {
      this.standing.look(state);
      if (this.council.isVoter) this.watch(state);
    }
    this.settle();
  }

  private watch(state: CouncilState): void {
    const silent = this.silence.look(state, [...this.agenda.wantedGone()]);
    if (silent === undefined) return;
    const { incarnation } = this.errands;
    this.show('x', silent.length === 0 ? undefined : this.posts.silence({ incarnation, silent }));
    this.agenda.changed();
  }

  private save(callback: () => void): void {
    this.saver.touch();
    this.saver.afterSave(callback);
  }

  private capture(): SavedState {
    const { ledger, options, council, standing, errands, founding } = this;
    const { isRegistered } = standing;
    const identity = { incarnation: errands.incarnation, isRegistered, pledge: founding.pledge };
    return this.archive.pack({
      local: encodeLocal(identity, this.pools),
      vote: encodeVote(council.vote),
      state: ledger.state,
      name: options.name,
    });
  }

  /** We were forgotten. */
  private lose(): void {
    const addresses = this.claims.map(({ address }) => address);
    for (const pool of this.pools) pool.clear();
    this.council.forget();
    const { leaving } = this;
    if (leaving === undefined) this.options.onEvent({ type: 'forgotten', addresses });
    else {
      this.stop();
      leaving();
    }
  }

  private fail(error: unknown): void {
    this.stop();
    this.options.onEvent({ type: 'failed', error });
  }
}

/** Posts of networks with another identity or other prefixes are none of ours. */
function fingerprintOf(network: string, spaces: readonly Space[]): number {
  const text = JSON.stringify([network, ...spaces.map(({ prefix }) => prefix)]);
  return createHash('sha256').update(text).digest().readUInt32BE(0);
}
