/**
 * What a TAP with a confused kernel or wrong flags behind it could hand over. A FIFO stands for it: unlike a TAP it
 * lets the test write the vnet header that the addon reads.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, constants as fs, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Arena } from '../arena.ts';
import { FLAG_NEEDS_CSUM, GSO_ECN, GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4 } from '../frame-batch.ts';
import { NativeTapPort } from '../tap.ts';
import { Collector } from './testing/collector.ts';
import { type Packet, partialPacket } from './testing/packets.ts';
import { loopTurn } from './testing/process-state.ts';

interface VnetFields {
  readonly flags?: number;
  readonly gsoType?: number;
  readonly headerLength?: number;
  readonly gsoSize?: number;
  readonly csumStart?: number;
  readonly csumOffset?: number;
}

function vnetHeader(fields: VnetFields): Buffer {
  const header = Buffer.alloc(12);
  header[0] = fields.flags ?? 0;
  header[1] = fields.gsoType ?? 0;
  header.writeUInt16LE(fields.headerLength ?? 0, 2);
  header.writeUInt16LE(fields.gsoSize ?? 0, 4);
  header.writeUInt16LE(fields.csumStart ?? 0, 6);
  header.writeUInt16LE(fields.csumOffset ?? 0, 8);
  header.writeUInt16LE(0xdead, 10);
  return header;
}

interface Fifo {
  readonly port: NativeTapPort;
  readonly collector: Collector;
  /** One message, as one read of a TAP returns it; resolves when the addon has read it. */
  feed(message: Uint8Array): Promise<void>;
}

function openFifo(t: ExecutionContext, arena = new Arena()): Fifo {
  const directory = mkdtempSync(join(tmpdir(), 'weft-vnet-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'fifo');
  execFileSync('mkfifo', [path]);
  const fd = openSync(path, fs.O_RDWR | fs.O_NONBLOCK);
  const writer = openSync(path, fs.O_RDWR | fs.O_NONBLOCK);
  t.teardown(() => closeSync(writer));
  const collector = new Collector(arena);
  const port = new NativeTapPort({ arena }, { fd }, collector);
  t.teardown(() => port.close());
  const outcomes = () => port.counters.rxFrames + port.counters.rxBadGeometry + port.counters.rxTruncated;
  return {
    port,
    collector,
    async feed(message) {
      const before = outcomes();
      writeSync(writer, message);
      while (outcomes() === before) await loopTurn();
    },
  };
}

function honest(packet: Packet): VnetFields {
  return { flags: 1, csumStart: packet.transport, csumOffset: packet.field };
}

const tcp4 = partialPacket({ family: 4, protocol: 'tcp', payload: new Uint8Array(3000) });
const tcp6 = partialPacket({ family: 6, protocol: 'tcp', payload: new Uint8Array(3000) });
const udp4 = partialPacket({ family: 4, protocol: 'udp', payload: new Uint8Array(3000) });

const accepted: readonly [string, Packet, VnetFields][] = [
  ['no offload', tcp4, {}],
  ['NEEDS_CSUM', tcp4, honest(tcp4)],
  ['DATA_VALID', tcp4, { flags: 2 }],
  ['TCPV4', tcp4, { ...honest(tcp4), gsoType: GSO_TCPV4, gsoSize: 1000 }],
  ['TCPV4 with ECN', tcp4, { ...honest(tcp4), gsoType: GSO_TCPV4 | GSO_ECN, gsoSize: 1000 }],
  ['TCPV6', tcp6, { ...honest(tcp6), gsoType: GSO_TCPV6, gsoSize: 1000 }],
  ['UDP_L4', udp4, { ...honest(udp4), gsoType: GSO_UDP_L4, gsoSize: 1000 }],
];

for (const [what, packet, fields] of accepted) {
  for (const headerLength of [0, packet.headers, packet.bytes.length, 65_535]) {
    test(`a TAP read with ${what} and hdr_len ${headerLength} is described by its own bytes`, async t => {
      const fifo = openFifo(t);
      await fifo.feed(Buffer.concat([vnetHeader({ ...fields, headerLength }), packet.bytes]));
      const [received] = fifo.collector.frames;
      t.deepEqual(received?.frame, Buffer.from(packet.bytes));
      t.is(received?.flags, fields.flags === 1 ? FLAG_NEEDS_CSUM : 0);
      t.is(received?.gsoType, fields.gsoType ?? 0);
      t.is(received?.headerLength, fields.flags === 1 ? packet.headers : 0);
      t.is(received?.csumStart, fields.csumStart ?? 0);
      t.is(received?.csumOffset, fields.csumOffset ?? 0);
    });
  }
}

const refused: readonly [string, Packet, VnetFields][] = [
  ['RSC_INFO', tcp4, { flags: 4 }],
  ['all flags', tcp4, { ...honest(tcp4), flags: 0xff }],
  ['csum_start beyond the frame', tcp4, { flags: 1, csumStart: 60_000, csumOffset: 16 }],
  ['csum_offset beyond the frame', tcp4, { flags: 1, csumStart: 34, csumOffset: 65_534 }],
  ['GSO without NEEDS_CSUM', tcp4, { gsoType: GSO_TCPV4, gsoSize: 1000 }],
  ['GSO with gso_size 0', tcp4, { ...honest(tcp4), gsoType: GSO_TCPV4 }],
  ['GSO type 2', tcp4, { ...honest(tcp4), gsoType: 2, gsoSize: 1000 }],
  ['GSO type 0x7f', tcp4, { ...honest(tcp4), gsoType: 0x7f, gsoSize: 1000 }],
  ['ECN without TCP', udp4, { ...honest(udp4), gsoType: GSO_UDP_L4 | GSO_ECN, gsoSize: 1000 }],
  ['TCPV4 on IPv6', tcp6, { ...honest(tcp6), gsoType: GSO_TCPV4, gsoSize: 1000 }],
];

for (const [what, packet, fields] of refused) {
  test(`a TAP read with ${what} is counted, and the frame behind it arrives`, async t => {
    const fifo = openFifo(t);
    await fifo.feed(Buffer.concat([vnetHeader(fields), packet.bytes]));
    t.is(fifo.port.counters.rxBadGeometry, 1);
    await fifo.feed(Buffer.concat([vnetHeader({}), packet.bytes]));
    t.is(fifo.port.counters.rxBadGeometry, 1);
    t.is(fifo.collector.frames.length, 1);
    t.deepEqual(fifo.collector.lost, []);
  });
}

test('a TAP read shorter than the vnet header or the Ethernet header is bad geometry', async t => {
  const fifo = openFifo(t);
  const whole = Buffer.concat([vnetHeader({}), tcp4.bytes.subarray(0, 14)]);
  for (let length = 1; length < whole.length; length++) {
    await fifo.feed(whole.subarray(0, length));
    t.is(fifo.port.counters.rxBadGeometry, length);
  }
  await fifo.feed(whole);
  t.is(fifo.collector.frames[0]?.frame.length, 14);
});

test('a frame that fills its slot exactly may have been cut and is counted as truncated', async t => {
  const arena = new Arena({ slotSize: 256 });
  const fifo = openFifo(t, arena);
  const room = arena.stride - arena.frameStart;
  await fifo.feed(Buffer.concat([vnetHeader({}), new Uint8Array(room - 1)]));
  t.is(fifo.collector.frames[0]?.frame.length, room - 1);
  await fifo.feed(Buffer.concat([vnetHeader({}), new Uint8Array(room)]));
  t.is(fifo.port.counters.rxTruncated, 1);
});
