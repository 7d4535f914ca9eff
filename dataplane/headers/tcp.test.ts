import test from 'ava';
import { tcpFrame, viewOf } from '../testing/frames.ts';
import {
  isValidTcp,
  readTcpAcknowledgment,
  readTcpChecksum,
  readTcpDestinationPort,
  readTcpFlags,
  readTcpHeaderLength,
  readTcpSequence,
  readTcpSourcePort,
  readTcpWindow,
  TCP_ACK,
  TCP_SYN,
  writeTcpChecksum,
} from './tcp.ts';

const AT = 34;

test('tcp getters read what tcpFrame() built', t => {
  const view = viewOf(tcpFrame({ sourcePort: 40_001, destinationPort: 443, flags: TCP_SYN | TCP_ACK }));
  t.is(readTcpSourcePort(view, AT), 40_001);
  t.is(readTcpDestinationPort(view, AT), 443);
  t.is(readTcpSequence(view, AT), 0x01020304);
  t.is(readTcpAcknowledgment(view, AT), 0x05060708);
  t.is(readTcpHeaderLength(view, AT), 20);
  t.is(readTcpFlags(view, AT), 0x12);
  t.is(readTcpWindow(view, AT), 512);
  writeTcpChecksum(view, AT, 0xbeef);
  t.is(readTcpChecksum(view, AT), 0xbeef);
});

test('isValidTcp(): data offset between 20 bytes and what is there', t => {
  const view = viewOf(new Uint8Array(32));
  for (const [words, length, expected] of [
    [4, 32, false],
    [5, 32, true],
    [5, 20, true],
    [5, 19, false],
    [8, 32, true],
    [8, 31, false],
    [15, 32, false],
    [0, 32, false],
  ] as const) {
    view.setUint8(12, words << 4);
    t.is(isValidTcp(view, 0, length), expected, `${words} words in ${length} bytes`);
  }
});
