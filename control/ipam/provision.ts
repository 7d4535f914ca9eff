/** Keeps room: asks in the background, before what is ours runs out, so that attaching does not wait. */
import type { Clock } from '../../dataplane/clock.ts';
import type { AddressPool } from './address-pool.ts';
import type { Block } from './block.ts';
import type { BlockMap } from './block-map.ts';
import type { Claiming } from './claiming.ts';
import type { CouncilState } from './council-state.ts';
import type { Errands } from './errands.ts';
import { hasUnowned } from './grants.ts';
import type { Lending } from './lending.ts';
import { LOW_WATER } from './limits.ts';

export interface ProvisionModules {
  readonly clock: Clock;
  readonly pools: readonly AddressPool[];
  readonly errands: Errands;
  readonly lending: Lending;
  readonly claiming: Claiming;
}

/** What is known of a space as long as the state does not change. */
interface Holding {
  readonly map: BlockMap<string> | undefined;
  readonly isOurs: boolean;
  readonly owned: readonly Block[];
  /** Something is unowned; `isFresh`: of it, something does not rest. */
  readonly isGrantable: boolean;
  readonly isFresh: boolean;
}

export class Provision {
  private readonly modules: ProvisionModules;
  private readonly name: string;
  private holdings: readonly Holding[] = [];

  constructor(modules: ProvisionModules, options: { readonly name: string }) {
    this.modules = modules;
    this.name = options.name;
  }

  /** The state has changed. `isOurs`: what it says of our name is meant for us. */
  learn(state: CouncilState, isOurs: boolean): void {
    const { lending, pools } = this.modules;
    this.holdings = pools.map(({ space }, index) => {
      const before = this.holdings[index];
      const map = state.spaces[index];
      if (before?.map === map && before?.isOurs === isOurs) return before;
      const owned = isOurs ? state.ownedBy(this.name, index) : [];
      if (owned.length !== before?.owned.length) lending.drop(index);
      return {
        map,
        isOurs,
        owned,
        isGrantable: map !== undefined && hasUnowned(space, map, true),
        isFresh: map !== undefined && hasUnowned(space, map, false),
      };
    });
    this.refresh();
  }

  /** Tells the pools what is ours and what of it is promised to others. */
  refresh(): void {
    const { errands, pools } = this.modules;
    for (const [index, pool] of pools.entries()) {
      pool.set(this.holdings[index]?.owned ?? [], errands.leaving(index));
    }
  }

  provide(): void {
    for (const [index, holding] of this.holdings.entries()) this.fill(index, holding);
  }

  private fill(index: number, { isGrantable, isFresh }: Holding): void {
    const { claiming, clock, errands, lending, pools } = this.modules;
    const pool = pools[index];
    if (pool === undefined) return;
    const isShort = claiming.isShort(index);
    const needs = isShort || pool.free(clock.now()) < Math.max(LOW_WATER, pool.size / 4);
    const key = `grant ${index}`;
    if (needs && isGrantable) errands.wish(key, { kind: 'grant', space: index });
    else errands.unwish(key);
    if (needs && !isFresh) lending.seek(index, isShort);
    else lending.drop(index);
  }
}
