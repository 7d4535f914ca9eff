/**
 * Samples as text, in the two formats that Prometheus reads: its own (0.0.4) and OpenMetrics 1.0. prom-client writes the text; it is
 * given the values as they are, for all of them are counted elsewhere.
 */
import { type Metric, Registry, type RegistryContentType } from 'prom-client';
import { definitionOf, METRIC_NAMES, type MetricDefinition, type MetricName } from './definitions.ts';
import { METRIC_CONTENT_TYPES, type MetricFormat } from './metric-format.ts';
import type { HistogramValue, Sample } from './samples.ts';

/** All samples of a metric stand together, in the order of the definitions. */
export async function formatMetrics(samples: readonly Sample[], format: MetricFormat): Promise<string> {
  const registry = new Registry<RegistryContentType>();
  registry.setContentType(METRIC_CONTENT_TYPES[format]);
  const families = byName(samples);
  const texts: string[] = [];
  for (const name of METRIC_NAMES) {
    const values = families.get(name);
    if (values === undefined) continue;
    // OpenMetrics 1.0, section "Counter": the family is called without the suffix, the sample with it; prom-client puts it there.
    const family = format === 'openmetrics' ? name.replace(/_total$/, '') : name;
    registry.registerMetric(collected(family, definitionOf(name), values));
    texts.push(withUnit(await registry.getSingleMetricAsString(family), family, definitionOf(name), format));
  }
  return `${texts.join('\n')}\n${format === 'openmetrics' ? '# EOF\n' : ''}`;
}

/** Adds the line `# UNIT` of OpenMetrics, which prom-client does not write. */
function withUnit(text: string, family: string, { unit }: MetricDefinition, format: MetricFormat): string {
  if (unit === undefined || format !== 'openmetrics') return text;
  const [help = '', ...rest] = text.split('\n');
  return [help, `# UNIT ${family} ${unit}`, ...rest].join('\n');
}

function byName(samples: readonly Sample[]): ReadonlyMap<MetricName, readonly Sample[]> {
  const families = new Map<MetricName, Sample[]>();
  for (const sample of samples) {
    const family = families.get(sample.name);
    if (family === undefined) families.set(sample.name, [sample]);
    else family.push(sample);
  }
  return families;
}

interface CollectedValue {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** What a registry asks of a metric of its own: registry.js calls nothing else. */
function collected(
  name: string,
  { type, help }: MetricDefinition,
  samples: readonly Sample[],
): Metric<string> {
  const values = samples.flatMap(({ labels, value }): CollectedValue[] =>
    typeof value === 'number' ? [{ labels, value }] : histogram(name, labels, value),
  );
  const metric = { name, help: `${help}.`, type, values, get: () => Promise.resolve({ ...metric }) };
  return metric as unknown as Metric<string>;
}

function histogram(
  name: string,
  labels: Readonly<Record<string, string>>,
  { buckets, sum }: HistogramValue,
): CollectedValue[] {
  const all = buckets.at(-1)?.count ?? 0;
  return [
    ...buckets.map(({ le, count }) => ({
      metricName: `${name}_bucket`,
      labels: { ...labels, le: le === Number.POSITIVE_INFINITY ? '+Inf' : String(le) },
      value: count,
    })),
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: all },
  ];
}
