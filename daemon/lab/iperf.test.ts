import test from 'ava';
import { parseIperf } from './iperf.ts';

test('parseIperf() takes what arrived over TCP', t => {
  const end = {
    sum_sent: { bits_per_second: 2e9, retransmits: 7 },
    sum_received: { bits_per_second: 1.9e9 },
  };
  t.deepEqual(parseIperf(JSON.stringify({ end })), {
    bitsPerSecond: 1.9e9,
    datagramsPerSecond: 0,
    lost: 0,
    retransmits: 7,
  });
});

test('parseIperf() subtracts what UDP lost', t => {
  const sum = { bits_per_second: 1e6, packets: 1000, lost_packets: 250, seconds: 2 };
  t.deepEqual(parseIperf(JSON.stringify({ end: { sum } })), {
    bitsPerSecond: 750_000,
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
