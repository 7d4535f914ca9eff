import test from 'ava';
import { runPromtool } from '../testing/promtool.ts';
import { formatMetrics } from './exposition.ts';
import { formatFor } from './metric-format.ts';
import { type Sample, sample } from './samples.ts';

const SAMPLES: readonly Sample[] = [
  sample('weft_collect_seconds', 0.25, {}),
  sample('weft_drops_total', 3, { network: 'blue', reason: 'runt' }),
  sample('process_max_fds', Number.POSITIVE_INFINITY, {}),
  sample('weft_drops_total', 2 ** 40, { network: '', reason: 'unknown_vni' }),
  sample('weft_path_info', 1, { vtep: '2001:db8::2', interface: 'a"b\\c\nd', sender: 'plain' }),
  sample(
    'weft_cni_call_seconds',
    {
      buckets: [
        { le: 0.5, count: 1 },
        { le: Number.POSITIVE_INFINITY, count: 2 },
      ],
      sum: 1.5,
    },
    { command: 'ADD', outcome: 'ok' },
  ),
];

test('the text format of Prometheus', async t => {
  t.is(
    await formatMetrics(SAMPLES, 'text'),
    `# HELP process_max_fds File descriptors that may be open at one time.
# TYPE process_max_fds gauge
process_max_fds +Inf
# HELP weft_collect_seconds How long it took to gather these metrics.
# TYPE weft_collect_seconds gauge
weft_collect_seconds 0.25
# HELP weft_drops_total Frames that were dropped; weft drops says what each reason means.
# TYPE weft_drops_total counter
weft_drops_total{network="blue",reason="runt"} 3
weft_drops_total{network="",reason="unknown_vni"} 1099511627776
# HELP weft_path_info Always 1; the underlay device by which another VTEP is reached, and how TCP leaves for it.
# TYPE weft_path_info gauge
weft_path_info{vtep="2001:db8::2",interface="a\\"b\\\\c\\nd",sender="plain"} 1
# HELP weft_cni_call_seconds How long calls of the CNI plugin took.
# TYPE weft_cni_call_seconds histogram
weft_cni_call_seconds_bucket{command="ADD",outcome="ok",le="0.5"} 1
weft_cni_call_seconds_bucket{command="ADD",outcome="ok",le="+Inf"} 2
weft_cni_call_seconds_sum{command="ADD",outcome="ok"} 1.5
weft_cni_call_seconds_count{command="ADD",outcome="ok"} 2
`,
  );
});

test('OpenMetrics 1.0: units, counters by their family, an end', async t => {
  t.is(
    await formatMetrics(SAMPLES.slice(0, 2), 'openmetrics'),
    `# HELP weft_collect_seconds How long it took to gather these metrics.
# UNIT weft_collect_seconds seconds
# TYPE weft_collect_seconds gauge
weft_collect_seconds 0.25
# HELP weft_drops Frames that were dropped; weft drops says what each reason means.
# TYPE weft_drops counter
weft_drops_total{network="blue",reason="runt"} 3
# EOF
`,
  );
  const bytes = await formatMetrics([sample('weft_underlay_sent_bytes_total', 9, {})], 'openmetrics');
  t.true(bytes.includes('# UNIT weft_underlay_sent_bytes bytes\n'));
});

test('promtool reads it', async t => {
  const { code, output } = await runPromtool(['check', 'metrics'], await formatMetrics(SAMPLES, 'text'));
  t.deepEqual({ code, output }, { code: 0, output: '' });
});

test('a scraper gets OpenMetrics when it names it', t => {
  // Of Prometheus 2.42.
  const prometheus =
    'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
  t.is(formatFor(prometheus), 'openmetrics');
  t.is(formatFor('*/*'), 'text');
  t.is(formatFor(undefined), 'text');
});
