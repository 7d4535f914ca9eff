/** What is measured on a path, and what its numbers mean. */
import type { Path } from '../subjects/subject.ts';

export interface Metric {
  /** Unique; stays the same, so that results of different days can be compared. */
  readonly id: string;
  readonly title: string;
  readonly unit: string;
  /** Whether more is better; for times less is. */
  readonly better: 'more' | 'less';
}

/** Metric id → value; what a path cannot tell is missing. */
export type Sample = Readonly<Record<string, number>>;

/** One thing to do on a path, which gives one or more numbers. */
export interface Measure {
  readonly id: string;
  readonly metrics: readonly Metric[];
  /** It can only be measured for whole seconds; others are rounded. @default false */
  readonly wholeSeconds?: boolean;
  /** One sample; `seconds` is how long to measure, start-up and warm-up not included. */
  readonly run: (path: Path, seconds: number) => Promise<Sample>;
}
