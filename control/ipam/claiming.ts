/** Claims that wait for room: each is served as soon as its address is ours and free, or fails in time with a reason. */
import type { IpAddress } from '../../dataplane/address.ts';
import type { Clock, Timer } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import type { AddressPool } from './address-pool.ts';
import { type CouncilState, RESTING } from './council-state.ts';
import type { Errands } from './errands.ts';
import type { Lending } from './lending.ts';
import { FOUNDING_WAIT } from './limits.ts';

export interface ClaimingModules {
  readonly clock: Clock;
  readonly pools: readonly AddressPool[];
  readonly errands: Errands;
  readonly lending: Lending;
  readonly state: () => CouncilState | undefined;
  /** Why nothing can be claimed at all; undefined: it can. */
  readonly obstacle: () => WeftError | undefined;
  /** Why a claim has not found room so far. */
  readonly shortage: (space: number, offset: bigint | undefined) => WeftError;
  /** Those who found the network are about to. */
  readonly isBeginning: () => boolean;
  /** Saves, then calls. */
  readonly afterSave: (saved: () => void, lost: () => void) => void;
  /** Something has changed. */
  readonly woken: () => void;
}

interface Waiting {
  readonly owner: string;
  readonly space: number;
  /** Undefined: any. */
  readonly offset: bigint | undefined;
  readonly resolve: (address: IpAddress) => void;
  readonly reject: (error: WeftError) => void;
  readonly timer: Timer;
}

export class Claiming {
  private readonly modules: ClaimingModules;
  private readonly name: string;
  private readonly patience: number;
  private readonly waiting = new Set<Waiting>();

  constructor(modules: ClaimingModules, options: { readonly name: string; readonly patience: number }) {
    this.modules = modules;
    this.name = options.name;
    this.patience = options.patience;
  }

  get isBusy(): boolean {
    return this.waiting.size > 0;
  }

  /** Whether a claim of any address waits in this space. */
  isShort(space: number): boolean {
    return [...this.waiting].some(one => one.space === space && one.offset === undefined);
  }

  claim(owner: string, family: 4 | 6): Promise<IpAddress> {
    const space = this.modules.pools.findIndex(pool => pool.space.family === family);
    if (space < 0) throw new WeftError('invalid_argument', `this network has no IPv${family} addresses`);
    return this.wait(owner, space, undefined);
  }

  claimFixed(owner: string, address: IpAddress): Promise<IpAddress> {
    for (const [space, pool] of this.modules.pools.entries()) {
      const offset = pool.space.offsetOf(address);
      if (offset === undefined) continue;
      if (pool.space.useOf(offset) === 'excluded') {
        throw new WeftError('invalid_argument', `${address} is not for containers in ${pool.space.prefix}`, {
          hint: 'it is the network, broadcast or gateway address, or excluded',
        });
      }
      return this.wait(owner, space, offset);
    }
    throw new WeftError('invalid_argument', `${address} is not an address of this network`, {
      hint: `it has ${this.modules.pools.map(({ space }) => space.prefix).join(' and ')}`,
    });
  }

  /** Serves whom it can; sees to it that what the others need is asked for. */
  serve(): void {
    if (this.modules.obstacle() !== undefined) return;
    for (const one of this.waiting) {
      try {
        const offset = one.offset === undefined ? this.takeAny(one) : this.takeFixed(one, one.offset);
        if (offset !== undefined) this.finish(one, offset);
      } catch (error) {
        if (error instanceof WeftError) this.fail(one, error);
        else throw error;
      }
    }
  }

  /** All fail: the node stops, or was forgotten. */
  failAll(error: WeftError): void {
    for (const one of this.waiting) this.fail(one, error);
  }

  private wait(owner: string, space: number, offset: bigint | undefined): Promise<IpAddress> {
    const { clock, isBeginning, obstacle, shortage, woken } = this.modules;
    const patience = this.patience + (isBeginning() ? FOUNDING_WAIT : 0);
    return new Promise((resolve, reject) => {
      const timer = clock.after(patience, () => {
        this.fail(one, obstacle() ?? shortage(space, offset));
        woken();
      });
      const one = { owner, space, offset, resolve, reject, timer };
      this.waiting.add(one);
      woken();
    });
  }

  private takeAny({ owner, space }: Waiting): bigint | undefined {
    return this.modules.pools[space]?.take(owner, this.modules.clock.now());
  }

  private takeFixed({ owner, space }: Waiting, offset: bigint): bigint | undefined {
    const { errands, lending, pools, state } = this.modules;
    const pool = pools[space];
    const holder = state()?.spaces[space]?.at(offset);
    const key = `fixed ${space} ${offset}`;
    if (pool === undefined) return undefined;
    if (holder === this.name) {
      errands.unask(key);
      return pool.takeFixed(owner, offset) ? offset : undefined;
    }
    if (holder === undefined || holder === RESTING) {
      errands.unask(key);
      errands.wish(key, { kind: 'fixed', space, offset });
      return undefined;
    }
    errands.ask(key, { space, owner: holder, offset });
    const asked = errands.asked(key);
    if (asked !== undefined && lending.answerTo(asked) === 'held') {
      errands.unask(key);
      throw new WeftError('conflict', `${pool.space.addressOf(offset)} is in use on ${holder}`, {
        hint: 'choose another address, or detach it there first',
      });
    }
    return undefined;
  }

  private finish(one: Waiting, offset: bigint): void {
    const address = this.modules.pools[one.space]?.space.addressOf(offset);
    this.end(one);
    if (address === undefined) return;
    const lost = () => one.reject(new WeftError('unavailable', 'the address could not be kept on the disk'));
    this.modules.afterSave(() => one.resolve(address), lost);
  }

  private fail(one: Waiting, error: WeftError): void {
    this.end(one);
    one.reject(error);
  }

  private end(one: Waiting): void {
    one.timer.cancel();
    this.waiting.delete(one);
    if (one.offset === undefined) return;
    const key = `fixed ${one.space} ${one.offset}`;
    this.modules.errands.unask(key);
    this.modules.errands.unwish(key);
  }
}
