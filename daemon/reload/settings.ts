/**
 * Every key of the configuration: whether a running daemon can follow a change of it. A key that is not here fails settings.test.ts, so
 * whoever adds one decides.
 */
import type { Config, NetworkConfig } from '../config/config.ts';

export interface Setting<From> {
  /** `restart`: what follows from it was made at the start, and others or the kernel rely on it. */
  readonly effect: 'reload' | 'restart';
  /** Two values are the same when they are deeply equal. Of a secret it is what tells it apart. */
  readonly read: (from: From) => unknown;
}

function reload<From>(read: (from: From) => unknown): Setting<From> {
  return { effect: 'reload', read };
}

function restart<From>(read: (from: From) => unknown): Setting<From> {
  return { effect: 'restart', read };
}

/** By their paths, as in `vxlan.port`; those of a network are in {@link NETWORK_SETTINGS}. */
export const SETTINGS: Readonly<Record<string, Setting<Config>>> = {
  'node.name': restart(({ node }) => node.name),
  'node.underlay': restart(({ node }) => node.underlay),
  'paths.state': restart(({ paths }) => paths.state),
  'paths.run': restart(({ paths }) => paths.run),
  'vxlan.port': restart(({ vxlan }) => vxlan.port),
  'gossip.port': restart(({ gossip }) => gossip.port),
  'gossip.join': reload(({ gossip }) => gossip.join),
  // weft gossip keys changes them on every node of the pool, in the order that keeps all of them talking.
  'gossip.key': restart(({ gossip }) => gossip.key?.fingerprint),
  'gossip.keys': restart(({ gossip }) => gossip.keys.map(({ fingerprint }) => fingerprint)),
  'gossip.profile': restart(({ gossip }) => gossip.profile),
  'dataplane.workers': restart(({ dataplane }) => dataplane.workers),
  'dataplane.sender': restart(({ dataplane }) => dataplane.sender),
  'dataplane.offload.udp_segment': restart(({ dataplane }) => dataplane.offload['udp-segment']),
  'dataplane.offload.udp_gro': restart(({ dataplane }) => dataplane.offload['udp-gro']),
  'dataplane.offload.tap_tso': restart(({ dataplane }) => dataplane.offload['tap-tso']),
  'dataplane.offload.tap_uso': restart(({ dataplane }) => dataplane.offload['tap-uso']),
  'dataplane.offload.tunnel_gso': restart(({ dataplane }) => dataplane.offload['tunnel-gso']),
  'dataplane.offload.io_uring': restart(({ dataplane }) => dataplane.offload['io-uring']),
  // Containers have the address and the domain in their resolv.conf.
  'dns.enabled': restart(({ dns }) => dns.enabled),
  'dns.listen': restart(({ dns }) => dns.listen),
  'dns.upstream': restart(({ dns }) => dns.upstream),
  'dns.domain': restart(({ dns }) => dns.domain),
  'dns.ttl': restart(({ dns }) => dns.ttl),
  'docker.socket': restart(({ docker }) => docker.socket),
  'metrics.listen': reload(({ metrics }) => metrics.listen),
  'log.level': reload(({ log }) => log.level),
  'log.format': restart(({ log }) => log.format),
};

/** Of a network that is there before and after; a network is told by its name. To add or remove one is a reload. */
export const NETWORK_SETTINGS: Readonly<Record<string, Setting<NetworkConfig>>> = {
  name: restart(({ name }) => name),
  vni: restart(({ vni }) => vni),
  subnet: restart(({ subnet }) => subnet),
  subnet6: restart(({ subnet6 }) => subnet6),
  mode: restart(({ mode }) => mode),
  attach: restart(({ attach }) => attach),
  gateway: restart(({ gateway }) => gateway),
  gateway_addresses: restart(({ gatewayAddresses }) => gatewayAddresses),
  parent: restart(({ parent }) => parent),
  macvlan_mode: restart(({ macvlanMode }) => macvlanMode),
  'ipam.founders': restart(({ ipam }) => ipam?.founders),
  'ipam.exclude': restart(({ ipam }) => ipam?.exclude),
  'ipam.static': restart(({ ipam }) => ipam?.static),
  mtu: restart(({ mtu }) => mtu),
  static_vteps: reload(({ staticVteps }) => staticVteps),
  unknown_unicast: reload(({ unknownUnicast }) => unknownUnicast),
  unknown_address: reload(({ unknownAddress }) => unknownAddress),
  bum_rate: reload(({ bumRate }) => bumRate),
};
