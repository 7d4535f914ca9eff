import test from 'ava';
import { type MacAddress, parseIp } from '../address.ts';
import { arpFrame, concat, ipv4ToNumber, STATION_A, STATION_B, viewOf } from '../testing/frames.ts';
import {
  ARP_REPLY,
  ARP_REQUEST,
  ARP_SIZE,
  isValidArp,
  readArpOperation,
  readArpSenderIp,
  readArpSenderMac,
  readArpTargetIp,
  readArpTargetMac,
  writeArpHeader,
  writeArpSender,
  writeArpTarget,
} from './arp.ts';

/** "Who has 198.18.0.2? Tell 198.18.0.1", field by field as RFC 826 lists them. */
const REQUEST = Buffer.from(
  '0001 0800 06 04 0001 02005e100001 c6120001 000000000000 c6120002'.replaceAll(' ', ''),
  'hex',
);

test('arp getters read a request written out by hand', t => {
  const view = viewOf(REQUEST);
  t.true(isValidArp(view, 0, REQUEST.length));
  t.is(readArpOperation(view, 0), ARP_REQUEST);
  t.is(readArpSenderMac(view, 0), STATION_A.mac);
  t.is(readArpSenderIp(view, 0), ipv4ToNumber(STATION_A.ipv4));
  t.is(readArpTargetMac(view, 0), 0 as MacAddress);
  t.is(readArpTargetIp(view, 0), ipv4ToNumber(parseIp('198.18.0.2')));
});

test('arp setters write the same bytes', t => {
  const bytes = new Uint8Array(ARP_SIZE);
  const view = viewOf(bytes);
  writeArpHeader(view, 0, ARP_REQUEST);
  writeArpSender(view, 0, STATION_A.mac, 0xc6120001);
  writeArpTarget(view, 0, 0 as MacAddress, 0xc6120002);
  t.is(Buffer.from(bytes).toString('hex'), REQUEST.toString('hex'));
});

test('arpFrame() builds a reply that reads back', t => {
  const frame = arpFrame(ARP_REPLY, { from: STATION_B, to: STATION_A });
  const view = viewOf(frame);
  t.true(isValidArp(view, 14, frame.length - 14));
  t.is(readArpOperation(view, 14), ARP_REPLY);
  t.is(readArpSenderMac(view, 14), STATION_B.mac);
  t.is(readArpTargetMac(view, 14), STATION_A.mac);
});

test('isValidArp() refuses what is short or is for another hardware or protocol', t => {
  const view = viewOf(REQUEST);
  for (let length = 0; length < ARP_SIZE; length++) t.false(isValidArp(view, 0, length));
  for (const at of [0, 1, 2, 3, 4, 5]) {
    const damaged = concat(REQUEST);
    damaged[at] = (damaged[at] ?? 0) ^ 0x10;
    t.false(isValidArp(viewOf(damaged), 0, damaged.length), `byte ${at}`);
  }
});
