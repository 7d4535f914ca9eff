/** Grouped horizontal bars: for each measure one bar for each series, with its spread and its target. */
import { type Axis, axis, tickText } from './axis.ts';
import { EDGE, heading, WIDTH } from './heading.ts';
import { levelLine } from './legend.ts';
import { line, type Mark, px, seriesStyle, sheet, text, textWidth } from './svg.ts';

export interface Bar {
  /** One of the series of the chart. */
  readonly series: string;
  readonly median: number;
  /** The lowest and highest round. */
  readonly min: number;
  readonly max: number;
  readonly target?: {
    readonly value: number;
    /** `more`: at least the value; `less`: at most. */
    readonly better: 'more' | 'less';
  };
}

export interface BarGroup {
  /** The measure. */
  readonly name: string;
  /** What else is to be known of it, as in `less is better`. */
  readonly note?: string;
  /** In the order of the series; one that was not measured is left out. */
  readonly bars: readonly Bar[];
}

export interface BarChartSpec {
  readonly title: string;
  readonly subtitle?: string;
  /** What the length of a bar is, as in `of kernel vxlan`. */
  readonly label: string;
  /** Behind each value, as in ` ×`. @default nothing */
  readonly suffix?: string;
  readonly series: readonly string[];
  readonly groups: readonly BarGroup[];
  /** A value to compare with, marked through all groups. */
  readonly reference?: { readonly value: number; readonly label: string };
}

const BAR = 15;
const BAR_GAP = 5;
const GROUP_GAP = 18;
/** Of a value beside its bar: rounds differ by more than a hundredth. */
const DECIMALS = 2;

/** The SVG file of the chart. Throws RangeError when there is nothing to show, or a bar of an unknown series. */
export function barChart(spec: BarChartSpec): string {
  const { title, series, groups, reference } = spec;
  const above = heading(spec, [
    ...series.map(name => ({ name, shape: 'bar' as const })),
    ...(reference === undefined ? [] : [{ name: reference.label, shape: 'level' as const }]),
  ]);
  const top = above.bottom + 18;
  const bars = groups.flatMap(group => group.bars);
  if (bars.length === 0) throw new RangeError(`${title}: no bars to show`);
  const left =
    EDGE + Math.max(0, ...groups.flatMap(({ name, note = '' }) => [name, note]).map(textWidth)) + 14;
  const words = bars.map(bar => textWidth(`${valueText(bar, spec)}  ${targetText(bar)}`));
  const right = WIDTH - EDGE - Math.max(0, ...words) - 10;
  const values = bars.flatMap(({ median, max, target }) => [median, max, target?.value ?? 0]);
  const x = axis({ label: spec.label }, [...values, reference?.value ?? 0], left, right);
  const rows: Mark[] = [];
  let y = top;
  for (const group of groups) {
    rows.push(...groupMarks(group, spec, x, y));
    y += groupHeight(group) + GROUP_GAP;
  }
  const bottom = y - GROUP_GAP + 8;
  const marks = [
    ...above.marks,
    ...x.ticks.flatMap(tick => [
      line(tick === 0 ? 'soft' : 'grid', [x.at(tick), top - 8, x.at(tick), bottom]),
      text(x.at(tick), bottom + 16, tickText(tick), { anchor: 'middle', style: 'soft' }),
    ]),
    text((left + right) / 2, bottom + 36, spec.label, { anchor: 'middle', style: 'soft' }),
    ...rows,
    ...(reference === undefined
      ? []
      : [levelLine([x.at(reference.value), top - 8, x.at(reference.value), bottom])]),
  ];
  return sheet({ width: WIDTH, height: bottom + 52, title, marks });
}

/** Room for its bars, and for the two lines that name it. */
function groupHeight({ bars, note }: BarGroup): number {
  return Math.max(bars.length * (BAR + BAR_GAP) - BAR_GAP, note === undefined ? BAR : 2 * BAR);
}

function groupMarks(group: BarGroup, spec: BarChartSpec, x: Axis, top: number): Mark[] {
  const { name, note, bars } = group;
  const middle = top + groupHeight(group) / 2;
  const left = x.at(0) - 10;
  const marks =
    note === undefined
      ? [text(left, middle + 4, name, { anchor: 'end' })]
      : [
          text(left, middle - 3, name, { anchor: 'end' }),
          text(left, middle + 12, note, { anchor: 'end', style: 'soft' }),
        ];
  return [...marks, ...bars.flatMap((bar, i) => barMarks(bar, spec, x, top + i * (BAR + BAR_GAP)))];
}

function barMarks(bar: Bar, spec: BarChartSpec, x: Axis, top: number): Mark[] {
  const index = spec.series.indexOf(bar.series);
  if (index < 0) throw new RangeError(`there is a bar of "${bar.series}", which is no series of the chart`);
  const { median, min, max, target } = bar;
  const middle = top + BAR / 2;
  const value = valueText(bar, spec);
  const end = Math.max(x.at(max), x.at(median), x.at(target?.value ?? 0)) + 8;
  const marks = [
    `<rect class="${seriesStyle(index)}" x="${px(x.at(0))}" y="${px(top)}" width="${px(x.at(median) - x.at(0))}" height="${BAR}" rx="2" fill="currentColor" fill-opacity="0.75"/>`,
    line('ink', [x.at(min), middle, x.at(max), middle], ' stroke-width="1.5"'),
    line('ink', [x.at(min), middle - 3.5, x.at(min), middle + 3.5], ' stroke-width="1.5"'),
    line('ink', [x.at(max), middle - 3.5, x.at(max), middle + 3.5], ' stroke-width="1.5"'),
    text(end, middle + 4, value, { style: 'strong ink' }),
  ];
  if (target === undefined) return marks;
  const at = x.at(target.value);
  return [
    ...marks,
    line('ink', [at, top - 2, at, top + BAR + 2], ' stroke-width="3"'),
    text(end + textWidth(value) + 8, middle + 4, targetText(bar), {
      style: isMet(bar) ? 'met' : 'missed',
    }),
  ];
}

function valueText({ median }: Bar, { suffix = '' }: BarChartSpec): string {
  return `${median.toFixed(DECIMALS)}${suffix}`;
}

function targetText(bar: Bar): string {
  const { target } = bar;
  if (target === undefined) return '';
  const bound = `${target.better === 'more' ? '≥' : '≤'} ${tickText(target.value)}`;
  return `${isMet(bar) ? '✓' : '✗'} target ${bound}`;
}

function isMet({ median, target }: Bar): boolean {
  if (target === undefined) return true;
  return target.better === 'more' ? median >= target.value : median <= target.value;
}
