import test from 'ava';
import fc from 'fast-check';
import { type IpAddress, ipFromBytes, parseIp } from '../dataplane/address.ts';
import { WeftError } from '../dataplane/errors.ts';
import { formatCidr, hostPart, nonUnicast, parseCidr, parseInterfaceAddress, parseSubnet } from './cidr.ts';

const SUBNETS: readonly (readonly [string, string | RegExp])[] = [
  ['198.18.0.0/16', '198.18.0.0/16'],
  ['198.18.0.0/31', '198.18.0.0/31'],
  ['2001:DB8:0::/64', '2001:db8::/64'],
  ['198.18.0.5/16', /bits set beyond its prefix; write 198\.18\.0\.0\/16/],
  ['2001:db8::1/64', /write 2001:db8::\/64/],
  ['198.18.0.0/32', /no subnet/],
  ['0.0.0.0/0', /no subnet/],
  ['198.18.0.0/33', /longer than the address/],
  ['2001:db8::/129', /longer than the address/],
  ['224.0.0.0/8', /multicast/],
  ['ff00::/8', /multicast/],
  ['0.0.0.0/8', /this network/],
  ['198.18.0.0', /not an address with a prefix/],
  ['198.18.0.0/', /not an address with a prefix/],
  ['198.18.0.0/016', /not an address with a prefix/],
  ['198.18.0.0/16/16', /not an address with a prefix/],
  ['198.18/16', /not an IP address/],
];

test('parseSubnet: table', t => {
  for (const [text, expected] of SUBNETS) check(t, parseSubnet, text, expected);
});

const INTERFACE_ADDRESSES: readonly (readonly [string, string | RegExp])[] = [
  ['198.18.0.2/24', '198.18.0.2/24'],
  ['198.18.0.0/31', '198.18.0.0/31'],
  ['198.18.0.7/32', '198.18.0.7/32'],
  ['2001:DB8::2/64', '2001:db8::2/64'],
  ['2001:db8::/64', '2001:db8::/64'],
  ['198.18.0.0/24', /subnet itself/],
  ['198.18.0.255/24', /broadcast address of its subnet/],
  ['198.18.3.255/22', /broadcast address of its subnet/],
  ['198.18.1.255/22', '198.18.1.255/22'],
  ['255.255.255.255/32', /the broadcast address/],
  ['239.1.2.3/24', /multicast/],
  ['ff02::1/64', /multicast/],
  ['::/64', /unspecified/],
  ['::ffff:198.18.0.2/96', /IPv4 address in IPv6 form/],
  ['198.18.0.2/0', /prefix of 0/],
  ['198.18.0.2', /not an address with a prefix/],
];

test('parseInterfaceAddress: table', t => {
  for (const [text, expected] of INTERFACE_ADDRESSES) check(t, parseInterfaceAddress, text, expected);
});

test('nonUnicast: loopback and 240/4 pass, the rest of the special ranges do not', t => {
  const reasonOf = (text: string) => nonUnicast(parseIp(text));
  for (const text of ['127.0.0.1', '::1', '192.0.2.1', '240.0.0.1', '2001:db8::1', 'fd00::1', 'fec0::1']) {
    t.is(reasonOf(text), undefined, text);
  }
  for (const text of [
    '0.0.0.0',
    '0.1.2.3',
    '224.0.0.1',
    '239.255.255.255',
    '255.255.255.255',
    '::',
    'ff05::2',
  ]) {
    t.is(typeof reasonOf(text), 'string', text);
  }
  for (const text of ['fe80::1', 'febf::1', '::ffff:192.0.2.1']) t.is(typeof reasonOf(text), 'string', text);
});

test('parseCidr reads what formatCidr writes', t => {
  const bytes = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
  );
  fc.assert(
    fc.property(bytes, fc.nat(128), (address, number) => {
      const cidr = { address: ipFromBytes(address) as IpAddress, prefix: number % (8 * address.length + 1) };
      t.deepEqual(parseCidr(formatCidr(cidr)), cidr);
    }),
    { seed: 42 },
  );
});

function check(
  t: { is(a: unknown, b: unknown): unknown; regex(a: string, b: RegExp): unknown },
  parse: (text: string) => string,
  text: string,
  expected: string | RegExp,
): void {
  t[typeof expected === 'string' ? 'is' : 'regex'](
    outcome(() => parse(text)),
    expected as string & RegExp,
  );
}

function outcome(run: () => string): string {
  try {
    return run();
  } catch (error) {
    if (error instanceof WeftError) return error.line;
    throw error;
  }
}

for (const [text, host] of [
  ['198.18.0.2/24', '198.18.0.2'],
  ['2001:db8::2/64', '2001:db8::2'],
  ['198.18.0.2', '198.18.0.2'],
] as const) {
  test(`hostPart(): of ${text}`, t => {
    t.is(hostPart(text), host);
  });
}
