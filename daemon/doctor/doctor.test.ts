import test from 'ava';
import type { Link } from '../net/ip.ts';
import { FAKE_SELF } from '../testing/fake-doctor.ts';
import { examineHost } from './doctor.ts';
import type { HostFacts } from './host-facts.ts';
import { parseIptablesRules } from './iptables-rules.ts';
import type { ExpectedLink, SelfReport } from './self-report.ts';

const EXPECTED: readonly ExpectedLink[] = [
  ...FAKE_SELF.links,
  {
    ifname: 'wv0',
    network: 'blue',
    kind: 'veth',
    netns: null,
    mtu: 1450,
    mac: null,
    master: 'wf-blue',
    addresses: [],
  },
  {
    ifname: 'eth0',
    network: 'blue',
    kind: 'container',
    netns: '/run/netns/web 1',
    mtu: 1450,
    mac: '02:00:5e:10:00:02',
    master: null,
    addresses: [],
  },
];
const DAEMON: SelfReport = { ...FAKE_SELF, links: EXPECTED };

function link(changes: Partial<Link> & { readonly ifname: string }): Link {
  return {
    ifindex: 2,
    address: '02:00:00:00:00:01',
    mtu: 1450,
    flags: ['BROADCAST', 'UP'],
    link_type: 'ether',
    addr_info: [],
    ...changes,
  };
}

const NIC = link({
  ifname: 'eth0',
  mtu: 1500,
  addr_info: [{ family: 'inet', local: '192.0.2.1', prefixlen: 24, scope: 'global' }],
});
const OURS = [
  link({ ifname: 'wf-blue', address: '02:00:5e:20:00:01' }),
  link({ ifname: 'wt-blue', address: '02:00:5e:20:00:02', master: 'wf-blue' }),
  link({ ifname: 'wv0', master: 'wf-blue' }),
];
const INSIDE = { netns: '/run/netns/web 1', ifname: 'eth0' };
const INTERFACE = { mtu: 1450, flags: ['UP'], address: '02:00:5e:10:00:02' };

const HEALTHY: HostFacts = {
  daemon: DAEMON,
  silence: undefined,
  lostOffloads: [],
  ports: { vxlan: 4789, gossip: 7946 },
  links: [NIC, ...OURS],
  sockets: [],
  sysctls: { 'core/rmem_max': '4194304', 'bridge/bridge-nf-call-iptables': '1' },
  rules: { chains: [] },
  conntrack: undefined,
  containers: [{ ...INSIDE, link: INTERFACE }],
  managed: [],
  files: [],
  disk: { path: '/var/lib/weft', free: 1024 ** 3 },
  capabilities: 0xffff_ffffffn,
  routes: [{ to: '192.0.2.2', dev: 'eth0' }],
};

const iptables = (...lines: readonly string[]) => ({
  chains: parseIptablesRules(['*filter', ...lines].join('\n'), { tool: 'iptables', family: 'ip' }),
});
const without = (ifname: string, ...others: readonly Link[]) => [
  ...HEALTHY.links.filter(one => one.ifname !== ifname),
  ...others,
];
const udpSocket = {
  protocol: 'udp',
  address: '192.0.2.1',
  receiveBuffer: 0,
  drops: 0,
  process: null,
} as const;
const own = { name: 'weft', pid: DAEMON.pid };
const down = { daemon: undefined, silence: 'no such socket', capabilities: undefined } as const;

test('a healthy host has no findings', t => {
  t.deepEqual(examineHost(HEALTHY), []);
});

test('each cause has its verdict, one sentence, and the command that mends it', t => {
  const table: readonly (readonly [Partial<HostFacts>, string, RegExp, string | null])[] = [
    [{ capabilities: 0xffff_ffffffn ^ (1n << 12n) }, 'capability-missing', /without CAP_NET_ADMIN/, null],
    [{ capabilities: 0xffff_ffffffn ^ (1n << 21n) }, 'capability-missing', /without CAP_SYS_ADMIN/, null],
    [{ lostOffloads: ['tap_tso'] }, 'offload-lost', /refused the offload tap_tso/, null],
    [
      { disk: { path: '/var/lib/weft', free: 1024 } },
      'state-disk-full',
      /\/var\/lib\/weft has 0\.0 MiB left/,
      'df -h /var/lib/weft',
    ],
    [
      { files: [{ path: '/etc/weft/it is.yaml', mode: 0o640, hasKey: true }] },
      'key-file-open',
      /mode 640/,
      "chmod go= '/etc/weft/it is.yaml'",
    ],
    [
      { links: without('eth0', link({ ifname: 'eth0' })) },
      'underlay-gone',
      /192\.0\.2\.1 is on no interface/,
      null,
    ],
    [
      { links: without('eth0', { ...NIC, flags: [] }) },
      'underlay-down',
      /eth0 is set down/,
      'ip link set dev eth0 up',
    ],
    [
      { links: without('eth0', { ...NIC, mtu: 1499 }) },
      'underlay-mtu',
      /MTU 1499, network blue needs 1500 \(1450 and 50/,
      'ip link set dev eth0 mtu 1500',
    ],
    [{ links: without('wf-blue') }, 'link-missing', /wf-blue, the bridge of network blue, is gone/, null],
    [
      { containers: [{ ...INSIDE, link: undefined }] },
      'link-missing',
      /eth0 in \/run\/netns\/web 1/,
      "weft detach '/run/netns/web 1' --network blue --ifname eth0",
    ],
    [
      { containers: [{ ...INSIDE, link: { ...INTERFACE, flags: [] } }] },
      'link-down',
      /a container's interface of network blue, was set down/,
      "nsenter --net='/run/netns/web 1' ip link set dev eth0 up",
    ],
    [
      { containers: [{ ...INSIDE, link: { ...INTERFACE, mtu: 1500 } }] },
      'link-mtu',
      /has MTU 1500, network blue has 1450: it sends frames that no other/,
      "nsenter --net='/run/netns/web 1' ip link set dev eth0 mtu 1450",
    ],
    [
      { links: without('wv0', link({ ifname: 'wv0', master: 'wf-blue', mtu: 1400 })) },
      'link-mtu',
      /it refuses frames/,
      'ip link set dev wv0 mtu 1450',
    ],
    [
      { links: without('wf-blue', link({ ifname: 'wf-blue', address: '02:00:00:00:00:99' })) },
      'link-mac',
      /MACAddressPolicy/,
      'ip link set dev wf-blue address 02:00:5e:20:00:01',
    ],
    [
      { links: without('wv0', link({ ifname: 'wv0' })) },
      'link-detached',
      /is in no bridge instead of in wf-blue/,
      'ip link set dev wv0 master wf-blue',
    ],
    [
      { managed: [{ manager: 'networkd', ifname: 'wf-blue' }] },
      'link-managed',
      /networkd has taken wf-blue/,
      "printf '[Match]\\nName=wf-* wt-* wv* wx* wi*\\n\\n[Link]\\nUnmanaged=yes\\n' >/etc/systemd/network/05-weft.network && networkctl reload",
    ],
    [
      { sysctls: { 'ipv6/conf/wf-blue/disable_ipv6': '0' } },
      'bridge-ipv6',
      /IPv6 was switched on on wf-blue/,
      'sysctl -w net.ipv6.conf.wf-blue.disable_ipv6=1',
    ],
    [
      { rules: iptables(':INPUT ACCEPT [0:0]', '-A INPUT -p udp --dport 4789 -j DROP') },
      'vxlan-dropped',
      /The rule "-p udp --dport 4789 -j DROP" of chain INPUT .* drops VXLAN that comes in on UDP port 4789/,
      'iptables -t filter -I INPUT -p udp --dport 4789 -m comment --comment weft -j ACCEPT',
    ],
    [
      { rules: iptables(':OUTPUT ACCEPT [0:0]', '-A OUTPUT -p tcp --dport 7946 -j REJECT') },
      'gossip-dropped',
      /drops gossip that goes out to TCP port 7946/,
      'iptables -t filter -I OUTPUT -p tcp --dport 7946 -m comment --comment weft -j ACCEPT',
    ],
    [
      { rules: iptables(':FORWARD DROP [0:0]', '-A FORWARD -o docker0 -j ACCEPT') },
      'forward-dropped',
      /The policy of chain FORWARD .* drops IPv4 between containers and the overlay/,
      'iptables -t filter -I FORWARD -i wf-+ -o wf-+ -m comment --comment weft -j ACCEPT',
    ],
    [
      {
        sysctls: { 'ipv4/conf/all/rp_filter': '0', 'ipv4/conf/eth0/rp_filter': '1' },
        routes: [{ to: '192.0.2.2', dev: 'eth1' }],
      },
      'rp-filter',
      /drops what comes in on eth0 from 192\.0\.2\.2, for the route back leads by eth1/,
      'sysctl -w net.ipv4.conf.eth0.rp_filter=2',
    ],
    [
      { conntrack: { count: 100, max: 100, vxlan: 0 } },
      'conntrack-full',
      /100 of 100 entries/,
      'sysctl -w net.netfilter.nf_conntrack_max=200',
    ],
    [
      { sockets: [{ ...udpSocket, port: 4789, drops: 7, process: own }] },
      'receive-overflow',
      /192\.0\.2\.1:4789 was full 7 times/,
      null,
    ],
    [
      { sysctls: { 'core/rmem_max': '212992' } },
      'gossip-buffer',
      /rmem_max is 212992/,
      'sysctl -w net.core.rmem_max=2097152',
    ],
  ];
  for (const [changes, verdict, sentence, mend] of table) {
    const findings = examineHost({ ...HEALTHY, ...changes });
    t.deepEqual(
      findings.map(one => one.verdict),
      [verdict],
      sentence.source,
    );
    t.regex(findings[0]?.sentence ?? '', sentence);
    t.is(findings[0]?.mend, mend);
  }
});

test('conntrack that follows VXLAN is told to leave it', t => {
  const [found] = examineHost({ ...HEALTHY, conntrack: { count: 10, max: 100, vxlan: 8 } });
  t.is(found?.verdict, 'conntrack-vxlan');
  t.is(found?.severity, 'note');
  t.regex(found?.mend ?? '', /add rule inet weft-notrack in udp dport 4789 notrack/);
});

test('rules that look like the cause and are not are left alone', t => {
  const table: readonly Partial<HostFacts>[] = [
    // Loose, and strict with the route back where it should be.
    {
      sysctls: { 'ipv4/conf/all/rp_filter': '2', 'ipv4/conf/eth0/rp_filter': '1' },
      routes: [{ to: '192.0.2.2', dev: 'eth1' }],
    },
    { sysctls: { 'ipv4/conf/all/rp_filter': '1' } },
    // Nobody shows the frames of bridges to it.
    { rules: iptables(':FORWARD DROP [0:0]'), sysctls: { 'bridge/bridge-nf-call-iptables': '0' } },
    { rules: iptables(':FORWARD DROP [0:0]', '-A FORWARD -i wf-+ -o wf-+ -j ACCEPT') },
    // Answers of gossip may come by conntrack.
    {
      rules: iptables(':INPUT ACCEPT [0:0]', '-A INPUT -p udp --dport 7946 -m state --state NEW -j DROP'),
    },
    { sockets: [{ ...udpSocket, port: 4789, drops: 7, process: { name: 'other', pid: 1 } }] },
    { files: [{ path: '/etc/weft/weft.yaml', mode: 0o644, hasKey: false }] },
  ];
  for (const changes of table) t.deepEqual(examineHost({ ...HEALTHY, ...changes }), []);
});

test('of a daemon that is down, the doctor says who has its port', t => {
  const only = examineHost({ ...HEALTHY, ...down });
  t.deepEqual(
    only.map(({ verdict, mend }) => [verdict, mend]),
    [['daemon-down', 'weft daemon']],
  );
  const flannel = link({ ifname: 'flannel.1', linkinfo: { info_kind: 'vxlan', info_data: { port: 4789 } } });
  const bySocket = examineHost({
    ...HEALTHY,
    ...down,
    sockets: [{ ...udpSocket, port: 4789, process: { name: 'other', pid: 77 } }],
  });
  t.like(bySocket[1], { verdict: 'port-taken', mend: 'kill 77', fix: 'hand' });
  const byKernel = examineHost({
    ...HEALTHY,
    ...down,
    links: [...HEALTHY.links, flannel],
    sockets: [{ ...udpSocket, address: '0.0.0.0', port: 4789 }],
  });
  t.is(byKernel.length, 2);
  t.like(byKernel[1], { verdict: 'port-taken', mend: 'ip link del dev flannel.1', fix: 'hand' });
  t.regex(byKernel[1]?.sentence ?? '', /flannel's/);
});
