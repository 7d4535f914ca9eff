import test from 'ava';
import { pattern, udpFrame, viewOf } from '../testing/frames.ts';
import {
  isValidUdp,
  readUdpChecksum,
  readUdpDestinationPort,
  readUdpLength,
  readUdpSourcePort,
  writeUdpChecksum,
  writeUdpHeader,
} from './udp.ts';

const AT = 34;

test('udp getters read what udpFrame() built', t => {
  const frame = udpFrame({ sourcePort: 0xfffe, destinationPort: 53, payload: pattern(9) });
  const view = viewOf(frame);
  t.is(readUdpSourcePort(view, AT), 0xfffe);
  t.is(readUdpDestinationPort(view, AT), 53);
  t.is(readUdpLength(view, AT), 17);
  t.true(isValidUdp(view, AT, 17));
});

test('udp setters write the fields of RFC 768 in order', t => {
  const bytes = new Uint8Array(8).fill(0xff);
  writeUdpHeader(viewOf(bytes), 0, 0x1234, 0x5678, 0x0009);
  t.is(Buffer.from(bytes).toString('hex'), '1234567800090000');
  writeUdpChecksum(viewOf(bytes), 0, 0xabcd);
  t.is(readUdpChecksum(viewOf(bytes), 0), 0xabcd);
});

test('isValidUdp(): a length below 8 or beyond the end is refused', t => {
  for (const [field, expected] of [
    [7, false],
    [8, true],
    [20, true],
    [21, false],
    [0, false],
  ] as const) {
    const bytes = new Uint8Array(20);
    writeUdpHeader(viewOf(bytes), 0, 1, 2, field);
    t.is(isValidUdp(viewOf(bytes), 0, bytes.length), expected, `length field ${field}`);
  }
  t.false(isValidUdp(viewOf(new Uint8Array(7)), 0, 7));
});
