import test from 'ava';
import { concat, ipPacket, pattern, STATION_A, STATION_B, viewOf } from '../testing/frames.ts';
import {
  findIpv6Transport,
  isValidIpv6,
  NO_TRANSPORT,
  PROTOCOL_IPV6_FRAGMENT,
  readIpv6DestinationWord,
  readIpv6FlowLabel,
  readIpv6HopLimit,
  readIpv6NextHeader,
  readIpv6PayloadLength,
  readIpv6SourceWord,
  readIpv6TrafficClass,
  transportOffset,
  transportProtocol,
  writeIpv6TrafficClass,
} from './ipv6.ts';

type Extension = { readonly type: number; readonly bytes: Uint8Array };

function packet(extensions: readonly Extension[] = [], payload = pattern(16)): Uint8Array<ArrayBuffer> {
  return ipPacket(STATION_A.ipv6, STATION_B.ipv6, 17, payload, { extensions });
}

/** An extension header of `size` bytes; byte 1 is `lengthField`. */
function extension(type: number, size: number, lengthField: number): Extension {
  const bytes = new Uint8Array(size);
  bytes[1] = lengthField;
  return { type, bytes };
}

/** A fragment header (RFC 8200 section 4.5); `field`: offset in 8-byte units, 2 reserved bits, M. */
function fragment(field: number): Extension {
  return { type: 44, bytes: Uint8Array.of(0, 0, field >> 8, field & 0xff, 1, 2, 3, 4) };
}

function find(bytes: Uint8Array): { protocol: number; offset: number } | undefined {
  const found = findIpv6Transport(viewOf(bytes), 0, bytes.length);
  if (found === NO_TRANSPORT) return undefined;
  return { protocol: transportProtocol(found), offset: transportOffset(found) };
}

test('ipv6 getters read a header written out by hand', t => {
  const hex = '6a5fedcb 0010 11 40 20010db8000000000000000000000001 20010db80000000000000000deadbeef';
  const view = viewOf(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
  t.is(readIpv6TrafficClass(view, 0), 0xa5);
  t.is(readIpv6FlowLabel(view, 0), 0xfedcb);
  t.is(readIpv6PayloadLength(view, 0), 16);
  t.is(readIpv6NextHeader(view, 0), 17);
  t.is(readIpv6HopLimit(view, 0), 64);
  t.deepEqual(
    [0, 1, 2, 3].map(word => readIpv6SourceWord(view, 0, word)),
    [0x20010db8, 0, 0, 1],
  );
  t.is(readIpv6DestinationWord(view, 0, 3), 0xdeadbeef);
});

test('writeIpv6TrafficClass() changes the class and neither version nor flow label', t => {
  const view = viewOf(Buffer.from('6a5fedcb', 'hex'));
  writeIpv6TrafficClass(view, 0, 0x03);
  t.is(view.getUint32(0), 0x603fedcb);
});

test('isValidIpv6() checks version and payload length against what is there', t => {
  const good = packet();
  t.true(isValidIpv6(viewOf(good), 0, good.length));
  for (let length = 0; length < good.length; length++) t.false(isValidIpv6(viewOf(good), 0, length));
  good[0] = 0x45;
  t.false(isValidIpv6(viewOf(good), 0, good.length));
});

test('findIpv6Transport(): no, one and many extension headers, each with its own length rule', t => {
  t.deepEqual(find(packet()), { protocol: 17, offset: 40 });
  t.deepEqual(find(packet([extension(0, 8, 0)])), { protocol: 17, offset: 48 });
  t.deepEqual(find(packet([extension(60, 24, 2)])), { protocol: 17, offset: 64 });
  t.deepEqual(find(packet([extension(43, 16, 1)])), { protocol: 17, offset: 56 });
  t.deepEqual(find(packet([extension(51, 24, 4)])), { protocol: 17, offset: 64 });
  const all = [
    extension(0, 8, 0),
    extension(60, 8, 0),
    extension(43, 24, 2),
    fragment(0),
    extension(51, 16, 2),
  ];
  t.deepEqual(find(packet(all)), { protocol: 17, offset: 104 });
});

test('findIpv6Transport(): parts of a packet are fragments, an atomic fragment is none (RFC 6946)', t => {
  t.deepEqual(find(packet([fragment(0x0001)])), { protocol: PROTOCOL_IPV6_FRAGMENT, offset: 40 }, 'first');
  t.deepEqual(find(packet([fragment(0x0009)])), { protocol: PROTOCOL_IPV6_FRAGMENT, offset: 40 }, 'middle');
  t.deepEqual(find(packet([fragment(0x0008)])), { protocol: PROTOCOL_IPV6_FRAGMENT, offset: 40 }, 'last');
  t.deepEqual(find(packet([fragment(0x0006)])), { protocol: 17, offset: 48 }, 'reserved bits only');
});

test('findIpv6Transport(): a chain that runs past the packet has no transport', t => {
  t.is(find(packet([extension(60, 8, 255)])), undefined);
  t.is(
    find(packet([{ type: 0, bytes: new Uint8Array(4) }], new Uint8Array(0) as Uint8Array<ArrayBuffer>)),
    undefined,
  );
  const cutBeforeHeader = ipPacket(STATION_A.ipv6, STATION_B.ipv6, 60, pattern(0));
  t.is(find(cutBeforeHeader), undefined);
  t.is(find(concat(cutBeforeHeader, pattern(40))), undefined);
  // The payload length, not the padding behind it, is the end.
  const padded = concat(packet([extension(60, 8, 2)], pattern(0)), pattern(40));
  t.is(find(padded), undefined);
});

test('findIpv6Transport(): eight extension headers are walked, nine are not', t => {
  const chain = (n: number) => packet(Array.from({ length: n }, () => extension(60, 8, 0)));
  t.deepEqual(find(chain(8)), { protocol: 17, offset: 104 });
  t.is(find(chain(9)), undefined);
});
