import test from 'ava';
import { type HostileKind, hostileDatagrams, validGossipPing, validVxlan } from './hostile-datagrams.ts';

function hex(kind: HostileKind, count?: number, seed?: number): string[] {
  return [...hostileDatagrams(kind, count, seed)].map(datagram => datagram.toString('hex'));
}

test('validVxlan() is a VXLAN header with the I flag, the VNI and a broadcast frame', t => {
  t.is(validVxlan().length, 8 + 14 + 28);
  t.is(validVxlan().toString('hex', 0, 14), '0800000000002a00ffffffffffff');
});

test('validGossipPing() is a memberlist ping', t => {
  t.is(validGossipPing().toString('hex'), '0082a55365714e6f01a44e6f6465a161');
});

test('hostileDatagrams() of truncations has every length below the whole', t => {
  t.deepEqual(
    [...hostileDatagrams('truncated')].map(({ length }) => length),
    Array.from({ length: 50 }, (_, length) => length),
  );
  t.is(hex('truncated-gossip').length, validGossipPing().length);
});

test('hostileDatagrams() never has the right flag in wrong-flags nor the right VNI in wrong-vni', t => {
  const flags = [...hostileDatagrams('wrong-flags')].map(datagram => datagram.readUInt8(0));
  t.is(new Set(flags).size, 128);
  t.true(flags.every(value => (value & 0x08) === 0));
  const vnis = [...hostileDatagrams('wrong-vni')].map(datagram => datagram.readUIntBE(4, 3));
  t.is(vnis.length, 26);
  t.false(vnis.includes(42));
});

test('hostileDatagrams() of random bytes are the same for the same seed, and none is valid by chance', t => {
  t.deepEqual(hex('random', 50, 7), hex('random', 50, 7));
  t.notDeepEqual(hex('random', 50, 7), hex('random', 50, 8));
  const all = [...hostileDatagrams('random', 100_000, 7)];
  t.is(all.length, 100_000);
  t.true(all.some(datagram => datagram.length === 0));
  t.true(all.some(datagram => datagram.length > 1400));
  const valid = all.filter(
    datagram => datagram.length >= 8 && (datagram.readUInt8(0) & 8) !== 0 && datagram.readUIntBE(4, 3) === 42,
  );
  t.is(valid.length, 0);
});
