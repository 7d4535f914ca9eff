/**
 * Three machines whose package is upgraded one after the other, and then taken back one after the other, under traffic between all of them.
 *
 *   a-c1, a-g1 ── [ systemd: weft a ] ══╗        dpkg -i NEXT on a, b, c, then dpkg -i THIS on a, b, c
 *   b-c1, b-g1 ── [ systemd: weft b ] ══╬        pings and TCP: a-c1 ► b-c1 ► c-c1 ► a-c1, pings: a-g1 ► b-g1 ► c-g1 ► a-g1
 *   c-c1, c-g1 ── [ systemd: weft c ] ══╝        blue (c1) has static addresses, green (g1) a pool
 *
 * WEFT_UPGRADE_TO=FILE.deb: the package of another commit (`npm run package` there). WEFT_PINGS, WEFT_RATE: as in continuity.test.ts. WEFT_STREAMS=1: TCP and
 * so many pings on a-c1 ► b-c1 only, as in continuity.test.ts; three unlimited streams fill a machine of two processors that all three VMs share.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { quantilesOf } from '../../control/testing/quantiles.ts';
import type { Container } from '../lab/container.ts';
import type { Lab } from '../lab/lab.ts';
import { formatTimeline } from '../lab/restart-timeline.ts';
import { SystemdHost } from '../lab/systemd-host.ts';
import type { Vm } from '../lab/vm.ts';
import { waitFor } from '../lab/wait-for.ts';
import { weftConfig } from '../lab/weft-config.ts';
import { version } from '../package-info.ts';
import { makePackages } from '../packaging/make-packages.ts';
import { inLab } from './in-lab.ts';
import { addAuto, createNetwork } from './made-network.ts';
import { addAttached, BLUE, waitForPeer, waitForPing } from './overlay.ts';
import { cutConnections, Pinging, type PingingEnd } from './pinging.ts';

const { WEFT_UPGRADE_TO, WEFT_PINGS = '100', WEFT_RATE = '30M', WEFT_STREAMS = '3' } = process.env;
const PINGS_A_SECOND = Number(WEFT_PINGS);
const STREAMS = Number(WEFT_STREAMS);
/** On the other paths: whether an address is cut off is seen, and no more of the processors taken. */
const FEW_PINGS_A_SECOND = 50;
/** At higher rates the queue of a TAP, 500 frames, may overflow. */
const FITS = WEFT_PINGS === '100' && WEFT_RATE === '30M';
/** Not how fast it is, which is printed. */
const LONGEST_GAP_MS = 20_000;
/** After each exchange all is to be quiet for so long, in milliseconds. */
const CALM_MS = 1000;
/** Without an exchange, in milliseconds; at full load ping sends a third of what it is to, so that it takes as long as one. */
const BEFORE_MS = 2000;
const UNIT = 'weft.service';
const NAMES = ['a', 'b', 'c'] as const;

interface Machine {
  readonly vm: Vm;
  readonly host: SystemdHost;
  readonly address: string;
}

let directory = '';
let former = '';
let next = '';

test.before(async t => {
  t.timeout(300_000);
  directory = mkdtempSync(join(tmpdir(), 'weft-upgrade-'));
  former = (await makePackages(join(directory, 'former'))).debian;
  next = WEFT_UPGRADE_TO ?? (await makePackages(join(directory, 'next'), { version: `${version}9` })).debian;
});

test.after.always(() => rmSync(directory, { recursive: true, force: true }));

/** Installs a package. What it depends on is on this machine, though not from Debian: see install.test.ts. */
async function install({ host }: Machine, file: string): Promise<void> {
  host.copyIn(file, '/root/weft.deb');
  const args = ['-i', '--force-depends', '--force-downgrade', '/root/weft.deb'];
  await host.exec('dpkg', args, { timeoutMs: 120_000 });
}

async function runningVersion({ vm }: Machine): Promise<string> {
  return (await vm.api.status()).node.version;
}

/** A machine with the former package, its service and a container. */
async function start(lab: Lab, name: string, n: number): Promise<{ machine: Machine; container: Container }> {
  const vm = await lab.addVm(name, { underlay: `192.0.2.${n}/24` });
  const host = await SystemdHost.boot(vm, { hasWeft: false });
  const machine = { vm, host, address: `198.18.0.${n}` };
  const gossip = { join: n === 1 ? [] : ['192.0.2.1'] };
  const config = weftConfig(vm, { networks: [BLUE], override: { paths: {}, gossip } });
  await host.exec('mkdir', ['-p', '/etc/weft']);
  await host.write('/etc/weft/weft.yaml', JSON.stringify(config));
  await install(machine, former);
  await host.exec('systemctl', ['start', UNIT]);
  return { machine, container: await addAttached(vm, 'c1', { addresses: [`${machine.address}/24`] }) };
}

/** Who is pinged, and how often a second. */
interface Path {
  readonly from: Container;
  readonly address: string;
  readonly perSecond: number;
}

/** From each to the next one, and from the last to the first. */
function ring(
  stations: readonly { readonly container: Container; readonly address: string }[],
  perSecond: number,
): Path[] {
  const next = [...stations.slice(1), ...stations.slice(0, 1)];
  return stations.flatMap(({ container }, index) => {
    const to = next[index];
    return to === undefined ? [] : [{ from: container, address: to.address, perSecond }];
  });
}

test('upgrade: three machines, one after the other, to the next version and back, cut nothing', async t => {
  t.timeout(600_000);
  await inLab(t, 'upgrade', async lab => {
    const machines: Machine[] = [];
    const containers: Container[] = [];
    for (const [index, name] of NAMES.entries()) {
      const { machine, container } = await start(lab, name, index + 1);
      machines.push(machine);
      containers.push(container);
    }
    for (const { vm } of machines)
      for (const name of NAMES) if (name !== vm.name) await waitForPeer(vm, name, 'alive');
    const vms = machines.map(({ vm }) => vm);
    await createNetwork(vms, 'green', '--subnet', '198.19.0.0/24');
    const pooled = [];
    for (const vm of vms) pooled.push(await addAuto(vm, 'g1', 'green'));
    const stations = containers.map((container, i) => ({ container, address: `198.18.0.${i + 1}` }));
    const loaded = ring(stations, PINGS_A_SECOND).slice(0, STREAMS);
    const others = ring(stations, FEW_PINGS_A_SECOND).slice(STREAMS);
    const paths = [...loaded, ...others, ...ring(pooled, FEW_PINGS_A_SECOND)];
    for (const { from, address } of paths) await waitForPing(from, address);
    const servers = await Promise.all(
      containers.map(async container => {
        const server = container.spawn('iperf3', ['-s', '--forceflush']);
        await server.waitForOutput('listening');
        return server;
      }),
    );
    const streams = loaded.map(({ from, address }) =>
      from.spawn('iperf3', ['-c', address, '-t', '3600', '-b', WEFT_RATE]),
    );
    const gaps: number[] = [];
    const exchange = async (machine: Machine, file: string): Promise<void> => {
      const { gap, version: running } = await exchangeUnderPings(t, machine, paths, file);
      gaps.push(gap);
      t.log(`${machine.vm.name} runs ${running}`);
    };
    await logWithoutExchange(t, paths);
    for (const machine of machines) await exchange(machine, next);
    const upgraded = await Promise.all(machines.map(runningVersion));
    for (const machine of machines) await exchange(machine, former);
    t.deepEqual(await Promise.all(machines.map(runningVersion)), [version, version, version]);
    if (WEFT_UPGRADE_TO === undefined) for (const each of upgraded) t.not(each, version);

    t.true([...streams, ...servers].every(({ running }) => running));
    for (const container of containers) t.is(await cutConnections(container), 0);
    for (const { vm, host } of machines) {
      const peers = await vm.api.peers();
      t.deepEqual(
        peers.map(({ state }) => state),
        peers.map(() => 'alive'),
      );
      t.is((await vm.api.endpoints()).length, 2 * NAMES.length);
      const [green] = await vm.api.ipam();
      t.like(green, { network: 'green', fenced: false });
      t.notRegex(await host.journal(UNIT), /peer is dead/);
    }
    const { p50, max } = quantilesOf(gaps);
    t.log(`six exchanges: without an answer p50 ${p50} ms, at most ${max} ms`);
  });
});

/** On all paths at once. */
class Pingings {
  private readonly all: readonly { readonly perSecond: number; readonly pinging: Pinging }[];

  constructor(paths: readonly Path[]) {
    this.all = paths.map(({ from, address, perSecond }) => ({
      perSecond,
      pinging: new Pinging(from, address, { perSecond }),
    }));
  }

  /** Returns when on each path there were as many answers more as come in so many milliseconds. */
  async answered(ms: number, what: string): Promise<void> {
    const due = this.all.map(({ perSecond, pinging }) => pinging.received + (ms / 1000) * perSecond);
    await waitFor(async () => this.all.every(({ pinging }, i) => pinging.received >= (due[i] ?? 0)), {
      what,
      timeoutMs: 60_000,
    });
  }

  async end(): Promise<PingingEnd[]> {
    return await Promise.all(this.all.map(({ pinging }) => pinging.end()));
  }
}

/** What the load alone does. */
async function logWithoutExchange(t: ExecutionContext, paths: readonly Path[]): Promise<void> {
  const pingings = new Pingings(paths);
  await pingings.answered(BEFORE_MS, 'answers');
  const gaps = (await pingings.end()).map(({ gapMs }) => gapMs);
  t.log(`no exchange: ${gaps.join(', ')} ms without an answer`);
}

async function exchangeUnderPings(
  t: ExecutionContext,
  machine: Machine,
  paths: readonly Path[],
  file: string,
): Promise<{ gap: number; version: string }> {
  const { vm, host } = machine;
  const former = await host.property(UNIT, 'ExecMainPID');
  const pingings = new Pingings(paths);
  await pingings.answered(CALM_MS / 5, 'answers');
  const cursor = await host.journalEnd();
  await install(machine, file);
  try {
    await waitFor(() => host.runsAnew(UNIT, former), {
      what: `the next weft of ${vm.name}`,
      timeoutMs: 30_000,
    });
  } catch (error) {
    t.log(await host.journal(UNIT));
    throw error;
  }
  await pingings.answered(CALM_MS, 'answers again');
  const ends = await pingings.end();
  const longest = ends.reduce((one, other) => (other.gapMs > one.gapMs ? other : one));
  const gap = longest.gapMs;
  const lost = ends.reduce((sum, end) => sum + end.lost, 0);
  const sent = ends.reduce((sum, end) => sum + end.sent, 0);
  const timeline = formatTimeline(await host.journal(UNIT, ['-o', 'json', `--after-cursor=${cursor}`]), {
    silent: longest.gapAt,
    answers: longest.gapAt + gap,
  });
  const gaps = ends.map(({ gapMs }) => gapMs).join(', ');
  t.log(`${vm.name}: ${gaps} ms without an answer, ${lost} of ${sent} pings lost; ${timeline}`);
  t.true(gap < LONGEST_GAP_MS, `${gap} ms without an answer`);
  if (FITS) t.is(lost, 0);
  return { gap, version: await runningVersion(machine) };
}
