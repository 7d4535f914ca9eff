/**
 * The rules that join two values of the file. They read the file's plain value, not the parsed one, and pass over what
 * is not of the right kind, so that one run names every mistake.
 */
import { MAX_KEYS } from '../../control/keyring.ts';
import { type IpAddress, ipFamily } from '../../dataplane/address.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { parseSubnet, parseSubnet6 } from '../cidr.ts';
import { parseNodeName } from '../names.ts';
import { overlap } from '../networks/collisions.ts';
import { type NetworkShape, shapeProblem } from '../networks/mode-rules.ts';
import { type Config, DEFAULT_GOSSIP_PORT, DEFAULT_VXLAN_PORT } from './config.ts';
import type { KeyPath } from './problem.ts';
import { parseGatewayAddress, parseVtep } from './schema.ts';

export interface Finding {
  readonly path: KeyPath;
  readonly message: string;
}

/** `hostName` stands for a node.name that is not given. */
export function checkSemantics(file: unknown, hostName: string): readonly Finding[] {
  const networks = items(get(file, 'networks'));
  return [
    ...checkHostName(file, hostName),
    ...checkPorts(file),
    ...checkKeys(file),
    ...checkSender(file),
    ...duplicates(networks, 'name'),
    ...duplicates(networks, 'vni'),
    ...checkStaticVteps(file, networks),
    ...networks.flatMap(checkSubnets),
    ...networks.flatMap(checkIpam),
    ...networks.flatMap(checkMode),
    ...networks.flatMap((_, index) => checkOverlap(networks, index)),
  ];
}

/** Host names are case-insensitive (RFC 1123), node names are not: the default is the host name in lower case. */
export function defaultNodeName(hostName: string): string {
  return parseNodeName(hostName.toLowerCase());
}

/**
 * To be called once the underlay is known that the file did not name. Throws `invalid_config` when a static VTEP is of
 * the other address family or is this node itself.
 */
export function requireUnderlayFits(config: Config, underlay: IpAddress): void {
  config.networks.forEach((network, index) => {
    network.staticVteps.forEach((vtep, position) => {
      const reason = misfit(vtep, underlay);
      if (reason === undefined) return;
      throw new WeftError('invalid_config', `networks[${index}].static_vteps[${position}]: ${reason}`, {
        hint: 'correct it, or set node.underlay to the address that is meant',
      });
    });
  });
}

function checkHostName(file: unknown, hostName: string): Finding[] {
  if (get(get(file, 'node'), 'name') !== undefined) return [];
  try {
    defaultNodeName(hostName);
    return [];
  } catch {
    const message = `is missing, and the host name "${hostName}" cannot stand for it; set a name, as in vm-a`;
    return [{ path: ['node', 'name'], message }];
  }
}

/** With two of IPv6 it is not clear what an address has to lie in. */
function checkSubnets(network: unknown, index: number): Finding[] {
  const subnet = get(network, 'subnet');
  if (get(network, 'subnet6') === undefined || typeof subnet !== 'string' || !subnet.includes(':')) return [];
  const message = 'is the second subnet of IPv6; give one of IPv4 as subnet, or leave one of the two away';
  return [{ path: ['networks', index, 'subnet6'], message }];
}

/** There is nothing to give out. */
function checkIpam(network: unknown, index: number): Finding[] {
  if (get(network, 'ipam') === undefined) return [];
  if (get(network, 'subnet') !== undefined || get(network, 'subnet6') !== undefined) return [];
  return [
    {
      path: ['networks', index, 'ipam'],
      message: 'needs a subnet to give addresses of; set subnet or subnet6',
    },
  ];
}

const KEYS_OF_SHAPE: Readonly<Record<keyof NetworkShape, string>> = {
  mode: 'mode',
  attach: 'attach',
  subnet: 'subnet',
  subnet6: 'subnet6',
  gateway: 'gateway',
  gatewayAddresses: 'gateway_addresses',
  parent: 'parent',
  hasStaticVteps: 'static_vteps',
};

function checkMode(network: unknown, index: number): Finding[] {
  const text = (key: string) => {
    const value = get(network, key);
    return typeof value === 'string' ? value : undefined;
  };
  const [subnet, subnet6] = [legal(text('subnet'), parseSubnet), legal(text('subnet6'), parseSubnet6)];
  if (subnet !== text('subnet') || subnet6 !== text('subnet6')) return [];
  const problem = shapeProblem({
    mode: text('mode'),
    attach: text('attach'),
    subnet,
    subnet6,
    gateway: get(network, 'gateway') === true,
    gatewayAddresses: items(get(network, 'gateway_addresses')).flatMap(
      item => legal(String(item), parseGatewayAddress) ?? [],
    ),
    parent: text('parent'),
    hasStaticVteps: items(get(network, 'static_vteps')).length > 0,
  });
  if (problem === undefined) return [];
  return [{ path: ['networks', index, KEYS_OF_SHAPE[problem.key]], message: problem.message }];
}

/** Subnets that the VM itself has an address in: it has one route to each. */
function routedSubnets(network: unknown): readonly string[] {
  if (get(network, 'gateway') !== true && get(network, 'mode') !== 'bridge') return [];
  return ['subnet', 'subnet6'].flatMap(key => {
    const value = get(network, key);
    return typeof value === 'string' ? (legal(value, parseSubnet) ?? []) : [];
  });
}

function checkOverlap(networks: readonly unknown[], index: number): Finding[] {
  for (const mine of routedSubnets(networks[index])) {
    const other = networks
      .slice(0, index)
      .findIndex(network => routedSubnets(network).some(theirs => overlap(mine, theirs)));
    if (other < 0) continue;
    const key = mine.includes(':') && get(networks[index], 'subnet6') !== undefined ? 'subnet6' : 'subnet';
    const message = `holds addresses of networks[${other}], and this node is the gateway of both; choose another`;
    return [{ path: ['networks', index, key], message }];
  }
  return [];
}

/** The value as it is parsed; undefined for one that is not legal, which is told of by itself. */
function legal(value: string | undefined, parse: (text: string) => string): string | undefined {
  try {
    return value === undefined ? undefined : parse(value);
  } catch {
    return undefined;
  }
}

/** Both are UDP sockets on the same address. */
function checkPorts(file: unknown): Finding[] {
  const gossip = get(get(file, 'gossip'), 'port');
  const vxlan = get(get(file, 'vxlan'), 'port') ?? DEFAULT_VXLAN_PORT;
  if ((gossip ?? DEFAULT_GOSSIP_PORT) !== vxlan) return [];
  const path = gossip === undefined ? ['vxlan', 'port'] : ['gossip', 'port'];
  return [
    { path, message: `${vxlan} is the port of both VXLAN and gossip, and both use UDP; choose another` },
  ];
}

/** Keys that only open would have this node talk to nobody. */
function checkKeys(file: unknown): Finding[] {
  const gossip = get(file, 'gossip');
  const keys = items(get(gossip, 'keys'));
  const path = ['gossip', 'keys'];
  if (keys.length === 0) return [];
  if (get(gossip, 'key') === undefined) {
    return [{ path, message: 'needs gossip.key, which encrypts what is sent; set it to one of the keys' }];
  }
  if (keys.length < MAX_KEYS) return [];
  return [{ path, message: `are more than ${MAX_KEYS - 1} keys; remove those that are not used any more` }];
}

/** A sender that is asked for by name must not be forbidden in the same breath. */
function checkSender(file: unknown): Finding[] {
  const dataplane = get(file, 'dataplane');
  const sender = get(dataplane, 'sender');
  const needed = { 'tunnel-gso': 'tunnel_gso', 'udp-gso': 'udp_segment' }[String(sender)];
  if (needed === undefined || get(get(dataplane, 'offload'), needed) !== 'off') return [];
  const message = `is ${sender}, which dataplane.offload.${needed} switches off; change one of the two`;
  return [{ path: ['dataplane', 'sender'], message }];
}

function duplicates(networks: readonly unknown[], key: 'name' | 'vni'): Finding[] {
  const first = new Map<unknown, number>();
  return networks.flatMap((network, index) => {
    const value = get(network, key);
    if (typeof value !== 'string' && typeof value !== 'number') return [];
    const owner = first.get(value);
    if (owner === undefined) {
      first.set(value, index);
      return [];
    }
    const message = `${JSON.stringify(value)} is the ${key} of networks[${owner}] already; choose another`;
    return [{ path: ['networks', index, key], message }];
  });
}

function checkStaticVteps(file: unknown, networks: readonly unknown[]): Finding[] {
  const underlay = vtepOf(get(get(file, 'node'), 'underlay'));
  let reference: { readonly address: IpAddress; readonly what: string } | undefined;
  if (underlay !== undefined) reference = { address: underlay, what: 'node.underlay' };
  return networks.flatMap((network, index) => {
    const seen = new Set<IpAddress>();
    return items(get(network, 'static_vteps')).flatMap((item, position) => {
      const vtep = vtepOf(item);
      if (vtep === undefined) return [];
      const path = ['networks', index, 'static_vteps', position];
      if (seen.has(vtep)) return [{ path, message: `"${vtep}" is in the list already; remove one` }];
      seen.add(vtep);
      // With no underlay in the file, the first VTEP shows the family that all must have.
      reference ??= { address: vtep, what: `the first of them, ${vtep}` };
      const reason = misfit(vtep, reference.address, reference.what, reference.address === underlay);
      return reason === undefined ? [] : [{ path, message: `${reason}; correct or remove it` }];
    });
  });
}

function misfit(
  vtep: IpAddress,
  underlay: IpAddress,
  what = `the underlay address ${underlay}`,
  itself = true,
): string | undefined {
  if (ipFamily(vtep) !== ipFamily(underlay)) {
    return `"${vtep}" is IPv${ipFamily(vtep)}, but ${what} is IPv${ipFamily(underlay)}`;
  }
  return itself && vtep === underlay ? `"${vtep}" is this node itself` : undefined;
}

function vtepOf(value: unknown): IpAddress | undefined {
  try {
    return typeof value === 'string' ? parseVtep(value) : undefined;
  } catch {
    return undefined;
  }
}

function get(value: unknown, key: string): unknown {
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isMap ? (value as Readonly<Record<string, unknown>>)[key] : undefined;
}

function items(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
