import test from 'ava';
import { percentile } from './percentile.ts';
import { pingTimes } from './small.ts';

test('the round trips of ping, without duplicates and errors', t => {
  const output = `PING 198.18.0.4 (198.18.0.4) 56(84) bytes of data.
64 bytes from 198.18.0.4: icmp_seq=1 ttl=64 time=0.123 ms
64 bytes from 198.18.0.4: icmp_seq=2 ttl=64 time=11.0 ms
64 bytes from 198.18.0.4: icmp_seq=2 ttl=64 time=11.5 ms (DUP!)
From 198.18.0.3 icmp_seq=3 Destination Host Unreachable

--- 198.18.0.4 ping statistics ---
3 packets transmitted, 2 received, +1 duplicates, +1 errors, 33.3333% packet loss, time 20ms
`;
  t.deepEqual(pingTimes(output), [0.123, 11]);
});

for (const [values, share, expected] of [
  [[3, 1, 2], 0.5, 2],
  [[3, 1, 2], 0.99, 3],
  [[7], 0.01, 7],
  [Array.from({ length: 200 }, (_, i) => i + 1), 0.99, 198],
] as const) {
  test(`percentile ${share} of ${values.length} values is ${expected}`, t => {
    t.is(percentile(values, share), expected);
  });
}

test('nothing has no percentile', t => {
  t.throws(() => percentile([], 0.5), { instanceOf: RangeError });
});
