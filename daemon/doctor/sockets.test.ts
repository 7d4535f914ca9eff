import test from 'ava';
import { parseSockets } from './sockets.ts';

test('ss tells who has which port, and what its queue lost', t => {
  const text = `UNCONN 0 0 192.0.2.1:4789 0.0.0.0:* users:(("weft",pid=7,fd=20)) skmem:(r0,rb16777216,t0,tb212992,f0,w0,o0,bl0,d12)
UNCONN 0 0 [2001:db8::1]:7946 [::]:* users:(("we \\"ft",pid=8,fd=9),("weft",pid=9,fd=9)) skmem:(r0,rb425984,t0,tb212992,f0,w0,o0,bl0,d0)
UNCONN 0 0 0.0.0.0%eth0:68 0.0.0.0:*
`;
  t.deepEqual(parseSockets('udp', text), [
    {
      protocol: 'udp',
      address: '192.0.2.1',
      port: 4789,
      process: { name: 'weft', pid: 7 },
      receiveBuffer: 16777216,
      drops: 12,
    },
    {
      protocol: 'udp',
      address: '2001:db8::1',
      port: 7946,
      process: { name: 'we \\"ft', pid: 8 },
      receiveBuffer: 425984,
      drops: 0,
    },
    { protocol: 'udp', address: '0.0.0.0', port: 68, process: null, receiveBuffer: 0, drops: 0 },
  ]);
  t.deepEqual(parseSockets('tcp', ''), []);
});
