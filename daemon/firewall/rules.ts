/**
 * The rules of weft as text for nft: a table `weft` of each family, made anew as a whole each time. All functions here are pure.
 *
 *   raw          what no container may send: packets for and from the loopback of the VM
 *   prerouting   published ports: from outside, and from containers
 *   output       published ports: from the VM itself
 *   forward      who is let through: out of a network, and answers and published ports into it; nothing else
 *   redirects    the VM does not tell containers of shorter ways
 *   postrouting  masquerading: out of a network, and from a container to itself or its neighbours by a published port
 *
 * Tables of the families ip and ip6, not inet: those are understood by every kernel that has NAT in nf_tables at all. Each rule that decides
 * something counts, so that `nft list ruleset` shows where packets went.
 */
import type { PortMapping } from '../endpoints/port-mapping.ts';

/** A network whose way out is this VM. */
export interface RoutedNetwork {
  readonly name: string;
  /** Its interface on this VM, which has the addresses of the gateway. */
  readonly device: string;
  readonly subnets: readonly string[];
}

/** A port of the VM, and where it leads. */
export interface PublishedPort extends PortMapping {
  /** Of the container, without prefix length. */
  readonly address: string;
  /** Whose it is, for people. */
  readonly owner: string;
}

export interface FirewallState {
  readonly networks: readonly RoutedNetwork[];
  readonly published: readonly PublishedPort[];
  /** Interfaces that would forward nothing but for us: they go on forwarding nothing else. */
  readonly opened: { readonly v4: readonly string[]; readonly v6: readonly string[] };
}

export const FAMILIES = ['ip', 'ip6'] as const;
export type Family = (typeof FAMILIES)[number];

export const TABLE = 'weft';

/** Before the filter chains of others, so that their counters show what we let through. */
const FORWARD_PRIORITY = 'filter - 10';

/** One transaction: the tables as they should be, and none where there is nothing to do. `present`: those that are there. */
export function renderRules(state: FirewallState, present: readonly Family[]): string {
  return FAMILIES.flatMap(family => {
    const isWanted = ofFamily(state.networks, family).length > 0;
    // Deleting what is not there fails, adding what is there does not (nft(8)).
    const cleared = [`add table ${family} ${TABLE}`, `delete table ${family} ${TABLE}`];
    if (isWanted) return [...cleared, ...renderTable(state, family)];
    return present.includes(family) ? cleared : [];
  })
    .map(line => `${line}\n`)
    .join('');
}

interface FamilyNetwork {
  readonly device: string;
  readonly subnet: string;
}

function isOf(family: Family, address: string): boolean {
  return address.includes(':') === (family === 'ip6');
}

function ofFamily(networks: readonly RoutedNetwork[], family: Family): readonly FamilyNetwork[] {
  return networks.flatMap(({ device, subnets }) =>
    subnets.filter(subnet => isOf(family, subnet)).map(subnet => ({ device, subnet })),
  );
}

function renderTable(state: FirewallState, family: Family): string[] {
  const networks = ofFamily(state.networks, family);
  const published = state.published.filter(({ address }) => isOf(family, address));
  const opened = family === 'ip' ? state.opened.v4 : state.opened.v6;
  const jump = ['fib daddr type local counter jump publish'];
  return [
    `table ${family} ${TABLE} {`,
    ...chain(
      'publish',
      undefined,
      published.map(port => publishRule(family, port)),
    ),
    ...(family === 'ip'
      ? chain('raw', 'filter hook prerouting priority raw', networks.flatMap(rawRules))
      : []),
    ...chain('prerouting', 'nat hook prerouting priority dstnat', jump),
    // The name dstnat is for prerouting alone (nft(8), priorities); it stands for this number.
    ...chain('output', 'nat hook output priority -100', jump),
    ...chain('forward', `filter hook forward priority ${FORWARD_PRIORITY}`, [
      ...networks.flatMap(network => forwardRules(family, network)),
      ...guard(networks, opened),
    ]),
    ...chain(
      'redirects',
      'filter hook output priority filter',
      networks.map(
        ({ device }) =>
          `oifname "${device}" ${family === 'ip' ? 'icmp type redirect' : 'icmpv6 type nd-redirect'} counter drop`,
      ),
    ),
    ...chain(
      'postrouting',
      'nat hook postrouting priority srcnat',
      networks.flatMap(network => masquerades(family, network)),
    ),
    '}',
  ];
}

function chain(name: string, hook: string | undefined, rules: readonly string[]): string[] {
  const type = hook === undefined ? [] : [`type ${hook}; policy accept;`];
  return [`chain ${name} {`, ...type, ...rules, '}'];
}

function publishRule(family: Family, port: PublishedPort): string {
  const { protocol, hostAddress, hostPort, address, containerPort, owner } = port;
  const at = hostAddress === undefined ? '' : `${family} daddr ${hostAddress} `;
  const to = family === 'ip' ? address : `[${address}]`;
  return `${at}${protocol} dport ${hostPort} counter dnat to ${to}:${containerPort} comment "${commentOf(owner)}"`;
}

/** At most 128 bytes (NFTNL_UDATA_COMMENT_MAXLEN), without what would end the text. */
function commentOf(text: string): string {
  return text.replaceAll(/[^\w .:/@-]/g, '_').slice(0, 100);
}

/**
 * With route_localnet, by which the VM reaches published ports at 127.0.0.1, the loopback of the VM would be open to its containers
 * (CVE-2020-8558).
 */
function rawRules({ device }: FamilyNetwork): string[] {
  return [
    `iifname "${device}" ip daddr 127.0.0.0/8 counter drop`,
    `iifname "${device}" ip saddr 127.0.0.0/8 counter drop`,
  ];
}

function forwardRules(family: Family, { device, subnet }: FamilyNetwork): string[] {
  return [
    // Frames that the bridge itself forwards come by here too, where br_netfilter is on.
    `iifname "${device}" oifname "${device}" counter accept`,
    `oifname "${device}" ct state established,related counter accept`,
    `oifname "${device}" ct status dnat counter accept`,
    `oifname "${device}" counter drop`,
    // What has another source would leave as it is, for masquerading is by the subnet.
    `iifname "${device}" ${family} saddr != ${subnet} counter drop`,
  ];
}

/** The interfaces that were opened for us forward to and from our networks alone. */
function guard(networks: readonly FamilyNetwork[], opened: readonly string[]): string[] {
  if (opened.length === 0) return [];
  const set = (names: readonly string[]) => `{ ${[...new Set(names)].map(name => `"${name}"`).join(', ')} }`;
  return [`iifname ${set(opened)} oifname != ${set(networks.map(({ device }) => device))} counter drop`];
}

function masquerades(family: Family, { device, subnet }: FamilyNetwork): string[] {
  const hairpin = family === 'ip' ? `{ ${subnet}, 127.0.0.0/8 }` : subnet;
  return [
    // A container that answers a neighbour directly would answer under an address that was not asked.
    `oifname "${device}" ct status dnat ${family} saddr ${hairpin} counter masquerade`,
    `${family} saddr ${subnet} oifname != "${device}" counter masquerade`,
  ];
}
