/** One value of a metric, with the labels that its definition names. */
import type { METRICS, MetricName } from './definitions.ts';

type LabelsOf<Name extends MetricName> = Readonly<Record<(typeof METRICS)[Name]['labels'][number], string>>;

export interface Sample {
  readonly name: MetricName;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number | HistogramValue;
}

export interface HistogramValue {
  /** How many were at most `le`, ascending; the last has `le` Infinity and counts all. */
  readonly buckets: readonly { readonly le: number; readonly count: number }[];
  readonly sum: number;
}

/** Does not compile with a label too few, too many or misspelt. */
export function sample<Name extends MetricName>(
  name: Name,
  value: number | HistogramValue,
  labels: LabelsOf<Name>,
): Sample {
  return { name, value, labels };
}

/** As many samples as there are states: 1 for the one that holds, 0 for the others. */
export function stateSet<Name extends MetricName, State extends string>(
  states: readonly State[],
  current: State | null,
  make: (state: State, value: number) => Sample & { readonly name: Name },
): Sample[] {
  return states.map(state => make(state, state === current ? 1 : 0));
}
