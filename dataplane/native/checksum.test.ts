import { constants } from 'node:os';
import test from 'ava';
import fc from 'fast-check';
import { FLAG_NEEDS_CSUM, FrameBatch, GSO_TCPV4 } from '../frame-batch.ts';
import { batchIo } from './batch-io.ts';
import { expectedChecksum, type Packet, partialPacket } from './testing/packets.ts';

/** A batch that describes the packet, which is the whole arena: one byte too far is outside. */
function describePacket(packet: Packet): { arena: ArrayBuffer; batch: FrameBatch } {
  const arena = new ArrayBuffer(packet.bytes.length);
  new Uint8Array(arena).set(packet.bytes);
  const batch = new FrameBatch(1);
  batch.setLength(0, packet.bytes.length);
  batch.setFlags(0, FLAG_NEEDS_CSUM);
  batch.setCsumStart(0, packet.transport);
  batch.setCsumOffset(0, packet.field);
  return { arena, batch };
}

function storedChecksum(arena: ArrayBuffer, packet: Packet): number {
  return new DataView(arena).getUint16(packet.transport + packet.field);
}

for (const family of [4, 6] as const) {
  for (const protocol of ['tcp', 'udp'] as const) {
    test(`completeChecksum equals the reference for any payload of ${protocol} over IPv${family}`, t => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 3000 }), fc.integer({ min: 0, max: 2 }), (payload, vlans) => {
          const packet = partialPacket({ family, protocol, payload, vlans });
          const { arena, batch } = describePacket(packet);
          return (
            batchIo.completeChecksum(arena, batch.memory, 0) === 0 &&
            storedChecksum(arena, packet) === expectedChecksum(packet) &&
            batch.flags(0) === 0
          );
        }),
        { seed: 7348, numRuns: 300 },
      );
      t.pass();
    });

    test(`completeChecksum writes 0xffff for a zero result of ${protocol} over IPv${family}`, t => {
      // The payload's only word is what brings the sum of everything to 0xffff, whose complement is 0.
      const bare = partialPacket({ family, protocol, payload: new Uint8Array(2) });
      const missing = 0xffff - (0xffff - expectedChecksum(bare));
      const packet = partialPacket({
        family,
        protocol,
        payload: Uint8Array.of(missing >> 8, missing & 0xff),
      });
      const { arena, batch } = describePacket(packet);
      t.is(batchIo.completeChecksum(arena, batch.memory, 0), 0);
      t.is(storedChecksum(arena, packet), 0xffff);
    });
  }
}

test('completeChecksum sums 64 KiB of 0xff without losing a carry', t => {
  const packet = partialPacket({ family: 4, protocol: 'udp', payload: new Uint8Array(65_507).fill(0xff) });
  const { arena, batch } = describePacket(packet);
  t.is(batchIo.completeChecksum(arena, batch.memory, 0), 0);
  t.is(storedChecksum(arena, packet), expectedChecksum(packet));
});

test('completeChecksum changes only the checksum field, and nothing without the flag', t => {
  const packet = partialPacket({ family: 4, protocol: 'tcp', payload: Buffer.from('untouched') });
  const { arena, batch } = describePacket(packet);
  t.is(batchIo.completeChecksum(arena, batch.memory, 0), 0);
  const completed = Buffer.from(arena.slice(0));
  t.is(batchIo.completeChecksum(arena, batch.memory, 0), 0);
  t.deepEqual(Buffer.from(arena), completed, 'a second time does nothing');
  completed.writeUInt16BE(packet.bytes.readUInt16BE(50), 50);
  t.deepEqual(completed, Buffer.from(packet.bytes));
});

test('completeChecksum leaves a super-frame alone: its segments get their own checksums', t => {
  const packet = partialPacket({ family: 4, protocol: 'tcp', payload: new Uint8Array(3000).fill(7) });
  const { arena, batch } = describePacket(packet);
  batch.setGsoType(0, GSO_TCPV4);
  batch.setGsoSize(0, 1000);
  t.is(batchIo.completeChecksum(arena, batch.memory, 0), 0);
  t.is(batch.flags(0), FLAG_NEEDS_CSUM);
  t.deepEqual(Buffer.from(arena), Buffer.from(packet.bytes));
});

test('completeChecksum refuses a frame outside the arena', t => {
  const packet = partialPacket({ family: 4, protocol: 'udp', payload: new Uint8Array(10) });
  for (const [offset, length, encap] of [
    [1, packet.bytes.length, 0],
    [0, packet.bytes.length + 1, 0],
    [0xffff_ffff, packet.bytes.length, 0],
    [0, 0xffff_ffff, 0],
    [0, packet.bytes.length, 1],
  ] as const) {
    const { arena, batch } = describePacket(packet);
    batch.setOffset(0, offset);
    batch.setLength(0, length);
    batch.setEncapLength(0, encap);
    t.is(batchIo.completeChecksum(arena, batch.memory, 0), constants.errno.EINVAL);
    t.deepEqual(Buffer.from(arena), Buffer.from(packet.bytes));
  }
});
