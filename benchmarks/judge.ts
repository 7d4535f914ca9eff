/** Holds results against the targets. */
import { find, present, type Ratio, type Result, ratioOf } from './results.ts';
import { summarize } from './statistics.ts';
import type { Target } from './targets.ts';

export interface Verdict {
  readonly target: Target;
  /** The ratio, or the value where the target is one; undefined: it was not measured. */
  readonly measured: Ratio | undefined;
  readonly met: boolean | undefined;
}

export function judge(targets: readonly Target[], results: readonly Result[]): Verdict[] {
  return targets.map(target => {
    const measured = measuredFor(target, results);
    return {
      target,
      measured,
      met: measured === undefined ? undefined : meets(measured.median, target.bound),
    };
  });
}

function measuredFor(target: Target, results: readonly Result[]): Ratio | undefined {
  const { underlay, metric, subject, against } = target;
  const own = find(results, underlay, metric, subject);
  if (against !== undefined) return ratioOf(own, find(results, underlay, metric, against));
  const samples = present(own);
  return samples.length === 0 ? undefined : summarize(samples);
}

function meets(value: number, bound: Target['bound']): boolean {
  return 'atLeast' in bound ? value >= bound.atLeast : value <= bound.atMost;
}
