/** Curves: one measure over one quantity, a line for each series and its spread as a band. */
import { type Axis, type AxisSpec, axis, tickText } from './axis.ts';
import { EDGE, heading, WIDTH } from './heading.ts';
import { levelLine } from './legend.ts';
import { marker } from './marker.ts';
import { line, type Mark, px, seriesStyle, sheet, text, textWidth } from './svg.ts';

export interface Point {
  readonly x: number;
  /** The ordinate. */
  readonly median: number;
  /** The lowest and highest repetition. */
  readonly min: number;
  readonly max: number;
}

export interface Series {
  readonly name: string;
  /** In ascending order of x; at least one. */
  readonly points: readonly Point[];
}

/** A horizontal line across the chart: what is hoped for, or what is compared with. */
export interface Level {
  readonly value: number;
  /** As in `target ≥ 0.95`. */
  readonly label: string;
}

export interface LineChartSpec {
  readonly title: string;
  /** One line below the title: what the band is, how it was measured. */
  readonly subtitle?: string;
  readonly x: AxisSpec;
  readonly y: AxisSpec;
  /** At least one. */
  readonly series: readonly Series[];
  readonly levels?: readonly Level[];
}

const PLOT_HEIGHT = 270;

/** The SVG file of the chart. Throws RangeError when there is nothing to show. */
export function lineChart(spec: LineChartSpec): string {
  const { title, series, levels = [] } = spec;
  const points = series.flatMap(one => one.points);
  if (points.length === 0) throw new RangeError(`${title}: no points to show`);
  const above = heading(spec, [
    ...series.map(({ name }) => ({ name, shape: 'line' as const })),
    ...levels.map(({ label }) => ({ name: label, shape: 'level' as const })),
  ]);
  const top = above.bottom + 34;
  const bottom = top + PLOT_HEIGHT;
  const ordinates = [...points.flatMap(({ min, max }) => [min, max]), ...levels.map(({ value }) => value)];
  const y = axis(spec.y, ordinates, bottom, top);
  const left = EDGE + Math.max(...y.ticks.map(tick => textWidth(tickText(tick)))) + 8;
  const right = WIDTH - EDGE - 10;
  const x = axis(
    spec.x,
    points.map(point => point.x),
    left + 12,
    right,
  );
  const marks = [
    ...above.marks,
    text(EDGE, top - 12, spec.y.label, { style: 'soft' }),
    ...y.ticks.flatMap(tick => [
      line(tick === 0 ? 'soft' : 'grid', [left, y.at(tick), right + 10, y.at(tick)]),
      text(left - 8, y.at(tick) + 4, tickText(tick), { anchor: 'end', style: 'soft' }),
    ]),
    ...xTicks(x, bottom),
    text((left + right) / 2, bottom + 42, spec.x.label, { anchor: 'middle', style: 'soft' }),
    ...series.map((one, i) => band(one, i, x, y)),
    ...levels.map(({ value }) => levelLine([left, y.at(value), right + 10, y.at(value)])),
    ...series.flatMap((one, i) => curve(one, i, x, y)),
  ];
  return sheet({ width: WIDTH, height: bottom + 60, title, marks });
}

/** Marks below the axis; of those that would overlap, the earlier one stays. */
function xTicks(x: Axis, bottom: number): Mark[] {
  let free = Number.NEGATIVE_INFINITY;
  return x.ticks.flatMap(tick => {
    const words = tickText(tick);
    const at = x.at(tick);
    const tickMark = line('soft', [at, bottom, at, bottom + 5]);
    if (at - textWidth(words) / 2 < free) return [tickMark];
    free = at + textWidth(words) / 2 + 4;
    return [tickMark, text(at, bottom + 20, words, { anchor: 'middle', style: 'soft' })];
  });
}

function band({ points }: Series, index: number, x: Axis, y: Axis): Mark {
  const upper = points.map(point => `${px(x.at(point.x))} ${px(y.at(point.max))}`);
  const lower = points.map(point => `${px(x.at(point.x))} ${px(y.at(point.min))}`).reverse();
  const path = `M${[...upper, ...lower].join('L')}Z`;
  return `<path class="${seriesStyle(index)}" d="${path}" fill="currentColor" fill-opacity="0.16"/>`;
}

function curve({ points }: Series, index: number, x: Axis, y: Axis): Mark[] {
  const style = seriesStyle(index);
  const places = points.map(point => [x.at(point.x), y.at(point.median)] as const);
  const path = `M${places.map(([px1, py1]) => `${px(px1)} ${px(py1)}`).join('L')}`;
  return [
    `<path class="${style}" d="${path}" fill="none" stroke="currentColor" stroke-width="2" stroke-linejoin="round"/>`,
    ...places.map(([at, height]) => marker(index, at, height)),
  ];
}
