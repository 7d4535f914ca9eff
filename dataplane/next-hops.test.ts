import test from 'ava';
import { parseMac } from './address.ts';
import { encodeNextHops } from './next-hops.ts';

test('a table of next hops is what struct tunnel_hop says', t => {
  const table = encodeNextHops([
    {
      fd: 5,
      mtu: 1500,
      source: parseMac('02:00:00:00:00:01'),
      destination: parseMac('fe:dc:ba:98:76:54'),
    },
    { fd: -1, mtu: 9000, source: parseMac('02:00:00:00:00:02'), destination: parseMac('02:00:00:00:00:03') },
  ]);
  t.is(
    Buffer.from(table).toString('hex'),
    '05000000dc050000fedcba9876540200000000010000000000'.slice(0, 40) +
      '00000000' +
      'ffffffff28230000020000000003020000000002' +
      '00000000',
  );
  t.is(encodeNextHops([]).byteLength, 0);
});
