/** Results as tables: ratios first, because absolute numbers are about the machine. */
import type { Verdict } from './judge.ts';
import { find, present, type Ratio, type Run, ratioOf } from './results.ts';
import { summarize } from './statistics.ts';

export interface Table {
  readonly title: string;
  /** One more than the columns that have figures: the first heads the names of the rows. */
  readonly headings: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const NOTHING = '–';

/** Each target with what was measured. */
export function targetTable(verdicts: readonly Verdict[]): Table {
  const rows = verdicts.map(({ target, measured, met }) => {
    const { title, underlay, subject, against, bound } = target;
    const limit = 'atLeast' in bound ? `≥ ${bound.atLeast}` : `≤ ${bound.atMost}`;
    const unit = against === undefined ? '' : ' ×';
    return [
      title,
      underlay,
      subject,
      against ?? NOTHING,
      `${limit}${unit}`,
      measured === undefined ? NOTHING : `${significant(measured.median)}${unit}`,
      measured === undefined ? NOTHING : range(measured),
      met === undefined ? 'not measured' : met ? 'met' : 'not met',
    ];
  });
  const headings = [
    'measure',
    'underlay',
    'subject',
    'held against',
    'target',
    'measured',
    'lowest – highest',
    '',
  ];
  return { title: 'Targets', headings, rows };
}

/** Two tables for an underlay: ratios to `reference`, then medians with lowest and highest sample. */
export function underlayTables(run: Run, underlay: string, reference: string): Table[] {
  const here = run.results.filter(result => result.underlay === underlay);
  const subjects = run.subjects
    .map(({ name }) => name)
    .filter(name => here.some(({ subject }) => subject === name));
  const metrics = run.metrics.filter(({ id }) =>
    here.some(result => result.metric === id && present(result).length > 0),
  );
  const cells = (cell: (metric: string, subject: string) => string) =>
    metrics.map(({ id, title, unit }) => [
      `${title} (${unit})`,
      ...subjects.map(subject => cell(id, subject)),
    ]);
  const result = (metric: string, subject: string) => find(here, underlay, metric, subject);
  const ratios = cells((metric, subject) => {
    const ratio = ratioOf(result(metric, subject), result(metric, reference));
    return ratio === undefined ? NOTHING : `${ratio.median.toFixed(2)} ×`;
  });
  const values = cells((metric, subject) => {
    const samples = present(result(metric, subject));
    if (samples.length === 0) return NOTHING;
    const { median, min, max } = summarize(samples);
    return samples.length === 1
      ? significant(median)
      : `${significant(median)} (${range({ median, min, max })})`;
  });
  // A metric that the reference does not have, such as the CPU time of a daemon, has no ratios.
  const withRatios = ratios.filter(row => row.slice(1).some(cell => cell !== NOTHING));
  const tables = [
    { title: `${underlay}: medians (lowest – highest)`, headings: ['', ...subjects], rows: values },
  ];
  if (withRatios.length === 0 || !subjects.includes(reference)) return tables;
  return [
    { title: `${underlay}: ratio to ${reference}`, headings: ['', ...subjects], rows: withRatios },
    ...tables,
  ];
}

function range({ min, max }: Ratio): string {
  return `${significant(min)} – ${significant(max)}`;
}

/** Three significant digits: the rounds differ by more. */
export function significant(value: number): string {
  if (value === 0) return '0';
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return Math.abs(value) < 0.001 ? value.toExponential(1) : value.toPrecision(3);
}

/** For a terminal. */
export function asText({ title, headings, rows }: Table): string {
  const all = [headings, ...rows];
  const widths = headings.map((_, column) => Math.max(...all.map(cells => cells[column]?.length ?? 0)));
  const lines = all.map(cells =>
    cells
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
  return [title, ...lines.map(line => `  ${line}`)].join('\n');
}

export function asMarkdown({ headings, rows }: Table): string {
  const rule = headings.map((_, i) => (i === 0 ? '---' : '---:'));
  return [headings, rule, ...rows].map(cells => `| ${cells.join(' | ')} |`).join('\n');
}
