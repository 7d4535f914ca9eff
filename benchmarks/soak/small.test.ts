import test from 'ava';
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
