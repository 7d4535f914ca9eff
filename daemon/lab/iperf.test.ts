import test from 'ava';
import { parseIperf } from './iperf.ts';

test('parseIperf() takes what arrived over TCP', t => {
  const end = {
    sum_sent: { bits_per_second: 2e9, retransmits: 7 },
    sum_received: { bytes: 475e6, bits_per_second: 1.9e9 },
  };
  t.deepEqual(parseIperf(JSON.stringify({ end })), {
    bitsPerSecond: 1.9e9,
    bytes: 475e6,
    datagramsPerSecond: 0,
    lost: 0,
    retransmits: 7,
  });
});

test('parseIperf() adds up both directions', t => {
  const end = {
    sum_sent: { retransmits: 7 },
    sum_received: { bytes: 100, bits_per_second: 800 },
    sum_sent_bidir_reverse: { retransmits: 2 },
    sum_received_bidir_reverse: { bytes: 50, bits_per_second: 400 },
  };
  t.like(parseIperf(JSON.stringify({ end })), { bitsPerSecond: 1200, bytes: 150, retransmits: 9 });
});

test('parseIperf() subtracts what UDP lost', t => {
  const sum = { bytes: 250_000, bits_per_second: 1e6, packets: 1000, lost_packets: 250, seconds: 2 };
  t.deepEqual(parseIperf(JSON.stringify({ end: { sum } })), {
    bitsPerSecond: 750_000,
    bytes: 187_500,
    datagramsPerSecond: 375,
    lost: 0.25,
    retransmits: 0,
  });
});

test('parseIperf() throws what iperf3 complains about', t => {
  t.throws(() => parseIperf('{"error":"unable to connect to server"}'), {
    message: 'iperf3: unable to connect to server',
  });
});
