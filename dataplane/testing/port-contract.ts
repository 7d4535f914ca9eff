/**
 * What ports.ts promises, as one suite of tests for any implementation: memory-ports.test.ts runs it on the fakes,
 * tap-contract.test.ts and udp-contract.test.ts on the real ports. A factory opens two, `a` and `b`, that hear each other.
 *
 * Test frames travel between STATION_A and STATION_B with an EtherType for local experiments or as IPv4; whatever else
 * arrives (a kernel's router solicitations) is counted and passed over.
 */
import { constants } from 'node:os';
import test, { type ExecutionContext } from 'ava';
import type { IpAddress } from '../address.ts';
import { FLAG_NEEDS_CSUM, GSO_TCPV4 } from '../frame-batch.ts';
import { TCP_CHECKSUM_OFFSET } from '../headers/tcp.ts';
import { UDP_CHECKSUM_OFFSET } from '../headers/udp.ts';
import {
  type BatchHandler,
  HEADROOM,
  type PortCounters,
  RECEIVE_BATCH,
  type TapPort,
  type UdpPort,
} from '../ports.ts';
import { Vtep } from '../vtep-table.ts';
import { concat, pattern, tcpFrame, udpFrame, viewOf } from './frames.ts';
import {
  assertSameFrames,
  Collector,
  isTestFrame,
  needChecksum,
  numberedFrame,
  Sender,
  statuses,
  transmitted,
} from './port-probe.ts';
import { referenceSegments } from './reference-segments.ts';
import { describeSuperFrame, superFrame } from './super-frames.ts';

const { EINVAL, EMSGSIZE } = constants.errno;

/** Where the transport header of an untagged IPv4 frame without options begins. */
const TRANSPORT = 34;
/** Stands for the VXLAN header: bytes that the port must carry untouched before the frame. */
const ENCAP = Uint8Array.of(0x08, 0, 0, 0, 0, 0, 42, 0);

interface RigBase {
  /** The memory that the descriptors of both ports refer to. */
  readonly arena: ArrayBufferLike;
  /** Arena offset of SCRATCH_SIZE (port-probe.ts) bytes that no port uses: the test's own frames stand there. */
  readonly scratch: number;
  /** Resolves when whatever was sent has surely reached its handler; called only before asserting that nothing came. */
  settle(): Promise<void>;
  /** Closes the ports and removes everything the factory made. */
  close(): Promise<void>;
}

interface Handlers {
  readonly a: BatchHandler;
  readonly b: BatchHandler;
}

interface TapRig extends RigBase {
  readonly a: TapPort;
  readonly b: TapPort;
}

export type MakeTapPair = (handlers: Handlers) => Promise<TapRig>;

interface UdpRig extends RigBase {
  readonly a: UdpPort;
  readonly b: UdpPort;
  readonly addressOfA: IpAddress;
  readonly addressOfB: IpAddress;
  /** The UDP port that both receive on. */
  readonly port: number;
  /** Of the path between them: 1280 … 9000. */
  readonly mtu: number;
  /** Sends a datagram with exactly these bytes to `b`, from anywhere. */
  sendRawToB(bytes: Uint8Array): Promise<void>;
}

/** Both ports take 8 bytes of encapsulation off what they receive. */
export type MakeUdpPair = (handlers: Handlers) => Promise<UdpRig>;

interface Probe {
  /** What `b` received, and what `a` received. */
  readonly fromA: Collector;
  readonly fromB: Collector;
  readonly sender: Sender;
}

/** Registers the tests of a {@link TapPort}; `name` begins their titles. */
export function tapPortContract(name: string, makeTapPair: MakeTapPair): void {
  const contract = (title: string, body: (t: ExecutionContext, rig: TapRig & Probe) => Promise<void>) =>
    test.serial(`${name}: ${title}`, async t => {
      const fromA = new Collector(isTestFrame, HEADROOM);
      const fromB = new Collector(isTestFrame, HEADROOM);
      const rig = await makeTapPair({ a: fromB.handler, b: fromA.handler });
      fromA.watch(rig.arena);
      fromB.watch(rig.arena);
      try {
        await body(t, { ...rig, fromA, fromB, sender: new Sender(rig.arena, rig.scratch) });
        t.deepEqual([...fromA.problems, ...fromB.problems], []);
      } finally {
        await rig.close();
      }
    });

  contract('frames arrive whole and in order, in batches, with headroom before each', async (t, rig) => {
    const sizes = Array.from({ length: 150 }, (_, i) => 60 + ((i * 97) % 1455));
    const sent = sizes.map((size, i) => numberedFrame(i, size));
    for (const frame of sent) rig.sender.add(frame);
    rig.a.write(rig.sender.batch, 0, sent.length);
    const received = await rig.fromA.take(sent.length);
    t.deepEqual(
      statuses(rig.sender.batch, sent.length),
      sent.map(() => 0),
    );
    assertSameFrames(t, received, sent);
    t.true(received.every(({ encapLength }) => encapLength === 0));
    t.true(rig.fromA.largestBatch <= RECEIVE_BATCH);
  });

  contract(
    'write() takes a range of the batch, and the encapsulation before a frame stays behind',
    async (t, rig) => {
      const sent = [0, 1, 2, 3].map(i => numberedFrame(i, 100));
      for (const frame of sent) rig.sender.add(frame, ENCAP);
      rig.a.write(rig.sender.batch, 1, 2);
      rig.a.write(rig.sender.batch, 0, 0);
      rig.a.write(rig.sender.batch, 3, 1);
      assertSameFrames(t, await rig.fromA.take(3), sent.slice(1));
    },
  );

  contract('a handler may write before it returns', async (t, rig) => {
    rig.fromA.onBatch = (batch, count) => rig.b.write(batch, 0, count);
    const sent = Array.from({ length: 20 }, (_, i) => numberedFrame(i, 400));
    for (const frame of sent) rig.sender.add(frame);
    rig.a.write(rig.sender.batch, 0, sent.length);
    assertSameFrames(t, await rig.fromB.take(sent.length), sent);
  });

  contract('a refused frame does not stop those behind it', async (t, rig) => {
    const sent = [0, 1, 2].map(i => numberedFrame(i, 100));
    for (const frame of sent) rig.sender.add(frame);
    needChecksum(rig.sender.batch, 1, 98, 4);
    rig.a.write(rig.sender.batch, 0, 3);
    t.deepEqual(statuses(rig.sender.batch, 3), [0, EINVAL, 0]);
    assertSameFrames(t, await rig.fromA.take(2), [numberedFrame(0, 100), numberedFrame(2, 100)]);
  });

  contract('a partial checksum arrives as such or complete', async (t, rig) => {
    rig.sender.add(udpFrame({ checksum: 'partial' }));
    needChecksum(rig.sender.batch, 0, TRANSPORT, UDP_CHECKSUM_OFFSET);
    rig.a.write(rig.sender.batch, 0, 1);
    const [frame] = await rig.fromA.take(1);
    if (frame === undefined) return;
    const isPartial = (frame.flags & FLAG_NEEDS_CSUM) !== 0;
    t.deepEqual(frame.bytes, udpFrame({ checksum: isPartial ? 'partial' : 'complete' }));
    if (isPartial) t.deepEqual([frame.csumStart, frame.csumOffset], [TRANSPORT, UDP_CHECKSUM_OFFSET]);
  });

  contract('close() silences the handler; twice is once', (t, rig) =>
    assertClose(t, rig, rig.b, () => rig.a.write(rig.sender.batch, rig.sender.add(numberedFrame(0, 100)), 1)),
  );

  contract('close() within a handler is the last that handler hears', async (t, rig) => {
    rig.fromA.onBatch = () => rig.b.close();
    for (let i = 0; i < RECEIVE_BATCH * 2; i++) rig.sender.add(numberedFrame(i, 100));
    rig.a.write(rig.sender.batch, 0, RECEIVE_BATCH * 2);
    await rig.fromA.take(1);
    await rig.settle();
    t.is(rig.fromA.batches, 1);
  });

  contract('counters add up', async (t, rig) => {
    const sent = [0, 1, 2].map(i => numberedFrame(i, 100 + i));
    for (const frame of sent) rig.sender.add(frame);
    needChecksum(rig.sender.batch, 1, 98, 4);
    const before = transmitted(rig.a.counters);
    rig.a.write(rig.sender.batch, 0, 3);
    await rig.fromA.take(2);
    t.is(rig.a.counters.txFrames - before.txFrames, 2);
    t.is(rig.a.counters.txErrors - before.txErrors, 1);
    t.is(rig.a.counters.txBytes - before.txBytes, 100 + 102);
    t.true(rig.a.counters.txBatches > before.txBatches);
    assertReceiveCounters(t, rig.b.counters, rig.fromA);
    t.is(rig.b.counters.rxBytes, rig.fromA.frameBytes);
  });
}

/** Registers the tests of a {@link UdpPort}; `name` begins their titles. */
export function udpPortContract(name: string, makeUdpPair: MakeUdpPair): void {
  const contract = (title: string, body: (t: ExecutionContext, rig: UdpRig & Probe & ToB) => Promise<void>) =>
    test.serial(`${name}: ${title}`, async t => {
      const fromA = new Collector(() => true, ENCAP.length);
      const fromB = new Collector(() => true, ENCAP.length);
      const rig = await makeUdpPair({ a: fromB.handler, b: fromA.handler });
      fromA.watch(rig.arena);
      fromB.watch(rig.arena);
      const sender = new Sender(rig.arena, rig.scratch);
      const b = new Vtep(rig.addressOfB, rig.port);
      const addToB = (frame: Uint8Array): number => {
        const i = sender.add(frame, ENCAP);
        b.writeTo(sender.batch, i);
        return i;
      };
      try {
        await body(t, { ...rig, fromA, fromB, sender, addToB });
        t.deepEqual([...fromA.problems, ...fromB.problems], []);
      } finally {
        await rig.close();
      }
    });

  contract('frames arrive whole and in order, the encapsulation before each', async (t, rig) => {
    const sent = Array.from({ length: 150 }, (_, i) => numberedFrame(i, 60 + ((i * 97) % 1100)));
    sent.forEach(rig.addToB);
    rig.a.send(rig.sender.batch, 0, sent.length);
    const received = await rig.fromA.take(sent.length);
    t.deepEqual(
      statuses(rig.sender.batch, sent.length),
      sent.map(() => 0),
    );
    assertSameFrames(t, received, sent);
    t.true(received.every(({ encap }) => Buffer.compare(encap, ENCAP) === 0));
    t.true(rig.fromA.largestBatch <= RECEIVE_BATCH);
  });

  contract('a received frame names its sender: family, address, source port, TOS', async (t, rig) => {
    rig.sender.batch.setTos(rig.addToB(numberedFrame(0, 100)), 0x02);
    rig.a.send(rig.sender.batch, 0, 1);
    const [frame] = await rig.fromA.take(1);
    const a = new Vtep(rig.addressOfA, rig.port);
    t.is(frame?.family, a.family);
    t.deepEqual(frame?.addressWords, [...a.words]);
    t.is(frame?.port, rig.a.sourcePorts[0]);
    t.is(frame?.tos, 0x02);
  });

  contract('each source socket has a port of its own, and send() uses the one named', async (t, rig) => {
    t.true(rig.a.sourceSockets >= 1);
    t.is(rig.a.sourcePorts.length, rig.a.sourceSockets);
    t.is(new Set(rig.a.sourcePorts).size, rig.a.sourceSockets);
    for (let socket = 0; socket < rig.a.sourceSockets; socket++) {
      rig.sender.batch.setSocket(rig.addToB(numberedFrame(socket, 100)), socket);
    }
    rig.a.send(rig.sender.batch, 0, rig.a.sourceSockets);
    // Order holds per socket only.
    const received = await rig.fromA.take(rig.a.sourceSockets);
    const byNumber = received.map(({ bytes, port }) => [viewOf(bytes).getUint32(14), port] as const);
    t.deepEqual(new Map(byNumber), new Map(rig.a.sourcePorts.map((port, i) => [i, port])));
  });

  contract('a handler may send before it returns', async (t, rig) => {
    const a = new Vtep(rig.addressOfA, rig.port);
    rig.fromA.onBatch = (batch, count) => {
      for (let i = 0; i < count; i++) a.writeTo(batch, i);
      rig.b.send(batch, 0, count);
    };
    const sent = Array.from({ length: 20 }, (_, i) => numberedFrame(i, 400));
    sent.forEach(rig.addToB);
    rig.a.send(rig.sender.batch, 0, sent.length);
    assertSameFrames(t, await rig.fromB.take(sent.length), sent);
  });

  contract(
    'a frame of exactly the path MTU passes, one byte more is EMSGSIZE; those behind it pass',
    async (t, rig) => {
      const outerHeaders = rig.addressOfB.includes(':') ? 40 + 8 : 20 + 8;
      const most = rig.mtu - outerHeaders - ENCAP.length;
      const sent = [most, most + 1, 100].map((size, i) => numberedFrame(i, size));
      sent.forEach(rig.addToB);
      rig.a.send(rig.sender.batch, 0, 3);
      t.deepEqual(statuses(rig.sender.batch, 3), [0, EMSGSIZE, 0]);
      assertSameFrames(t, await rig.fromA.take(2), [numberedFrame(0, most), numberedFrame(2, 100)]);
    },
  );

  contract('a frame whose checksum would lie outside it is EINVAL; those behind it pass', async (t, rig) => {
    [0, 1, 2].map(i => numberedFrame(i, 100)).forEach(rig.addToB);
    needChecksum(rig.sender.batch, 1, 98, 4);
    rig.a.send(rig.sender.batch, 0, 3);
    t.deepEqual(statuses(rig.sender.batch, 3), [0, EINVAL, 0]);
    assertSameFrames(t, await rig.fromA.take(2), [numberedFrame(0, 100), numberedFrame(2, 100)]);
  });

  contract('a partial checksum arrives complete, and the flag is cleared', async (t, rig) => {
    const cases = [
      { build: udpFrame, offset: UDP_CHECKSUM_OFFSET, payload: pattern(33) },
      { build: tcpFrame, offset: TCP_CHECKSUM_OFFSET, payload: pattern(1000) },
      { build: udpFrame, offset: UDP_CHECKSUM_OFFSET, payload: payloadWithZeroChecksum() },
    ];
    for (const { build, offset, payload } of cases) {
      const i = rig.addToB(build({ payload, checksum: 'partial' }));
      needChecksum(rig.sender.batch, i, TRANSPORT, offset);
    }
    rig.a.send(rig.sender.batch, 0, cases.length);
    const received = await rig.fromA.take(cases.length);
    assertSameFrames(
      t,
      received,
      cases.map(({ build, payload }) => build({ payload })),
    );
    t.deepEqual(statuses(rig.sender.batch, cases.length), [0, 0, 0]);
    cases.forEach((_, i) => {
      t.is(rig.sender.batch.flags(i) & FLAG_NEEDS_CSUM, 0);
    });
    // RFC 768: "If the computed checksum is zero, it is transmitted as all ones".
    const zero = received[2]?.bytes ?? new Uint8Array(42);
    t.is(viewOf(zero).getUint16(TRANSPORT + UDP_CHECKSUM_OFFSET), 0xffff);
  });

  contract(
    'a super-frame arrives as its segments, if they fit the path, and stays as it was',
    async (t, rig) => {
      const frames = [
        superFrame({ protocol: 'tcp', payload: pattern(9001), gsoSize: 1000 }),
        superFrame({ protocol: 'tcp', payload: pattern(9001), gsoSize: rig.mtu }),
        superFrame({ protocol: 'udp', payload: pattern(9001), gsoSize: 1000 }),
      ] as const;
      for (const frame of frames) describeSuperFrame(rig.sender.batch, rig.addToB(frame.bytes), frame);
      rig.a.send(rig.sender.batch, 0, 3);
      t.deepEqual(statuses(rig.sender.batch, 3), [0, EMSGSIZE, 0]);
      const expected = [...referenceSegments(frames[0]), ...referenceSegments(frames[2])];
      const received = await rig.fromA.take(expected.length);
      assertSameFrames(t, received, expected);
      t.true(received.every(({ encap }) => Buffer.compare(encap, ENCAP) === 0));
      t.deepEqual([rig.sender.batch.gsoType(0), rig.sender.batch.flags(0)], [GSO_TCPV4, FLAG_NEEDS_CSUM]);
      t.is(rig.a.counters.txSegments, expected.length);
    },
  );

  contract(
    'a datagram shorter than the encapsulation has length 0 and a short encapLength',
    async (t, rig) => {
      for (let size = 0; size <= ENCAP.length; size++) await rig.sendRawToB(ENCAP.subarray(0, size));
      await rig.sendRawToB(concat(ENCAP, Uint8Array.of(1)));
      const received = await rig.fromA.take(ENCAP.length + 2);
      t.deepEqual(
        received.map(({ encapLength, bytes }) => [encapLength, bytes.length]),
        [...Array.from({ length: 9 }, (_, size) => [size, 0]), [8, 1]],
      );
      t.true(received.every(({ encap }) => Buffer.compare(encap, ENCAP.subarray(0, encap.length)) === 0));
    },
  );

  contract('close() silences the handler; twice is once', (t, rig) =>
    assertClose(t, rig, rig.b, () => rig.a.send(rig.sender.batch, rig.addToB(numberedFrame(0, 100)), 1)),
  );

  contract('close() within a handler is the last that handler hears', async (t, rig) => {
    rig.fromA.onBatch = () => rig.b.close();
    for (let i = 0; i < RECEIVE_BATCH * 2; i++) rig.addToB(numberedFrame(i, 100));
    rig.a.send(rig.sender.batch, 0, RECEIVE_BATCH * 2);
    await rig.fromA.take(1);
    await rig.settle();
    t.is(rig.fromA.batches, 1);
  });

  contract('counters add up', async (t, rig) => {
    [100, rig.mtu, 102].map((size, i) => numberedFrame(i, size)).forEach(rig.addToB);
    const before = transmitted(rig.a.counters);
    rig.a.send(rig.sender.batch, 0, 3);
    await rig.fromA.take(2);
    t.is(rig.a.counters.txFrames - before.txFrames, 2);
    t.is(rig.a.counters.txErrors - before.txErrors, 1);
    t.true(rig.a.counters.txBatches > before.txBatches);
    assertReceiveCounters(t, rig.b.counters, rig.fromA);
    t.is(rig.b.counters.rxBytes, rig.a.counters.txBytes - before.txBytes, 'both ends count bytes alike');
  });
}

interface ToB {
  /** Adds a frame with ENCAP before it, addressed to `b`; returns its index. */
  readonly addToB: (frame: Uint8Array) => number;
}

function assertReceiveCounters(t: ExecutionContext, counters: PortCounters, heard: Collector): void {
  t.is(counters.rxFrames, heard.frames);
  t.is(counters.rxBatches, heard.batches);
  t.deepEqual([counters.rxBadGeometry, counters.rxTruncated, counters.rxErrors], [0, 0, 0]);
}

async function assertClose(
  t: ExecutionContext,
  rig: RigBase & Probe,
  b: { close(): void },
  sendOne: () => void,
): Promise<void> {
  sendOne();
  await rig.fromA.take(1);
  b.close();
  b.close();
  const { batches } = rig.fromA;
  sendOne();
  await rig.settle();
  t.is(rig.fromA.batches, batches);
}

/** A UDP payload for the default addresses and ports whose checksum computes to zero. */
function payloadWithZeroChecksum(): Uint8Array {
  // With the payload word w the sum grows by w; where the checksum of a zero word is c, the word c makes the sum ffff.
  const view = viewOf(udpFrame({ payload: new Uint8Array(2) }));
  const checksum = view.getUint16(TRANSPORT + UDP_CHECKSUM_OFFSET);
  return Uint8Array.of(checksum >> 8, checksum & 0xff);
}
