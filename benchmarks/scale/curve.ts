/** What a scale benchmark yields: values of measures over a quantity, for each system that was measured. */
import { type Summary, summarize } from '../statistics.ts';

export interface MeasureInfo {
  /** For file names, as in `tcp`. */
  readonly id: string;
  readonly name: string;
  readonly unit: string;
  /** Whether more is better; for times and memory less is. */
  readonly better: 'more' | 'less';
  /** The least (`more`) or greatest (`less`) share of its own value at the first point that is hoped for at the last. */
  readonly target?: number;
}

export interface CurvePoint {
  readonly x: number;
  /** One for each round; those with the same index were measured one after the other. */
  readonly samples: readonly number[];
}

export interface MeasuredSeries {
  /** As in `weft bridge` or `kernel vxlan`. */
  readonly system: string;
  /** In ascending order of x. */
  readonly points: readonly CurvePoint[];
}

export interface MeasuredCurve extends MeasureInfo {
  readonly series: readonly MeasuredSeries[];
}

/** All that one benchmark measured. */
export interface ScaleResult {
  readonly id: string;
  /** What is on the x axis, as in `forwarding entries`. */
  readonly quantity: string;
  /** How it was measured, for whoever reads the report. */
  readonly about: string;
  readonly curves: readonly MeasuredCurve[];
}

export const KERNEL = 'kernel vxlan';

/** Collects samples while the rounds go on. */
export class Recorder {
  private readonly measures = new Map<MeasureInfo, Map<string, Map<number, number[]>>>();

  add(measure: MeasureInfo, system: string, x: number, sample: number): void {
    const bySystem = getOrMake(this.measures, measure, () => new Map<string, Map<number, number[]>>());
    const byX = getOrMake(bySystem, system, () => new Map<number, number[]>());
    getOrMake(byX, x, () => []).push(sample);
  }

  curves(): MeasuredCurve[] {
    return [...this.measures].map(([measure, bySystem]) => ({
      ...measure,
      series: [...bySystem].map(([system, byX]) => ({
        system,
        points: [...byX].map(([x, samples]) => ({ x, samples })).toSorted((a, b) => a.x - b.x),
      })),
    }));
  }
}

function getOrMake<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}

/**
 * Sample by sample how many times `point` is what `reference` was in the same round: what disturbed the machine for a
 * while disturbed both. Undefined without a reference, or with one of 0.
 */
export function ratio(point: CurvePoint, reference: CurvePoint | undefined): Summary | undefined {
  const ratios = point.samples.flatMap((sample, round) => {
    const other = reference?.samples[round];
    return other === undefined || other === 0 ? [] : [sample / other];
  });
  return ratios.length === 0 ? undefined : summarize(ratios);
}

/** The point of `system` at `x`. */
export function pointOf(curve: MeasuredCurve, system: string, x: number): CurvePoint | undefined {
  return curve.series.find(series => series.system === system)?.points.find(point => point.x === x);
}
