/**
 * The tables on the real kernel, whole: what the daemon's worker has, between a real socket and a real TAP.
 *
 *   dgram socket ══ loopback ══ NativeUdpPort ── Forwarder ── NativeTapPort tap-a ── bridge ── tap-b NativeTapPort
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { constants } from 'node:os';
import test, { type ExecutionContext } from 'ava';
import { parseIp, type VtepAddress } from '../address.ts';
import { Arena } from '../arena.ts';
import { checksumCompleter } from '../checksum-completer.ts';
import { systemClock } from '../clock.ts';
import { Forwarder } from '../forwarder.ts';
import { FrameBatch } from '../frame-batch.ts';
import { LocalPort } from '../local-port.ts';
import { Collector } from '../native/testing/collector.ts';
import { ip, makeNamespace } from '../native/testing/namespace.ts';
import { loopTurn } from '../native/testing/process-state.ts';
import { Network } from '../network.ts';
import { NativeTapPort } from '../tap.ts';
import { openTap } from '../tap-device.ts';
import { concat, udpFrame, vxlanPayload } from '../testing/frames.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { NativeUdpPort } from '../udp.ts';
import { VtepTable } from '../vtep-table.ts';
import { ARP_ROWS, ETHERNET_ROWS } from './ethernet-rows.ts';
import { IPV4_ROWS, IPV6_ROWS } from './ip-rows.ts';
import { OFFLOAD_ROWS, type OffloadRow } from './offload-rows.ts';
import { BLUE, type DatagramRow, INWARD, OUR_MAC, OUTWARD } from './row.ts';
import { ND_ROWS, TCP_ROWS, UDP_ROWS } from './transport-rows.ts';
import { VXLAN_ROWS } from './vxlan-rows.ts';

const { EINVAL } = constants.errno;
const OWN = parseIp('127.0.0.1') as VtepAddress;
const PEER = parseIp('127.0.0.2') as VtepAddress;
const STRANGER = parseIp('127.0.0.9');

const PATIENCE_MS = 5000;

async function until(condition: () => boolean, what: string): Promise<void> {
  const end = systemClock.now() + PATIENCE_MS;
  while (!condition()) {
    if (systemClock.now() > end) throw new Error(`not within ${PATIENCE_MS} ms: ${what}`);
    await loopTurn();
  }
}

interface World {
  readonly network: Network;
  readonly forwarder: Forwarder;
  readonly udp: NativeUdpPort;
  readonly tapB: NativeTapPort;
  readonly arenaB: Arena;
  /** What the container behind the bridge received. */
  readonly container: Collector;
  readonly peer: Socket;
  readonly stranger: Socket;
  /** What the peer's VXLAN socket received. */
  readonly underlay: Buffer[];
}

async function bound(t: ExecutionContext, address: string): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 * 1024 * 1024 });
  t.teardown(() => socket.close());
  socket.bind(0, address);
  await once(socket, 'listening');
  return socket;
}

async function openWorld(t: ExecutionContext): Promise<World> {
  const { name: namespace, path } = makeNamespace(t);
  ip('-n', namespace, 'link', 'add', 'bridge', 'type', 'bridge', 'mcast_snooping', '0', 'ageing_time', '0');
  ip('-n', namespace, 'link', 'set', 'dev', 'bridge', 'up');
  // Where br_netfilter is loaded, bridges drop what iptables could not read. -e: where it is not, there are no such keys.
  const netfilter = ['iptables', 'ip6tables', 'arptables'].map(name => `net.bridge.bridge-nf-call-${name}=0`);
  ip('netns', 'exec', namespace, 'sysctl', '-eqw', ...netfilter);
  const peer = await bound(t, PEER);
  const stranger = await bound(t, STRANGER);
  const underlay: Buffer[] = [];
  peer.on('message', message => underlay.push(message));

  const arena = new Arena();
  const vteps = new VtepTable();
  const forwarder = new Forwarder({
    arena: arena.view,
    answerArea: arena.scratchOffset + 32 * 1024,
    completeChecksum: checksumCompleter({ arena }),
    vteps,
    hashSeed: 1,
  });
  const network = new Network(
    { clock: new ManualClock(), time: { ms: new Float64Array(1) } },
    { name: 'blue', vni: BLUE, mtu: 1450, own: OWN },
  );
  forwarder.addNetwork(network);
  network.setVteps('static', [vteps.intern(PEER, peer.address().port)]);
  const onLost = (errno: number) => t.fail(`a port was lost: ${errno}`);
  const port = new LocalPort('tap-a');
  const attach = (device: string, memory: Arena, onFrames: (batch: FrameBatch, count: number) => void) => {
    const { fd } = openTap({ name: device, netnsPath: path, persist: false });
    const tap = new NativeTapPort({ arena: memory }, { fd }, { onFrames, onLost });
    t.teardown(() => tap.close());
    ip('-n', namespace, 'link', 'set', 'dev', device, 'master', 'bridge', 'up');
    return tap;
  };
  port.use(attach('tap-a', arena, (batch, count) => forwarder.onTapFrames(network, port, batch, count)));
  network.addPort(port);
  network.attach(OUR_MAC, port);
  const arenaB = new Arena({ scratchSize: 256 * 1024 });
  const container = new Collector(arenaB);
  const tapB = attach('tap-b', arenaB, container.onFrames);
  const udp = new NativeUdpPort(
    { arena },
    { address: OWN, port: 0, sourceSockets: 1 },
    { onFrames: (batch, count) => forwarder.onDatagrams(batch, count), onLost },
  );
  t.teardown(() => udp.close());
  forwarder.useUdp(udp);
  return { network, forwarder, udp, tapB, arenaB, container, peer, stranger, underlay };
}

function drops({ forwarder, network }: World): Record<string, number> {
  return { ...forwarder.drops.snapshot(), ...network.drops.snapshot() };
}

function newDrops(world: World, before: Readonly<Record<string, number>>): Record<string, number> {
  const entries = Object.entries(drops(world)).map(
    ([reason, count]) => [reason, count - (before[reason] ?? 0)] as const,
  );
  return Object.fromEntries(entries.filter(([, count]) => count !== 0));
}

const GOOD = [7, 9].map(size => udpFrame({ ...INWARD, sourcePort: 999, payload: new Uint8Array(size) }));

/** Not those that need an outer congestion mark, or an address that cannot be had on a loopback device. */
const ROWS: readonly DatagramRow[] = [
  VXLAN_ROWS,
  ETHERNET_ROWS,
  ARP_ROWS,
  IPV4_ROWS,
  IPV6_ROWS,
  TCP_ROWS,
  UDP_ROWS,
  ND_ROWS,
]
  .flat()
  .filter(({ tos, sender = 'peer' }) => tos === undefined && (sender === 'peer' || sender === 'stranger'));

test('every datagram of the tables, twice between two good ones, through a real socket and a real TAP', async t => {
  const world = await openWorld(t);
  const send = (socket: Socket, bytes: Uint8Array) =>
    new Promise<void>((resolve, reject) => {
      socket.send(bytes, world.udp.port, OWN, error => (error ? reject(error) : resolve()));
    });
  for (const row of ROWS) {
    const what = `${row.family}: ${row.name}`;
    world.network.table.forget(destination => destination.kind === 'vtep');
    const before = drops(world);
    const seen = world.udp.counters.rxFrames;
    world.container.frames.length = 0;
    const from = row.sender === 'stranger' ? world.stranger : world.peer;
    await send(world.peer, vxlanPayload(BLUE, GOOD[0] ?? new Uint8Array(0)));
    await send(from, row.datagram);
    await send(from, row.datagram);
    await send(world.peer, vxlanPayload(BLUE, GOOD[1] ?? new Uint8Array(0)));
    const isLast = () => world.container.frames.at(-1)?.frame.equals(Buffer.from(GOOD[1] ?? [])) ?? false;
    await until(() => world.udp.counters.rxFrames >= seen + 4 && isLast(), what);
    t.deepEqual(newDrops(world, before), row.verdict === 'delivered' ? {} : { [row.verdict]: 2 }, what);
    const between = world.container.frames.slice(1, -1);
    const inner = Buffer.from(row.datagram.subarray(8));
    // Two sound UDP datagrams of one size are one super-frame.
    const isMerged = between.length === 1 && between[0]?.gsoType !== 0;
    const expected =
      row.verdict !== 'delivered' ? [] : isMerged ? between.map(({ frame }) => frame) : [inner, inner];
    t.deepEqual(
      between.map(({ frame }) => frame),
      expected,
      what,
    );
    t.true(world.container.frames[0]?.frame.equals(Buffer.from(GOOD[0] ?? [])), what);
  }
  t.deepEqual(world.underlay, [], 'nothing was answered');
});

function describe(arena: Arena, rows: readonly OffloadRow[]): FrameBatch {
  const batch = new FrameBatch(rows.length);
  let at = arena.scratchOffset;
  rows.forEach(({ frame, offload }, i) => {
    arena.bytes.set(frame, at);
    batch.setOffset(i, at);
    batch.setLength(i, frame.length);
    batch.setFlags(i, offload.flags);
    batch.setGsoType(i, offload.gsoType);
    batch.setGsoSize(i, offload.gsoSize);
    batch.setCsumStart(i, offload.csumStart);
    batch.setCsumOffset(i, offload.csumOffset);
    at += frame.length;
  });
  return batch;
}

const FENCE: OffloadRow = {
  name: 'a good one',
  frame: udpFrame({ ...OUTWARD, sourcePort: 998 }),
  offload: { flags: 0, gsoType: 0, gsoSize: 0, csumStart: 0, csumOffset: 0 },
  sent: [],
};

test('every offload of the tables, between two good ones, written to a real TAP: refused, or on the wire as meant', async t => {
  const world = await openWorld(t);
  for (const row of OFFLOAD_ROWS.filter(({ readOnly }) => readOnly !== true)) {
    const before = drops(world);
    world.underlay.length = 0;
    const batch = describe(world.arenaB, [FENCE, row, FENCE]);
    world.tapB.write(batch, 0, 3);
    t.deepEqual(
      [0, 1, 2].map(i => batch.status(i)),
      [0, row.sent === undefined ? EINVAL : 0, 0],
      row.name,
    );
    const expected = [FENCE.frame, ...(row.sent ?? []), FENCE.frame];
    await until(() => world.underlay.length >= expected.length, row.name);
    t.deepEqual(
      world.underlay.map(bytes => bytes.subarray(8)),
      expected.map(bytes => Buffer.from(concat(bytes))),
      row.name,
    );
    t.deepEqual(newDrops(world, before), {}, row.name);
  }
});
