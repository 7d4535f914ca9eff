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

test('every measure gives positive numbers on weft and on what it is held against', async t => {
  const file = join(tmpdir(), `weft-bench-test-${process.pid}.json`);
  t.teardown(() => rmSync(file, { force: true }));
  const what = [
    '--underlay',
    '1gbit',
    '--peers',
    'none',
    '--rounds',
    '1',
    '--seconds',
    '0.2',
    '--json',
    file,
  ];
  const { stdout } = await runCommand(process.execPath, [BENCH, ...what], { timeoutMs: 110_000 });
  const { results, omissions } = JSON.parse(readFileSync(file, 'utf8')) as Run;
  t.deepEqual(omissions, []);
  const measured = (subject: string) =>
    results.filter(result => result.subject === subject).map(({ metric }) => metric);
  const kernel = measured('kernel vxlan');
  for (const metric of [
    'tcp-1',
    'tcp-64',
    'both-ways',
    'udp-64',
    'rr-idle-p50',
    'rr-loaded-p50',
    'connections',
  ])
    t.true(kernel.includes(metric), metric);
  for (const subject of ['weft bridge', 'weft tap']) {
    for (const metric of kernel.filter(id => !id.includes('-p99')))
      t.true(measured(subject).includes(metric), metric);
    for (const metric of ['tcp-1-cpu-daemons', 'tcp-1-packets-per-send', 'idle-cpu', 'idle-rss'])
      t.true(measured(subject).includes(metric), `${subject}: ${metric}`);
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
