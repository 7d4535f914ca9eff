/**
 * A wall clock that is a day off, or jumps by a day while the daemon runs: no traffic is lost, nobody is held for dead, no address is given twice, and
 * logs and doctor name it.
 *
 *   a-s1, a-g1, a-g2 ── [ weft a, its clock is libfaketime's ] ══ [ weft b ] ── b-s1, b-g1      blue: static addresses, green: from the pool
 */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { DoctorReport } from '../doctor/examination.ts';
import type { Container } from '../lab/container.ts';
import type { Lab } from '../lab/lab.ts';
import { unansweredPings } from '../lab/ping.ts';
import { type Vm, weftCommand } from '../lab/vm.ts';
import { waitFor } from '../lab/wait-for.ts';
import { inLab } from './in-lab.ts';
import { addAuto, createNetwork } from './made-network.ts';
import { addAttached, addWeftVm, assertPing, BLUE, waitForPeer, waitForPing } from './overlay.ts';

const DAY_MS = 86_400_000;
const PATIENCE_MS = 240_000;

/** The clock that the daemon of one machine goes by; its monotonic ones are true. */
class SetClock {
  private readonly vm: Vm;
  private readonly file: string;

  constructor(t: ExecutionContext, vm: Vm) {
    this.vm = vm;
    this.file = join(vm.directory, 'clock');
    this.set(0);
    t.teardown(() => this.tidy());
  }

  /** Starts the daemon again, which was killed. */
  async restart(): Promise<void> {
    this.tidy();
    await this.vm.restartWeft(this.env);
  }

  /** libfaketime takes these away itself, but not where it is killed. */
  private tidy(): void {
    const { pid } = this.vm.daemon;
    for (const name of [`faketime_shm_${pid}`, `sem.faketime_sem_${pid}`])
      rmSync(join('/dev/shm', name), { force: true });
  }

  /** As of faketime(1); the loader puts the directory of the architecture for $LIB. */
  get env(): Readonly<Record<string, string>> {
    return {
      LD_PRELOAD: '/usr/$LIB/faketime/libfaketimeMT.so.1',
      FAKETIME_TIMESTAMP_FILE: this.file,
      FAKETIME_CACHE_DURATION: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    };
  }

  /** It is so many days ahead from now on: replaced as a whole, for it is read at any moment. */
  set(days: number): void {
    writeFileSync(`${this.file}.new`, days === 0 ? '+0' : `${days > 0 ? '+' : ''}${days}d`);
    renameSync(`${this.file}.new`, this.file);
  }
}

interface Machines {
  readonly a: Vm;
  readonly b: Vm;
  readonly clock: SetClock;
  /** Of `a`: one with a static address, two with addresses of the pool. */
  readonly own: readonly [Container, Container, Container];
  /** From `b`, to which address of `a`. */
  readonly paths: readonly (readonly [from: Container, address: string])[];
}

/** The maker of green alone decides who owns which of its addresses. */
async function start(t: ExecutionContext, lab: Lab, maker: 'a' | 'b'): Promise<Machines> {
  const a = await lab.addVm('a', { underlay: '192.0.2.1/24' });
  const clock = new SetClock(t, a);
  await a.startWeft({ networks: [BLUE] }, clock.env);
  const b = await addWeftVm(lab, 2);
  await Promise.all([waitForPeer(a, 'b', 'alive'), waitForPeer(b, 'a', 'alive')]);
  await createNetwork(maker === 'a' ? [a, b] : [b, a], 'green', '--subnet', '198.19.0.0/24');
  const s1 = await addAttached(a, 's1', { addresses: ['198.18.0.1/24'] });
  const [g1, g2] = [await addAuto(a, 'g1', 'green'), await addAuto(a, 'g2', 'green')];
  const fromBlue = await addAttached(b, 's1', { addresses: ['198.18.0.2/24'] });
  const { container: fromGreen } = await addAuto(b, 'g1', 'green');
  const paths = [
    [fromBlue, '198.18.0.1'],
    [fromGreen, g1.address],
  ] as const;
  for (const [from, address] of paths) await waitForPing(from, address);
  return { a, b, clock, own: [s1, g1.container, g2.container], paths };
}

async function greenOf(vm: Vm) {
  const report = (await vm.api.ipam()).find(({ network }) => network === 'green');
  if (report === undefined) throw new Error(`${vm.name} has no part in green`);
  return { fenced: report.fenced, decided: report.decided, resting: report.spaces[0]?.resting };
}

/** Pings all the time; what is returned ends it, and tells how many there were and which were not answered. */
function pinging(paths: Machines['paths']): () => Promise<{ sent: number; lost: string[] }> {
  let isOver = false;
  let sent = 0;
  const lost: string[] = [];
  const all = paths.map(async ([from, address]) => {
    while (!isOver) {
      const { unanswered, summary } = await unansweredPings(from, address, { count: 40, intervalS: 0.05 });
      sent += 40;
      if (unanswered.length > 0) lost.push(`${from.name} to ${address}: ${unanswered}: ${summary}`);
    }
  });
  return async () => {
    isOver = true;
    await Promise.all(all);
    return { sent, lost };
  };
}

interface Line {
  readonly msg: string;
  readonly peer?: string;
  readonly clock_ms?: number;
}

function logOf(vm: Vm, msg: string): Line[] {
  const lines = `${vm.daemon.stdout}${vm.daemon.stderr}`.split('\n').filter(line => line.startsWith('{'));
  return lines.map(line => JSON.parse(line) as Line).filter(line => line.msg === msg);
}

/** Nobody was held for dead, and nothing was cut off. */
function assertCalm(t: ExecutionContext, ...vms: readonly Vm[]): void {
  for (const vm of vms) {
    for (const msg of [
      'peer does not answer',
      'peer is dead',
      'the addresses of this node may not be used',
      'this node was forgotten: others may have its addresses',
      'what an earlier process has left of the forwarding state cannot be read',
    ]) {
      t.deepEqual(logOf(vm, msg), [], vm.name);
    }
  }
}

/** Seconds by which `vm` finds the clock of the peer ahead; undefined: nothing is wrong. */
async function skewOf(vm: Vm, peer: string): Promise<{ seconds: number | undefined; verdicts: string[] }> {
  const [program, ...args] = weftCommand('--socket', vm.apiSocket, 'doctor', '--json', peer);
  const { stdout } = await vm.exec(program, args, { check: false });
  const { findings } = JSON.parse(stdout) as DoctorReport;
  const sentence = findings.find(({ verdict }) => verdict === 'clock-skew')?.sentence ?? '';
  const [, seconds, where] = /is (\d+\.\d) s (ahead of|behind) that/.exec(sentence) ?? [];
  return {
    seconds: seconds === undefined ? undefined : Number(seconds) * (where === 'behind' ? -1 : 1),
    verdicts: findings.map(({ verdict }) => verdict),
  };
}

/** The daemon has seen the step by its own clock, and its monotonic clock has not moved. */
async function waitForStep(t: ExecutionContext, { a }: Machines, days: number, steps: number): Promise<void> {
  const message = 'the clock of this machine was set, or it stood still';
  const uptime = async (): Promise<number> => (await a.api.status()).node.uptime_s;
  const line = await waitFor(async () => logOf(a, message)[steps - 1], { what: message, timeoutMs: 20_000 });
  t.true(Math.abs(Number(line.clock_ms) - days * DAY_MS) < 1000, JSON.stringify(line));
  t.true((await uptime()) < PATIENCE_MS / 1000);
}

for (const days of [1, -1]) {
  const what = days > 0 ? 'ahead' : 'back';
  test(`clock: set a day ${what} and right again under traffic: nothing is lost, and it is named`, async t => {
    t.timeout(PATIENCE_MS);
    await inLab(t, `clock-${what}`, async lab => {
      const machines = await start(t, lab, 'a');
      const { a, b, clock, paths } = machines;
      t.is((await skewOf(b, 'a')).seconds, undefined);
      const end = pinging(paths);
      const { decided } = await greenOf(a);
      clock.set(days);
      await waitForStep(t, machines, days, 1);
      // It may have been stopped by its hypervisor, and lets itself be confirmed. A voter looks every ten seconds.
      const isAsked = async (): Promise<boolean> => (await greenOf(a)).decided > decided;
      if (days > 0) await waitFor(isAsked, { what: 'a new confirmation', timeoutMs: 30_000 });
      for (const [vm, peer, sign] of [
        [b, 'a', days],
        [a, 'b', -days],
      ] as const) {
        const { seconds, verdicts } = await skewOf(vm, peer);
        t.deepEqual(verdicts, ['clock-skew']);
        t.true(Math.abs((seconds ?? 0) - (sign * DAY_MS) / 1000) < 2, `${seconds} s`);
      }

      // What comes and goes meanwhile is as always: on both, and no address at once again.
      const before = await greenOf(a);
      const { container, address } = await addAuto(a, 'g3', 'green');
      const { address: other } = await addAuto(b, 'g3', 'green');
      await waitForPing(paths[1]?.[0] as Container, address);
      await a.weft(['detach', container.netns, '--network', 'green']);
      const next = await addAuto(a, 'g4', 'green');
      t.is(new Set([address, other, next.address, paths[1]?.[1]]).size, 4);
      t.like(await greenOf(a), { fenced: false, resting: (before.resting ?? 0) + 1 });
      // The one that is behind sees claims before they were made.
      const [behind, ahead] = days > 0 ? [b, 'a'] : [a, 'b'];
      const named = await waitFor(async () => logOf(behind, 'the clock of a peer is ahead of ours')[0], {
        what: 'the peer to be named',
        timeoutMs: 10_000,
      });
      t.is(named.peer, ahead);

      clock.set(0);
      await waitForStep(t, machines, -days, 2);
      await waitForPing(paths[1]?.[0] as Container, next.address);
      t.like(await greenOf(a), { fenced: false, resting: (before.resting ?? 0) + 1 });
      t.deepEqual((await skewOf(b, 'a')).verdicts, []);
      const { sent, lost } = await end();
      t.log(`${sent} pings`);
      t.deepEqual(lost, []);
      assertCalm(t, a, b);
    });
  });

  test(`clock: set a day ${what} between two lives of the daemon, and back between the next two`, async t => {
    t.timeout(PATIENCE_MS);
    await inLab(t, `clock-${what}-restart`, async lab => {
      const { a, b, clock, own, paths } = await start(t, lab, 'b');
      const [, g1, g2] = own;
      const before = (await a.api.endpoints()).map(({ addresses }) => addresses).toSorted();
      const { container } = await addAuto(a, 'g3', 'green');
      await a.weft(['detach', container.netns, '--network', 'green']);
      const { address } = (await addAuto(a, 'g4', 'green')) as { address: string };
      const { resting } = await greenOf(a);
      t.true((resting ?? 0) >= 1);
      for (const now of [days, 0]) {
        // Nobody is there who could confirm its addresses.
        await Promise.all([a.kill9(), b.kill9()]);
        clock.set(now);
        await clock.restart();
        await waitForPing(g2, paths[1]?.[1] as string, 5000);
        t.like(await greenOf(a), { fenced: true, resting }, 'it goes on with what was its own a moment ago');
        await b.restartWeft();
        await Promise.all([waitForPeer(a, 'b', 'alive', 30_000), waitForPeer(b, 'a', 'alive', 30_000)]);
        for (const [from, to] of paths) await waitForPing(from, to);
        await waitFor(async () => !(await greenOf(a)).fenced, {
          what: 'the confirmation',
          timeoutMs: 20_000,
        });
        t.deepEqual((await skewOf(b, 'a')).verdicts, now === 0 ? [] : ['clock-skew']);
        await assertPing(t, g1, address);
        t.is((await greenOf(a)).resting, resting, 'what rests goes on to rest');
        assertCalm(t, a);
      }
      const after = (await a.api.endpoints()).map(({ addresses }) => addresses).toSorted();
      t.deepEqual(
        after.filter(one => one[0] !== `${address}/24`),
        before,
      );
    });
  });
}
