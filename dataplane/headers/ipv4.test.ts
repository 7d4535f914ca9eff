import test from 'ava';
import fc from 'fast-check';
import { checksum } from '../checksum.ts';
import { concat, ipPacket, pattern, STATION_A, STATION_B, viewOf } from '../testing/frames.ts';
import {
  isIpv4Fragment,
  isValidIpv4,
  readIpv4Checksum,
  readIpv4Destination,
  readIpv4FlagsFragment,
  readIpv4HeaderLength,
  readIpv4Identification,
  readIpv4Protocol,
  readIpv4Source,
  readIpv4Tos,
  readIpv4TotalLength,
  readIpv4Ttl,
  rewriteIpv4Tos,
} from './ipv4.ts';

/** A 20-byte header and its checksum b861: the worked example of the Wikipedia article "Internet checksum". */
const EXAMPLE = Buffer.from('45000073000040004011b861c0a80001c0a800c7', 'hex');

test('ipv4 getters read a header written out by hand', t => {
  const view = viewOf(EXAMPLE);
  t.is(readIpv4HeaderLength(view, 0), 20);
  t.is(readIpv4Tos(view, 0), 0);
  t.is(readIpv4TotalLength(view, 0), 0x73);
  t.is(readIpv4Identification(view, 0), 0);
  t.is(readIpv4FlagsFragment(view, 0), 0x4000);
  t.is(readIpv4Ttl(view, 0), 64);
  t.is(readIpv4Protocol(view, 0), 17);
  t.is(readIpv4Checksum(view, 0), 0xb861);
  t.is(readIpv4Source(view, 0), 0xc0a80001);
  t.is(readIpv4Destination(view, 0), 0xc0a800c7);
});

test('isIpv4Fragment(): first, middle and last part; DF alone is none', t => {
  const cases: [number, boolean][] = [
    [0, false],
    [0x4000, false],
    [0x8000, false],
    [0x2000, true],
    [0x2001, true],
    [0x0001, true],
    [0x1fff, true],
  ];
  for (const [flagsFragment, expected] of cases) {
    const packet = ipPacket(STATION_A.ipv4, STATION_B.ipv4, 17, pattern(8), { flagsFragment });
    t.is(isIpv4Fragment(viewOf(packet), 0), expected, flagsFragment.toString(16));
  }
});

test('isValidIpv4() checks version, header length and total length against what is there', t => {
  const packet = ipPacket(STATION_A.ipv4, STATION_B.ipv4, 17, pattern(12));
  t.true(isValidIpv4(viewOf(packet), 0, packet.length));
  t.true(isValidIpv4(viewOf(concat(packet, pattern(18))), 0, packet.length + 18), 'padding');
  for (let length = 0; length < packet.length; length++) t.false(isValidIpv4(viewOf(packet), 0, length));
  const cases: [string, number, number][] = [
    ['version 6', 0, 0x65],
    ['header length 16', 0, 0x44],
    ['header longer than the packet', 0, 0x4f],
    ['total length beyond the end', 3, 33],
    ['total length below the header', 3, 19],
  ];
  for (const [title, at, value] of cases) {
    const damaged = concat(packet);
    damaged[at] = value;
    t.false(isValidIpv4(viewOf(damaged), 0, damaged.length), title);
  }
});

test('rewriteIpv4Tos() leaves the checksum that a full computation gives, for every pair of values', t => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 20, maxLength: 20 }), fc.nat(255), (bytes, tos) => {
      const header = concat(bytes);
      header[0] = 0x45;
      const view = viewOf(header);
      view.setUint16(10, 0);
      view.setUint16(10, checksum(view, 0, 20));
      rewriteIpv4Tos(view, 0, tos);
      return readIpv4Tos(view, 0) === tos && checksum(view, 0, 20) === 0;
    }),
    { seed: 1624, numRuns: 2000 },
  );
  t.pass();
});

test('rewriteIpv4Tos() does not make a wrong checksum right', t => {
  const header = concat(EXAMPLE);
  header[11] = 0x62;
  rewriteIpv4Tos(viewOf(header), 0, 3);
  t.not(checksum(viewOf(header), 0, 20), 0);
});
