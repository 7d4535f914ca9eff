/**
 * How many frames a second may pass, with bursts of a second's worth: a token bucket (RFC 2697 has it for a meter). Its
 * state is two numbers that several threads may share, for a TAP that several workers read has one limit. The time is
 * coarse, so that it fills in steps of a quarter of a second. Allocates nothing.
 */
import type { Time } from './thread-time.ts';

const STEP_MS = 250;
/** Units of one frame: in one step, a rate of 1 frame a second gains 1. */
const UNITS = 4;

const SPENT = 0;
/** When it was last filled, in steps. */
const FILLED = 1;

/** Bytes of its state, all 0 at the start: a full bucket. */
export const BUCKET_BYTES = 8;

/** The greatest rate that its numbers hold. */
export const MAX_RATE = 100_000_000;

export class TokenBucket {
  private readonly time: Time;
  private readonly rate: number;
  private readonly state: Int32Array;

  /** `rate`: frames a second, 1 … MAX_RATE. `state`: BUCKET_BYTES. */
  constructor(modules: { readonly time: Time; readonly state: ArrayBufferLike }, options: { rate: number }) {
    this.time = modules.time;
    this.rate = options.rate;
    this.state = new Int32Array(modules.state);
  }

  /** Takes as much as `frames` frames need, or nothing; returns whether it was there. */
  take(frames: number): boolean {
    this.fill();
    const units = Math.min(frames, MAX_RATE) * UNITS;
    const spent = Atomics.add(this.state, SPENT, units);
    // The first frame of a full bucket passes even if it is a super-frame of more than a second's worth.
    if (spent === 0 || spent + units <= this.rate * UNITS) return true;
    Atomics.sub(this.state, SPENT, units);
    return false;
  }

  private fill(): void {
    const { state } = this;
    const now = Math.floor((this.time.ms[0] as number) / STEP_MS) | 0;
    const filled = Atomics.load(state, FILLED);
    // Another thread may be a step ahead, or have been the first to see this one.
    if (now - filled <= 0 || Atomics.compareExchange(state, FILLED, filled, now) !== filled) return;
    const gain = Math.min((now - filled) * this.rate, MAX_RATE * UNITS);
    if (Atomics.sub(state, SPENT, gain) >= gain) return;
    // More than was spent: full again. What another thread takes at this very moment may be forgiven.
    Atomics.store(state, SPENT, 0);
  }
}
