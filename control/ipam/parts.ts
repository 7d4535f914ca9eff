/** The parts of the address machine (ipam.ts), and who knows whom. */
import { createHash } from 'node:crypto';
import { AddressPool } from './address-pool.ts';
import { Agenda } from './agenda.ts';
import { Claiming } from './claiming.ts';
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
import { DEFAULT_LEASE, DEFAULT_PATIENCE, DEFAULT_REST } from './limits.ts';
import { decodeLocal, decodeVote, encodeLocal, encodeVote, type Identity } from './local-state.ts';
import type { IpamModules, IpamOptions } from './options.ts';
import { Posts } from './posts.ts';
import { Provision } from './provision.ts';
import { Reasons } from './reasons.ts';
import { Saver } from './saver.ts';
import { Silence } from './silence.ts';
import { Space } from './space.ts';
import { Standing } from './standing.ts';

export interface Hooks {
  /** Something has changed by itself. */
  readonly settle: () => void;
  readonly unfenced: () => void;
  readonly forgotten: () => void;
  readonly failed: (error: unknown) => void;
}

export type Parts = ReturnType<typeof assemble>;

/** Throws `invalid_argument`, and `malformed` if what was saved cannot be read. */
export function assemble(modules: IpamModules, options: IpamOptions, hooks: Hooks) {
  const { clock, random, liveness } = modules;
  const { name, saved, lease = DEFAULT_LEASE, rest = DEFAULT_REST } = options;
  const woken = hooks.settle;
  const spaces = options.spaces.map(space => new Space(space));
  const shape = spaces.map(({ bits }) => bits);
  const pools = spaces.map(space => new AddressPool(space, { rest }));
  const identity: Identity =
    saved === undefined
      ? { incarnation: makeIncarnation(1, random), isRegistered: false, pledge: 0 }
      : decodeLocal(saved.local, pools, clock);
  const posts = new Posts(fingerprintOf(options.network, spaces));
  const errands = new Errands(identity.incarnation);
  const archive = new CouncilArchive(saved?.council);
  const saver = new Saver({
    journal: modules.journal,
    post: modules.post,
    capture: () => capture(),
    failed: hooks.failed,
  });

  const ledger = new Ledger({ posts, post: (key, body) => saver.post(key, body) }, { name, shape });
  if (saved?.council !== undefined) ledger.state = CouncilState.decode(saved.council, shape);
  const founders = options.isNew === true ? [name] : foundersOf(options.founders);
  const founding = new Founding({ name, founders, pledge: identity.pledge });
  const silence = new Silence(modules, { name, lease });
  const isAlive = (node: string): boolean => node === name || liveness.silentFor(node) === 0;
  const agenda = new Agenda({ clock, silence, isAlive }, { spaces, rest });
  const council = new Council(
    { clock, random, liveness, saver, posts, ledger, woken, agenda: state => agenda.build(state) },
    { name, incarnation: () => errands.incarnation, vote: saved && decodeVote(saved.vote) },
  );
  const state = (): CouncilState | undefined => ledger.state;
  const reasons = new Reasons(
    { clock, liveness, pools, state, reachable: () => council.reachable },
    { name, founders },
  );

  const fence = new Fence({ clock, liveness }, { name, lease });
  const standing = new Standing(
    {
      random,
      errands,
      fence,
      saver,
      unfenced: hooks.unfenced,
      fenced: reason => options.onEvent({ type: 'fenced', reason }),
      forgotten: hooks.forgotten,
    },
    { name, isRegistered: identity.isRegistered },
  );

  const lending = new Lending(
    { clock, liveness, errands, pools, refresh: () => provision.refresh() },
    { name },
  );
  const claiming = new Claiming(
    {
      clock,
      pools,
      errands,
      lending,
      state,
      woken,
      obstacle: () => (standing.isFenced ? reasons.fenced() : undefined),
      shortage: (space, offset) => reasons.shortage(space, offset),
      isBeginning: () => reasons.isBeginning,
      afterSave: callback => {
        saver.touch();
        saver.afterSave(callback);
      },
    },
    { name, patience: options.patience ?? DEFAULT_PATIENCE },
  );
  const provision = new Provision({ clock, pools, errands, lending, claiming }, { name });
  const forgetting = new Forgetting(
    { clock, liveness, errands, woken, quorum: () => reasons.quorum() },
    { name },
  );
  const intake = new Intake({ posts, agenda, ledger, council, founding, lending, silence });

  function capture(): SavedState {
    const { isRegistered } = standing;
    const { incarnation } = errands;
    return archive.pack({
      local: encodeLocal({ incarnation, isRegistered, pledge: founding.pledge }, pools, clock),
      vote: encodeVote(council.vote),
      state: ledger.state,
      name,
    });
  }

  return {
    pools,
    posts,
    errands,
    archive,
    saver,
    ledger,
    founding,
    silence,
    agenda,
    council,
    fence,
    standing,
    lending,
    claiming,
    provision,
    forgetting,
    intake,
  };
}

/** Posts of networks with another identity or other prefixes are none of ours. */
function fingerprintOf(network: string, spaces: readonly Space[]): number {
  const text = JSON.stringify([network, ...spaces.map(({ prefix }) => prefix)]);
  return createHash('sha256').update(text).digest().readUInt32BE(0);
}
