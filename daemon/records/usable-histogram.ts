/**
 * Claim to usable: how long it takes from the moment that another node claims an address until frames for it find their entry
 * here. Fixed buckets, so that those of several nodes, and of one node at two times, can be added and subtracted.
 */
import type { UsableReport } from '../operations.ts';

/**
 * Upper bounds in milliseconds. A push to a peer is a round trip (1 to 10 ms on one site), an epidemic some of them, a change that
 * anti-entropy repairs up to a few seconds; beyond 10 s something is broken.
 */
export const USABLE_BOUNDS_MS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000] as const;

/** Milliseconds. A claim that others see so late was made behind a partition, or the clocks differ: neither says how fast we are. */
const LONGEST = 3_600_000;

export class UsableHistogram {
  /** One for each bound, and one for what is beyond the last. */
  private readonly counts: number[] = Array.from({ length: USABLE_BOUNDS_MS.length + 1 }, () => 0);
  private skewed = 0;
  private max: number | null = null;
  private sum = 0;

  /** All samples together, in milliseconds. */
  get sumMs(): number {
    return this.sum;
  }

  /**
   * Takes one, in milliseconds, which may be the difference of the wall clocks of two machines: below 0 and above an hour it measures
   * something else, and is only counted. What is no number is ignored.
   */
  add(ms: number): void {
    if (Number.isNaN(ms)) return;
    if (ms < 0 || ms > LONGEST) {
      this.skewed += 1;
      return;
    }
    const index = USABLE_BOUNDS_MS.findIndex(bound => ms <= bound);
    const bucket = index === -1 ? USABLE_BOUNDS_MS.length : index;
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1;
    this.max = Math.max(ms, this.max ?? 0);
    this.sum += ms;
  }

  report(): UsableReport {
    const { max, skewed } = this;
    let below = 0;
    const buckets = this.counts.map((inBucket, index) => {
      below += inBucket;
      return { le: USABLE_BOUNDS_MS[index] ?? null, count: below };
    });
    const quantile = (share: number): number | null => {
      if (max === null) return null;
      const bucket = buckets.find(({ count }) => count >= share * below);
      // No sample is above the highest one, whatever the bound says.
      return rounded(Math.min(bucket?.le ?? max, max));
    };
    return {
      count: below,
      skewed,
      p50: quantile(0.5),
      p99: quantile(0.99),
      max: max === null ? null : rounded(max),
      buckets,
    };
  }
}

/** Milliseconds with two decimals. */
function rounded(ms: number): number {
  return Math.round(100 * ms) / 100;
}
