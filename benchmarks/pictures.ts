/** The figures of a run as charts: ratios only, because a picture of absolute figures is one of the machine. */
import { type Bar, type BarGroup, barChart } from './plot/bar-chart.ts';
import { find, type Run, ratioOf } from './results.ts';
import { PEERS } from './subjects/catalogue.ts';
import { KERNEL_VXLAN } from './subjects/subject.ts';
import { TARGETS } from './targets.ts';
import { UNDERLAYS } from './underlays.ts';

interface Chart {
  /** Part of the file name. */
  readonly id: string;
  readonly title: string;
  readonly metrics: readonly string[];
  readonly better: 'more' | 'less';
}

const CHARTS: readonly Chart[] = [
  {
    id: 'rates',
    title: 'what is carried',
    metrics: ['tcp-1', 'tcp-8', 'tcp-64', 'both-ways', 'udp-64', 'udp-512', 'udp-1400', 'connections'],
    better: 'more',
  },
  {
    id: 'costs',
    title: 'what it costs in time and CPU',
    metrics: [
      'rr-idle-p50',
      'rr-idle-p99',
      'rr-loaded-p50',
      'rr-loaded-p99',
      'tcp-1-cpu-box',
      'tcp-64-cpu-box',
    ],
    better: 'less',
  },
];
/** Other overlays differ so much that three measures tell all there is. */
const OTHERS_METRICS = ['tcp-1', 'tcp-64', 'udp-64'];
const OTHERS_UNDERLAY = 'wire-like';

/** File name → SVG, for all that was measured. */
export function pictures(run: Run): Map<string, string> {
  const files = new Map<string, string>();
  for (const { id, reference } of UNDERLAYS) {
    for (const chart of CHARTS) {
      const svg = underlayChart(run, id, reference, chart);
      if (svg !== undefined) files.set(`${id}-${chart.id}.svg`, svg);
    }
  }
  const others = othersChart(run);
  if (others !== undefined) files.set('others.svg', others);
  return files;
}

function subtitle({ about }: Run, better: 'more' | 'less'): string {
  return `Bar: ratio of the medians of ${about.rounds} rounds; whisker: lowest to highest round; ${better} is better`;
}

function underlayChart(run: Run, underlay: string, reference: string, chart: Chart): string | undefined {
  const isPeer = (name: string) => PEERS.some(peer => peer.name === name);
  const names = run.subjects.map(({ name }) => name).filter(name => name !== reference && !isPeer(name));
  const groups = run.metrics
    .filter(({ id }) => chart.metrics.includes(id))
    .map(({ id, title }) => ({
      name: title,
      bars: names.flatMap(name => bar(run, underlay, id, name, reference, name)),
    }))
    .filter(({ bars }) => bars.length > 0);
  if (groups.length === 0) return undefined;
  const series = names.filter(name =>
    groups.some(({ bars }) => bars.some(({ series: own }) => own === name)),
  );
  return barChart({
    title: `${underlay}: ${chart.title}`,
    subtitle: subtitle(run, chart.better),
    label: `of ${reference}`,
    suffix: ' ×',
    series,
    groups,
    reference: { value: 1, label: reference },
  });
}

/** Every subject in a group of its own, because there are more of them than one can tell apart by colour. */
function othersChart(run: Run): string | undefined {
  const metrics = run.metrics.filter(({ id }) => OTHERS_METRICS.includes(id));
  const groups: BarGroup[] = run.subjects
    .filter(({ name }) => name !== KERNEL_VXLAN)
    .map(({ name }) => ({
      name,
      bars: metrics.flatMap(({ id, title }) => bar(run, OTHERS_UNDERLAY, id, name, KERNEL_VXLAN, title)),
    }))
    .filter(({ bars }) => bars.length > 0);
  if (!groups.some(({ name }) => PEERS.some(peer => peer.name === name))) return undefined;
  const isShown = (title: string) => groups.some(({ bars }) => bars.some(({ series }) => series === title));
  return barChart({
    title: `${OTHERS_UNDERLAY}: other overlays`,
    subtitle: subtitle(run, 'more'),
    label: `of ${KERNEL_VXLAN}`,
    suffix: ' ×',
    series: metrics.map(({ title }) => title).filter(isShown),
    groups: groups.map(({ name, bars }) => ({ name, bars: bars.map(withoutTarget) })),
    reference: { value: 1, label: KERNEL_VXLAN },
  });
}

function withoutTarget({ series, median, min, max }: Bar): Bar {
  return { series, median, min, max };
}

function bar(
  run: Run,
  underlay: string,
  metric: string,
  subject: string,
  reference: string,
  series: string,
): Bar[] {
  const ratio = ratioOf(
    find(run.results, underlay, metric, subject),
    find(run.results, underlay, metric, reference),
  );
  if (ratio === undefined) return [];
  const bound = TARGETS.find(
    target =>
      target.underlay === underlay &&
      target.metric === metric &&
      target.subject === subject &&
      target.against === reference,
  )?.bound;
  if (bound === undefined) return [{ series, ...ratio }];
  const target =
    'atLeast' in bound
      ? ({ value: bound.atLeast, better: 'more' } as const)
      : ({ value: bound.atMost, better: 'less' } as const);
  return [{ series, ...ratio, target }];
}
