/**
 * The unit under a real systemd, hardened as it is: it says when it is ready, how it is, and is ended and started anew when it hangs.
 *
 *   a-c1 198.18.0.1 ── [ systemd ── weft.service   a ] ══ [ weft b ] ── b-c1 198.18.0.2
 */
import { join } from 'node:path';
import test from 'ava';
import { systemClock } from '../../dataplane/clock.ts';
import type { DoctorReport } from '../doctor/examination.ts';
import { holdThreads, type ThreadKind, threadsOf } from '../lab/hold-threads.ts';
import type { Lab } from '../lab/lab.ts';
import { runCommand } from '../lab/run-command.ts';
import { SystemdHost, UNITS } from '../lab/systemd-host.ts';
import type { Vm } from '../lab/vm.ts';
import { waitFor } from '../lab/wait-for.ts';
import { weftConfig } from '../lab/weft-config.ts';
import { inLab } from './in-lab.ts';
import {
  ATTACH_MODES,
  addAttached,
  addWeftVm,
  assertPing,
  BLUE,
  waitForPeer,
  waitForPing,
} from './overlay.ts';

/** systemd rates from 0 (safe) to 10; the goal of issue 6, times ten. */
const EXPOSURE = 30;

interface Pool {
  readonly host: SystemdHost;
  readonly a: Vm;
  readonly b: Vm;
}

/** `b` is a daemon as in the other tests; `a` a service. */
async function startPool(lab: Lab): Promise<Pool> {
  const a = await lab.addVm('a', { underlay: '192.0.2.1/24' });
  const host = await SystemdHost.boot(a);
  const networks = ATTACH_MODES.map((attach, i) => ({ ...BLUE, name: attach, vni: BLUE.vni + i, attach }));
  const config = weftConfig(a, { networks, override: { paths: {} } });
  await host.write('/etc/weft/weft.yaml', JSON.stringify(config));
  await host.exec('systemctl', ['start', 'weft.service']);
  const b = await addWeftVm(lab, 2, { networks });
  await waitForPeer(b, 'a', 'alive');
  return { host, a, b };
}

test('service: no more exposed than systemd holds for acceptable, and without mistakes', async t => {
  const unit = join(UNITS, 'weft.service');
  const security = ['security', '--offline=yes', `--threshold=${EXPOSURE}`, '--no-pager', unit];
  const { code, stdout } = await runCommand('systemd-analyze', security, { check: false });
  t.is(code, 0, stdout);
});

test('service: ready when it answers, with a status that is kept true; carries traffic, hardened as it is', async t => {
  t.timeout(300_000);
  await inLab(t, 'service', async lab => {
    const { host, a, b } = await startPool(lab);
    // A start of the socket is refused while its service runs.
    await host.exec('systemctl', ['stop', 'weft.service']);
    await host.exec('systemctl', ['start', 'weft-docker.socket', 'weft.service']);
    t.is(await host.property('weft.service', 'SubState'), 'running');
    const status = async () => await host.property('weft.service', 'StatusText');
    await waitFor(async () => (await status()) === '1 of 1 peers alive; 2 networks; 0 containers', {
      what: 'the status to tell of b',
    });
    for (const network of ATTACH_MODES) {
      const i = ATTACH_MODES.indexOf(network);
      const near = await addAttached(a, `c${i}`, { network, addresses: ['198.18.0.1/24'] });
      await addAttached(b, `c${i}`, { network, addresses: ['198.18.0.2/24'] });
      await waitForPing(near, '198.18.0.2');
      await assertPing(t, near, '198.18.0.2', { size: 1400 });
    }
    // The hardened daemon can do its part of it; the raw sockets are the command's.
    const doctor = await host.exec('weft', ['doctor', '--json'], { check: false });
    const { findings, not_checked, paths } = JSON.parse(doctor.stdout) as DoctorReport;
    t.deepEqual(
      [findings, not_checked, paths.map(({ peer, there }) => [peer, there])],
      [[], [], [['b', 1500]]],
    );
    await waitFor(async () => (await status()).endsWith('2 containers'), {
      what: 'the status to tell of containers',
    });
    // The socket of the Docker plugin is systemd's: a call starts the service, and waits for it.
    await host.exec('systemctl', ['stop', 'weft.service']);
    t.regex((await host.exec(process.execPath, ['-e', ACTIVATE])).stdout, /NetworkDriver/);
    t.is(await host.property('weft.service', 'SubState'), 'running');
    const journal = await host.journal('weft.service');
    // With its fields and its priority: hardened as it is, it reaches the socket of the journal, and did not fall back to lines.
    t.regex(
      await host.journal('weft.service', ['WEFT_EVENT=ready', 'PRIORITY=6', '_TRANSPORT=journal']),
      / ready node=a event=ready /,
    );
    t.false(/EPERM|not permitted|Read-only/.test(journal), journal);
  });
});

/** What dockerd says first. */
const ACTIVATE = `require('node:http')
  .request({ socketPath: '/run/docker/plugins/weft.sock', path: '/Plugin.Activate', method: 'POST' }, answer =>
    answer.pipe(process.stdout))
  .end('{}')`;

/** Of the watchdog in the test. The unit's own is longer: a busy machine must not end it. */
const WATCHDOG = '[Service]\nWatchdogSec=2s\n';

test('service: a main loop, a worker or an addon that hangs is ended, and comes back with all containers', async t => {
  t.timeout(300_000);
  await inLab(t, 'watchdog', async lab => {
    const { host, a, b } = await startPool(lab);
    await host.exec('mkdir', ['-p', '/run/systemd/system/weft.service.d']);
    await host.write('/run/systemd/system/weft.service.d/watchdog.conf', WATCHDOG);
    await host.exec('systemctl', ['daemon-reload']);
    await host.exec('systemctl', ['restart', 'weft.service']);
    const near = await addAttached(a, 'c1', { network: 'tap', addresses: ['198.18.0.1/24'] });
    await addAttached(b, 'c1', { network: 'tap', addresses: ['198.18.0.2/24'] });
    await waitForPing(near, '198.18.0.2');
    for (const kind of ['main', 'worker', 'addon'] satisfies ThreadKind[]) {
      const pid = await host.daemonPid('weft.service');
      const threads = threadsOf(pid, kind);
      t.true(threads.length > 0, kind);
      const held = systemClock.now();
      await holdThreads(a, threads);
      const restarted = async () =>
        (await host.property('weft.service', 'SubState')) === 'running' &&
        (await host.daemonPid('weft.service')) !== pid;
      await waitFor(restarted, {
        what: `the service to come back after its ${kind} hangs`,
        timeoutMs: 60_000,
      });
      t.log(`${kind} hangs: a new daemon is ready after ${Math.round(systemClock.now() - held)} ms`);
      await waitForPing(near, '198.18.0.2');
    }
    t.is(await host.property('weft.service', 'NRestarts'), '3');
    t.is((await host.journal('weft.service')).match(/Watchdog timeout/g)?.length, 3);
  });
});
