import test from 'ava';
import fc from 'fast-check';
import {
  BROADCAST_MAC,
  isMulticastMac,
  MAX_MAC,
  type MacAddress,
  macHigh,
  macLow,
  parseMac,
} from '../address.ts';
import { ethernetFrame, pattern, STATION_A, STATION_B, viewOf } from '../testing/frames.ts';
import {
  ETHERTYPE_IPV4,
  ETHERTYPE_SERVICE_VLAN,
  ETHERTYPE_VLAN,
  ethernetHeaderLength,
  isGroup,
  isLinkLocalControl,
  isStation,
  isValidEthernet,
  readDestinationHigh,
  readDestinationLow,
  readDestinationMac,
  readEtherType,
  readMac,
  readPayloadType,
  readSourceHigh,
  readSourceLow,
  readSourceMac,
  readVlanId,
  writeMac,
} from './ethernet.ts';

test('ethernet getters read a frame written out by hand', t => {
  const hex = 'ffffffffffff 02005e100001 0806'.replaceAll(' ', '');
  const view = viewOf(Buffer.from(hex, 'hex'));
  t.true(isValidEthernet(view, 0, 14));
  t.is(readDestinationMac(view, 0), BROADCAST_MAC);
  t.is(readSourceMac(view, 0), parseMac('02:00:5e:10:00:01'));
  t.is(readEtherType(view, 0), 0x0806);
});

test('readMac() gives back what writeMac() wrote, at any offset', t => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: MAX_MAC }), fc.nat(5), (mac, at) => {
      const view = new DataView(new ArrayBuffer(at + 6));
      writeMac(view, at, mac as MacAddress);
      return readMac(view, at) === mac;
    }),
    { seed: 1 },
  );
  t.pass();
});

test('isValidEthernet(): 14 bytes are a frame, 13 are not', t => {
  t.false(isValidEthernet(viewOf(pattern(13)), 0, 13));
  t.true(isValidEthernet(viewOf(pattern(14)), 0, 14));
});

test('ethernetHeaderLength(): none, one and two tags, of both kinds; a third tag is payload', t => {
  const customer = { id: 7 };
  const provider = { id: 4095, etherType: ETHERTYPE_SERVICE_VLAN };
  const cases = [
    { tags: [], length: 14, type: ETHERTYPE_IPV4 },
    { tags: [customer], length: 18, type: ETHERTYPE_IPV4 },
    { tags: [provider], length: 18, type: ETHERTYPE_IPV4 },
    { tags: [provider, customer], length: 22, type: ETHERTYPE_IPV4 },
    { tags: [provider, customer, customer], length: 22, type: ETHERTYPE_VLAN },
  ];
  for (const { tags, length, type } of cases) {
    const frame = ethernetFrame(ETHERTYPE_IPV4, pattern(46), { tags });
    const view = viewOf(frame);
    t.is(ethernetHeaderLength(view, 0, frame.length), length);
    t.is(readPayloadType(view, 0, length), type);
    tags.slice(0, 2).forEach((tag, i) => {
      t.is(readVlanId(view, 0, i), tag.id);
    });
    t.is(readSourceMac(view, 0), STATION_A.mac);
    t.is(readDestinationMac(view, 0), STATION_B.mac);
  }
});

test('ethernetHeaderLength() is 0 when the frame ends inside header or tag', t => {
  const frame = ethernetFrame(ETHERTYPE_IPV4, pattern(0), { tags: [{ id: 1 }, { id: 2 }] });
  const lengths = Array.from({ length: 23 }, (_, length) => ethernetHeaderLength(viewOf(frame), 0, length));
  t.deepEqual(lengths, [...new Array<number>(22).fill(0), 22]);
});

function isControl(mac: MacAddress): boolean {
  return isLinkLocalControl(macHigh(mac), macLow(mac));
}

function isOfStation(mac: MacAddress): boolean {
  return isStation(macHigh(mac), macLow(mac));
}

test('the halves of an address are those of the whole, for any two addresses', t => {
  const view = viewOf(new Uint8Array(16));
  const address = fc.integer({ min: 0, max: MAX_MAC }) as fc.Arbitrary<MacAddress>;
  fc.assert(
    fc.property(address, address, (destination, source) => {
      writeMac(view, 2, destination);
      writeMac(view, 8, source);
      return (
        readDestinationHigh(view, 2) === macHigh(destination) &&
        readDestinationLow(view, 2) === macLow(destination) &&
        readSourceHigh(view, 2) === macHigh(source) &&
        readSourceLow(view, 2) === macLow(source) &&
        macHigh(source) * 2 ** 24 + macLow(source) === source &&
        isGroup(macHigh(source)) === isMulticastMac(source)
      );
    }),
    { seed: 48, numRuns: 1000 },
  );
  t.pass();
});

test('isLinkLocalControl(): exactly the 16 reserved addresses of IEEE 802.1Q table 8-1', t => {
  t.false(isControl(parseMac('01:80:c1:ff:ff:ff')));
  for (let i = 0; i < 16; i++) {
    t.true(isControl(parseMac(`01:80:c2:00:00:0${i.toString(16)}`)));
  }
  t.false(isControl(parseMac('01:80:c2:00:00:10')));
  t.false(isControl(BROADCAST_MAC));
});

test('isStation(): no group address, no zero', t => {
  t.true(isOfStation(STATION_A.mac));
  t.true(isOfStation(1 as MacAddress));
  t.false(isOfStation(0 as MacAddress));
  t.false(isOfStation(BROADCAST_MAC));
  t.false(isOfStation(parseMac('01:00:5e:00:00:fb')));
  t.false(isOfStation(parseMac('33:33:00:00:00:01')));
});
