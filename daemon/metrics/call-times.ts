/** How long calls took, by what they were and how they ended: histograms of fixed buckets. */
import type { Clock } from '../../dataplane/clock.ts';
import type { CniHandler } from '../cni/call.ts';
import { type Sample, sample } from './samples.ts';

/** Upper bounds in seconds: an ADD takes some 10 ms, and is given up after 20 s (cni/cni-operations.ts). */
const BOUNDS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20] as const;

interface Times {
  readonly labels: { readonly command: string; readonly outcome: string };
  /** One for each bound, and one for what is beyond the last. */
  readonly counts: number[];
  sum: number;
}

export class CniCallTimes {
  private readonly clock: Clock;
  private readonly times = new Map<string, Times>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** The same handler, measured. */
  measure(handler: CniHandler): CniHandler {
    return async call => {
      const begin = this.clock.now();
      const answer = await handler(call);
      this.add(call.command, answer.ok ? 'ok' : 'error', (this.clock.now() - begin) / 1000);
      return answer;
    };
  }

  samples(): Sample[] {
    return [...this.times.values()].map(({ labels, counts, sum }) => {
      let below = 0;
      const buckets = counts.map((inBucket, index) => {
        below += inBucket;
        return { le: BOUNDS_S[index] ?? Number.POSITIVE_INFINITY, count: below };
      });
      return sample('weft_cni_call_seconds', { buckets, sum }, labels);
    });
  }

  private add(command: string, outcome: string, seconds: number): void {
    const key = `${command} ${outcome}`;
    const known = this.times.get(key);
    const counts = Array.from({ length: BOUNDS_S.length + 1 }, () => 0);
    const times = known ?? { labels: { command, outcome }, counts, sum: 0 };
    this.times.set(key, times);
    const index = BOUNDS_S.findIndex(bound => seconds <= bound);
    const bucket = index === -1 ? BOUNDS_S.length : index;
    times.counts[bucket] = (times.counts[bucket] ?? 0) + 1;
    times.sum += seconds;
  }
}
