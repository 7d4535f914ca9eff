import test from 'ava';
import { type IpAddress, ipToBytes, parseIp } from '../address.ts';
import {
  concat,
  neighborAdvertisementFrame,
  neighborSolicitationFrame,
  STATION_A,
  STATION_B,
  viewOf,
} from '../testing/frames.ts';
import {
  isValidNeighborAdvertisement,
  isValidNeighborSolicitation,
  ND_FLAG_OVERRIDE,
  ND_FLAG_SOLICITED,
  ND_NEIGHBOR_ADVERTISEMENT,
  ND_NEIGHBOR_SOLICITATION,
  ND_OPTION_SOURCE_LINK_LAYER,
  ND_OPTION_TARGET_LINK_LAYER,
  readNdFlags,
  readNdLinkLayer,
  readNdTargetWord,
  readNdType,
  writeNdChecksum,
} from './nd.ts';

const IP = 14;
const AT = IP + 40;

function words(address: IpAddress): number[] {
  const view = viewOf(ipToBytes(address));
  return [0, 4, 8, 12].map(at => view.getUint32(at));
}

/** The frame with `change` made to it and its checksum made right again. */
function altered(frame: Uint8Array, change: (view: DataView) => void): DataView {
  const view = viewOf(concat(frame));
  change(view);
  writeNdChecksum(view, IP, AT, frame.length - AT);
  return view;
}

test('a neighbor solicitation: target, source link-layer option, group and MAC of the target', t => {
  const frame = neighborSolicitationFrame();
  const view = viewOf(frame);
  const length = frame.length - AT;
  t.is(Buffer.from(frame.subarray(0, 6)).toString('hex'), '3333ff000002');
  t.is(readNdType(view, AT), ND_NEIGHBOR_SOLICITATION);
  t.deepEqual(
    [0, 1, 2, 3].map(word => readNdTargetWord(view, AT, word)),
    words(STATION_B.ipv6),
  );
  t.is(readNdLinkLayer(view, AT, length, ND_OPTION_SOURCE_LINK_LAYER), STATION_A.mac);
  t.is(readNdLinkLayer(view, AT, length, ND_OPTION_TARGET_LINK_LAYER), undefined);
  t.true(isValidNeighborSolicitation(view, IP, AT, length));
  t.false(isValidNeighborAdvertisement(view, IP, AT, length));
});

test('a neighbor advertisement: flags, target link-layer option', t => {
  const frame = neighborAdvertisementFrame();
  const view = viewOf(frame);
  const length = frame.length - AT;
  t.is(readNdType(view, AT), ND_NEIGHBOR_ADVERTISEMENT);
  t.is(readNdFlags(view, AT), ND_FLAG_SOLICITED | ND_FLAG_OVERRIDE);
  t.is(readNdLinkLayer(view, AT, length, ND_OPTION_TARGET_LINK_LAYER), STATION_B.mac);
  t.true(isValidNeighborAdvertisement(view, IP, AT, length));
  t.false(isValidNeighborSolicitation(view, IP, AT, length));
});

test('isValidNeighborSolicitation(): each check of RFC 4861 section 7.1.1', t => {
  const frame = neighborSolicitationFrame();
  const length = frame.length - AT;
  const isValid = (change: (view: DataView) => void) =>
    isValidNeighborSolicitation(altered(frame, change), IP, AT, length);
  t.true(
    isValid(() => undefined),
    'unaltered',
  );
  t.false(
    isValid(view => view.setUint8(IP + 7, 254)),
    'hop limit',
  );
  t.false(
    isValid(view => view.setUint8(AT + 1, 1)),
    'code',
  );
  t.false(
    isValid(view => view.setUint8(AT + 8, 0xff)),
    'multicast target',
  );
  t.false(
    isValid(view => view.setUint8(AT + 25, 0)),
    'option of length 0',
  );
  t.false(
    isValid(view => view.setUint8(AT + 25, 2)),
    'option past the end',
  );
  const unspecified = (view: DataView) => {
    for (const at of [0, 4, 8, 12]) view.setUint32(IP + 8 + at, 0);
  };
  t.false(isValid(unspecified), 'unspecified source with a source link-layer option');
  const probe = (view: DataView) => {
    unspecified(view);
    view.setUint8(AT + 24, 14); // a nonce option (RFC 3971) in place of the link-layer address
  };
  t.true(isValid(probe), 'duplicate address detection');
  t.false(
    isValid(view => {
      probe(view);
      view.setUint8(IP + 24, 0x20);
    }),
    'duplicate address detection to a unicast address',
  );
  const wrong = viewOf(concat(frame));
  wrong.setUint8(AT + 23, 9);
  t.false(isValidNeighborSolicitation(wrong, IP, AT, length), 'checksum');
  for (let cut = 0; cut < 24; cut++) t.false(isValidNeighborSolicitation(viewOf(frame), IP, AT, cut));
});

test('isValidNeighborAdvertisement(): a multicast one must not be marked solicited (RFC 4861 section 7.1.2)', t => {
  const all = { ...STATION_A, ipv6: parseIp('ff02::1') };
  const frame = neighborAdvertisementFrame({ to: all });
  const length = frame.length - AT;
  t.false(isValidNeighborAdvertisement(viewOf(frame), IP, AT, length));
  const unsolicited = altered(frame, view => view.setUint8(AT + 4, ND_FLAG_OVERRIDE));
  t.true(isValidNeighborAdvertisement(unsolicited, IP, AT, length));
});

test('readNdLinkLayer() passes over other options and stops at a broken one', t => {
  const message = new Uint8Array(24 + 16 + 8);
  const view = viewOf(message);
  view.setUint8(24, 14);
  view.setUint8(25, 2);
  view.setUint8(40, ND_OPTION_SOURCE_LINK_LAYER);
  view.setUint8(41, 1);
  view.setUint8(47, 5);
  t.is(readNdLinkLayer(view, 0, message.length, ND_OPTION_SOURCE_LINK_LAYER), 5 as never);
  t.is(readNdLinkLayer(view, 0, message.length - 1, ND_OPTION_SOURCE_LINK_LAYER), undefined);
  view.setUint8(25, 0);
  t.is(readNdLinkLayer(view, 0, message.length, ND_OPTION_SOURCE_LINK_LAYER), undefined);
});
