import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import test, { type ExecutionContext } from 'ava';
import { type IpAddress, ipToBytes, parseIp } from './address.ts';
import { Arena } from './arena.ts';
import { WeftError } from './errors.ts';
import { FLAG_NEEDS_CSUM, FrameBatch, GSO_TCPV4 } from './frame-batch.ts';
import { Collector } from './native/testing/collector.ts';
import { expectedChecksum, partialPacket } from './native/testing/packets.ts';
import type { Offload } from './offloads.ts';
import { pattern } from './testing/frames.ts';
import { referenceSegments, type SuperFrame } from './testing/reference-segments.ts';
import { describeSuperFrame, superFrame } from './testing/super-frames.ts';
import { NativeUdpPort, type UdpPortOptions } from './udp.ts';

const { EBADF, EINVAL, EIO, EMSGSIZE, ENETUNREACH } = constants.errno;
const LOOPBACK = parseIp('127.0.0.1');
const SECOND = parseIp('127.0.0.2');
const LOOPBACK6 = parseIp('::1');

interface End {
  readonly arena: Arena;
  readonly port: NativeUdpPort;
  readonly collector: Collector;
  /** What `onOffloadLost` heard. */
  readonly offloadsLost: readonly (readonly [Offload, number])[];
}

function open(t: ExecutionContext, options: Partial<UdpPortOptions> = {}, arena = new Arena()): End {
  const collector = new Collector(arena);
  const offloadsLost: [Offload, number][] = [];
  const port = new NativeUdpPort(
    { arena },
    // Each datagram by itself, so that what was sent can be counted.
    { address: LOOPBACK, port: 0, gro: false, coalesceTcp: false, coalesceUdp: false, ...options },
    { ...collector, onOffloadLost: (offload, errno) => offloadsLost.push([offload, errno]) },
  );
  t.teardown(() => port.close());
  return { arena, port, collector, offloadsLost };
}

interface Datagram {
  readonly bytes: Uint8Array;
  /** How many of `bytes` are encapsulation. */
  readonly encap?: number;
  readonly socket?: number;
  readonly tos?: number;
}

/** Puts datagrams into the scratch area of the sender's arena, addressed to the receiver. */
function compose(
  arena: Arena,
  to: { address: IpAddress; port: number },
  datagrams: readonly Datagram[],
): FrameBatch {
  const batch = new FrameBatch(datagrams.length);
  const address = Buffer.alloc(16);
  address.set(ipToBytes(to.address));
  let offset = arena.scratchOffset;
  datagrams.forEach((datagram, i) => {
    const encap = datagram.encap ?? 8;
    arena.bytes.set(datagram.bytes, offset);
    batch.setOffset(i, offset + encap);
    batch.setLength(i, datagram.bytes.length - encap);
    batch.setEncapLength(i, encap);
    batch.setFamily(i, to.address.includes(':') ? 6 : 4);
    batch.setPort(i, to.port);
    batch.setSocket(i, datagram.socket ?? 0);
    batch.setTos(i, datagram.tos ?? 0);
    for (let word = 0; word < 4; word++) batch.setAddressWord(i, word, address.readUInt32LE(4 * word));
    offset += datagram.bytes.length;
  });
  return batch;
}

function numbered(i: number, length = 100): Uint8Array {
  const bytes = Buffer.alloc(length);
  bytes.write('VXLAN-08', 0);
  bytes.writeUInt32BE(i, 8);
  return bytes;
}

function statuses(batch: FrameBatch): number[] {
  return Array.from({ length: batch.capacity }, (_, i) => batch.status(i));
}

for (const [name, address] of [
  ['IPv4', SECOND],
  ['IPv6', LOOPBACK6],
] as const) {
  test(`send delivers over ${name} in order, from the bound address, in batches`, async t => {
    const sender = open(t, { address });
    const receiver = open(t, { address });
    const to = { address, port: receiver.port.port };
    const datagrams = Array.from({ length: 300 }, (_, i) => ({ bytes: numbered(i, 100 + i), tos: i % 256 }));
    for (let first = 0; first < 300; first += 60) {
      sender.port.send(compose(sender.arena, to, datagrams.slice(first, first + 60)), 0, 60);
    }
    await receiver.collector.atLeast(300);
    const [sourcePort = 0] = sender.port.sourcePorts;
    receiver.collector.frames.forEach((received, i) => {
      t.deepEqual(
        Buffer.concat([received.encapsulation, received.frame]),
        Buffer.from(datagrams[i]?.bytes ?? []),
      );
      t.is(received.encapsulation.length, 8);
      t.is(received.port, sourcePort);
      t.is(received.family, name === 'IPv4' ? 4 : 6);
      t.deepEqual(received.address, Buffer.from(ipToBytes(address)));
      t.is(received.tos, i % 256);
    });
    t.like(sender.port.counters, { txFrames: 300, txErrors: 0, txBatches: 5 });
    t.is(receiver.port.counters.rxFrames, 300);
    t.is(receiver.port.counters.rxBytes, sender.port.counters.txBytes);
    t.true(receiver.port.counters.rxBatches <= 10, `${receiver.port.counters.rxBatches} batches`);
  });
}

test('each source socket is a port of its own in 49152 … 65535, and keeps its order', async t => {
  const sender = open(t, { sourceSockets: 16 });
  const receiver = open(t);
  t.is(new Set(sender.port.sourcePorts).size, 16);
  t.true(sender.port.sourcePorts.every(port => port >= 49_152 && port <= 65_535));
  const datagrams = Array.from({ length: 160 }, (_, i) => ({ bytes: numbered(i), socket: (i * 7) % 16 }));
  sender.port.send(compose(sender.arena, { address: LOOPBACK, port: receiver.port.port }, datagrams), 0, 160);
  await receiver.collector.atLeast(160);
  sender.port.sourcePorts.forEach((port, socket) => {
    t.deepEqual(
      receiver.collector.frames
        .filter(frame => frame.port === port)
        .map(({ frame }) => frame.readUInt32BE(0)),
      Array.from({ length: 160 }, (_, i) => i).filter(i => (i * 7) % 16 === socket),
    );
  });
});

test('source ports that are taken are passed over, around the end of the range', t => {
  // An address of the loopback net that nobody else uses: on 127.0.0.1 any process may hold such a port.
  const address = parseIp(`127.77.${process.pid & 0xff}.${(process.pid >> 8) & 0xff}`);
  const first = open(t, { address, firstSourcePort: 65_534, sourceSockets: 4 });
  const second = open(t, { address, firstSourcePort: 65_534, sourceSockets: 4 });
  t.deepEqual(first.port.sourcePorts, [65_534, 65_535, 49_152, 49_153]);
  t.deepEqual(second.port.sourcePorts, [49_154, 49_155, 49_156, 49_157]);
});

test('a source socket receives nothing', async t => {
  const sender = open(t);
  const target = open(t, { sourceSockets: 1 });
  const to = { address: LOOPBACK, port: target.port.sourcePorts[0] ?? 0 };
  sender.port.send(compose(sender.arena, to, [{ bytes: numbered(1) }]), 0, 1);
  sender.port.send(
    compose(sender.arena, { address: LOOPBACK, port: target.port.port }, [{ bytes: numbered(2) }]),
    0,
    1,
  );
  await target.collector.atLeast(1);
  t.deepEqual(
    target.collector.frames.map(({ frame }) => frame.readUInt32BE(0)),
    [2],
  );
  // proc(5), /proc/net/udp: sl, local_address, rem_address, st, tx_queue:rx_queue, …, drops.
  const local = `0100007F:${to.port.toString(16).toUpperCase()}`;
  const line = readFileSync('/proc/net/udp', 'utf8')
    .split('\n')
    .find(text => text.includes(` ${local} `));
  const columns = (line ?? '').trim().split(/\s+/);
  t.is(columns[4], '00000000:00000000', 'nothing is kept for it');
  t.is(columns.at(-1), '1', 'it was dropped at the door');
});

test('a datagram shorter than the encapsulation arrives with length 0 and what encapsulation it has', async t => {
  const sender = open(t);
  const receiver = open(t);
  const to = { address: LOOPBACK, port: receiver.port.port };
  const datagrams = Array.from({ length: 12 }, (_, i) => ({ bytes: numbered(0).subarray(0, i), encap: 0 }));
  sender.port.send(compose(sender.arena, to, datagrams), 0, 12);
  await receiver.collector.atLeast(12);
  receiver.collector.frames.forEach(({ encapsulation, frame }, i) => {
    t.is(encapsulation.length, Math.min(i, 8));
    t.is(frame.length, Math.max(0, i - 8));
    t.deepEqual(encapsulation, Buffer.from('VXLAN-08'.slice(0, i)));
  });
});

test('a datagram larger than its slot is counted and not delivered; its neighbours are', async t => {
  const sender = open(t);
  const receiver = open(t, {}, new Arena({ slotSize: 256 }));
  const to = { address: LOOPBACK, port: receiver.port.port };
  const room = receiver.arena.stride - receiver.arena.frameStart + 8;
  const datagrams = [numbered(1), numbered(2, room + 1), numbered(3, room), numbered(4)].map(bytes => ({
    bytes,
  }));
  sender.port.send(compose(sender.arena, to, datagrams), 0, 4);
  await receiver.collector.atLeast(3);
  t.deepEqual(
    receiver.collector.frames.map(({ frame }) => frame.readUInt32BE(0)),
    [1, 3, 4],
  );
  t.is(receiver.port.counters.rxTruncated, 1);
});

test('a datagram of 65507 bytes passes whole, one byte more is refused with EMSGSIZE and stops nobody', async t => {
  const sender = open(t, {}, new Arena({ scratchSize: 200_000 }));
  const receiver = open(t);
  const to = { address: LOOPBACK, port: receiver.port.port };
  const batch = compose(sender.arena, to, [
    { bytes: numbered(1) },
    { bytes: numbered(2, 65_508), socket: 0 },
    { bytes: numbered(3, 65_507) },
    { bytes: numbered(4) },
  ]);
  sender.port.send(batch, 0, 4);
  t.deepEqual(statuses(batch), [0, EMSGSIZE, 0, 0]);
  await receiver.collector.atLeast(3);
  t.deepEqual(
    receiver.collector.frames.map(({ frame }) => [frame.readUInt32BE(0), frame.length]),
    [
      [1, 92],
      [3, 65_499],
      [4, 92],
    ],
  );
  t.like(sender.port.counters, { txFrames: 3, txErrors: 1 });
});

test('what the full receive queue drops is counted: sent = received + overflow', async t => {
  const sender = open(t);
  const receiver = open(t, { receiveBufferBytes: 32 * 1024 });
  const to = { address: LOOPBACK, port: receiver.port.port };
  const datagrams = Array.from({ length: 50 }, (_, i) => ({ bytes: numbered(i, 500) }));
  const batch = compose(sender.arena, to, datagrams);
  for (let i = 0; i < 20; i++) sender.port.send(batch, 0, 50);
  // Over the loopback each send is done when it returns: all drops there will be have happened.
  const { rxQueueOverflow } = receiver.port.counters;
  t.true(rxQueueOverflow > 0);
  await receiver.collector.atLeast(1000 - rxQueueOverflow);
  t.is(receiver.port.counters.rxFrames, 1000 - rxQueueOverflow);
  receiver.port.close();
  t.is(receiver.port.counters.rxQueueOverflow, rxQueueOverflow);
});

test('a frame that needs a checksum is sent with it, and its flag is cleared', async t => {
  const sender = open(t, { encapLength: 0 });
  const receiver = open(t, { encapLength: 0 });
  for (const family of [4, 6] as const) {
    for (const protocol of ['tcp', 'udp'] as const) {
      const packet = partialPacket({ family, protocol, payload: Buffer.from('an odd number of bytes!') });
      const to = { address: LOOPBACK, port: receiver.port.port };
      const batch = compose(sender.arena, to, [{ bytes: packet.bytes, encap: 0 }]);
      batch.setFlags(0, FLAG_NEEDS_CSUM);
      batch.setCsumStart(0, packet.transport);
      batch.setCsumOffset(0, packet.field);
      const seen = receiver.collector.frames.length;
      sender.port.send(batch, 0, 1);
      t.is(batch.flags(0), 0);
      await receiver.collector.atLeast(seen + 1);
      const frame = receiver.collector.frames[seen]?.frame ?? Buffer.alloc(0);
      t.is(frame.readUInt16BE(packet.transport + packet.field), expectedChecksum(packet));
    }
  }
});

test('one refused frame does not stop those behind it', async t => {
  const sender = open(t, { sourceSockets: 2 });
  const receiver = open(t);
  const to = { address: LOOPBACK, port: receiver.port.port };
  const batch = compose(
    sender.arena,
    to,
    Array.from({ length: 9 }, (_, i) => ({ bytes: numbered(i) })),
  );
  batch.setSocket(1, 2);
  batch.setFamily(2, 6);
  batch.setGsoType(3, GSO_TCPV4);
  batch.setOffset(4, sender.arena.memory.byteLength);
  batch.setEncapLength(5, 65_535);
  batch.setOffset(5, 9);
  batch.setFlags(6, FLAG_NEEDS_CSUM);
  batch.setFlags(7, 0x80);
  sender.port.send(batch, 0, 9);
  t.deepEqual(statuses(batch), [0, EINVAL, EINVAL, EINVAL, EINVAL, EINVAL, EINVAL, EINVAL, 0]);
  await receiver.collector.atLeast(2);
  t.deepEqual(
    receiver.collector.frames.map(({ frame }) => frame.readUInt32BE(0)),
    [0, 8],
  );
});

test('an ICMP answer to one datagram costs no other', async t => {
  const sender = open(t, { sourceSockets: 1 });
  const receiver = open(t);
  const closed = open(t);
  const to = { address: LOOPBACK, port: receiver.port.port };
  const nowhere = { address: LOOPBACK, port: closed.port.port };
  closed.port.close();
  for (let i = 0; i < 20; i++) {
    const unreachable = compose(sender.arena, nowhere, [{ bytes: numbered(i) }]);
    sender.port.send(unreachable, 0, 1);
    const batch = compose(sender.arena, to, [{ bytes: numbered(i) }]);
    sender.port.send(batch, 0, 1);
    t.is(batch.status(0), 0);
  }
  await receiver.collector.atLeast(20);
  t.deepEqual(sender.collector.lost, []);
});

test('the buffers are forced to the size asked for', t => {
  const { port } = open(t);
  t.is(port.receiveBufferBytes, 8 * 1024 * 1024);
  t.is(port.sendBufferBytes, 8 * 1024 * 1024);
});

test('a port that is taken is a conflict that says whose, also by a socket bound to all addresses', t => {
  const taken = open(t);
  const refused = t.throws(() => open(t, { port: taken.port.port }), { instanceOf: WeftError });
  t.is(refused?.code, 'conflict');
  t.regex(refused?.message ?? '', new RegExp(`^UDP port ${taken.port.port} of 127.0.0.1 is taken: `));
  const anywhere = open(t, { address: parseIp('0.0.0.0') });
  t.is(t.throws(() => open(t, { port: anywhere.port.port }), { instanceOf: WeftError })?.code, 'conflict');
});

test('an address of another machine is unavailable', t => {
  for (const address of ['192.0.2.77', '2001:db8::77']) {
    const refused = t.throws(() => open(t, { address: parseIp(address) }), { instanceOf: WeftError });
    t.is(refused?.code, 'unavailable');
    t.regex(refused?.message ?? '', /is not on this machine/);
  }
});

test('a closed port frees its port, calls nothing, and refuses frames with EBADF', t => {
  const first = open(t);
  const { port } = first.port;
  first.port.close();
  first.port.close();
  const batch = compose(first.arena, { address: LOOPBACK, port }, [{ bytes: numbered(1) }]);
  first.port.send(batch, 0, 1);
  t.is(batch.status(0), EBADF);
  t.is(first.port.counters.txErrors, 1);
  t.is(open(t, { port }).port.port, port);
});

// ── Segmentation on send ──────────────────────────────────────────────────────────────────────────────────────────────

const VXLAN = Buffer.from('VXLAN-08');

/** Super-frames in the scratch area of the sender's arena, addressed to the receiver. */
function composeSuper(sender: End, receiver: End, frames: readonly SuperFrame[], socket = 0): FrameBatch {
  const datagrams = frames.map(({ bytes }) => ({ bytes: Buffer.concat([VXLAN, bytes]), socket, tos: 1 }));
  const batch = compose(sender.arena, { address: LOOPBACK, port: receiver.port.port }, datagrams);
  frames.forEach((frame, i) => {
    describeSuperFrame(batch, i, frame);
  });
  return batch;
}

function hexOf(frames: readonly Uint8Array[]): string[] {
  return frames.map(frame => Buffer.from(frame).toString('hex'));
}

const bigArena = () => new Arena({ scratchSize: 300_000 });

for (const [name, options] of [
  ['TCP over IPv4', { protocol: 'tcp', payload: pattern(60_000), gsoSize: 1398 }],
  ['TCP over IPv6', { protocol: 'tcp', family: 6, payload: pattern(60_000), gsoSize: 1378 }],
  ['UDP', { protocol: 'udp', payload: pattern(60_000), gsoSize: 1400 }],
] as const) {
  test(`a 60 KB super-frame of ${name} is one send and arrives as exactly its segments`, async t => {
    const sender = open(t, {}, bigArena());
    const receiver = open(t);
    const frame = superFrame(options);
    const expected = referenceSegments(frame);
    const batch = composeSuper(sender, receiver, [frame]);
    sender.port.send(batch, 0, 1);
    t.deepEqual(statuses(batch), [0]);
    await receiver.collector.atLeast(expected.length);
    t.deepEqual(hexOf(receiver.collector.frames.map(received => received.frame)), hexOf(expected));
    t.true(receiver.collector.frames.every(({ encapsulation }) => encapsulation.equals(VXLAN)));
    t.true(receiver.collector.frames.every(({ tos }) => tos === 1));
    t.like(sender.port.counters, { txFrames: 1, txBatches: 1, txGsoSends: 1, txGsoError: 0, txErrors: 0 });
    t.is(sender.port.counters.txSegments, expected.length);
    t.is(receiver.port.counters.rxBytes, sender.port.counters.txBytes);
  });
}

test('a super-frame of more bytes or segments than one send carries takes several, nothing is lost', async t => {
  const sender = open(t, {}, bigArena());
  const receiver = open(t);
  const frames = [
    superFrame({ protocol: 'tcp', payload: pattern(65_000), gsoSize: 1398, sequence: 1 }),
    superFrame({ protocol: 'tcp', payload: pattern(65_000), gsoSize: 50, sequence: 2 }),
    superFrame({ protocol: 'tcp', payload: pattern(65_000), gsoSize: 32_000, sequence: 3 }),
  ];
  const expected = frames.flatMap(frame => referenceSegments(frame));
  const batch = composeSuper(sender, receiver, frames);
  sender.port.send(batch, 0, 3);
  t.deepEqual(statuses(batch), [0, 0, 0]);
  await receiver.collector.atLeast(expected.length);
  t.deepEqual(hexOf(receiver.collector.frames.map(({ frame }) => frame)), hexOf(expected));
  t.is(sender.port.counters.txSegments, expected.length);
  t.is(sender.port.counters.txFrames, 3);
});

test('a segment larger than any datagram is EMSGSIZE and stops nobody', async t => {
  const sender = open(t, {}, bigArena());
  const receiver = open(t);
  const large = superFrame({ protocol: 'tcp', payload: pattern(65_480), gsoSize: 65_479 });
  const small = superFrame({ protocol: 'tcp', payload: pattern(2000), gsoSize: 1000 });
  const batch = composeSuper(sender, receiver, [large, small]);
  sender.port.send(batch, 0, 2);
  t.deepEqual(statuses(batch), [EMSGSIZE, 0]);
  await receiver.collector.atLeast(2);
  t.like(sender.port.counters, { txFrames: 1, txErrors: 1, txSegments: 2 });
});

test('runs of equal-size frames to one VTEP are one send each; a shorter one ends its run', async t => {
  const sender = open(t, {}, bigArena());
  const receiver = open(t);
  const to = { address: LOOPBACK, port: receiver.port.port };
  const lengths = [200, 200, 200, 150, 200, 200, 300, 300, 80];
  const datagrams = lengths.map((length, i) => ({ bytes: numbered(i, length) }));
  const batch = compose(sender.arena, to, datagrams);
  sender.port.send(batch, 0, lengths.length);
  await receiver.collector.atLeast(lengths.length);
  t.deepEqual(
    receiver.collector.frames.map(({ frame }) => [frame.readUInt32BE(0), frame.length + 8]),
    lengths.map((length, i) => [i, length]),
  );
  // 200 200 200 150 | 200 200 | 300 300 80
  t.like(sender.port.counters, { txFrames: 9, txSegments: 9, txGsoSends: 3, txBatches: 1 });
});

test('frames of another TOS, VTEP or source socket are never in one run; each socket keeps its order', async t => {
  const sender = open(t, { sourceSockets: 3 });
  const receivers = [open(t), open(t)] as const;
  const datagrams = Array.from({ length: 240 }, (_, i) => ({
    bytes: numbered(i, 100),
    socket: i % 3,
    tos: Math.floor(i / 6) % 2,
  }));
  const batch = compose(sender.arena, { address: LOOPBACK, port: receivers[0].port.port }, datagrams);
  for (let i = 0; i < 240; i += 4) batch.setPort(i, receivers[1].port.port);
  sender.port.send(batch, 0, 240);
  await receivers[0].collector.atLeast(180);
  await receivers[1].collector.atLeast(60);
  receivers.forEach(({ collector }, r) => {
    for (const [socket, port] of sender.port.sourcePorts.entries()) {
      const numbers = collector.frames
        .filter(frame => frame.port === port)
        .map(({ frame }) => frame.readUInt32BE(0));
      const expected = Array.from({ length: 240 }, (_, i) => i).filter(
        i => i % 3 === socket && (i % 4 === 0) === (r === 1),
      );
      t.deepEqual(numbers, expected);
    }
    t.true(collector.frames.every(({ frame, tos }) => tos === Math.floor(frame.readUInt32BE(0) / 6) % 2));
  });
});

test('segments and single frames of one size to one VTEP share a send', async t => {
  const sender = open(t, {}, bigArena());
  const receiver = open(t);
  const frame = superFrame({ protocol: 'tcp', payload: pattern(3000), gsoSize: 1000 });
  const batch = composeSuper(sender, receiver, [frame, frame]);
  sender.port.send(batch, 0, 2);
  await receiver.collector.atLeast(6);
  t.like(sender.port.counters, { txFrames: 2, txSegments: 6, txGsoSends: 1, txBatches: 1 });
  const expected = referenceSegments(frame);
  t.deepEqual(hexOf(receiver.collector.frames.map(({ frame }) => frame)), hexOf([...expected, ...expected]));
});

for (const [name, errno] of [
  ['EIO', EIO],
  ['EINVAL', EINVAL],
] as const) {
  test(`${name} on a send with UDP_SEGMENT: what it refused goes out singly, and it is not used again`, async t => {
    const sender = open(t, { injectedGsoErrno: errno }, bigArena());
    const receiver = open(t);
    const to = { address: LOOPBACK, port: receiver.port.port };
    const frame = superFrame({ protocol: 'tcp', payload: pattern(60_001), gsoSize: 1398 });
    const expected = referenceSegments(frame);
    const batch = composeSuper(sender, receiver, [frame]);
    sender.port.send(batch, 0, 1);
    t.deepEqual(statuses(batch), [0]);
    await receiver.collector.atLeast(expected.length);
    t.deepEqual(hexOf(receiver.collector.frames.map(received => received.frame)), hexOf(expected));
    t.deepEqual(sender.offloadsLost, [['udp-segment', errno]]);

    const datagrams = Array.from({ length: 20 }, (_, i) => ({ bytes: numbered(i) }));
    const run = compose(sender.arena, to, datagrams);
    sender.port.send(run, 0, 20);
    t.deepEqual(statuses(run), Array(20).fill(0));
    await receiver.collector.atLeast(expected.length + 20);
    t.deepEqual(sender.offloadsLost, [['udp-segment', errno]], 'told once');
    t.like(sender.port.counters, { txFrames: 21, txErrors: 0, txGsoSends: 0, txGsoError: errno });
    t.is(sender.port.counters.txSegments, expected.length + 20);
    t.is(receiver.port.counters.rxBytes, sender.port.counters.txBytes);
  });
}

test('EINVAL that single datagrams meet too is not the fault of UDP_SEGMENT: it stays', async t => {
  const sender = open(t);
  const receiver = open(t);
  const datagrams = [0, 1, 2, 3].map(i => ({ bytes: numbered(i) }));
  const batch = compose(sender.arena, { address: LOOPBACK, port: receiver.port.port }, datagrams);
  // udp(7): Linux answers EINVAL to port 0.
  batch.setPort(0, 0);
  batch.setPort(1, 0);
  sender.port.send(batch, 0, 4);
  t.deepEqual(statuses(batch), [EINVAL, EINVAL, 0, 0]);
  await receiver.collector.atLeast(2);
  t.deepEqual(sender.offloadsLost, []);
  t.like(sender.port.counters, { txGsoError: 0, txGsoSends: 1, txErrors: 2, txFrames: 2 });
});

test('EMSGSIZE on a run is about each of its frames: those that fit pass', async t => {
  const sender = open(t, { injectedGsoErrno: EMSGSIZE });
  const receiver = open(t);
  const datagrams = [500, 500, 500, 60].map((length, i) => ({ bytes: numbered(i, length) }));
  const batch = compose(sender.arena, { address: LOOPBACK, port: receiver.port.port }, datagrams);
  sender.port.send(batch, 0, 4);
  t.deepEqual(statuses(batch), [0, 0, 0, 0]);
  await receiver.collector.atLeast(4);
  t.deepEqual(sender.offloadsLost, [], 'the path is too narrow, not the kernel too old');
});

test('any other error on a send with UDP_SEGMENT is the status of every frame in it', t => {
  const sender = open(t, { injectedGsoErrno: ENETUNREACH });
  const receiver = open(t);
  const datagrams = [0, 1, 2].map(i => ({ bytes: numbered(i) }));
  const batch = compose(sender.arena, { address: LOOPBACK, port: receiver.port.port }, datagrams);
  sender.port.send(batch, 0, 3);
  t.deepEqual(statuses(batch), [ENETUNREACH, ENETUNREACH, ENETUNREACH]);
  t.deepEqual(sender.offloadsLost, []);
  t.like(sender.port.counters, { txErrors: 3, txFrames: 0, txSegments: 0 });
});

test('the limit of one send is probed at open', t => {
  t.true([63, 128].includes(open(t).port.segmentsPerSend));
  t.is(open(t, { address: LOOPBACK6 }).port.segmentsPerSend, open(t).port.segmentsPerSend);
});
