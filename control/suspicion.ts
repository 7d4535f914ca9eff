/** How long a suspect may live (SWIM section 4.2), less the more peers suspect it too (Lifeguard section IV-B). */
import type { Clock, Timer } from '../dataplane/clock.ts';
import type { GossipProfile } from './constants.ts';

export interface SuspicionBounds {
  /** Independent confirmations that shorten the timeout to the shortest. */
  readonly expected: number;
  /** Milliseconds. */
  readonly shortest: number;
  readonly longest: number;
}

/**
 * The bounds in a pool of `poolSize` nodes, ourselves included. Where there are not enough others to confirm, none
 * are expected and the timeout is the shortest from the start.
 */
export function suspicionBounds(
  profile: Pick<GossipProfile, 'suspicionMult' | 'suspicionMaxMult' | 'probeInterval'>,
  poolSize: number,
): SuspicionBounds {
  const wanted = profile.suspicionMult - 2;
  const expected = poolSize - 2 < wanted ? 0 : wanted;
  const scale = Math.max(1, Math.log10(Math.max(1, poolSize)));
  const shortest = profile.suspicionMult * scale * profile.probeInterval;
  return { expected, shortest, longest: profile.suspicionMaxMult * shortest };
}

/**
 * The whole timeout after `confirmations` of others, in milliseconds (Lifeguard section IV-B):
 * max(shortest, longest - (longest - shortest) · log(confirmations + 1) / log(expected + 1)).
 */
export function suspicionTimeout(
  { expected, shortest, longest }: SuspicionBounds,
  confirmations: number,
): number {
  if (expected < 1) return shortest;
  const progress = Math.log(confirmations + 1) / Math.log(expected + 1);
  return Math.max(shortest, longest - (longest - shortest) * progress);
}

/** A running suspicion. */
export class Suspicion {
  private readonly clock: Clock;
  private readonly bounds: SuspicionBounds;
  private readonly onTimeout: () => void;
  private readonly startedAt: number;
  private readonly accusers: Set<string>;
  private timer: Timer;

  /** `accuser` is the first one; it does not confirm itself. */
  constructor(
    modules: { readonly clock: Clock },
    options: { readonly bounds: SuspicionBounds; readonly accuser: string; readonly onTimeout: () => void },
  ) {
    this.clock = modules.clock;
    this.bounds = options.bounds;
    this.onTimeout = options.onTimeout;
    this.accusers = new Set([options.accuser]);
    this.startedAt = this.clock.now();
    this.timer = this.clock.after(suspicionTimeout(this.bounds, 0), this.onTimeout);
  }

  /** Returns whether it was a new confirmation that still counts, and so is worth telling others. */
  confirm(accuser: string): boolean {
    if (this.accusers.size > this.bounds.expected || this.accusers.has(accuser)) return false;
    this.accusers.add(accuser);
    const elapsed = this.clock.now() - this.startedAt;
    this.timer.cancel();
    const remaining = suspicionTimeout(this.bounds, this.accusers.size - 1) - elapsed;
    this.timer = this.clock.after(Math.max(0, remaining), this.onTimeout);
    return true;
  }

  cancel(): void {
    this.timer.cancel();
  }
}
