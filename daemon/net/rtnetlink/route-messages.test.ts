import test from 'ava';
import { parseIp } from '../../../dataplane/address.ts';
import { deleteRoute, newRoute, type RouteSettings } from './route-messages.ts';

// What iproute2 6.1 sends for `ip route add … dev nlv0 proto static` (strace -e sendmsg), with zeros for the sequence number and for the
// number of the link. The first line of each is the header, the second struct rtmsg.
const MESSAGES: readonly (readonly [RouteSettings, ...string[]])[] = [
  [
    { dst: '198.18.20.0/24', gateway: '198.18.9.9' },
    '34000000 1800 0506 00000000 00000000',
    '02 18 00 00 fe 04 00 01 00000000',
    '0800 0100 c6121400  0800 0500 c6120909  0800 0400 00000000',
  ],
  [
    { dst: '198.18.21.0/24' },
    '2c000000 1800 0506 00000000 00000000',
    '02 18 00 00 fe 04 fd 01 00000000',
    '0800 0100 c6121500  0800 0400 00000000',
  ],
  [
    { dst: '198.18.22.0/24', gateway: '198.18.9.9', mtu: 1300, advmss: 1200, priority: 50, table: 1000 },
    '58000000 1800 0506 00000000 00000000',
    '02 18 00 00 00 04 00 01 00000000',
    '0800 0100 c6121600  0800 0500 c6120909  0800 0600 32000000  0800 0f00 e8030000  0800 0400 00000000',
    '1400 0800  0800 0200 14050000  0800 0800 b0040000',
  ],
  [
    { dst: '198.18.22.0/24', scope: 253, table: 100 },
    '2c000000 1800 0506 00000000 00000000',
    '02 18 00 00 64 04 fd 01 00000000',
    '0800 0100 c6121600  0800 0400 00000000',
  ],
  [
    { dst: 'fd01::/64', gateway: 'fd00::9' },
    '4c000000 1800 0506 00000000 00000000',
    '0a 40 00 00 fe 04 00 01 00000000',
    '1400 0100 fd010000000000000000000000000000  1400 0500 fd000000000000000000000000000009',
    '0800 0400 00000000',
  ],
  [
    { dst: '::/0', priority: 8 },
    '40000000 1800 0506 00000000 00000000',
    '0a 00 00 00 fe 04 00 01 00000000',
    '1400 0100 00000000000000000000000000000000  0800 0600 08000000  0800 0400 00000000',
  ],
];

for (const [route, ...lines] of MESSAGES) {
  test(`as the bytes of: ip route add ${JSON.stringify(route)}`, t => {
    const { message, patches } = newRoute('nlv0', route);
    t.is(message.toString('hex'), lines.join('').replaceAll(' ', ''));
    t.deepEqual(
      patches.map(({ kind, of }) => [kind, of]),
      [['ifindex', 'nlv0']],
    );
    t.is(message.readUInt32LE(patches[0]?.offset ?? 0), 0);
  });
}

test('one that comes with an address is as the kernel makes it', t => {
  const { message } = newRoute('nlv0', { dst: '198.18.9.0/24', ofAddress: parseIp('198.18.9.1') });
  t.is(
    message.toString('hex'),
    [
      '34000000 1800 0506 00000000 00000000',
      '02 18 00 00 fe 02 fd 01 00000000',
      '0800 0100 c6120900  0800 0700 c6120901  0800 0400 00000000',
    ]
      .join('')
      .replaceAll(' ', ''),
  );
});

test('newRoute() takes nothing but addresses', t => {
  t.throws(() => newRoute('lo', { dst: 'default' }), { code: 'invalid_argument' });
  t.throws(() => newRoute('lo', { dst: '198.18.0.0/24', gateway: 'x' }), { code: 'invalid_argument' });
});

test('deleteRoute() means the route that newRoute() makes', t => {
  const route = { dst: '0.0.0.0/0', gateway: '198.18.0.1', priority: 2000 };
  const [made, deleted] = [newRoute('nlv0', route), deleteRoute('nlv0', route)];
  t.is(deleted.message.readUInt16LE(4), 25);
  // No NLM_F_EXCL or NLM_F_CREATE: NLM_F_REQUEST and NLM_F_ACK.
  t.is(deleted.message.readUInt16LE(6), 5);
  t.deepEqual(deleted.message.subarray(8), made.message.subarray(8));
  t.deepEqual(deleted.patches, made.patches);
});
