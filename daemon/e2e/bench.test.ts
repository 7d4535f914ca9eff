/** `npm run bench` as a person runs it: on real paths, to its end and interrupted. */
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { LabProcess } from '../lab/lab-process.ts';
import { labPrefix, listLabDirectories, listLabNamespaces } from '../lab/names.ts';
import { runCommand } from '../lab/run-command.ts';

const BENCH = fileURLToPath(new URL('../../benchmarks/run.js', import.meta.url));

interface Run {
  readonly results: readonly { metric: string; subject: string; samples: readonly (number | null)[] }[];
  readonly omissions: readonly unknown[];
}

/** One of each kind: other numbers of streams and sizes of datagrams take the same way. */
const MEASURES = ['tcp-1', 'both-ways', 'udp-64', 'rr-idle', 'rr-loaded', 'connections', 'idle'];
const METRICS = ['tcp-1', 'both-ways', 'udp-64', 'rr-idle-p50', 'rr-loaded-p50', 'connections'];
/** What only a daemon has. */
const DAEMON_METRICS = [
  'tcp-1-cpu-daemons',
  'tcp-1-packets-per-send',
  'tcp-1-packets-per-receive',
  'idle-cpu',
  'idle-rss',
];

test('each kind of measure gives positive numbers on weft and on what it is held against', async t => {
  const file = join(tmpdir(), `weft-bench-test-${process.pid}.json`);
  t.teardown(() => rmSync(file, { force: true }));
  const subjects = ['no overlay', 'kernel vxlan', 'weft bridge'];
  const what = [
    '--underlay',
    '1gbit',
    '--only',
    subjects.join(),
    '--measures',
    MEASURES.join(),
    '--peers',
    'none',
  ];
  const how = ['--rounds', '1', '--seconds', '0.2', '--json', file];
  const { stdout } = await runCommand(process.execPath, [BENCH, ...what, ...how], { timeoutMs: 110_000 });
  const { results, omissions } = JSON.parse(readFileSync(file, 'utf8')) as Run;
  t.deepEqual(omissions, []);
  for (const subject of subjects) {
    const measured = results.filter(result => result.subject === subject).map(({ metric }) => metric);
    const expected = subject === 'weft bridge' ? [...METRICS, ...DAEMON_METRICS] : METRICS;
    t.deepEqual(
      expected.filter(metric => !measured.includes(metric)),
      [],
      subject,
    );
  }
  for (const { metric, subject, samples } of results) {
    const mayBeNone = /reordered|retransmits/.test(metric);
    t.true(
      samples.every(sample => sample !== null && (mayBeNone ? sample >= 0 : sample > 0)),
      `${subject}: ${metric}`,
    );
  }
  t.true(stdout.includes('Goodput on a card of 1 Gbit/s'));
});

test('interrupted, it leaves nothing behind', async t => {
  const bench = new LabProcess('bench', process.execPath, [BENCH, '--quick', '--peers', 'none']);
  await bench.waitForOutput('building');
  const mine = (name: string) => name.includes(labPrefix(bench.pid, 'bench'));
  await bench.waitForOutput('round 1', 60_000);
  t.true(listLabNamespaces().some(mine));
  await bench.stop('SIGINT');
  t.deepEqual(listLabNamespaces().filter(mine), []);
  t.deepEqual(
    listLabDirectories().filter(({ path }) => mine(path)),
    [],
  );
});
