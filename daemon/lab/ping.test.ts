import test from 'ava';
import { parsePing } from './ping.ts';

test('parsePing() reads counts, duplicates and round trips', t => {
  const output = `PING 198.18.0.2 (198.18.0.2) 56(84) bytes of data.

--- 198.18.0.2 ping statistics ---
1000 packets transmitted, 998 received, +3 duplicates, 0.2% packet loss, time 2001ms
rtt min/avg/max/mdev = 0.031/0.044/0.120/0.012 ms, ipg/ewma 2.003/0.045 ms
`;
  const { output: _, ...report } = parsePing(output);
  t.deepEqual(report, {
    sent: 1000,
    received: 998,
    duplicates: 3,
    rttMs: { min: 0.031, avg: 0.044, max: 0.12 },
  });
});

test('parsePing() reads a total loss with errors', t => {
  const report = parsePing('3 packets transmitted, 0 received, +3 errors, 100% packet loss, time 409ms\n');
  t.is(report.received, 0);
  t.is(report.rttMs, undefined);
});

test('parsePing() throws on anything else', t => {
  t.throws(() => parsePing('ping: connect: Network is unreachable'), { message: /Network is unreachable/ });
});
