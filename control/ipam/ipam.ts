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
import type { IpAddress } from '../../dataplane/address.ts';
import type { Timer } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { isSameBytes } from './codec.ts';
import { CouncilState } from './council-state.ts';
import { FOUNDING_WAIT } from './limits.ts';
import type { IpamModules, IpamOptions } from './options.ts';
import { assemble, type Parts } from './parts.ts';
import { type IpamView, viewSpace } from './view.ts';

/** How often to look at what only time changes, in milliseconds: while somebody waits, and at the least. */
const BUSY = 500;
const LONGEST_LOOK = 10_000;

export interface Position {
  readonly decided: number;
  /** Hash over all decisions so far; empty: none is known. */
  readonly chain: string;
}

export class Ipam {
  private readonly modules: IpamModules;
  private readonly options: IpamOptions;
  private readonly parts: Parts;
  private readonly posted = new Map<string, Uint8Array | undefined>();
  private timer: Timer | undefined;
  private due = Number.POSITIVE_INFINITY;
  private startedAt = 0;
  private isSettling = false;
  private isRunning = false;
  private hasLearnt = false;
  private leaving: (() => void) | undefined;
  private told: Position = { decided: 0, chain: '' };

  /** Throws `invalid_argument`, and `malformed` if what was saved cannot be read. */
  constructor(modules: IpamModules, options: IpamOptions) {
    this.modules = modules;
    this.options = options;
    this.parts = assemble(modules, options, {
      settle: () => this.settle(),
      unfenced: () => {
        options.onEvent({ type: 'unfenced' });
        this.settle();
      },
      forgotten: () => this.lose(),
      failed: error => this.fail(error),
    });
  }

  start(): void {
    this.isRunning = true;
    this.startedAt = this.modules.clock.now();
    this.parts.council.restart();
    // What the board still has of our last life is replaced or withdrawn.
    for (const key of ['p', 'r', 'y', 'x', 'a', 'f']) this.parts.saver.post(key, undefined);
    this.parts.saver.touch();
    this.settle();
  }

  /** `reason`: what those hear who wait for an address. */
  stop(reason = 'the daemon stops'): void {
    this.isRunning = false;
    this.timer?.cancel();
    this.parts.council.stop();
    this.parts.saver.stop();
    this.parts.claiming.failAll(new WeftError('unavailable', reason));
    this.parts.forgetting.stop();
  }

  /** The board has something new of somebody else; undefined: no longer. */
  take(origin: string, key: string, body: Uint8Array | undefined): void {
    if (origin === this.options.name) return;
    this.parts.intake.take(origin, key, body);
    this.settle();
  }

  /** None of our addresses may be used: see fence.ts. */
  get isFenced(): boolean {
    return this.parts.standing.isFenced;
  }

  /** Claims of this node, also while it is fenced. */
  get claims(): { readonly owner: string; readonly address: IpAddress }[] {
    return this.parts.pools.flatMap(({ space, claims }) =>
      claims.map(({ offset, owner }) => ({ owner, address: space.addressOf(offset) })),
    );
  }

  /**
   * Gives the owner an address, the same one if it has one. Rejects with `unavailable` if there is none within
   * the patience, `invalid_argument` if the network has none of this family.
   */
  async claim(owner: string, family: 4 | 6): Promise<IpAddress> {
    return this.parts.claiming.claim(owner, family);
  }

  /** Gives the owner this address. Rejects besides with `conflict` if somebody has it. */
  async claimFixed(owner: string, address: IpAddress): Promise<IpAddress> {
    return this.parts.claiming.claimFixed(owner, address);
  }

  /** Resolves when that is saved. Not to be in use is no error. */
  release(address: IpAddress): Promise<void> {
    return new Promise(resolve => {
      const now = this.modules.clock.now();
      for (const pool of this.parts.pools) {
        const offset = pool.space.offsetOf(address);
        if (offset !== undefined && pool.release(offset, now)) this.parts.saver.touch();
      }
      // Not saved, it is given back at the next start, as nobody's.
      this.parts.saver.afterSave(resolve, resolve);
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
    return this.parts.forgetting.forget(this.parts.ledger.state, node);
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

  /** How far we know the decisions, as far as that was saved: equal numbers have equal chains on all nodes. */
  get position(): Position {
    return this.told;
  }

  view(): IpamView {
    const { ledger, council, intake, errands } = this.parts;
    const now = this.modules.clock.now();
    return {
      spaces: this.parts.pools.map((pool, index) => viewSpace(pool, ledger.state, index, now)),
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
      this.look();
      do {
        if (this.parts.ledger.state === undefined) this.found();
        if (this.parts.council.step() || !this.hasLearnt) this.learn();
        this.work();
      } while (this.showRequest());
    } finally {
      this.isSettling = false;
    }
    this.schedule();
    this.parts.saver.flush();
  }

  /** Founds a council, or pledges us to who does, while we know of none. */
  private found(): void {
    const { errands, founding, intake, ledger, saver } = this.parts;
    const { options } = this;
    if (!founding.isFounder) return;
    if (!intake.hasSeenCouncil && founding.renew(errands.incarnation)) saver.touch();
    this.show('f', this.parts.posts.founding(founding.post(errands.incarnation)));
    const waited = this.modules.clock.now() - this.startedAt;
    const mayFound = options.isNew === true || (waited >= FOUNDING_WAIT && !intake.hasSeenCouncil);
    if (founding.isFirst && !mayFound) return;
    const voters = founding.voters(errands.incarnation);
    if (voters === undefined) return;
    ledger.state = CouncilState.found(
      this.parts.pools.map(({ space }) => space.bits),
      voters,
    );
    saver.touch();
  }

  /** The state of the council is another one. */
  private learn(): void {
    const { state } = this.parts.ledger;
    if (state === undefined) return;
    this.hasLearnt = true;
    const position = { decided: state.number, chain: Buffer.from(state.chain).toString('hex') };
    this.parts.saver.afterSave(() => {
      this.told = position;
    });
    const { name } = this.options;
    this.parts.standing.learn(state);
    if (this.parts.council.isVoter) {
      this.parts.silence.learn(state);
      this.parts.agenda.learn(state);
    }
    this.parts.forgetting.learn(state);
    this.parts.provision.learn(state, this.parts.standing.isRegistered);
    if (this.parts.archive.isDue(state, name, this.parts.council.isVoter)) this.parts.saver.touch();
    const founded = state.number === 0 ? this.parts.founding.founded(state.voters) : undefined;
    const { incarnation } = this.parts.errands;
    this.show(
      'f',
      founded && this.parts.posts.founding({ incarnation, pledge: this.parts.founding.pledge, founded }),
    );
  }

  /** What is done for others and for ourselves with what is known. */
  private work(): void {
    const { state } = this.parts.ledger;
    if (state === undefined || this.isFenced) return;
    if (this.leaving !== undefined) {
      this.parts.errands.wish('leave', { kind: 'leave', space: 0 });
      return;
    }
    // What was promised to somebody who is gone is ours again when nobody can give it to him any more: in another session.
    if (this.parts.errands.takers.some(name => state.live(name) === undefined)) this.parts.standing.renew();
    const answers = this.parts.lending.lend(state, this.parts.claiming.isBusy);
    if (answers !== undefined) this.show('y', this.parts.posts.answers(answers));
    this.parts.claiming.serve();
    this.parts.provision.provide();
    const levels = this.parts.lending.advert();
    if (levels !== undefined) this.show('a', this.parts.posts.advert(levels));
  }

  /** Posts what we want. Returns whether that is something else than before, which we may have to decide on ourselves. */
  private showRequest(): boolean {
    const request = this.parts.errands.post();
    if (!this.show('r', request && this.parts.posts.request(request))) return false;
    this.parts.agenda.take(this.options.name, request);
    return true;
  }

  private show(key: string, body: Uint8Array | undefined): boolean {
    if (this.posted.has(key) ? isSameBytes(this.posted.get(key), body) : body === undefined) return false;
    this.posted.set(key, body);
    this.parts.saver.post(key, body);
    return true;
  }

  private schedule(): void {
    const { clock } = this.modules;
    const isVoter = this.parts.council.isVoter;
    const isBusy =
      this.parts.claiming.isBusy ||
      this.parts.lending.isBusy ||
      this.parts.forgetting.isBusy ||
      (this.parts.ledger.state === undefined && this.parts.founding.isFounder) ||
      (isVoter && this.parts.agenda.isBusy);
    const due = clock.now() + Math.min(this.parts.fence.interval, isBusy ? BUSY : LONGEST_LOOK);
    if (this.timer !== undefined && this.due <= due) return;
    this.timer?.cancel();
    this.due = due;
    this.timer = clock.after(due - clock.now(), () => this.tick());
  }

  private tick(): void {
    this.timer = undefined;
    const { state } = this.parts.ledger;
    if (state !== undefined && this.parts.council.isVoter) this.watch(state);
    this.settle();
  }

  /** Before anything is done with what is ours: is it still? The timer stands still while the machine sleeps. */
  private look(): void {
    const { state } = this.parts.ledger;
    if (state !== undefined) this.parts.standing.look(state);
  }

  private watch(state: CouncilState): void {
    const silent = this.parts.silence.look(state, [...this.parts.agenda.wantedGone()]);
    if (silent === undefined) return;
    const { incarnation } = this.parts.errands;
    this.show('x', silent.length === 0 ? undefined : this.parts.posts.silence({ incarnation, silent }));
    this.parts.agenda.changed();
  }

  /** We were forgotten. */
  private lose(): void {
    const addresses = this.claims.map(({ address }) => address);
    for (const pool of this.parts.pools) pool.clear();
    this.parts.council.forget();
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
