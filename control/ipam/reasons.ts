/** Why there is no address, and what to do about it, for people. */
import type { Clock } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import type { AddressPool } from './address-pool.ts';
import type { CouncilState } from './council-state.ts';
import type { Liveness } from './host.ts';

export interface ReasonsModules {
  readonly clock: Clock;
  readonly liveness: Liveness;
  readonly pools: readonly AddressPool[];
  readonly state: () => CouncilState | undefined;
  /** Voters that are alive as far as we know. */
  readonly reachable: () => readonly string[];
}

export class Reasons {
  private readonly modules: ReasonsModules;
  private readonly name: string;
  private readonly founders: readonly string[];

  constructor(
    modules: ReasonsModules,
    options: { readonly name: string; readonly founders: readonly string[] },
  ) {
    this.modules = modules;
    this.name = options.name;
    this.founders = options.founders;
  }

  /** Of a node that is fenced. */
  fenced(): WeftError {
    const what =
      'no address can be given out before the network has confirmed that this node was not forgotten';
    return new WeftError('unavailable', `${what}: ${this.quorum()}`, {
      hint: 'start the nodes that are missing, or see to it that they can be reached',
    });
  }

  /** Of a claim that found no room in time; of any address, or of this one. */
  shortage(space: number, offset: bigint | undefined): WeftError {
    const { clock, liveness, pools, state } = this.modules;
    const pool = pools[space];
    const now = clock.now();
    const owner = offset === undefined ? undefined : state()?.spaces[space]?.at(offset);
    if (pool !== undefined && offset !== undefined && owner && owner !== this.name) {
      const silent = liveness.silentFor(owner);
      const since = silent === 0 ? 'has not answered' : `was last heard ${Math.round(silent / 1000)} s ago`;
      return new WeftError(
        'unavailable',
        `${pool.space.addressOf(offset)} belongs to ${owner}, which ${since}`,
        {
          hint: `start ${owner}; if it is gone for good: weft forget ${owner}`,
        },
      );
    }
    const rested = pool?.nextRested(now);
    const rests =
      rested === undefined ? '' : `; one that rests may be used in ${Math.ceil((rested - now) / 1000)} s`;
    return new WeftError(
      'unavailable',
      `no address of ${pool?.space.prefix} is free here, ${this.quorum()}${rests}`,
      {
        hint: 'start the nodes that are missing, detach containers, or forget nodes that are gone for good',
      },
    );
  }

  /** Nobody has founded it, as far as we know, and all who are to do so are up. */
  get isBeginning(): boolean {
    return this.modules.state() === undefined && this.founders.length > 0 && this.absent().length === 0;
  }

  /** Who has to be there for more, and is not. */
  quorum(): string {
    const { reachable, state } = this.modules;
    const known = state();
    if (known === undefined) return this.beginning();
    const names = known.voters.map(({ name }) => name);
    const missing = names.filter(name => !reachable().includes(name));
    const need = `${known.majority} of ${names.join(', ')} decide`;
    return missing.length === 0 ? need : `${need}, and ${missing.join(', ')} cannot be reached`;
  }
  private beginning(): string {
    const absent = this.absent();
    const nobody = 'nobody was heard who knows its addresses';
    if (absent.length === 0) return `${nobody}, and those who found it agree on that first`;
    const all = this.founders.join(', ');
    return `${nobody}, and ${all} must be up once to begin: ${absent.join(', ')} cannot be reached`;
  }

  private absent(): readonly string[] {
    const { liveness } = this.modules;
    return this.founders.filter(name => name !== this.name && liveness.silentFor(name) > 0);
  }
}
