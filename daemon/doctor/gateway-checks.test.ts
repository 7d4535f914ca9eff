import test from 'ava';
import type { Link } from '../net/ip.ts';
import { FAKE_SELF } from '../testing/fake-doctor.ts';
import { examineHost } from './doctor.ts';
import type { HostFacts } from './host-facts.ts';
import { parseIptablesRules } from './iptables-rules.ts';
import type { Chain, Rule } from './packet-filter.ts';

const ADDRESSES = ['198.18.0.1/24', '2001:db8:18::1/64', 'fe80::1/64'];
const MAC = '02:00:5e:20:00:01';

function link(ifname: string, addresses: readonly string[], changes: Partial<Link> = {}): Link {
  const addr_info = addresses.map(address => {
    const [local = '', length] = address.split('/');
    return {
      family: local.includes(':') ? ('inet6' as const) : ('inet' as const),
      local,
      prefixlen: Number(length),
      scope: 'global',
    };
  });
  return {
    ifindex: 2,
    ifname,
    address: MAC,
    mtu: 1450,
    flags: ['UP'],
    link_type: 'ether',
    addr_info,
    ...changes,
  };
}

const chain = (family: string, rules: readonly Rule[] = [], changes: Partial<Chain> = {}): Chain => ({
  tool: 'nft',
  family,
  table: 'weft',
  name: 'forward',
  hook: 'forward',
  policy: 'accept',
  rules,
  ...changes,
});

const NIC = link('eth0', ['192.0.2.1/24', '2001:db8::1/64'], { mtu: 1500 });
const OWN = [chain('ip'), chain('ip6')];
const OPEN = {
  'ipv4/conf/wf-blue/forwarding': '1',
  'ipv4/conf/eth0/forwarding': '1',
  'ipv6/conf/all/forwarding': '1',
  'ipv6/conf/wf-blue/disable_ipv6': '0',
};

/** Of mode bridge: one device, which has the addresses of the gateway. */
const HEALTHY: HostFacts = {
  daemon: {
    ...FAKE_SELF,
    networks: [{ name: 'blue', vni: 42, mtu: 9000, mode: 'bridge', suspended: 0 }],
    links: [
      {
        ifname: 'wf-blue',
        network: 'blue',
        kind: 'bridge',
        netns: null,
        mtu: 1450,
        mac: MAC,
        master: null,
        addresses: ADDRESSES,
      },
    ],
  },
  silence: undefined,
  lostOffloads: [],
  ports: { vxlan: 4789, gossip: 7946 },
  links: [NIC, link('wf-blue', ADDRESSES)],
  sockets: [],
  sysctls: OPEN,
  rules: { chains: OWN, hasNft: true },
  conntrack: undefined,
  containers: [],
  managed: [],
  files: [],
  disk: undefined,
  capabilities: undefined,
  routes: [],
};

function found(changes: Partial<HostFacts>): readonly (readonly [string, string, string | null])[] {
  return examineHost({ ...HEALTHY, ...changes }).map(({ verdict, sentence, mend }) => [
    verdict,
    sentence,
    mend,
  ]);
}

const sysctls = (changes: Readonly<Record<string, string>>) => ({ sysctls: { ...OPEN, ...changes } });

test('a gateway that is whole has no findings; its IPv6 is on, and its MTU is none of the underlay', t => {
  t.deepEqual(found({}), []);
});

test('forwarding that is off is named by the device where packets come in', t => {
  const table: readonly (readonly [Readonly<Record<string, string>>, RegExp, string])[] = [
    [
      { 'ipv4/conf/wf-blue/forwarding': '0' },
      /no IPv4 that comes in on wf-blue, so that containers do not get out .*\(net\.ipv4\.conf\.wf-blue\.forwarding = 0\)/,
      'sysctl -w net.ipv4.conf.wf-blue.forwarding=1',
    ],
    [
      { 'ipv4/conf/eth0/forwarding': '0' },
      /no IPv4 that comes in on eth0, so that answers from outside/,
      'sysctl -w net.ipv4.conf.eth0.forwarding=1',
    ],
    [
      { 'ipv6/conf/all/forwarding': '0' },
      /no IPv6 that comes in on any interface/,
      'sysctl -w net.ipv6.conf.all.forwarding=1',
    ],
    [
      {
        'ipv6/conf/all/forwarding': '0',
        'ipv6/conf/wf-blue/force_forwarding': '1',
        'ipv6/conf/eth0/force_forwarding': '0',
      },
      /no IPv6 that comes in on eth0/,
      'sysctl -w net.ipv6.conf.eth0.force_forwarding=1',
    ],
  ];
  for (const [changes, sentence, mend] of table) {
    const findings = found(sysctls(changes));
    t.deepEqual(
      findings.map(([verdict, , command]) => [verdict, command]),
      [['forwarding-off', mend]],
    );
    t.regex(findings[0]?.[1] ?? '', sentence);
  }
});

test('by-interface forwarding of IPv6 is enough; a network without a gateway needs none', t => {
  const byInterface = {
    'ipv6/conf/all/forwarding': '0',
    'ipv6/conf/wf-blue/force_forwarding': '1',
    'ipv6/conf/eth0/force_forwarding': '1',
  };
  t.deepEqual(found(sysctls(byInterface)), []);
  // Where nothing of IPv6 can come from outside, nothing was switched on for it.
  const noV6 = [link('eth0', ['192.0.2.1/24'], { mtu: 1500 }), ...HEALTHY.links.slice(1)];
  t.deepEqual(
    found({ links: noV6, ...sysctls({ ...byInterface, 'ipv6/conf/eth0/force_forwarding': '0' }) }),
    [],
  );
  const links = HEALTHY.daemon?.links.map(one => ({ ...one, addresses: [] })) ?? [];
  const daemon = { ...(HEALTHY.daemon ?? FAKE_SELF), links };
  const closed = { 'ipv4/conf/wf-blue/forwarding': '0', 'ipv4/conf/eth0/forwarding': '0' };
  t.deepEqual(found({ daemon, sysctls: closed, rules: { chains: [], hasNft: true } }), []);
});

test('addresses that the gateway has lost are given back, IPv6 with its switch', t => {
  t.deepEqual(
    found({ links: [NIC, link('wf-blue', ADDRESSES.slice(1))] }).map(([verdict, , mend]) => [verdict, mend]),
    [['gateway-address', 'ip address add 198.18.0.1/24 dev wf-blue']],
  );
  const [lost, ...more] = found({
    links: [NIC, link('wf-blue', ADDRESSES.slice(0, 1))],
    ...sysctls({ 'ipv6/conf/wf-blue/disable_ipv6': '1' }),
  });
  t.deepEqual(more, []);
  t.regex(lost?.[1] ?? '', /has lost 2001:db8:18::1\/64 and fe80::1\/64/);
  t.is(
    lost?.[2],
    'sysctl -w net.ipv6.conf.wf-blue.disable_ipv6=0 && ip address add 2001:db8:18::1/64 dev wf-blue nodad && ip address add fe80::1/64 dev wf-blue nodad',
  );
});

test('rules of weft that are gone are told, where nft has told of all', t => {
  const chains = OWN.slice(0, 1);
  t.deepEqual(
    found({ rules: { chains, hasNft: true } }).map(([verdict, , mend]) => [verdict, mend]),
    [['gateway-rules', null]],
  );
  t.deepEqual(found({ rules: { chains, hasNft: false } }), []);
});

test('who drops what leaves is named, with rules that let it out and answers in', t => {
  const docker = parseIptablesRules(['*filter', ':FORWARD DROP [0:0]'].join('\n'), {
    tool: 'iptables',
    family: 'ip',
  });
  const [dropped, ...more] = found({ rules: { chains: [...OWN, ...docker], hasNft: true } });
  t.deepEqual(more, []);
  t.is(dropped?.[0], 'gateway-dropped');
  t.regex(
    dropped?.[1] ?? '',
    /^The policy of chain FORWARD .* drops IPv4 from containers, as those of network blue/,
  );
  t.regex(
    dropped?.[2] ?? '',
    /^iptables -t filter -I FORWARD -i wf-\+ -m comment --comment weft -j ACCEPT && .*-o wt-\+ -m conntrack --ctstate ESTABLISHED,RELATED -m comment/,
  );
  const own = chain('inet', [], { table: 'site', name: 'f', policy: 'drop' });
  const both = found({ rules: { chains: [...OWN, own], hasNft: true } });
  t.deepEqual(
    both.map(([verdict]) => verdict),
    ['gateway-dropped', 'gateway-dropped'],
  );
  t.is(new Set(both.map(([, , mend]) => mend)).size, 1);
  t.regex(both[0]?.[2] ?? '', /^nft insert rule inet site f iifname 'wf-\*' accept comment weft && /);
  // As the daemon itself lets its networks through Docker's chain.
  const opened = parseIptablesRules(
    ['*filter', ':FORWARD DROP [0:0]', '-A FORWARD -i wf-+ -m comment --comment weft -j ACCEPT'].join('\n'),
    { tool: 'iptables', family: 'ip' },
  );
  t.deepEqual(found({ rules: { chains: [...OWN, ...opened], hasNft: true } }), []);
});

test('containers that are cut off for their addresses are told', t => {
  const daemon = {
    ...(HEALTHY.daemon ?? FAKE_SELF),
    networks: [{ name: 'blue', vni: 42, mtu: 1450, mode: 'overlay', suspended: 2 } as const],
  };
  const [cut, ...more] = found({ daemon });
  t.deepEqual(more, []);
  t.is(cut?.[0], 'addresses-unconfirmed');
  t.regex(cut?.[1] ?? '', /^2 containers of network blue are cut off/);
});
