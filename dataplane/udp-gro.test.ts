/** Messages of several datagrams (UDP_GRO), sent over the loopback by a socket with UDP_SEGMENT, which is not ours. */
import { execFileSync } from 'node:child_process';
import { constants } from 'node:os';
import test, { type ExecutionContext } from 'ava';
import { parseIp } from './address.ts';
import { Arena } from './arena.ts';
import { FLAG_NEEDS_CSUM, GSO_UDP_L4 } from './frame-batch.ts';
import { Collector } from './native/testing/collector.ts';
import { frameOf, PLAIN, type Segment } from './native/testing/segments.ts';
import { NativeUdpPort, type UdpPortOptions } from './udp.ts';

const LOOPBACK = parseIp('127.0.0.1');
const ENCAP = Buffer.from(PLAIN.encapsulation);

interface End {
  readonly arena: Arena;
  readonly port: NativeUdpPort;
  readonly collector: Collector;
}

function open(t: ExecutionContext, options: Partial<UdpPortOptions> = {}, arena = new Arena()): End {
  const collector = new Collector(arena);
  const port = new NativeUdpPort({ arena }, { address: LOOPBACK, port: 0, ...options }, collector);
  t.teardown(() => port.close());
  return { arena, port, collector };
}

/** Sends `bytes` as messages, each `perMessage` datagrams of `size` bytes, the last perhaps shorter; from one socket. */
function sendSegmented(port: number, bytes: Uint8Array, size: number, tos = 0, perMessage = 64): void {
  // linux/udp.h: UDP_SEGMENT 103.
  const script = `
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_UDP, 103, ${size})
s.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, ${tos})
data = sys.stdin.buffer.read()
for at in range(0, len(data), ${size * perMessage}):
    s.sendto(data[at:at + ${size * perMessage}], ('127.0.0.1', ${port}))`;
  execFileSync('python3', ['-c', script], { input: bytes });
}

/** Experimental frames that nobody merges, each with its number. */
function numbered(count: number, size: number): Buffer[] {
  return Array.from({ length: count }, (_, i) => {
    const frame = Buffer.alloc(size, i);
    frame.writeUInt16BE(0x88b5, 12);
    frame.writeUInt32BE(i, 14);
    return frame;
  });
}

function datagrams(frames: readonly Buffer[]): Buffer {
  return Buffer.concat(frames.flatMap(frame => [ENCAP, frame]));
}

test('each datagram of a message is a frame: in order, the last shorter, with what they have in common', async t => {
  const { port, collector } = open(t);
  t.deepEqual(port.missing, []);
  const frames = [...numbered(40, 1000), Buffer.alloc(20, 7)];
  sendSegmented(port.port, datagrams(frames), 1008, 0x02);
  await collector.atLeast(41);
  t.deepEqual(
    collector.frames.map(({ frame }) => frame),
    frames,
  );
  for (const { encapsulation, family, tos, address, flags, gsoType } of collector.frames) {
    t.deepEqual(encapsulation, ENCAP);
    t.deepEqual([family, tos, [...address], flags, gsoType], [4, 2, [127, 0, 0, 1], 0, 0]);
  }
  t.is(new Set(collector.frames.map(frame => frame.port)).size, 1);
  t.like(port.counters, { rxFrames: 41, rxMessages: 1, rxMerged: 0, rxBatches: 1, rxBytes: 41 * 8 + 40_020 });
});

test('without UDP_GRO each datagram is a message', async t => {
  const { port, collector } = open(t, { gro: false });
  const frames = numbered(10, 500);
  sendSegmented(port.port, datagrams(frames), 508);
  await collector.atLeast(10);
  t.deepEqual(
    collector.frames.map(({ frame }) => frame),
    frames,
  );
  t.like(port.counters, { rxFrames: 10, rxMessages: 10 });
});

test('datagrams shorter than the encapsulation have length 0, also within a message', async t => {
  const { port, collector } = open(t);
  sendSegmented(port.port, Buffer.from('abcdeabcdeab'), 5);
  await collector.atLeast(3);
  t.deepEqual(
    collector.frames.map(({ encapsulation, frame }) => [encapsulation.toString(), frame.length]),
    [
      ['abcde', 0],
      ['abcde', 0],
      ['ab', 0],
    ],
  );
});

test('a message of more datagrams than a batch has is handed over in several; a handler may send between them', async t => {
  const arena = new Arena({ slots: 4 });
  const { port: target, collector: echoes } = open(t);
  const collector = new Collector(arena);
  const port = new NativeUdpPort(
    { arena },
    { address: LOOPBACK, port: 0 },
    {
      onFrames(batch, count) {
        collector.onFrames(batch, count);
        for (let i = 0; i < count; i++) batch.setPort(i, target.port);
        port.send(batch, 0, count);
      },
      onLost: collector.onLost,
    },
  );
  t.teardown(() => port.close());
  const frames = numbered(43, 300);
  sendSegmented(port.port, datagrams(frames), 308);
  await collector.atLeast(43);
  t.deepEqual(
    collector.frames.map(({ frame }) => frame),
    frames,
  );
  t.deepEqual(collector.batches, [...Array(10).fill(4), 3]);
  await echoes.atLeast(43);
  t.deepEqual(
    echoes.frames.map(({ frame }) => frame),
    frames,
  );
});

test('a port that is closed by its handler hands over no further batch of the message', async t => {
  const arena = new Arena({ slots: 4 });
  let calls = 0;
  await new Promise<void>(resolve => {
    const port = new NativeUdpPort(
      { arena },
      { address: LOOPBACK, port: 0 },
      {
        onFrames() {
          calls++;
          port.close();
          setImmediate(resolve);
        },
        onLost: () => t.fail(),
      },
    );
    sendSegmented(port.port, datagrams(numbered(43, 300)), 308);
  });
  t.is(calls, 1);
});

test('an arena that a handler detaches between two batches loses the port with EFAULT', async t => {
  const arena = new Arena({ slots: 4 });
  let calls = 0;
  const errno = await new Promise<number>(resolve => {
    const port = new NativeUdpPort(
      { arena },
      { address: LOOPBACK, port: 0 },
      {
        onFrames() {
          calls++;
          structuredClone(arena.memory, { transfer: [arena.memory] });
        },
        onLost: resolve,
      },
    );
    t.teardown(() => port.close());
    sendSegmented(port.port, datagrams(numbered(43, 300)), 308);
  });
  t.deepEqual([calls, errno], [1, constants.errno.EFAULT]);
});

function tcpStream(count: number, payload: number): Segment[] {
  return Array.from({ length: count }, (_, i) => ({
    ...PLAIN,
    sequence: i * payload,
    payload: new Uint8Array(payload).fill(i),
  }));
}

for (const merge of [true, false]) {
  test(`segments of one stream are ${merge ? 'merged' : 'kept apart when told so'}, across messages too`, async t => {
    const { port, collector } = open(t, { coalesceTcp: merge });
    const segments = tcpStream(60, 400);
    const frames = segments.map(frameOf);
    // Both are there before the loop turns.
    sendSegmented(port.port, datagrams(frames), 462, 0, 30);
    await collector.atLeast(merge ? 1 : 60);
    t.like(port.counters, { rxFrames: 60, rxMessages: 2, rxMerged: merge ? 59 : 0, rxBatches: 1 });
    if (!merge) {
      t.deepEqual(
        collector.frames.map(({ frame }) => frame),
        frames,
      );
      return;
    }
    t.deepEqual(collector.batches, [1]);
    t.is(collector.frames[0]?.frame.length, 54 + 60 * 400);
    t.deepEqual(
      collector.frames[0]?.frame.subarray(54),
      Buffer.concat(segments.map(({ payload }) => payload)),
    );
  });
}

test('what holds one long UDP frame of a kernel on this machine is taken for that, not for datagrams', async t => {
  const { port, collector } = open(t);
  const frame = frameOf({ ...PLAIN, protocol: 'udp', payload: Buffer.alloc(9000, 3), checksum: 'partial' });
  // That kernel gives the size of the inner segments where that of the outer ones is expected.
  sendSegmented(port.port, datagrams([frame]), 1400);
  await collector.atLeast(1);
  const [received] = collector.frames;
  t.deepEqual(received?.frame, frame);
  t.like(received, {
    flags: FLAG_NEEDS_CSUM,
    gsoType: GSO_UDP_L4,
    csumStart: 34,
    csumOffset: 6,
    headerLength: 42,
  });
  t.like(port.counters, { rxFrames: 1, rxMessages: 1 });
});

test('a super-frame that has been merged cannot be sent on', async t => {
  const arena = new Arena();
  const statuses: number[] = [];
  const collector = new Collector(arena);
  const port = new NativeUdpPort(
    { arena },
    { address: LOOPBACK, port: 0 },
    {
      onFrames(batch, count) {
        collector.onFrames(batch, count);
        port.send(batch, 0, count);
        for (let i = 0; i < count; i++) statuses.push(batch.status(i));
      },
      onLost: () => t.fail(),
    },
  );
  t.teardown(() => port.close());
  sendSegmented(port.port, datagrams(tcpStream(3, 100).map(frameOf)), 162);
  await collector.atLeast(1);
  t.deepEqual(statuses, [constants.errno.EINVAL]);
});

test('a kernel that does not know UDP_GRO hands over each datagram by itself', async t => {
  const { port, collector } = open(t, { injected: { groProbe: constants.errno.ENOPROTOOPT } });
  t.deepEqual(port.missing, ['udp-gro']);
  const frames = numbered(10, 500);
  sendSegmented(port.port, datagrams(frames), 508);
  await collector.atLeast(10);
  t.deepEqual(
    collector.frames.map(({ frame }) => frame),
    frames,
  );
  t.like(port.counters, { rxFrames: 10, rxMessages: 10, rxGroError: 0 });
});

for (const name of ['EIO', 'EINVAL'] as const) {
  const errno = constants.errno[name];
  test(`${name} from a receive call turns UDP_GRO off; what the kernel had merged before is taken apart`, async t => {
    const lost: (readonly [string, number])[] = [];
    const arena = new Arena();
    const collector = new Collector(arena);
    const port = new NativeUdpPort(
      { arena },
      { address: LOOPBACK, port: 0, coalesceTcp: false, injected: { gro: errno } },
      { ...collector, onOffloadLost: (offload, number) => lost.push([offload, number]) },
    );
    t.teardown(() => port.close());
    const frames = tcpStream(60, 400).map(frameOf);
    const small = numbered(3, 60);
    const short = frameOf({ ...PLAIN, payload: new Uint8Array(7) });
    // All of it is in the queue before the loop turns and the first call is refused.
    sendSegmented(port.port, datagrams([...frames, short]), 462, 0, 61);
    sendSegmented(port.port, datagrams(small), 68, 0, 1);
    await collector.atLeast(64);
    t.deepEqual(
      collector.frames.map(({ frame }) => frame),
      [...frames, short, ...small],
    );
    t.deepEqual(lost, [['udp-gro', errno]]);
    t.like(port.counters, { rxFrames: 64, rxMessages: 4, rxErrors: 1, rxGroError: errno });

    // From now on the kernel merges nothing.
    sendSegmented(port.port, datagrams(frames), 462, 0, 60);
    await collector.atLeast(124);
    t.deepEqual(
      collector.frames.slice(64).map(({ frame }) => frame),
      frames,
    );
    t.like(port.counters, { rxFrames: 124, rxMessages: 64 });
    t.is(lost.length, 1);
  });
}

test('segments are merged also without UDP_GRO', async t => {
  const { port, collector } = open(t, { gro: false });
  sendSegmented(port.port, datagrams(tcpStream(20, 400).map(frameOf)), 462, 0, 20);
  await collector.atLeast(1);
  t.like(port.counters, { rxFrames: 20, rxMessages: 20, rxMerged: 19 });
});
