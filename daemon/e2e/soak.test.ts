/** `npm run soak` as a person runs it, for seconds: that it does its work. Its figures are not judged here. */
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { LabProcess } from '../lab/lab-process.ts';
import { labPrefix, listLabNamespaces } from '../lab/names.ts';
import { runCommand } from '../lab/run-command.ts';

const SOAK = fileURLToPath(new URL('../../benchmarks/soak/main.js', import.meta.url));
const MBIT = 50;

/** What of the JSON file is looked at here. */
interface Soak {
  readonly windows: readonly {
    readonly deliveredMbit: number;
    readonly pingP50Ms: number | null;
    readonly pingP99Ms: number | null;
    readonly requestP50Us: number | null;
    readonly connectionsPerSecond: number | null;
    readonly udpLoss: number | null;
    readonly daemons: readonly (Readonly<Record<(typeof POSITIVE)[number], number>> & {
      readonly node: string;
      readonly loopDelayP99Ms: number;
    })[];
  }[];
  readonly capacity: Readonly<
    Record<'before' | 'after', Readonly<Record<'weft' | 'kernel', readonly number[]>>>
  >;
  readonly done: Readonly<Record<string, number>>;
  readonly mishaps: readonly unknown[];
  readonly verdicts: readonly { readonly name: string; readonly isMet: boolean }[];
}

const POSITIVE = [
  'rssMb',
  'anonymousMb',
  'heapMb',
  'arenaMb',
  'descriptors',
  'threads',
  'cpuSeconds',
] as const;

test('load flows, everything is sampled, and each verdict is there', async t => {
  const file = join(tmpdir(), `weft-soak-test-${process.pid}.json`);
  t.teardown(() => rmSync(file, { force: true }));
  const args = ['--minutes', '0.2', '--window', '2', '--mbit', `${MBIT}`, '--attach', 'tap', '--json', file];
  const { code, stdout, stderr } = await runCommand(process.execPath, [SOAK, ...args], {
    timeoutMs: 110_000,
    check: false,
  });
  t.log(stdout, stderr);
  const soak = JSON.parse(readFileSync(file, 'utf8')) as Soak;
  t.deepEqual(soak.mishaps, []);
  t.true(soak.windows.length >= 5);
  for (const {
    deliveredMbit,
    pingP50Ms,
    pingP99Ms,
    requestP50Us,
    connectionsPerSecond,
    udpLoss,
    daemons,
  } of soak.windows) {
    t.true(deliveredMbit > MBIT / 10, `${deliveredMbit} Mbit/s`);
    for (const figure of [pingP50Ms, pingP99Ms, requestP50Us, connectionsPerSecond])
      t.true((figure ?? 0) > 0);
    t.true(udpLoss !== null && udpLoss < 1);
    t.deepEqual(
      daemons.map(({ node }) => node),
      ['a', 'b', 'c'],
    );
    for (const daemon of daemons) {
      for (const key of POSITIVE) t.true(daemon[key] > 0, key);
      t.true(daemon.loopDelayP99Ms >= 0);
    }
  }
  for (const { weft, kernel } of [soak.capacity.before, soak.capacity.after])
    for (const rate of [...weft, ...kernel]) t.true(rate > 0);
  for (const what of ['looks', 'moves', 'visits']) t.true((soak.done[what] ?? 0) > 0, what);
  // Nothing of this is a matter of speed.
  for (const name of ['left behind', 'failures of the load'])
    t.true(soak.verdicts.find(verdict => verdict.name === name)?.isMet, name);
  t.is(soak.verdicts.length, 7);
  t.is(code, soak.verdicts.every(({ isMet }) => isMet) ? 0 : 1);
  for (const { name } of soak.verdicts) t.true(stdout.includes(name));
});

for (const [args, message] of [
  [['--hours', 'x'], /--hours.*no number above 0.*--help/],
  [['--json', '/nonexistent/x.json'], /ENOENT.*\/nonexistent\/x\.json/],
] as const) {
  test(`soak ${args.join(' ')}: refused before anything is built`, async t => {
    const { code, stdout, stderr } = await runCommand(process.execPath, [SOAK, ...args], { check: false });
    t.not(code, 0);
    t.is(stdout, '');
    t.regex(stderr.trim(), message);
    t.is(stderr.trim().split('\n').length, 1);
  });
}

test('interrupted, it leaves nothing behind', async t => {
  const soak = new LabProcess('soak', process.execPath, [SOAK]);
  await soak.waitForOutput('measuring what the path carries', 60_000);
  const mine = (name: string) => name.includes(labPrefix(soak.pid, 'soak'));
  t.true(listLabNamespaces().some(mine));
  await soak.stop('SIGINT');
  t.deepEqual(listLabNamespaces().filter(mine), []);
});
