/** Links: what weft has made, held against what it should be, and the underlay below it. */

import { overhead } from '../../dataplane/mtu.ts';
import type { Link } from '../net/ip.ts';
import { type Finding, finding } from './finding.ts';
import type { ContainerFact, HostFacts } from './host-facts.ts';
import type { ExpectedLink } from './self-report.ts';
import { sh } from './shell.ts';

type Seen = NonNullable<ContainerFact['link']> & {
  readonly master?: string;
  readonly addr_info?: Link['addr_info'];
};

export function checkLinks(facts: HostFacts): readonly Finding[] {
  const { daemon } = facts;
  if (daemon === undefined) return [];
  return [
    ...checkUnderlay(facts),
    ...daemon.links.flatMap(expected => checkLink(expected, seenOf(expected, facts))),
    ...daemon.links.flatMap(expected => checkAddresses(expected, facts)),
    ...checkSuspended(facts),
    ...checkIpv6(facts),
    ...facts.managed.map(({ manager, ifname }) =>
      finding(
        'link-managed',
        ifname,
        `${manager} has taken ${ifname}, a link of weft's, for its own and may give it addresses or set it down.`,
        MANAGER_MENDS[manager],
      ),
    ),
  ];
}

/** The VM itself is no member of the overlay, unless it is a gateway of IPv6: it must not answer router advertisements of a container. */
function checkIpv6({ daemon, sysctls }: HostFacts): readonly Finding[] {
  const ours = daemon?.links.filter(({ netns, addresses }) => netns === null && !addresses.some(isV6)) ?? [];
  return ours
    .filter(({ ifname }) => sysctls[`ipv6/conf/${ifname}/disable_ipv6`] === '0')
    .map(({ ifname }) =>
      finding(
        'bridge-ipv6',
        ifname,
        `IPv6 was switched on on ${ifname}, so that containers can reach this host and give it addresses and routes.`,
        sh`sysctl -w net.ipv6.conf.${ifname}.disable_ipv6=1`,
      ),
    );
}

function isV6(address: string): boolean {
  return address.includes(':');
}

/** Addresses by which containers reach the gateway, which is this host. */
function checkAddresses({ ifname, network, addresses }: ExpectedLink, facts: HostFacts): readonly Finding[] {
  const link = facts.links.find(one => one.ifname === ifname);
  if (link === undefined) return [];
  const present = link.addr_info.map(({ local, prefixlen }) => `${local}/${prefixlen}`);
  const gone = addresses.filter(address => !present.includes(address));
  if (gone.length === 0) return [];
  const isIpv6Off = gone.some(isV6) && facts.sysctls[`ipv6/conf/${ifname}/disable_ipv6`] === '1';
  const mend = [
    ...(isIpv6Off ? [sh`sysctl -w net.ipv6.conf.${ifname}.disable_ipv6=0`] : []),
    ...gone.map(address => sh`ip address add ${address} dev ${ifname}` + (isV6(address) ? ' nodad' : '')),
  ];
  return [
    finding(
      'gateway-address',
      ifname,
      `${ifname}, by which this host is the gateway of network ${network}, has lost ${gone.join(' and ')}, so that containers do not get out.`,
      mend.join(' && '),
    ),
  ];
}

function checkSuspended({ daemon }: HostFacts): readonly Finding[] {
  const cutOff = daemon?.networks.filter(({ suspended }) => suspended > 0) ?? [];
  return cutOff.map(({ name, suspended }) =>
    finding(
      'addresses-unconfirmed',
      name,
      `${suspended} ${suspended === 1 ? 'container' : 'containers'} of network ${name} ${suspended === 1 ? 'is' : 'are'} cut off, for no majority of the voters confirms that the addresses are still those of this node.`,
      sh`weft ipam`,
    ),
  );
}

const MANAGER_MENDS = {
  networkd:
    "printf '[Match]\\nName=wf-* wt-* wv* wx* wi*\\n\\n[Link]\\nUnmanaged=yes\\n' >/etc/systemd/network/05-weft.network && networkctl reload",
  NetworkManager:
    "printf '[keyfile]\\nunmanaged-devices=interface-name:wf-*,interface-name:wt-*,interface-name:wv*,interface-name:wx*,interface-name:wi*\\n' >/etc/NetworkManager/conf.d/10-weft.conf && nmcli general reload",
} as const;

function seenOf(expected: ExpectedLink, facts: HostFacts): Seen | undefined {
  const { ifname, netns } = expected;
  if (netns === null) return facts.links.find(link => link.ifname === ifname);
  return facts.containers.find(one => one.netns === netns && one.ifname === ifname)?.link;
}

function checkLink(expected: ExpectedLink, link: Seen | undefined): readonly Finding[] {
  const { ifname, netns, network, kind, mtu, mac, master } = expected;
  const where = netns === null ? ifname : `${ifname} in ${netns}`;
  const what = {
    bridge: 'the bridge',
    tap: 'the TAP',
    veth: "a container's link",
    container: "a container's interface",
  }[kind];
  const inside = netns === null ? '' : sh`nsenter --net=${netns} `;
  if (link === undefined) {
    return [
      finding(
        'link-missing',
        where,
        `${where}, ${what} of network ${network}, is gone, so its containers are cut off.`,
        mendMissing(expected),
      ),
    ];
  }
  const found: Finding[] = [];
  if (!link.flags.includes('UP')) {
    found.push(
      finding(
        'link-down',
        where,
        `${where}, ${what} of network ${network}, was set down.`,
        inside + sh`ip link set dev ${ifname} up`,
      ),
    );
  }
  if (link.mtu !== mtu) {
    const effect =
      link.mtu > mtu ? 'sends frames that no other node can take' : 'refuses frames that others may send';
    found.push(
      finding(
        'link-mtu',
        where,
        `${where} has MTU ${link.mtu}, network ${network} has ${mtu}: it ${effect}.`,
        inside + sh`ip link set dev ${ifname} mtu ${mtu}`,
      ),
    );
  }
  if (mac !== null && link.address !== mac) {
    found.push(
      finding(
        'link-mac',
        where,
        `${where} has the MAC address ${link.address} instead of ${mac}: somebody has changed it, as udev does by MACAddressPolicy=persistent.`,
        inside + sh`ip link set dev ${ifname} address ${mac}`,
      ),
    );
  }
  if (master !== null && link.master !== master) {
    found.push(
      finding(
        'link-detached',
        where,
        `${where}, ${what} of network ${network}, is ${link.master === undefined ? 'in no bridge' : `in the bridge ${link.master}`} instead of in ${master}.`,
        sh`ip link set dev ${ifname} master ${master}`,
      ),
    );
  }
  return found;
}

/** The daemon makes bridge and TAP again by itself; an interface of a container comes with a new attachment only. */
function mendMissing({ kind, netns, network, ifname }: ExpectedLink): string | null {
  if (kind !== 'container' || netns === null) return null;
  return sh`weft detach ${netns} --network ${network} --ifname ${ifname}`;
}

function checkUnderlay({ daemon, links }: HostFacts): readonly Finding[] {
  if (daemon === undefined) return [];
  const { underlay, networks } = daemon;
  const device = links.find(({ addr_info }) => addr_info.some(({ local }) => local === underlay));
  if (device === undefined) {
    return [
      finding(
        'underlay-gone',
        underlay,
        `The underlay address ${underlay} is on no interface of this host any more, so that nothing can be sent to other VTEPs.`,
      ),
    ];
  }
  const { ifname, mtu } = device;
  const found: Finding[] = [];
  if (!device.flags.includes('UP')) {
    found.push(
      finding(
        'underlay-down',
        ifname,
        `The underlay device ${ifname} is set down.`,
        sh`ip link set dev ${ifname} up`,
      ),
    );
  }
  const [largest] = networks.filter(({ mode }) => mode === 'overlay').toSorted((a, b) => b.mtu - a.mtu);
  const added = overhead(underlay.includes(':') ? 6 : 4);
  if (largest !== undefined && mtu < largest.mtu + added) {
    const needed = largest.mtu + added;
    found.push(
      finding(
        'underlay-mtu',
        ifname,
        `The underlay device ${ifname} has MTU ${mtu}, network ${largest.name} needs ${needed} (${largest.mtu} and ${added} of encapsulation).`,
        sh`ip link set dev ${ifname} mtu ${needed}`,
      ),
    );
  }
  return found;
}
