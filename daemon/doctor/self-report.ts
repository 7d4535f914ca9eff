/** What the daemon says of itself to the doctor, so that what is can be held against what should be. */

import type { NetworkConfig, NetworkMode } from '../config/config.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import { bridgeName, bridgeTapName, formatStableMac } from '../endpoints/names.ts';
import { interfaceAddresses, ownGateway } from '../networks/gateway.ts';

export interface SelfReport {
  readonly name: string;
  readonly pid: number;
  /** Address of this VTEP. */
  readonly underlay: string;
  readonly vxlan_port: number;
  /** UDP and TCP. */
  readonly gossip_port: number;
  /** Directory of what outlives the process. */
  readonly state: string;
  readonly networks: readonly ReportedNetwork[];
  /** Links that weft has made, as they should be. */
  readonly links: readonly ExpectedLink[];
}

export interface ReportedNetwork {
  readonly name: string;
  readonly vni: number;
  readonly mtu: number;
  readonly mode: NetworkMode;
  /** Containers here that are cut off, for nobody confirms that their addresses are still theirs. */
  readonly suspended: number;
}

export interface ExpectedLink {
  readonly ifname: string;
  readonly network: string;
  /** `container`: the interface inside, whatever it is. */
  readonly kind: 'bridge' | 'tap' | 'veth' | 'container';
  /** Path of its network namespace; null: that of the daemon. */
  readonly netns: string | null;
  readonly mtu: number;
  /** null: as the kernel drew it. */
  readonly mac: string | null;
  /** The bridge that it is a port of; null: of none. */
  readonly master: string | null;
  /** Of this host as the gateway of the network, with prefix lengths; none: the host is no member of it. */
  readonly addresses: readonly string[];
}

export interface SelfParts {
  readonly name: string;
  readonly underlay: string;
  readonly vxlanPort: number;
  readonly gossipPort: number;
  readonly state: string;
  readonly networks: () => readonly {
    readonly name: string;
    readonly mtu: number;
    readonly config: NetworkConfig;
  }[];
  readonly endpoints: { all(): readonly Endpoint[]; isSuspended(endpoint: Endpoint): boolean };
}

export function selfReport(parts: SelfParts): SelfReport {
  const { name, underlay, vxlanPort, gossipPort, state, endpoints } = parts;
  const networks = parts.networks();
  const all = endpoints.all();
  const suspended = all.filter(endpoint => endpoints.isSuspended(endpoint));
  return {
    name,
    pid: process.pid,
    underlay,
    vxlan_port: vxlanPort,
    gossip_port: gossipPort,
    state,
    networks: networks.map(({ name: network, mtu, config: { vni, mode } }) => ({
      name: network,
      vni,
      mtu,
      mode,
      suspended: suspended.filter(endpoint => endpoint.network === network).length,
    })),
    links: [
      ...networks.flatMap(network => devicesOf(name, network)),
      ...all.flatMap(endpoint => linksOf(endpoint, suspended.includes(endpoint))),
    ],
  };
}

/** Of modes macvlan and host the VM has no devices; of networks of TAPs it has one if it is their gateway. */
function devicesOf(
  node: string,
  { name: network, mtu, config }: ReturnType<SelfParts['networks']>[number],
): readonly ExpectedLink[] {
  const { mode, attach } = config;
  if (mode !== 'overlay' && mode !== 'bridge') return [];
  const gateway = ownGateway(config);
  const macOf = (what: string) => formatStableMac(node, network, what);
  const both = { network, mtu, netns: null } as const;
  const own = { master: null, addresses: gateway === undefined ? [] : interfaceAddresses(gateway) } as const;
  const tap = { ...both, ifname: bridgeTapName(network), kind: 'tap' } as const;
  if (mode === 'overlay' && attach !== 'bridge')
    return gateway === undefined ? [] : [{ ...tap, ...own, mac: gateway.mac }];
  const ifname = bridgeName(network);
  const bridge = { ...both, ...own, ifname, kind: 'bridge', mac: gateway?.mac ?? macOf('bridge') } as const;
  if (mode === 'bridge') return [bridge];
  return [bridge, { ...tap, mac: macOf('tap'), master: ifname, addresses: [] }];
}

/** One that is being attached is not there yet; one of mode host has the interfaces of the VM; the link of one that is suspended is down on purpose. */
function linksOf(endpoint: Endpoint, isSuspended: boolean): readonly ExpectedLink[] {
  const { network, mtu, mac, ifname, hostLink, attach, netns, pending } = endpoint;
  if (pending || attach === 'host') return [];
  const both = { network, mtu, addresses: [] } as const;
  const inside = { ...both, ifname, kind: 'container', netns: netns.path, mac, master: null } as const;
  if (attach !== 'bridge' || isSuspended) return [inside];
  const master = bridgeName(network);
  return [{ ...both, ifname: hostLink, kind: 'veth', netns: null, mac: null, master }, inside];
}
