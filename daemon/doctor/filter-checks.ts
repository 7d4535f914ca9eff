/** What the kernel of this host drops on its way: packet filters, reverse-path filter, connection tracking, full queues. */
import { ruleWords } from './culprit-words.ts';
import { type Finding, finding } from './finding.ts';
import type { HostFacts } from './host-facts.ts';
import { type Culprit, culprits, type Hook, type Packet } from './packet-filter.ts';
import { sh } from './shell.ts';

export function checkFilters(facts: HostFacts): readonly Finding[] {
  return [
    ...checkPorts(facts),
    ...checkForward(facts),
    ...checkReversePath(facts),
    ...checkConntrack(facts),
    ...checkQueues(facts),
  ];
}

const INWARD: readonly Hook[] = ['ingress', 'prerouting', 'input'];

function checkPorts({ ports, daemon, rules, links }: HostFacts): readonly Finding[] {
  const underlay = daemon?.underlay;
  const family = underlay?.includes(':') === true ? 6 : 4;
  const iif = links.find(({ addr_info }) => addr_info.some(({ local }) => local === underlay))?.ifname;
  const base = {
    family,
    ...(underlay !== undefined && { daddr: underlay }),
    ...(iif !== undefined && { iif }),
  } as const;
  const out = { family, ...(iif !== undefined && { oif: iif }) } as const;
  const flows = [
    { verdict: 'vxlan-dropped', what: 'VXLAN', protocol: 'udp', dport: ports.vxlan },
    { verdict: 'gossip-dropped', what: 'gossip', protocol: 'udp', dport: ports.gossip },
    { verdict: 'gossip-dropped', what: 'gossip', protocol: 'tcp', dport: ports.gossip },
  ] as const;
  return flows.flatMap(({ verdict, what, protocol, dport }) => {
    // Gossip goes from port to port, so that its datagrams may count as answers to our own.
    const state = verdict === 'gossip-dropped' && protocol === 'udp' ? {} : ({ state: 'new' } as const);
    const packet: Packet = { ...base, protocol, dport, ...state };
    const blame = (direction: string) => (culprit: Culprit) => {
      const { chain } = culprit;
      const port = `${protocol.toUpperCase()} port ${dport}`;
      return finding(
        verdict,
        `${chain.table} ${chain.name}`,
        `${ruleWords(culprit)} drops ${what} ${direction} ${port}.`,
        mendByAccept(culprit, {
          nft: sh`${protocol} dport ${dport}`,
          iptables: sh`-p ${protocol} --dport ${dport}`,
        }),
      );
    };
    return [
      ...culprits(rules, INWARD, packet).map(blame('that comes in on')),
      ...culprits(rules, ['output'], { ...out, protocol, dport, ...state }).map(blame('that goes out to')),
    ];
  });
}

/** A rule of ours before all others of the chain. */
function mendByAccept(
  { chain }: Culprit,
  match: { readonly nft: string; readonly iptables: string },
): string {
  const { tool, family, table, name } = chain;
  if (tool === 'nft')
    return `${sh`nft insert rule ${family} ${table} ${name}`} ${match.nft} accept comment weft`;
  return `${sh`${tool} -t ${table} -I ${name}`} ${match.iptables} -m comment --comment weft -j ACCEPT`;
}

/** Frames between two ports of a bridge meet the chains of routed packets where br_netfilter says so. */
function checkForward({ daemon, rules, sysctls }: HostFacts): readonly Finding[] {
  const bridges = daemon?.links.filter(({ kind }) => kind === 'bridge') ?? [];
  const families = [
    { family: 4, sysctl: 'bridge/bridge-nf-call-iptables', protocol: 'IPv4' },
    { family: 6, sysctl: 'bridge/bridge-nf-call-ip6tables', protocol: 'IPv6' },
  ] as const;
  return families.flatMap(({ family, sysctl, protocol }) => {
    if (sysctls[sysctl] !== '1') return [];
    // All bridges have names of one shape: what meets one meets all.
    const [bridge] = bridges;
    if (bridge === undefined) return [];
    const { ifname } = bridge;
    const packet: Packet = { family, protocol: 'tcp', iif: ifname, oif: ifname, state: 'new' };
    return culprits(rules, ['forward'], packet).map(culprit =>
      finding(
        'forward-dropped',
        `${culprit.chain.table} ${culprit.chain.name}`,
        `${ruleWords(culprit)} drops ${protocol} between containers and the overlay, for br_netfilter shows it the frames of bridges (net.${sysctl.replaceAll('/', '.')} = 1).`,
        mendByAccept(culprit, {
          nft: `iifname 'wf-*' oifname 'wf-*'`,
          iptables: '-i wf-+ -o wf-+',
        }),
      ),
    );
  });
}

/** RFC 3704 section 2.2, strict: what comes in on a device other than the one that leads back is dropped. */
function checkReversePath({ daemon, links, routes, sysctls }: HostFacts): readonly Finding[] {
  const underlay = daemon?.underlay;
  const device = links.find(({ addr_info }) => addr_info.some(({ local }) => local === underlay))?.ifname;
  if (device === undefined) return [];
  // Documentation/networking/ip-sysctl.rst: "The max value from conf/{all,interface}/rp_filter is used".
  const values = ['all', device].map(name => Number(sysctls[`ipv4/conf/${name}/rp_filter`] ?? 0));
  if (Math.max(...values) !== 1) return [];
  const astray = routes.filter(({ dev }) => dev !== device);
  const [first] = astray;
  if (first === undefined) return [];
  return [
    finding(
      'rp-filter',
      device,
      `The strict reverse-path filter drops what comes in on ${device} from ${astray.map(({ to }) => to).join(', ')}, for the route back leads by ${first.dev}.`,
      sh`sysctl -w net.ipv4.conf.${device.replaceAll('.', '/')}.rp_filter=2`,
    ),
  ];
}

/** A table that is so full refuses new flows soon. */
const FULL = 0.95;

function checkConntrack({ conntrack, ports }: HostFacts): readonly Finding[] {
  if (conntrack === undefined || conntrack.max === 0) return [];
  const { count, max, vxlan } = conntrack;
  const mend = untrack(ports.vxlan);
  if (count >= max * FULL) {
    return [
      finding(
        'conntrack-full',
        'nf_conntrack',
        `Connection tracking is full (${count} of ${max} entries, ${vxlan} of them of VXLAN), so that packets of new flows are dropped.`,
        vxlan > 0 ? mend : sh`sysctl -w net.netfilter.nf_conntrack_max=${max * 2}`,
      ),
    ];
  }
  if (vxlan === 0) return [];
  return [
    finding(
      'conntrack-vxlan',
      'nf_conntrack',
      `Connection tracking follows VXLAN (${vxlan} of ${count} entries), which costs each datagram time and gains nothing.`,
      mend,
    ),
  ];
}

/** A table of our own: nothing of the operator's changes. */
function untrack(port: number): string {
  const rule = `udp dport ${port} notrack`;
  return (
    `nft 'add table inet weft-notrack; flush table inet weft-notrack; ` +
    `add chain inet weft-notrack in { type filter hook prerouting priority raw; }; ` +
    `add chain inet weft-notrack out { type filter hook output priority raw; }; ` +
    `add rule inet weft-notrack in ${rule}; add rule inet weft-notrack out ${rule}'`
  );
}

/** RECEIVE_BUFFER_BYTES of control/transport.ts, which net.core.rmem_max limits. */
const GOSSIP_BUFFER = 2 * 1024 * 1024;

function checkQueues({ daemon, ports, sockets, sysctls }: HostFacts): readonly Finding[] {
  if (daemon === undefined) return [];
  const own = sockets.filter(({ protocol, process }) => protocol === 'udp' && process?.pid === daemon.pid);
  const found = own
    .filter(({ port, drops }) => (port === ports.vxlan || port === ports.gossip) && drops > 0)
    .map(({ address, port, drops }) =>
      finding(
        'receive-overflow',
        `${address}:${port}`,
        `The receive queue of ${address}:${port} was full ${drops} times: the daemon gets too little CPU for what comes in.`,
      ),
    );
  const limit = Number(sysctls['core/rmem_max'] ?? GOSSIP_BUFFER);
  if (limit < GOSSIP_BUFFER) {
    found.push(
      finding(
        'gossip-buffer',
        'net.core.rmem_max',
        `net.core.rmem_max is ${limit}, so that the gossip socket has less than the ${GOSSIP_BUFFER} bytes that a burst of news may take.`,
        sh`sysctl -w net.core.rmem_max=${GOSSIP_BUFFER}`,
      ),
    );
  }
  return found;
}
