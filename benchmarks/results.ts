/** What a run found, as it stands in the JSON file. */
import type { Metric } from './measures/measure.ts';
import { summarize } from './statistics.ts';

export interface Result {
  /** Id of the underlay. */
  readonly underlay: string;
  /** Id of the metric. */
  readonly metric: string;
  /** Name of the subject. */
  readonly subject: string;
  /** One for each round; null where the measurement failed or the path could not tell. */
  readonly samples: readonly (number | null)[];
}

/** A subject that was left out, or a measurement that failed. */
export interface Omission {
  readonly subject: string;
  /** What was left out: "everything", or an underlay and a measure. */
  readonly what: string;
  readonly reason: string;
}

/** The circumstances of a measurement: figures of another machine or another minute are not comparable. */
export interface Machine {
  readonly date: string;
  readonly commit: string;
  readonly processor: string;
  readonly processors: number;
  readonly memoryGb: number;
  readonly kernel: string;
  readonly node: string;
  /** Program → version. */
  readonly versions: Readonly<Record<string, string>>;
  /** How many processes wanted a processor before the run began (1-minute load average). */
  readonly loadBefore: number;
}

export interface About extends Machine {
  /** What was typed after `npm run bench --`. */
  readonly command: string;
  readonly rounds: number;
  readonly minutes: number;
}

export interface Run {
  readonly about: About;
  readonly underlays: readonly { readonly id: string; readonly meaning: string }[];
  readonly subjects: readonly { readonly name: string; readonly meaning: string }[];
  readonly metrics: readonly Metric[];
  readonly results: readonly Result[];
  readonly omissions: readonly Omission[];
}

/** A ratio of medians, and the lowest and highest ratio of two neighbouring samples of one round. */
export interface Ratio {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function find(
  results: readonly Result[],
  underlay: string,
  metric: string,
  subject: string,
): Result | undefined {
  return results.find(
    result => result.underlay === underlay && result.metric === metric && result.subject === subject,
  );
}

/** The samples that there are. */
export function present(result: Result | undefined): number[] {
  return (result?.samples ?? []).filter(sample => sample !== null);
}

/** How `own` compares with `other`; undefined where one of them has no samples, or the other is zero. */
export function ratioOf(own: Result | undefined, other: Result | undefined): Ratio | undefined {
  const [mine, theirs] = [present(own), present(other)];
  if (mine.length === 0 || theirs.length === 0) return undefined;
  const reference = summarize(theirs).median;
  const paired = (own?.samples ?? []).flatMap((sample, round) => {
    const beside = other?.samples[round] ?? null;
    return sample === null || beside === null || beside === 0 ? [] : [sample / beside];
  });
  if (reference === 0 || paired.length === 0) return undefined;
  const { min, max } = summarize(paired);
  return { median: summarize(mine).median / reference, min, max };
}
