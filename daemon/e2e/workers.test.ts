/**
 * Several dataplane workers: what the other tests send, through two and four of them; order; restarts with another number.
 *
 *   a-c1 198.18.0.1 ── [ weft a ] ══ switch, MTU 1500, wire-like ══ [ weft b ] ── 198.18.0.2 b-c1
 */
import { readFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import type { Container } from '../lab/container.ts';
import { flowOrder } from '../lab/flow-order.ts';
import type { Host } from '../lab/host.ts';
import { iperf } from '../lab/iperf.ts';
import { KernelVxlan } from '../lab/kernel-vxlan.ts';
import type { Lab } from '../lab/lab.ts';
import { deleteNamespace } from '../lab/namespaces.ts';
import type { Vm } from '../lab/vm.ts';
import { waitFor } from '../lab/wait-for.ts';
import type { StatusReport } from '../operations.ts';
import { inLab } from './in-lab.ts';
import {
  ATTACH_MODES,
  addAttached,
  addWeftVm,
  assertPing,
  assertStream,
  attachPair,
  fdbEntry,
  localEndpoints,
  losses,
  startPair,
  waitForPeer,
  waitForPing,
} from './overlay.ts';

const CASES = ATTACH_MODES.flatMap(attach => [2, 4].map(workers => ({ attach, workers })));
const FLOWS = 48;
const RUNS = 100;

for (const { attach, workers } of CASES) {
  test(`workers (${attach}): ${workers} of them carry pings and streams both ways without a loss`, async t => {
    t.timeout(120_000);
    await inLab(t, `workers-${attach}-${workers}`, async lab => {
      const pair = await startPair(lab, { attach, workers });
      const { c1, c2 } = await attachPair(pair);
      await waitForPing(c1, '198.18.0.2');
      t.is((await pair.a.weftJson<StatusReport>('status')).dataplane.workers, workers);
      await assertPing(t, c1, '198.18.0.2', { count: 200, intervalS: 0.002 });
      await assertPing(t, c2, '198.18.0.1', { size: 1422, dontFragment: true, count: 50, intervalS: 0.002 });
      await assertStream(t, c1, c2, '198.18.0.2', 100_000_000);
      await assertStream(t, c2, c1, '198.18.0.1', 100_000_000);
      for (const vm of [pair.a, pair.b]) t.deepEqual(await losses(vm), []);
    });
  });

  test(`workers (${attach}): no datagram of a flow overtakes another through ${workers} of them`, async t => {
    t.timeout(180_000);
    await inLab(t, `order-${attach}-${workers}`, async lab => {
      const pair = await startPair(lab, { attach, workers });
      const { c1, c2 } = await attachPair(pair);
      await keepOrderOnVeths([pair.a, pair.b, c1, c2]);
      await waitForPing(c1, '198.18.0.2');
      await assertOrder(t, c1, c2);
      await assertTcpOrder(t, c1, c2);
    });
  });
}

/** Its vxlan has a receive queue for each processor (gro_cells), so a sender that moves overtakes itself now and then. */
const KERNEL_OVERTAKEN = 1 / 1000;

test('workers: the same flows pass the kernel vxlan nearly in order, so the lab does not reorder', async t => {
  t.timeout(180_000);
  await inLab(t, 'order-kernel', async lab => {
    const { c1, c2 } = await kernelPair(lab);
    await waitForPing(c1, '198.18.0.2');
    await assertOrder(t, c1, c2, KERNEL_OVERTAKEN);
  });
});

async function kernelPair(lab: Lab): Promise<{ c1: Container; c2: Container }> {
  const [c1, c2] = await Promise.all(
    [1, 2].map(async n => {
      const vm = await lab.addVm(n === 1 ? 'a' : 'b', { underlay: `192.0.2.${n}/24` });
      const kernel = await KernelVxlan.create(vm, { vni: 42, remotes: [`192.0.2.${3 - n}`] });
      const container = await vm.addContainer('c1');
      await kernel.attach(container, { addresses: [`198.18.0.${n}/24`] });
      await keepOrderOnVeths([vm, container]);
      return container;
    }),
  );
  if (c1 === undefined || c2 === undefined) throw new Error('unreachable: two machines were asked for');
  return { c1, c2 };
}

/**
 * A veth hands what it receives to the queue of the processor that sent it (netif_rx), so a sender that moves to another
 * processor overtakes itself, with the kernel's own vxlan too. With GRO on it has one queue of its own (NAPI).
 */
async function keepOrderOnVeths(hosts: readonly Host[]): Promise<void> {
  for (const host of hosts) {
    const links = await host.links();
    for (const { ifname, linkinfo } of links)
      if (linkinfo?.info_kind === 'veth') await host.ethtool(ifname, 'gro', 'on');
  }
}

/** Asserts that UDP flows in both directions at once arrive, and in their order but for a share of `overtaken`. */
async function assertOrder(t: ExecutionContext, c1: Host, c2: Host, share = 0): Promise<void> {
  const reports = await flowOrder(
    [
      { host: c1, address: '198.18.0.1' },
      { host: c2, address: '198.18.0.2' },
    ],
    { flows: FLOWS, runs: RUNS },
  );
  t.log(JSON.stringify(reports));
  for (const { flows, received, overtaken, doubled } of reports) {
    t.is(flows, FLOWS);
    t.true(received > 20 * FLOWS, `${received} datagrams`);
    t.true(overtaken <= share * received, `${overtaken} overtaken`);
    t.is(doubled, 0);
  }
}

/** Asserts that the sender of eight TCP streams finds that segments keep their order on the way. */
async function assertTcpOrder(t: ExecutionContext, from: Host, to: Host): Promise<void> {
  const before = await reorderings(from);
  const { bitsPerSecond } = await iperf(from, to, '198.18.0.2', { streams: 8 });
  t.true(bitsPerSecond > 0);
  // One that was lost and sent again can look like it, now and then; flows that change queues do hundreds of times.
  const found = (await reorderings(from)) - before;
  t.true(found <= 3, `${found} reorderings`);
}

/** How often TCP has learned, from a SACK or a timestamp, that segments had changed places (Linux, net/ipv4/tcp_input.c). */
async function reorderings(host: Host): Promise<number> {
  const { stdout } = await host.exec('cat', ['/proc/net/netstat']);
  const [names = [], values = []] = stdout
    .split('\n')
    .filter(line => line.startsWith('TcpExt:'))
    .map(line => line.split(' '));
  return ['TCPSACKReorder', 'TCPRenoReorder', 'TCPTSReorder'].reduce((sum, name) => {
    const value = Number(values[names.indexOf(name)]);
    if (Number.isNaN(value)) throw new Error(`the kernel has no counter ${name}`);
    return sum + value;
  }, 0);
}

for (const attach of ATTACH_MODES) {
  test(`workers (${attach}): another number at a restart serves the containers that are there`, async t => {
    t.timeout(120_000);
    await inLab(t, `number-${attach}`, async lab => {
      const pair = await startPair(lab, { attach, workers: 1 });
      const { c1, c2 } = await attachPair(pair);
      await waitForPing(c1, '198.18.0.2');
      for (const workers of [4, 2, 1]) {
        await restartWith(pair.a, workers);
        t.is((await pair.a.weftJson<StatusReport>('status')).dataplane.workers, workers);
        await waitForPing(c1, '198.18.0.2', 20_000);
        await waitForPing(c2, '198.18.0.1');
        if (attach === 'bridge') t.is(await isMultiQueue(pair.a, 'wt-blue'), workers > 1);
        t.is((await localEndpoints(pair.a)).length, 1);
      }
      // An interface that was made for one worker is written to by all of them.
      await restartWith(pair.a, 4);
      await waitForPing(c1, '198.18.0.2', 20_000);
      await assertOrder(t, c1, c2);
    });
  });

  test(`workers (${attach}): a namespace that is deleted takes its endpoint along in all workers`, async t => {
    await inLab(t, `gone-${attach}`, async lab => {
      const a = await addWeftVm(lab, 1, { attach, workers: 4 });
      const c1 = await addAttached(a, 'c1', { addresses: ['198.18.0.1/24'] });
      const c2 = await addAttached(a, 'c2', { addresses: ['198.18.0.2/24'] });
      const mac = (await c2.link('eth0')).address;
      await waitForPing(c1, '198.18.0.2');
      await deleteNamespace(c2.netns);
      await waitFor(async () => (await localEndpoints(a)).length === 1, {
        what: 'the endpoint to be forgotten',
      });
      await waitFor(async () => (await fdbEntry(a, mac)) === undefined, { what: 'its entry to go' });
      // Its address is free again, for another container.
      const c3 = await addAttached(a, 'c3', { addresses: ['198.18.0.2/24'] });
      await waitForPing(c3, '198.18.0.1');
      await assertPing(t, c1, '198.18.0.2');
      t.notRegex(a.daemon.stdout, /"level":(50|60|"error"|"fatal")/);
    });
  });
}

test('workers: what one has learned keeps the others from flooding', async t => {
  await inLab(t, 'learned', async lab => {
    const pair = { a: await addWeftVm(lab, 1, { workers: 4 }), b: await addWeftVm(lab, 2, { workers: 4 }) };
    const third = await addWeftVm(lab, 3, { workers: 4 });
    for (const name of ['b', 'c']) await waitForPeer(pair.a, name, 'alive');
    const { c1 } = await attachPair(pair);
    await waitForPing(c1, '198.18.0.2');
    const received = async () => (await third.weftJson<StatusReport>('status')).dataplane.rx_packets;
    const sent = async () => (await pair.a.weftJson<StatusReport>('status')).dataplane.tx_packets;
    const before = { sent: await sent(), received: await received() };
    // Each datagram is a flow of its own. What answers them, ICMP, is one flow: most workers never see c2 as a source.
    const flows = 'for i in $(seq 2000); do echo > /dev/udp/198.18.0.2/$((20000 + i)); done';
    await c1.exec('bash', ['-c', `(${flows}) 2> /dev/null`]);
    const toOthers = (await received()) - before.received;
    const all = (await sent()) - before.sent;
    t.true(all > 1000, `${all} datagrams sent`);
    t.true(toOthers < all / 20, `${toOthers} of ${all} were flooded`);
  });
});

test('workers: a TAP with several queues that somebody deletes is made again, and said once', async t => {
  await inLab(t, 'queues-deleted', async lab => {
    const pair = await startPair(lab, { workers: 4 });
    const { c1 } = await attachPair(pair);
    await waitForPing(c1, '198.18.0.2');
    await pair.a.ip('link del dev wt-blue');
    await pair.a.daemon.waitForOutput('put back what somebody had deleted or changed');
    await waitForPing(c1, '198.18.0.2');
    t.is(pair.a.daemon.stdout.match(/a TAP device was deleted/g)?.length, 1);
    t.true(await isMultiQueue(pair.a, 'wt-blue'));
  });
});

/** Stops the daemon and starts it with this many workers. */
async function restartWith(vm: Vm, workers: number): Promise<void> {
  await vm.kill9();
  const config = JSON.parse(readFileSync(vm.configPath, 'utf8')) as Record<string, unknown>;
  vm.writeConfig(JSON.stringify({ ...config, dataplane: { workers } }));
  await vm.restartWeft();
}

async function isMultiQueue(vm: Vm, ifname: string): Promise<boolean> {
  const [link] = await vm.ipJson<{ linkinfo: { info_data: { multi_queue: boolean } } }[]>(
    'link',
    'show',
    'dev',
    ifname,
  );
  return link?.linkinfo.info_data.multi_queue === true;
}
