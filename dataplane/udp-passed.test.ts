import { readlinkSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { ipToBytes, parseIp } from './address.ts';
import { Arena } from './arena.ts';
import { FrameBatch } from './frame-batch.ts';
import { batchIo } from './native/batch-io.ts';
import { Collector } from './native/testing/collector.ts';
import { NativeUdpPort, type UdpPortOptions } from './udp.ts';

const LOOPBACK = parseIp('127.0.0.1');
const SECOND = parseIp('127.0.0.2');

interface End {
  readonly arena: Arena;
  readonly port: NativeUdpPort;
  readonly collector: Collector;
}

function open(t: ExecutionContext, options: Partial<UdpPortOptions> = {}): End {
  const arena = new Arena();
  const collector = new Collector(arena);
  const port = new NativeUdpPort(
    { arena },
    { address: LOOPBACK, port: 0, sourceSockets: 3, gro: false, coalesceTcp: false, ...options },
    { ...collector, onOffloadLost: () => undefined },
  );
  t.teardown(() => port.close());
  return { arena, port, collector };
}

/** What the store of a service manager would give to the next process. */
function copies({ port }: End): number[] {
  return port.descriptors.map(fd => batchIo.duplicateDescriptor(fd));
}

/** Which socket it is: the same whatever the descriptor; undefined for one that is not open. */
function socketOf(fd: number): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined;
  }
}

function sendTo(from: End, port: number, count: number, first = 0): void {
  const batch = new FrameBatch(count);
  const address = Buffer.alloc(16);
  address.set(ipToBytes(LOOPBACK));
  for (let i = 0; i < count; i++) {
    const offset = from.arena.scratchOffset + i * 100;
    from.arena.bytes.fill(0, offset, offset + 100);
    from.arena.bytes[offset + 8] = first + i;
    batch.setOffset(i, offset + 8);
    batch.setLength(i, 92);
    batch.setEncapLength(i, 8);
    batch.setFamily(i, 4);
    batch.setPort(i, port);
    for (let word = 0; word < 4; word++) batch.setAddressWord(i, word, address.readUInt32LE(4 * word));
  }
  from.port.send(batch, 0, count);
}

test('sockets that are passed go on: nothing that waits in them is lost, and peers see the same ports', async t => {
  const sender = open(t);
  const before = open(t);
  const passed = copies(before);
  const sockets = passed.map(socketOf);
  before.port.close();
  // Nobody reads.
  sendTo(sender, before.port.port, 20);
  const after = open(t, { port: before.port.port, passed });
  t.is(after.port.port, before.port.port);
  t.deepEqual(after.port.sourcePorts, before.port.sourcePorts);
  t.deepEqual(after.port.descriptors.map(socketOf), sockets);
  sendTo(sender, before.port.port, 20, 20);
  await after.collector.atLeast(40);
  t.deepEqual(
    after.collector.frames.map(({ frame }) => frame[0]),
    Array.from({ length: 40 }, (_, i) => i),
  );
  sendTo(after, sender.port.port, 1);
  await sender.collector.atLeast(1);
  t.is(sender.collector.frames[0]?.port, before.port.sourcePorts[0]);
  t.is(after.port.counters.rxQueueOverflow, 0);
});

test('passed sockets of another address or number are closed, and others opened', t => {
  for (const { changes, kept } of [
    { changes: { address: SECOND }, kept: 0 },
    { changes: { port: 0 }, kept: 3 },
    { changes: { sourceSockets: 2 }, kept: 3 },
    { changes: { sourceSockets: 5 }, kept: 4 },
  ]) {
    const before = open(t);
    const options = { port: before.port.port, ...changes };
    const passed = copies(before);
    const sockets = passed.map(socketOf);
    before.port.close();
    const after = open(t, { ...options, passed });
    const now = after.port.descriptors.map(socketOf);
    t.is(sockets.filter(socket => now.includes(socket)).length, kept, JSON.stringify(options));
    t.is(new Set(after.port.sourcePorts).size, after.port.sourcePorts.length);
    for (const [i, fd] of passed.entries())
      t.true(now.includes(sockets[i]) || socketOf(fd) !== sockets[i], 'closed');
    after.port.close();
  }
});

test('what is passed and cannot be used is closed, whatever becomes of the port', t => {
  const holder = open(t);
  const taken = holder.port.port;
  const before = open(t);
  const passed = copies(before);
  const sockets = passed.map(socketOf);
  t.throws(() => open(t, { port: taken, passed }), { message: /is taken/ });
  t.deepEqual(
    passed.filter((fd, i) => socketOf(fd) === sockets[i]),
    [],
  );
});
