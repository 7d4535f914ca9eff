/** The alerts and the dashboard in docs/, held to the metrics that there are, with promtool as the judge of syntax and behaviour. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { parse } from 'yaml';
import { packageRoot } from '../package-info.ts';
import { readDoc } from '../testing/docs.ts';
import { runPromtool } from '../testing/promtool.ts';
import { tempDirectory } from '../testing/temp-directory.ts';
import { definitionOf, METRIC_NAMES, type MetricName } from './definitions.ts';

const RULES = join(packageRoot, 'docs/prometheus/weft.rules.yaml');
const RULE_TESTS = join(packageRoot, 'docs/prometheus/weft.rules.test.yaml');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat?: string }[];
}

interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] };
}

async function rules(): Promise<readonly Rule[]> {
  const { groups } = parse(await readFile(RULES, 'utf8')) as {
    readonly groups: readonly { readonly rules: readonly Rule[] }[];
  };
  return groups.flatMap(group => group.rules);
}

async function dashboard(): Promise<Dashboard> {
  return JSON.parse(await readDoc('grafana/weft.json')) as Dashboard;
}

/** Labels that Prometheus adds to what it scrapes. */
const OF_THE_SCRAPE = ['job', 'instance'];

/** What an expression uses that is not there: metrics, labels of them, values of labels. */
function unknownIn(expr: string): readonly string[] {
  const used = [...expr.matchAll(/\b((?:weft|process)_[a-z0-9_]+)(?:\{([^}]*)\})?/g)];
  return used.flatMap(([, series = '', matchers = '']) => {
    const name = METRIC_NAMES.find(metric => metric === series || isPartOf(series, metric));
    if (name === undefined) return [series];
    const part = definitionOf(name).type === 'histogram' && series.endsWith('_bucket') ? ['le'] : [];
    const known = [...definitionOf(name).labels, ...part, ...OF_THE_SCRAPE];
    const labels = [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label);
    return labels.filter(label => !known.includes(label)).map(label => `${series}{${label}}`);
  });
}

function isPartOf(series: string, metric: MetricName): boolean {
  return (
    definitionOf(metric).type === 'histogram' && new RegExp(`^${metric}_(bucket|count|sum)$`).test(series)
  );
}

test('unknownIn finds what is not there', t => {
  t.deepEqual(unknownIn('rate(weft_drops_total{reason="runt",job="x"}[5m]) + process_max_fds'), []);
  t.deepEqual(unknownIn('weft_drop_total / weft_drops_total{why="x"}'), [
    'weft_drop_total',
    'weft_drops_total{why}',
  ]);
  t.deepEqual(unknownIn('weft_cni_call_seconds_bucket{le="1"} + weft_cni_call_seconds_sum{le="1"}'), [
    'weft_cni_call_seconds_sum{le}',
  ]);
  t.deepEqual(unknownIn('weft_claims_bucket'), ['weft_claims_bucket']);
});

test('alerts: promtool accepts them, and each fires where it should and is silent where it should not', async t => {
  const checked = await runPromtool(['check', 'rules', RULES]);
  t.is(checked.code, 0, checked.output);
  const tested = await runPromtool(['test', 'rules', RULE_TESTS]);
  t.is(tested.code, 0, tested.output);
  const { tests } = parse(await readFile(RULE_TESTS, 'utf8')) as {
    readonly tests: readonly { readonly name: string }[];
  };
  const names = (await rules()).map(({ alert }) => alert);
  t.deepEqual(
    tests.map(({ name }) => name).toSorted(),
    names.flatMap(name => [`${name} fires`, `${name} is silent`]).toSorted(),
  );
});

test('alerts are made of metrics that there are, and say how bad it is and what to do', async t => {
  for (const { alert, expr, labels, annotations } of await rules()) {
    t.regex(alert, /^Weft[A-Z][A-Za-z]+$/);
    t.deepEqual(unknownIn(expr), [], alert);
    t.true(['info', 'warning', 'critical'].includes(labels.severity), alert);
    t.true(annotations.summary.length > 20 && annotations.description.length > 10, alert);
  }
});

test('the dashboard is made of metrics that there are, in expressions that Prometheus can read', async t => {
  const { panels, templating } = await dashboard();
  const targets = panels.flatMap(({ title, targets: all = [] }) => all.map(target => ({ title, ...target })));
  t.true(targets.length > 50);
  for (const { title, expr, legendFormat = '' } of targets) {
    t.deepEqual(unknownIn(expr), [], title);
    // A label of the legend has to be left over by the aggregation.
    for (const [, label = ''] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
      const kept = [...expr.matchAll(/\bby \(([^)]*)\)/g)].map(([, list = '']) => list.split(', '));
      t.true(kept.length === 0 || kept.some(list => list.includes(label)), `${title}: ${label}`);
    }
  }
  for (const { name, definition = '' } of templating.list) t.deepEqual(unknownIn(definition), [], name);
  // promtool reads expressions as those of rules; Grafana fills in its variables before it asks.
  const records = targets.map(({ expr }, i) => ({
    record: `panel:${i}`,
    expr: expr.replaceAll('$__rate_interval', '5m').replaceAll(/\$(job|instance|network)/g, '.*'),
  }));
  const file = join(await tempDirectory(t), 'panels.json');
  await writeFile(file, JSON.stringify({ groups: [{ name: 'panels', rules: records }] }));
  const { code, output } = await runPromtool(['check', 'rules', file]);
  t.is(code, 0, output);
});

test('the dashboard shows every metric but a few, in panels that lie beside each other', async t => {
  const { panels } = await dashboard();
  const shown = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)).join('\n');
  const left = METRIC_NAMES.filter(name => !new RegExp(`\\b${name}(_bucket|_count)?\\b`).test(shown));
  t.true(left.length <= 36, left.join(' '));
  t.is(new Set(panels.map(({ id }) => id)).size, panels.length);
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
  );
  t.is(new Set(cells).size, cells.length);
  t.true(panels.every(({ gridPos: { x, w } }) => x + w <= 24));
});
