/**
 *   NativeTapPort ── tap a ──┬── bridge ──┬── tap b ── NativeTapPort        all in one namespace of the test
 */
import { execFileSync } from 'node:child_process';
import { constants } from 'node:os';
import test, { type ExecutionContext } from 'ava';
import { Arena } from './arena.ts';
import { checksumCompleter } from './checksum-completer.ts';
import { delay, systemClock } from './clock.ts';
import { FLAG_NEEDS_CSUM, FrameBatch, GSO_ECN, GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4 } from './frame-batch.ts';
import type { PortHandlers } from './native/native-port.ts';
import { Collector } from './native/testing/collector.ts';
import { ip, makeNamespace } from './native/testing/namespace.ts';
import { type Packet, partialPacket, referenceSum } from './native/testing/packets.ts';
import { NativeTapPort } from './tap.ts';
import { openTap, type SuperFrames } from './tap-device.ts';

const { EBADF, EINVAL, EIO } = constants.errno;
/** asm-generic/errno.h: file descriptor in bad state. Node does not list it. */
const EBADFD = 77;

/** IEEE 802 "Local Experimental Ethertype 1". */
const TEST_TYPE = 0x88b5;

interface End {
  readonly port: NativeTapPort;
  readonly superFrames: SuperFrames;
  readonly collector: Collector;
}

interface Bench {
  readonly namespace: string;
  readonly path: string;
  readonly arena: Arena;
  readonly a: End;
  readonly b: End;
}

function isOurs(frame: Buffer): boolean {
  return frame.readUInt16BE(12) === TEST_TYPE || frame.readUIntBE(6, 6) === 0x0200_0000_0001;
}

/** One more TAP on the bridge. */
function attach(
  t: ExecutionContext,
  bench: { readonly namespace: string; readonly path: string },
  device: string,
  arena: Arena,
  handlers: PortHandlers,
): Pick<End, 'port' | 'superFrames'> {
  const { fd, superFrames } = openTap({ name: device, netnsPath: bench.path, persist: false });
  const port = new NativeTapPort({ arena }, { fd }, handlers);
  t.teardown(() => port.close());
  ip('-n', bench.namespace, 'link', 'set', 'dev', device, 'master', 'bridge', 'up');
  return { port, superFrames };
}

function openBench(t: ExecutionContext): Bench {
  const { name: namespace, path } = makeNamespace(t);
  const arena = new Arena({ scratchSize: 8 * 1024 * 1024 });
  ip('-n', namespace, 'link', 'add', 'bridge', 'type', 'bridge', 'mcast_snooping', '0');
  ip('-n', namespace, 'link', 'set', 'bridge', 'up');
  const end = (device: string): End => {
    const collector = new Collector(arena, isOurs);
    return { ...attach(t, { namespace, path }, device, arena, collector), collector };
  };
  return { namespace, path, arena, a: end('tap-a'), b: end('tap-b') };
}

/** Puts frames into the arena's scratch area and describes them. */
function compose(arena: Arena, frames: readonly Uint8Array[]): FrameBatch {
  const batch = new FrameBatch(frames.length);
  let offset = arena.scratchOffset;
  frames.forEach((frame, i) => {
    arena.bytes.set(frame, offset);
    batch.setOffset(i, offset);
    batch.setLength(i, frame.length);
    offset += frame.length;
  });
  return batch;
}

function composePacket(arena: Arena, packet: Packet): FrameBatch {
  const batch = compose(arena, [packet.bytes]);
  batch.setFlags(0, FLAG_NEEDS_CSUM);
  batch.setCsumStart(0, packet.transport);
  batch.setCsumOffset(0, packet.field);
  return batch;
}

function numbered(i: number, length = 60): Buffer {
  const frame = Buffer.alloc(length);
  frame.write('020000000002020000000001', 'hex');
  frame.writeUInt16BE(TEST_TYPE, 12);
  frame.writeUInt32BE(i, 14);
  return frame;
}

test('write delivers frames whole, in order, and read hands them over in batches', async t => {
  const { arena, a, b } = openBench(t);
  const frames = Array.from({ length: 400 }, (_, i) => numbered(i, 60 + ((i * 37) % 1455)));
  const batch = compose(arena, frames);
  for (let first = 0; first < frames.length; first += 50) a.port.write(batch, first, 50);
  await b.collector.atLeast(frames.length);
  t.deepEqual(
    b.collector.frames.map(({ frame }) => frame),
    frames,
  );
  t.true(b.collector.batches.length < 50, `${b.collector.batches.length} batches`);
  t.true(Math.max(...b.collector.batches) <= 64);
  t.is(a.port.counters.txFrames, 400);
  t.is(
    a.port.counters.txBytes,
    frames.reduce((sum, { length }) => sum + length, 0),
  );
  t.is(a.port.counters.txErrors, 0);
});

test('a partial checksum crosses the kernel as one, and is complete where completed', async t => {
  const { arena, a, b } = openBench(t);
  let expected = 0;
  for (const family of [4, 6] as const) {
    for (const protocol of ['tcp', 'udp'] as const) {
      const packet = partialPacket({ family, protocol, payload: Buffer.from(`${protocol} over ${family}`) });
      a.port.write(composePacket(arena, packet), 0, 1);
      expected++;
      await b.collector.atLeast(expected);
      const received = b.collector.frames[expected - 1];
      t.is(received?.flags, FLAG_NEEDS_CSUM);
      t.is(received?.csumStart, packet.transport);
      t.is(received?.csumOffset, packet.field);
      t.is(received?.headerLength, packet.headers);
      t.deepEqual(received?.frame, Buffer.from(packet.bytes));
    }
  }
});

test('a super-frame crosses the kernel as one, described as it was', async t => {
  const { arena, a, b } = openBench(t);
  const payload = Uint8Array.from({ length: 50_000 }, (_, i) => i % 251);
  const cases = [
    [4, 'tcp', GSO_TCPV4],
    [4, 'tcp', GSO_TCPV4 | GSO_ECN],
    [6, 'tcp', GSO_TCPV6],
    [6, 'tcp', GSO_TCPV6 | GSO_ECN],
    ...(b.superFrames.uso
      ? ([
          [4, 'udp', GSO_UDP_L4],
          [6, 'udp', GSO_UDP_L4],
        ] as const)
      : []),
  ] as const;
  for (const [i, [family, protocol, gsoType]] of cases.entries()) {
    const packet = partialPacket({ family, protocol, payload });
    const batch = composePacket(arena, packet);
    batch.setGsoType(0, gsoType);
    batch.setGsoSize(0, 1398);
    a.port.write(batch, 0, 1);
    t.is(batch.status(0), 0);
    await b.collector.atLeast(i + 1);
    const received = b.collector.frames[i];
    t.deepEqual(received?.frame, Buffer.from(packet.bytes));
    t.like(received, { gsoType, flags: FLAG_NEEDS_CSUM, headerLength: packet.headers });
    t.like(received, { gsoSize: 1398, csumStart: packet.transport, csumOffset: packet.field });
  }
});

test('a super-frame that is written is segmented by the kernel for a reader without TSO', async t => {
  const { namespace, arena, a, b } = openBench(t);
  execFileSync('ip', ['netns', 'exec', namespace, 'ethtool', '-K', 'tap-b', 'tso', 'off']);
  const payload = Uint8Array.from({ length: 3500 }, (_, i) => i % 251);
  for (const [family, type] of [
    [4, GSO_TCPV4],
    [6, GSO_TCPV6],
  ] as const) {
    const packet = partialPacket({ family, protocol: 'tcp', payload });
    const batch = composePacket(arena, packet);
    batch.setGsoType(0, type);
    batch.setGsoSize(0, 1000);
    a.port.write(batch, 0, 1);
    t.is(batch.status(0), 0);
    await b.collector.atLeast(4);
    const segments = b.collector.frames.splice(0);
    t.deepEqual(
      segments.map(({ frame }) => frame.length - packet.headers),
      [1000, 1000, 1000, 500],
    );
    t.deepEqual(
      Buffer.concat(segments.map(({ frame }) => frame.subarray(packet.headers))),
      Buffer.from(payload),
    );
  }
});

test('the kernel hands over its own packets with partial checksums', async t => {
  const { namespace, arena, b } = openBench(t);
  ip('-n', namespace, 'address', 'add', '198.18.0.1/24', 'dev', 'bridge');
  ip('-n', namespace, 'link', 'set', 'bridge', 'address', '02:00:00:00:00:01');
  ip('-n', namespace, 'neigh', 'add', '198.18.0.2', 'lladdr', '02:00:00:00:00:02', 'dev', 'bridge');
  const send = 'printf "%s" hello > /dev/udp/198.18.0.2/9';
  execFileSync('ip', ['netns', 'exec', namespace, 'bash', '-c', send]);
  await b.collector.atLeast(1);
  const received = b.collector.frames[0];
  t.is(received?.flags, FLAG_NEEDS_CSUM);
  t.is(received?.headerLength, 42);

  const batch = compose(arena, [received?.frame ?? Buffer.alloc(0)]);
  batch.setFlags(0, FLAG_NEEDS_CSUM);
  batch.setCsumStart(0, received?.csumStart ?? 0);
  batch.setCsumOffset(0, received?.csumOffset ?? 0);
  t.is(checksumCompleter({ arena })(batch, 0), 0);
  const completed = Buffer.from(arena.memory, batch.offset(0), batch.length(0));
  // RFC 1071 section 1: the sum over everything that was summed, checksum included, is all ones.
  t.is(referenceSum(completed.subarray(34), referenceSum(completed.subarray(26, 34), 17 + 8 + 5)), 0xffff);
});

test('one refused frame does not stop those behind it', async t => {
  const { arena, a, b } = openBench(t);
  const batch = compose(arena, [numbered(0), numbered(1), numbered(2), numbered(3), numbered(4)]);
  batch.setLength(1, 13);
  batch.setFlags(2, FLAG_NEEDS_CSUM);
  batch.setCsumStart(2, 60);
  batch.setGsoType(3, GSO_TCPV4);
  a.port.write(batch, 0, 5);
  t.deepEqual(
    [0, 1, 2, 3, 4].map(i => batch.status(i)),
    [0, EINVAL, EINVAL, EINVAL, 0],
  );
  await b.collector.atLeast(2);
  t.deepEqual(
    b.collector.frames.map(({ frame }) => frame.readUInt32BE(14)),
    [0, 4],
  );
  t.is(a.port.counters.txErrors, 3);
});

test('write leaves the bytes before and behind the frame alone', t => {
  const { arena, a } = openBench(t);
  arena.bytes.fill(0xa5, arena.scratchOffset, arena.scratchOffset + 300);
  const packet = partialPacket({ family: 4, protocol: 'tcp', payload: new Uint8Array(40) });
  const batch = composePacket(arena, packet);
  const offset = arena.scratchOffset + 100;
  arena.bytes.fill(0xa5, arena.scratchOffset, arena.scratchOffset + 300);
  arena.bytes.set(packet.bytes, offset);
  batch.setOffset(0, offset);
  const before = Buffer.from(arena.memory.slice(0));
  a.port.write(batch, 0, 1);
  t.is(batch.status(0), 0);
  t.true(before.equals(Buffer.from(arena.memory)));
});

/** CPU milliseconds that this process uses while the wall clock moves `ms` on. */
async function cpuDuring(ms: number): Promise<number> {
  const before = process.cpuUsage();
  await delay(systemClock, ms);
  const used = process.cpuUsage(before);
  return (used.user + used.system) / 1000;
}

const WINDOW_MS = 250;
const SPINNING_MS = 100;

/** The least of three windows: what spins does so in each; compilers and collectors of this process are done after one. */
async function assertQuiet(t: ExecutionContext): Promise<void> {
  let least = Number.POSITIVE_INFINITY;
  for (let n = 0; n < 3 && least >= SPINNING_MS; n++) least = Math.min(least, await cpuDuring(WINDOW_MS));
  t.true(least < SPINNING_MS, `${least} ms of CPU in ${WINDOW_MS} ms`);
}

// Serial: they measure the CPU time of the whole process.
test.serial(
  'a device that is down refuses with EIO, does not spin, and works again when it is up',
  async t => {
    const { namespace, arena, a, b } = openBench(t);
    ip('-n', namespace, 'link', 'set', 'dev', 'tap-a', 'down');
    const batch = compose(arena, [numbered(7)]);
    a.port.write(batch, 0, 1);
    t.is(batch.status(0), EIO);
    await assertQuiet(t);
    t.deepEqual(a.collector.lost, []);

    ip('-n', namespace, 'link', 'set', 'dev', 'tap-a', 'up');
    a.port.write(batch, 0, 1);
    t.is(batch.status(0), 0);
    b.port.write(batch, 0, 1);
    await Promise.all([a.collector.atLeast(1), b.collector.atLeast(1)]);
    t.pass();
  },
);

test.serial(
  'a device that is deleted is lost once, does not spin, and leaves the other ports alone',
  async t => {
    const { namespace, arena, a, b } = openBench(t);
    const other = openBench(t);
    ip('-n', namespace, 'link', 'delete', 'dev', 'tap-a');
    await a.collector.untilLost();
    await assertQuiet(t);
    t.deepEqual(a.collector.lost, [EBADFD]);
    const batch = compose(arena, [numbered(1)]);
    a.port.write(batch, 0, 1);
    t.is(batch.status(0), EBADFD);
    t.deepEqual(b.collector.lost, []);
    a.port.close();

    other.a.port.write(compose(other.arena, [numbered(2)]), 0, 1);
    await other.b.collector.atLeast(1);
    t.deepEqual(other.b.collector.lost, []);
  },
);

test('a namespace that is deleted takes a TAP that was moved into it along: the port is lost', async t => {
  const { name } = makeNamespace(t);
  const arena = new Arena();
  const device = `weft-${process.pid}`;
  const { fd } = openTap({ name: device, persist: false });
  const collector = new Collector(arena);
  const port = new NativeTapPort({ arena }, { fd }, collector);
  t.teardown(() => port.close());
  ip('link', 'set', 'dev', device, 'netns', name);
  ip('netns', 'delete', name);
  await collector.untilLost();
  t.deepEqual(collector.lost, [EBADFD]);
});

test('a closed port calls nothing, closes twice as once, and refuses frames with EBADF', async t => {
  const { arena, a, b } = openBench(t);
  b.port.close();
  b.port.close();
  const batch = compose(arena, [numbered(1), numbered(2)]);
  b.port.write(batch, 0, 2);
  t.deepEqual([batch.status(0), batch.status(1)], [EBADF, EBADF]);
  t.is(b.port.counters.txErrors, 2);
  a.port.write(batch, 0, 2);
  await delay(systemClock, 20);
  t.deepEqual(b.collector.batches, []);
});

test('a port may be closed inside its own handler, with frames still waiting', async t => {
  const bench = openBench(t);
  let calls = 0;
  const closed = new Promise<void>(resolve => {
    const { port } = attach(t, bench, 'tap-c', new Arena({ slots: 2 }), {
      onFrames: () => {
        calls++;
        port.close();
        resolve();
      },
      onLost: () => t.fail(),
    });
  });
  const frames = Array.from({ length: 10 }, (_, i) => numbered(i));
  bench.a.port.write(compose(bench.arena, frames), 0, 10);
  await Promise.all([closed, bench.b.collector.atLeast(10)]);
  t.is(calls, 1);
});
