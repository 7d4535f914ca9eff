/** `weft forget NODE`: what an operator has said here, until the voters have decided it or it has become impossible. */
import type { Clock, Timer } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import type { CouncilState } from './council-state.ts';
import type { Errands } from './errands.ts';
import type { Liveness } from './host.ts';
import { FORGET_GRACE } from './limits.ts';

/** For how long it is tried, in milliseconds: voters may have heard the node a little later than we did. */
const TIME_TO_FORGET = 15_000;

interface Pending {
  readonly resolve: () => void;
  readonly reject: (error: WeftError) => void;
  readonly timer: Timer;
}

export interface ForgettingModules {
  readonly clock: Clock;
  readonly liveness: Liveness;
  readonly errands: Errands;
  /** Who of the voters is there, for people. */
  readonly quorum: () => string;
  readonly woken: () => void;
}

export class Forgetting {
  private readonly modules: ForgettingModules;
  private readonly name: string;
  private readonly pending = new Map<string, Pending>();

  constructor(modules: ForgettingModules, options: { readonly name: string }) {
    this.modules = modules;
    this.name = options.name;
  }

  get isBusy(): boolean {
    return this.pending.size > 0;
  }

  /**
   * Resolves when the node has been forgotten. Rejects with `conflict` if it is alive or comes back, `not_found`, `invalid_argument` if it
   * is this one, `unavailable` if no majority of the voters says that it is silent.
   */
  async forget(state: CouncilState | undefined, node: string): Promise<void> {
    const { clock, errands, liveness } = this.modules;
    if (node === this.name) {
      throw new WeftError('invalid_argument', 'a node cannot forget itself', {
        hint: 'remove the network from it instead',
      });
    }
    const entry = state?.live(node);
    if (entry === undefined) throw new WeftError('not_found', `${node} owns no addresses of this network`);
    const silent = liveness.silentFor(node);
    if (silent < FORGET_GRACE) {
      const seconds = Math.ceil((FORGET_GRACE - silent) / 1000);
      throw new WeftError('conflict', silent === 0 ? `${node} is alive` : `${node} was alive just now`, {
        hint: silent === 0 ? 'stop it first' : `if it is stopped for good, say so again in ${seconds} s`,
      });
    }
    if (this.pending.has(node)) throw new WeftError('conflict', `${node} is being forgotten`);
    const { incarnation, session } = entry;
    errands.forgets.set(node, { node, incarnation, session });
    return new Promise((resolve, reject) => {
      const timer = clock.after(TIME_TO_FORGET, () => this.giveUp(node));
      this.pending.set(node, { resolve, reject, timer });
      this.modules.woken();
    });
  }

  learn(state: CouncilState): void {
    for (const [node, { resolve, reject }] of this.pending) {
      const actor = this.modules.errands.forgets.get(node);
      const entry = state.live(node);
      if (actor === undefined || entry?.incarnation !== actor.incarnation) {
        this.end(node);
        resolve();
      } else if (entry.session !== actor.session) {
        this.end(node);
        reject(new WeftError('conflict', `${node} has come back`, { hint: 'stop it first' }));
      }
    }
  }

  stop(): void {
    for (const [node, { reject }] of this.pending) {
      this.end(node);
      reject(new WeftError('unavailable', 'the daemon stops'));
    }
  }

  private giveUp(node: string): void {
    const pending = this.pending.get(node);
    this.end(node);
    pending?.reject(
      new WeftError('unavailable', `${node} cannot be forgotten now: ${this.modules.quorum()}`, {
        hint: 'a majority of the voters has to be up, and none of that majority may have heard the node for 30 s',
      }),
    );
    this.modules.woken();
  }

  private end(node: string): void {
    this.pending.get(node)?.timer.cancel();
    this.pending.delete(node);
    this.modules.errands.forgets.delete(node);
  }
}
