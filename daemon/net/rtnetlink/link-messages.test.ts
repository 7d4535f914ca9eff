import test from 'ava';
import type { NetMessage } from '../../../dataplane/net-change.ts';
import {
  askForLink,
  deleteLink,
  newAddress,
  newMacvlan,
  newVeth,
  readLinkInfo,
  setLink,
} from './link-messages.ts';

/** A message in hex, without blanks. */
function hex(...lines: readonly string[]): string {
  return lines.join('').replaceAll(' ', '');
}

// What iproute2 6.1 sends (strace -e sendmsg), with zeros for the sequence number and for what is patched. The first line of
// each is the header; `patches` are where iproute2 had its numbers.
const MESSAGES: readonly {
  readonly command: string;
  readonly made: NetMessage;
  readonly bytes: string;
  readonly patches: NetMessage['patches'];
}[] = [
  {
    command: 'ip link add name nlv0 mtu 1450 type veth peer name eth0 address … mtu 1450 netns /run/netns/n',
    made: newVeth({
      name: 'nlv0',
      mtu: 1450,
      peer: { name: 'eth0', mac: '02:00:5e:10:00:01', mtu: 1450, netns: '/run/netns/n' },
    }),
    bytes: hex(
      '80000000 1000 0506 00000000 00000000',
      '00000000 00000000 00000000 00000000',
      '0800 0400 aa050000  0900 0300 6e6c763000 000000',
      '4c00 1200  0800 0100 76657468  4000 0200  3c00 0100',
      '00000000 00000000 00000000 00000000',
      '0a00 0100 02005e100001 0000  0800 0400 aa050000',
      '0800 1c00 00000000  0900 0300 6574683000 000000',
    ),
    patches: [{ kind: 'netns', offset: 112, of: '/run/netns/n' }],
  },
  {
    command: 'ip link add link e0 name eth0 address … mtu 1400 netns /run/netns/n type macvlan mode vepa',
    made: newMacvlan({
      name: 'eth0',
      parent: 'e0',
      mode: 'vepa',
      mac: '02:00:5e:10:00:01',
      mtu: 1400,
      netns: '/run/netns/n',
    }),
    bytes: hex(
      '6c000000 1000 0506 00000000 00000000',
      '00000000 00000000 00000000 00000000',
      '0a00 0100 02005e100001 0000  0800 0400 78050000',
      '0800 1c00 00000000  0800 0500 00000000  0900 0300 6574683000 000000',
      '1c00 1200  0b00 0100 6d6163766c616e 00  0c00 0200  0800 0100 02000000',
    ),
    patches: [
      { kind: 'netns', offset: 56, of: '/run/netns/n' },
      { kind: 'ifindex', offset: 64, of: 'e0' },
    ],
  },
  {
    command: 'ip link set dev nlv0 master nlbr up',
    made: setLink('nlv0', { master: 'nlbr', up: true }),
    bytes: hex(
      '28000000 1000 0500 00000000 00000000',
      '00000000 00000000 01000000 01000000',
      '0800 0a00 00000000',
    ),
    patches: [
      { kind: 'ifindex', offset: 20, of: 'nlv0' },
      { kind: 'ifindex', offset: 36, of: 'nlbr' },
    ],
  },
  {
    command: 'ip link set dev nlv0 down',
    made: setLink('nlv0', { up: false }),
    bytes: hex('20000000 1000 0500 00000000 00000000', '00000000 00000000 00000000 01000000'),
    patches: [{ kind: 'ifindex', offset: 20, of: 'nlv0' }],
  },
  {
    command: 'ip link set dev nlv0 mtu 1400 gso_max_segs 44',
    made: setLink('nlv0', { mtu: 1400, gsoMaxSegs: 44 }),
    bytes: hex(
      '30000000 1000 0500 00000000 00000000',
      '00000000 00000000 00000000 00000000',
      '0800 0400 78050000  0800 2800 2c000000',
    ),
    patches: [{ kind: 'ifindex', offset: 20, of: 'nlv0' }],
  },
  {
    command: 'ip link set dev nlv0 address 02:00:5e:10:00:09 mtu 1450',
    made: setLink('nlv0', { mac: '02:00:5e:10:00:09', mtu: 1450 }),
    bytes: hex(
      '34000000 1000 0500 00000000 00000000',
      '00000000 00000000 00000000 00000000',
      '0a00 0100 02005e100009 0000  0800 0400 aa050000',
    ),
    patches: [{ kind: 'ifindex', offset: 20, of: 'nlv0' }],
  },
  {
    command: 'ip link set dev nlv0 netns /run/netns/n',
    made: setLink('nlv0', { netns: '/run/netns/n' }),
    bytes: hex(
      '28000000 1000 0500 00000000 00000000',
      '00000000 00000000 00000000 00000000',
      '0800 1c00 00000000',
    ),
    patches: [
      { kind: 'ifindex', offset: 20, of: 'nlv0' },
      { kind: 'netns', offset: 36, of: '/run/netns/n' },
    ],
  },
  {
    command: 'ip link set dev nlv0 name nlv1',
    made: setLink('nlv0', { rename: 'nlv1' }),
    bytes: hex(
      '2c000000 1000 0500 00000000 00000000',
      '00000000 00000000 00000000 00000000',
      '0900 0300 6e6c763100 000000',
    ),
    patches: [{ kind: 'ifindex', offset: 20, of: 'nlv0' }],
  },
  {
    command: 'ip link del dev nlv1',
    made: deleteLink('nlv1'),
    bytes: hex('20000000 1100 0500 00000000 00000000', '00000000 00000000 00000000 00000000'),
    patches: [{ kind: 'ifindex', offset: 20, of: 'nlv1' }],
  },
  {
    command: 'ip addr add 198.18.9.1/24 dev nlv0',
    made: newAddress('nlv0', '198.18.9.1/24'),
    bytes: hex(
      '28000000 1400 0506 00000000 00000000',
      '02 18 00 00 00000000',
      '0800 0200 c6120901  0800 0100 c6120901',
    ),
    patches: [{ kind: 'ifindex', offset: 20, of: 'nlv0' }],
  },
  {
    command: 'ip addr add fd00::1/64 dev nlv0 nodad',
    made: newAddress('nlv0', 'fd00::1/64'),
    bytes: hex(
      '40000000 1400 0506 00000000 00000000',
      '0a 40 02 00 00000000',
      '1400 0200 fd000000000000000000000000000001',
      '1400 0100 fd000000000000000000000000000001',
    ),
    patches: [{ kind: 'ifindex', offset: 20, of: 'nlv0' }],
  },
  {
    command: 'ip addr add 127.0.0.2/8 dev lo',
    made: newAddress('lo', '127.0.0.2/8'),
    bytes: hex(
      '28000000 1400 0506 00000000 00000000',
      '02 08 00 fe 00000000',
      '0800 0200 7f000002  0800 0100 7f000002',
    ),
    patches: [{ kind: 'ifindex', offset: 20, of: 'lo' }],
  },
];

for (const { command, made, bytes, patches } of MESSAGES) {
  test(`as the bytes of: ${command}`, t => {
    t.is(made.message.toString('hex'), bytes);
    t.deepEqual(made.patches, patches);
  });
}

test('a name that fits in no message throws RangeError', t => {
  t.throws(() => setLink('a', { rename: 'x'.repeat(600) }), { instanceOf: RangeError });
});

test('newAddress() takes nothing but an address with its prefix length', t => {
  for (const text of ['198.18.9.1', '198.18.9.1/33', 'dev lo', 'fd00::1/129']) {
    t.throws(() => newAddress('lo', text), { code: 'invalid_argument' }, text);
  }
});

test('readLinkInfo() reads MAC and kind, whatever else is there, and survives any cut', t => {
  const answer = Buffer.from(
    hex(
      '4c000000 1000 0000 01000000 00000000',
      '00000100 07000000 43100100 00000000',
      '0900 0300 6574683000 000000',
      '0a00 0100 02005e100001 0000',
      // Nested, with the flag that says so (NLA_F_NESTED).
      '1000 1280  0800 0100 74756e00  0400 0200',
      '0400 ff00',
    ),
    'hex',
  );
  t.like(readLinkInfo(answer), {
    ifname: 'eth0',
    mac: '02:00:5e:10:00:01',
    kind: 'tun',
    index: 7,
    isUp: true,
  });
  for (let length = 0; length < answer.length; length++) {
    t.notThrows(() => readLinkInfo(answer.subarray(0, length)));
  }
  t.is(readLinkInfo(Buffer.alloc(0)), undefined);
  t.is(readLinkInfo(Buffer.alloc(64)), undefined);
  t.is(askForLink('lo').message.readUInt16LE(4), 18);
});
