/**
 * How many records of one origin are taken in a second: a container that makes up MAC addresses, or a node that does, must not
 * keep all others busy. A token bucket for each origin. Who has emptied his is not listened to for a while, rather than cut short at
 * each frame, for each piece that is missing would be asked for again.
 */
import type { Clock } from '../../dataplane/clock.ts';

interface Bucket {
  tokens: number;
  filledAt: number;
}

export class RateQuota {
  private readonly clock: Pick<Clock, 'now'>;
  private readonly options: { readonly perSecond: number; readonly burst: number };
  /** Of origins that have said something lately: a full bucket is forgotten. */
  private readonly buckets = new Map<string, Bucket>();

  constructor(modules: { readonly clock: Pick<Clock, 'now'> }, options: RateQuota['options']) {
    this.clock = modules.clock;
    this.options = options;
  }

  /** Takes what so many records of an origin need, or nothing; returns whether it was there. */
  take(origin: string, records: number): boolean {
    if (records === 0) return true;
    const bucket = this.buckets.get(origin) ?? { tokens: this.options.burst, filledAt: this.clock.now() };
    this.buckets.set(origin, bucket);
    this.fill(bucket);
    if (bucket.tokens < records) return false;
    bucket.tokens -= records;
    return true;
  }

  /** Forgets what is full again. */
  tidy(): void {
    for (const [origin, bucket] of this.buckets) {
      this.fill(bucket);
      if (bucket.tokens >= this.options.burst) this.buckets.delete(origin);
    }
  }

  private fill(bucket: Bucket): void {
    const now = this.clock.now();
    const gained = ((now - bucket.filledAt) / 1000) * this.options.perSecond;
    bucket.tokens = Math.min(this.options.burst, bucket.tokens + gained);
    bucket.filledAt = now;
  }
}
