/** Axes: where a value is on the sheet, and at which values it is marked. */

export interface AxisSpec {
  /** What and in which unit, as in `peers` or `throughput (Gbit/s)`. */
  readonly label: string;
  /** @default 'linear', which begins at 0 */
  readonly scale?: 'linear' | 'log';
  /** Values to mark. @default round ones */
  readonly ticks?: readonly number[];
}

export interface Axis {
  readonly ticks: readonly number[];
  /** The pixel of a value. */
  readonly at: (value: number) => number;
}

/** About how many marks a linear axis has. */
const TICKS = 5;

/**
 * An axis for `values` from pixel `from` to pixel `to`; `from` may be the larger. Throws RangeError when there are no
 * values, or one that a logarithm does not have.
 */
export function axis(spec: AxisSpec, values: readonly number[], from: number, to: number): Axis {
  const all = [...values, ...(spec.ticks ?? [])];
  if (all.length === 0 || !all.every(Number.isFinite))
    throw new RangeError(`${spec.label}: no values to show`);
  return spec.scale === 'log' ? logAxis(spec, all, from, to) : linearAxis(spec, all, from, to);
}

function linearAxis(spec: AxisSpec, values: readonly number[], from: number, to: number): Axis {
  const low = Math.min(0, ...values);
  const high = Math.max(0, ...values);
  const step = roundStep((high - low || 1) / TICKS);
  const first = Math.floor(low / step);
  const last = Math.max(Math.ceil(high / step), first + 1);
  const ticks = spec.ticks ?? Array.from({ length: last - first + 1 }, (_, i) => exact((first + i) * step));
  const [start, end] = [first * step, last * step];
  return { ticks, at: value => from + ((value - start) / (end - start)) * (to - from) };
}

function logAxis(spec: AxisSpec, values: readonly number[], from: number, to: number): Axis {
  const low = Math.min(...values);
  if (low <= 0) throw new RangeError(`${spec.label}: ${low} is not on a logarithmic axis`);
  const [start, end] = [Math.log10(low), Math.log10(Math.max(...values))];
  const ticks = spec.ticks ?? decades(Math.ceil(start - 1e-9), Math.floor(end + 1e-9));
  const at = (value: number) =>
    end === start ? (from + to) / 2 : from + ((Math.log10(value) - start) / (end - start)) * (to - from);
  return { ticks, at };
}

function decades(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => exact(10 ** (first + i)));
}

/** The next of 1, 2, 2.5 and 5 times a power of ten. */
function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 2.5, 5].find(candidate => candidate * power >= least * (1 - 1e-9)) ?? 10;
  return step * power;
}

/** Without what binary fractions add: 0.30000000000000004 is 0.3. */
function exact(value: number): number {
  return Number(value.toPrecision(12));
}

/** A number as people read it: thousands grouped, at most three decimals. */
export function tickText(value: number): string {
  const [whole = '', fraction] = String(Number(value.toFixed(3))).split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}
