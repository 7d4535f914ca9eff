/** What the daemon says of itself to the doctor, so that what is can be held against what should be. */

import type { NetworkConfig } from '../config/config.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import { bridgeName, bridgeTapName, formatStableMac } from '../endpoints/names.ts';

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
  readonly networks: readonly { readonly name: string; readonly vni: number; readonly mtu: number }[];
  /** Links that weft has made, as they should be. */
  readonly links: readonly ExpectedLink[];
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
  readonly endpoints: { all(): readonly Endpoint[] };
}

export function selfReport(parts: SelfParts): SelfReport {
  const { name, underlay, vxlanPort, gossipPort, state } = parts;
  const networks = parts.networks();
  const devices = networks.flatMap(({ name: network, mtu, config }): ExpectedLink[] => {
    if (config.attach !== 'bridge') return [];
    const bridge = bridgeName(network);
    const both = { network, mtu, netns: null };
    const macOf = (what: string) => formatStableMac(name, network, what);
    return [
      { ...both, ifname: bridge, kind: 'bridge', mac: macOf('bridge'), master: null },
      { ...both, ifname: bridgeTapName(network), kind: 'tap', mac: macOf('tap'), master: bridge },
    ];
  });
  return {
    name,
    pid: process.pid,
    underlay,
    vxlan_port: vxlanPort,
    gossip_port: gossipPort,
    state,
    networks: networks.map(({ name: network, mtu, config: { vni } }) => ({ name: network, vni, mtu })),
    links: [...devices, ...parts.endpoints.all().flatMap(linksOf)],
  };
}

/** One that is being attached is not there yet. */
function linksOf(endpoint: Endpoint): readonly ExpectedLink[] {
  if (endpoint.pending) return [];
  const { network, mtu, mac, ifname, hostLink, attach, netns } = endpoint;
  const inside = { ifname, network, kind: 'container', netns: netns.path, mtu, mac, master: null } as const;
  if (attach === 'tap') return [inside];
  return [
    { ifname: hostLink, network, kind: 'veth', netns: null, mtu, mac: null, master: bridgeName(network) },
    inside,
  ];
}
