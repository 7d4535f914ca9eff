import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import test, { type ExecutionContext } from 'ava';
import { type IpAddress, ipToBytes, parseIp } from './address.ts';
import { Arena } from './arena.ts';
import { WeftError } from './errors.ts';
import { FLAG_NEEDS_CSUM, FrameBatch, GSO_TCPV4 } from './frame-batch.ts';
import { Collector } from './native/testing/collector.ts';
import { expectedChecksum, partialPacket } from './native/testing/packets.ts';
import { NativeUdpPort, type UdpPortOptions } from './udp.ts';

const { EBADF, EINVAL, EMSGSIZE } = constants.errno;
const LOOPBACK = parseIp('127.0.0.1');
const SECOND = parseIp('127.0.0.2');
const LOOPBACK6 = parseIp('::1');

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
  const first = open(t, { firstSourcePort: 65_534, sourceSockets: 4 });
  const second = open(t, { firstSourcePort: 65_534, sourceSockets: 4 });
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
