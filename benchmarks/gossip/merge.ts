/** Points that were measured later, put beside those of an earlier run. */
import type { CurvePoint, MeasuredSeries } from '../scale/curve.ts';
import { MEASURES } from './measures.ts';
import type { GossipCurve } from './report.ts';

/** All points of both; where both have one, that of `later`. What is said of a measure is said as today. */
export function mergeCurves(
  earlier: readonly GossipCurve[],
  later: readonly GossipCurve[],
): readonly GossipCurve[] {
  return MEASURES.flatMap(measure => {
    const [before, after] = [earlier, later].map(curves => curves.find(({ id }) => id === measure.id));
    if (before === undefined && after === undefined) return [];
    return [{ ...measure, series: mergeSeries(before?.series ?? [], after?.series ?? []) }];
  });
}

function mergeSeries(
  earlier: readonly MeasuredSeries[],
  later: readonly MeasuredSeries[],
): readonly MeasuredSeries[] {
  const pointsOf = (series: readonly MeasuredSeries[], name: string): readonly CurvePoint[] =>
    series.find(({ system }) => system === name)?.points ?? [];
  const systems = new Set([...earlier, ...later].map(({ system }) => system));
  return [...systems].map(system => {
    const points = new Map(
      [...pointsOf(earlier, system), ...pointsOf(later, system)].map(point => [point.x, point]),
    );
    return { system, points: [...points.values()].toSorted((a, b) => a.x - b.x) };
  });
}
