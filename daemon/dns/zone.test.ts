import test from 'ava';
import { type IpAddress, parseIp, parseVni, type Vni } from '../../dataplane/address.ts';
import { type Finding, lookUp, reverseOf, type ZoneNetwork } from './zone.ts';

const BLUE: ZoneNetwork = { name: 'blue', vni: parseVni(42), subnets: ['198.18.0.0/20', '2001:db8:18::/64'] };
const GREEN: ZoneNetwork = { name: 'green', vni: parseVni(43), subnets: [] };

const NAMES: readonly (readonly [Vni, string, readonly string[]])[] = [
  [BLUE.vni, 'web', ['198.18.0.2', '198.18.0.3', '2001:db8:18::2']],
  [BLUE.vni, 'v4', ['198.18.0.4']],
  [BLUE.vni, 'bare', []],
  [GREEN.vni, 'db', ['198.19.0.7']],
];

const directory = {
  addressesOf: (vni: Vni, name: string) =>
    NAMES.find(([network, given]) => network === vni && given === name)?.[2].map(parseIp),
  nameOf: (vni: Vni, address: IpAddress) =>
    NAMES.find(([network, , addresses]) => network === vni && addresses.includes(address))?.[1],
};

function find(name: string, type: string, networks: readonly ZoneNetwork[] = [BLUE]): string {
  return words(lookUp(name, type, { networks, directory, domain: 'weft' }));
}

function words(finding: Finding): string {
  if (finding.kind === 'elsewhere') return 'elsewhere';
  if (finding.kind === 'nothing') return `${finding.isName ? 'no data' : 'no name'} (${finding.zone})`;
  return finding.records.map(({ type, data }) => `${type} ${data}`).join(', ');
}

for (const [name, type, expected] of [
  ['web.blue.weft', 'A', 'A 198.18.0.2, A 198.18.0.3'],
  ['web.blue.weft', 'AAAA', 'AAAA 2001:db8:18::2'],
  ['web.blue.weft', 'ANY', 'A 198.18.0.2, A 198.18.0.3, AAAA 2001:db8:18::2'],
  ['web.blue.weft', 'MX', 'no data (weft)'],
  ['v4.blue.weft', 'AAAA', 'no data (weft)'],
  ['bare.blue.weft', 'A', 'no data (weft)'],
  ['nobody.blue.weft', 'A', 'no name (weft)'],
  ['nobody.blue.weft', 'AAAA', 'no name (weft)'],
  ['a.web.blue.weft', 'A', 'no name (weft)'],
  ['db.green.weft', 'A', 'no name (weft)'],
  ['web.red.weft', 'A', 'no name (weft)'],
  ['blue.weft', 'A', 'no data (weft)'],
  ['green.weft', 'A', 'no name (weft)'],
  ['weft', 'A', 'no data (weft)'],
  ['notweft', 'A', 'elsewhere'],
  ['web.blue.weft.example', 'A', 'elsewhere'],
  ['web', 'A', 'elsewhere'],
  ['', 'NS', 'elsewhere'],
  ['.weft', 'A', 'no name (weft)'],
  ['..weft', 'A', 'no name (weft)'],
  ['constructor.blue.weft', 'A', 'no name (weft)'],
  ['3.0.18.198.in-addr.arpa', 'PTR', 'PTR web.blue.weft'],
  ['3.0.18.198.in-addr.arpa', 'ANY', 'PTR web.blue.weft'],
  ['3.0.18.198.in-addr.arpa', 'A', 'no data (0.18.198.in-addr.arpa)'],
  ['9.15.18.198.in-addr.arpa', 'PTR', 'no name (15.18.198.in-addr.arpa)'],
  ['9.16.18.198.in-addr.arpa', 'PTR', 'elsewhere'],
  ['0.18.198.in-addr.arpa', 'PTR', 'elsewhere'],
  ['256.0.18.198.in-addr.arpa', 'PTR', 'elsewhere'],
  ['7.0.19.198.in-addr.arpa', 'PTR', 'elsewhere'],
] as const) {
  test(`lookUp: ${name} ${type} in blue is ${expected}`, t => {
    t.is(find(name, type), expected);
  });
}

test('lookUp: a container of two networks knows both, and of no network nothing', t => {
  t.is(find('db.green.weft', 'A', [BLUE, GREEN]), 'A 198.19.0.7');
  t.is(find('7.0.19.198.in-addr.arpa', 'PTR', [BLUE, GREEN]), 'PTR db.green.weft');
  t.is(find('web.blue.weft', 'A', []), 'no name (weft)');
});

test('lookUp: addresses of IPv6 by their nibbles', t => {
  t.is(find(reverseOf(parseIp('2001:db8:18::2')), 'PTR'), 'PTR web.blue.weft');
  t.regex(find(reverseOf(parseIp('2001:db8:18::99')), 'PTR'), /^no name \(9\.0\.0/);
  t.is(find(reverseOf(parseIp('2001:db8:19::2')), 'PTR'), 'elsewhere');
  t.is(reverseOf(parseIp('198.18.0.2')), '2.0.18.198.in-addr.arpa');
});

test('lookUp: another domain', t => {
  const view = { networks: [BLUE], directory, domain: 'weft.internal' };
  t.is(words(lookUp('v4.blue.weft.internal', 'A', view)), 'A 198.18.0.4');
  t.is(words(lookUp('v4.blue.weft', 'A', view)), 'elsewhere');
});
