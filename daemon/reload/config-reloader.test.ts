import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { Timer } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import { formatHostPort } from '../config/host-port.ts';
import { parseConfig } from '../config/load.ts';
import { memoryLog } from '../testing/memory-log.ts';
import { tempDirectory } from '../testing/temp-directory.ts';
import type { ReloadTarget } from './apply-changes.ts';
import { ConfigLoads } from './config-loads.ts';
import { ConfigReloader } from './config-reloader.ts';

const BASE = 'node: { name: vm-a }\nnetworks: [{ name: blue, vni: 42 }]\n';
const RED =
  'node: { name: vm-a }\nnetworks: [{ name: blue, vni: 42 }, { name: red, vni: 44 }]\ngossip: { join: [192.0.2.2] }\nlog: { level: debug }\nmetrics: { listen: 127.0.0.1:9473 }\n';

const DONE = ['metrics 127.0.0.1:9473', 'network none -> red', 'join 192.0.2.2:7946', 'level debug'];
const UNDONE = ['level info', 'join ', 'network red -> none, even in use', 'metrics none'];

/** Its timers are early by a part of a millisecond, as those of libuv are, whose loop counts whole ones. */
class EarlyClock extends ManualClock {
  override after(ms: number, callback: () => void): Timer {
    return super.after(ms - 0.4, callback);
  }
}

async function rig(t: ExecutionContext, clock = new ManualClock()) {
  const path = join(await tempDirectory(t), 'weft.yaml');
  await writeFile(path, BASE);
  const { log, lines } = memoryLog();
  const loads = new ConfigLoads({ clock });
  const steps: string[] = [];
  /** Steps that begin so fail. */
  const failing = new Set<string>();
  const told: string[] = [];
  const step = (text: string): void => {
    if ([...failing].some(start => text.startsWith(start))) {
      throw new WeftError('system', `cannot ${text}`, { hint: 'look' });
    }
    steps.push(text);
  };
  const target: ReloadTarget = {
    check: () => {
      if (failing.has('check')) throw new WeftError('conflict', 'containers are in the way');
    },
    setJoin: to => step(`join ${to.map(formatHostPort).join()}`),
    changeNetwork: async (from, to, { evenInUse }) =>
      step(
        `network ${from?.name ?? 'none'} -> ${to?.name ?? 'none'}${evenInUse && to === undefined ? ', even in use' : ''}`,
      ),
    setLogLevel: level => step(`level ${level}`),
    listenForMetrics: async listen =>
      step(`metrics ${listen === undefined ? 'none' : formatHostPort(listen)}`),
  };
  const reloader = new ConfigReloader(
    {
      clock,
      log,
      loads,
      target,
      manager: { reloading: () => told.push('reloading'), ready: () => told.push('ready') },
    },
    { path, running: { config: parseConfig(BASE, path), text: BASE } },
  );
  const events = () => lines.map(({ event }) => event);
  const apply = (text: string, confirmMs?: number) =>
    reloader.applyConfig({ text, file: 'new.yaml', confirmMs });
  const take = () => steps.splice(0);
  return { path, clock, loads, failing, told, reloader, events, apply, take };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++)
    await new Promise(resolve => {
      setImmediate(resolve);
    });
}

test('what changes is carried out, in order; the same again is nothing', async t => {
  const { apply, events, loads, path, reloader, take } = await rig(t);
  const report = await apply(RED);
  t.deepEqual(take(), DONE);
  t.is(report.path, path);
  t.is(report.confirm_s, null);
  t.true(report.changes.includes('networks[red]: added, VNI 44'));
  t.deepEqual((await apply(RED)).changes, []);
  t.deepEqual(take(), []);
  t.deepEqual(events(), ['config_reloaded', 'config_unchanged']);
  t.true(loads.report().isSuccessful);
  const { config, pending, refused } = await reloader.showConfig();
  t.like(config, { log: { level: 'debug' }, gossip: { join: ['192.0.2.2:7946'] } });
  t.deepEqual([pending, refused], [null, null]);
});

for (const [failed, at] of [...DONE.entries()].map(([index, text]) => [text, index] as const)) {
  test(`a failure of "${failed}" undoes what was done before it`, async t => {
    const { apply, events, failing, loads, reloader, take } = await rig(t);
    failing.add(failed);
    await t.throwsAsync(apply(RED), { message: `cannot ${failed}` });
    t.deepEqual(take(), [...DONE.slice(0, at), ...UNDONE.slice(UNDONE.length - at)]);
    t.deepEqual(events(), ['config_refused']);
    t.false(loads.report().isSuccessful);
    t.regex(reloader.note(), /reload refused: cannot .*nothing has changed/);
    t.like((await reloader.showConfig()).config, { log: { level: 'info' } });
    failing.clear();
    await apply(RED);
    t.deepEqual(take(), DONE, 'from the former configuration');
    t.is(reloader.note(), '');
  });
}

test('what cannot be undone is said', async t => {
  const { apply, failing, events } = await rig(t);
  failing.add('level').add('metrics none');
  const error = await t.throwsAsync(apply(RED), { instanceOf: WeftError });
  t.regex(error.hint ?? '', /not all could be undone/);
  t.deepEqual(events(), ['undo_failed', 'config_refused']);
});

test('a wrong file, a key that needs a restart and a check that fails change nothing', async t => {
  const { apply, failing, take } = await rig(t);
  await t.throwsAsync(apply(`${RED}vxlan: { port: none }\n`), {
    message: 'new.yaml:6: vxlan.port: "none" is not a UDP port; write a whole number from 1 to 65535',
  });
  await t.throwsAsync(apply(`${RED}vxlan: { port: 4790 }\npaths: { state: /tmp/weft }\n`), {
    message: 'new.yaml: paths.state, vxlan.port change only with a restart',
  });
  failing.add('check');
  await t.throwsAsync(apply(RED), { message: 'containers are in the way' });
  t.deepEqual(take(), []);
});

test('what is not confirmed is rolled back', async t => {
  const { apply, clock, events, reloader, take } = await rig(t);
  t.is((await apply(RED, 60_000)).confirm_s, 60);
  t.deepEqual(take(), DONE);
  await t.throwsAsync(apply(BASE), { message: 'the last change of the configuration waits to be confirmed' });
  clock.advance(20_000);
  t.like((await reloader.showConfig()).pending, { remaining_s: 40 });
  clock.advance(39_999);
  await settle();
  t.deepEqual(take(), []);
  clock.advance(1);
  await settle();
  t.deepEqual(take(), UNDONE);
  t.deepEqual(events(), ['config_reloaded', 'config_refused', 'config_rolled_back']);
  await t.throwsAsync(reloader.confirmConfig(), { message: /waits to be confirmed/ });
  t.like((await reloader.showConfig()).config, { log: { level: 'info' } });
});

test('what is not confirmed is rolled back by a timer that is early, too', async t => {
  const { apply, clock, reloader, take } = await rig(t, new EarlyClock());
  await apply(RED, 60_000);
  take();
  clock.advance(59_999.7);
  await settle();
  t.deepEqual(take(), UNDONE);
  t.is((await reloader.showConfig()).pending, null);
});

test('what is confirmed stays', async t => {
  const { apply, clock, reloader, take } = await rig(t);
  await apply(RED, 60_000);
  t.is((await reloader.confirmConfig()).text, RED);
  clock.advance(120_000);
  await settle();
  t.deepEqual(take(), DONE);
  t.is(reloader.note(), '');
});

test('a reload takes the file, and tells the service manager when it is over', async t => {
  const { events, path, reloader, take, told } = await rig(t);
  await writeFile(path, RED);
  await reloader.reload();
  t.deepEqual(take(), DONE);
  await writeFile(path, 'nonsense: 1\n');
  await reloader.reload();
  t.deepEqual(take(), []);
  t.deepEqual(told, ['reloading', 'ready', 'reloading', 'ready']);
  t.deepEqual(events(), ['config_reloaded', 'config_refused']);
  t.regex(reloader.note(), /weft\.yaml:1: nonsense: unknown key/);
  await reloader.stop();
  await t.throwsAsync(reloader.reload(), { message: 'the daemon is stopping' });
});
