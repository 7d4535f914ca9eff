/**
 * The shape of the file and what each value may be by itself; rules that join two values are in semantics.ts.
 * Every message says what is wrong and, after a semicolon, what to do.
 */
import { isAbsolute, normalize } from 'node:path';
import * as z from 'zod';
import { GOSSIP_PROFILES, type GossipProfileName } from '../../control/constants.ts';
import { parseGossipKey } from '../../control/gossip-key.ts';
import { type IpAddress, parseIp, parseVni } from '../../dataplane/address.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { OFFLOAD_SWITCHES, type OffloadKey } from '../../dataplane/offloads.ts';
import { MAX_WORKERS } from '../../dataplane/worker-count.ts';
import { LONGEST_SUFFIX, MAX_DIRECTORY, MAX_SOCKET_PATH } from '../api/socket-path.ts';
import { formatCidr, nonUnicast, parseCidr, parseSubnet, parseSubnet6 } from '../cidr.ts';
import { DEFAULT_DNS_DOMAIN, DEFAULT_DNS_LISTEN, DEFAULT_DNS_TTL, MAX_DNS_TTL } from '../dns/dns-config.ts';
import { describe, leaf, numberLeaf, requireValue, textLeaf, wordLeaf } from '../leaf.ts';
import { LOG_LEVELS } from '../log-fields.ts';
import { LOG_FORMATS } from '../log-format.ts';
import { parseInterfaceName, parseNetworkName, parseNodeName } from '../names.ts';
import {
  ATTACH_MODES,
  DEFAULT_BUM_RATE,
  DEFAULT_GOSSIP_PORT,
  DEFAULT_RUN_PATH,
  DEFAULT_STATE_PATH,
  DEFAULT_VXLAN_PORT,
  MACVLAN_MODES,
  MAX_BUM_RATE,
  MAX_MTU,
  MIN_MTU,
  NETWORK_MODES,
  SENDERS,
  UNKNOWN_ADDRESS,
  UNKNOWN_UNICAST,
} from './config.ts';
import { booleanLeaf, parseDomain, parseLoopback, upstreamLeaf } from './dns-leaves.ts';
import { parseHostPort, parseListen } from './host-port.ts';

function notThis(kind: string, input: unknown): string {
  if (input === null) return 'has no value; give it one, or remove the key';
  return `expected ${kind}, not ${describe(input)}; see docs/configuration.md`;
}

function section<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape, { error: issue => notThis('a map of keys and values', issue.input) });
}

function list<Item extends z.ZodType>(item: Item) {
  return z.array(item, { error: issue => notThis('a list', issue.input) }).default([]);
}

const port = numberLeaf('a UDP port', 1, 65_535);

/** The address of one VTEP. */
export function parseVtep(text: string): IpAddress {
  const address = parseIp(text);
  const reason = nonUnicast(address);
  if (reason === undefined) return address;
  throw new WeftError('invalid_argument', `"${text}" is ${reason}`, {
    hint: 'give the unicast address of one host',
  });
}

function directory(maxBytes: number) {
  return textLeaf(text => {
    if (!isAbsolute(text) || /\p{Cc}/u.test(text)) {
      throw new WeftError('invalid_argument', `${describe(text)} is not an absolute path`, {
        hint: 'begin it with a slash',
      });
    }
    if (Buffer.byteLength(text) > maxBytes) {
      throw new WeftError('invalid_argument', `is longer than ${maxBytes} bytes`, {
        hint: 'choose a shorter path: the path of a Unix socket has 107 bytes at most',
      });
    }
    return normalize(text).replace(/(?<=.)\/$/, '');
  });
}

const workers = leaf((value): 'auto' | number => {
  requireValue(value);
  if (value === 'auto') return value;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MAX_WORKERS)
    return value;
  throw new WeftError('invalid_argument', `${describe(value)} is not a number of workers`, {
    hint: `write auto or a whole number from 1 to ${MAX_WORKERS}`,
  });
});

export const mtuLeaf = leaf((value): 'auto' | number => {
  requireValue(value);
  if (value === 'auto') return value;
  const legal = typeof value === 'number' && Number.isInteger(value) && value >= MIN_MTU && value <= MAX_MTU;
  if (legal) return value;
  throw new WeftError('invalid_argument', `${describe(value)} is not an MTU`, {
    hint: `write auto or a whole number of bytes from ${MIN_MTU} to ${MAX_MTU}`,
  });
});

export const vniLeaf = leaf(value => {
  requireValue(value);
  if (typeof value === 'number') return parseVni(value);
  throw new WeftError('invalid_argument', `${describe(value)} is not a VNI`, {
    hint: 'write a whole number from 1 to 16777215, without quotes',
  });
});

/** A value that no message may repeat. */
const secret = leaf(value => {
  requireValue(value);
  if (typeof value === 'string') return parseGossipKey(value);
  throw new WeftError('invalid_argument', 'is not the text of a key', {
    hint: 'write it in base64, in quotes',
  });
});

const PROFILE_NAMES = Object.keys(GOSSIP_PROFILES) as GossipProfileName[];

const nodeSection = section({
  name: textLeaf(parseNodeName).optional(),
  underlay: textLeaf(parseVtep).optional(),
});
const pathsSection = section({
  state: directory(1024).default(DEFAULT_STATE_PATH),
  run: directory(MAX_DIRECTORY).default(DEFAULT_RUN_PATH),
});
const vxlanSection = section({ port: port.default(DEFAULT_VXLAN_PORT) });
const gossipSection = section({
  port: port.default(DEFAULT_GOSSIP_PORT),
  join: list(textLeaf(parseHostPort)),
  key: secret.optional(),
  keys: list(secret),
  profile: wordLeaf(PROFILE_NAMES).default('lan'),
});
const offloadSwitch = wordLeaf(OFFLOAD_SWITCHES).default('auto');

const offloadSection = section({
  udp_segment: offloadSwitch,
  udp_gro: offloadSwitch,
  tap_tso: offloadSwitch,
  tap_uso: offloadSwitch,
  tunnel_gso: offloadSwitch,
  io_uring: offloadSwitch,
} satisfies Record<OffloadKey, typeof offloadSwitch>);

const dataplaneSection = section({
  workers: workers.default('auto'),
  sender: wordLeaf(SENDERS).default('auto'),
  offload: offloadSection.prefault({}),
});
const MAX_FOUNDERS = 5;

/** An address, a CIDR, or two addresses with a dash between. */
export const rangeLeaf = textLeaf(text => {
  const [first = '', last] = text.split('-');
  if (last === undefined) return text.includes('/') ? formatCidr(parseCidr(text)) : parseIp(text);
  return `${parseIp(first)}-${parseIp(last)}`;
});

const ipamSection = section({
  founders: z
    .array(textLeaf(parseNodeName), { error: issue => notThis('a list', issue.input) })
    .min(1, 'is an empty list; name the nodes that own the addresses to begin with')
    .max(MAX_FOUNDERS, `too many; name ${MAX_FOUNDERS} at most`),
  exclude: list(rangeLeaf),
  static: list(rangeLeaf),
});

export const yesOrNo = leaf(value => {
  requireValue(value);
  if (typeof value === 'boolean') return value;
  throw new WeftError('invalid_argument', `${describe(value)} is neither yes nor no`, {
    hint: 'write true or false, without quotes',
  });
});

/** The address of a router, without a prefix length. */
export function parseGatewayAddress(text: string): IpAddress {
  const address = parseIp(text);
  const reason = nonUnicast(address);
  if (reason === undefined) return address;
  throw new WeftError('invalid_argument', `"${text}" is ${reason}`, {
    hint: 'give an address of the subnet, as in 198.18.0.1',
  });
}

const OFF = 'off';

/** `off`, or where Docker looks for a plugin: it is called as the file is, without `.sock`. */
const pluginSocket = leaf(value => {
  requireValue(value);
  // YAML 1.1 readers take `off` for false.
  if (value === OFF || value === false) return undefined;
  if (typeof value === 'string' && isAbsolute(value) && /\/[^/\s\p{Cc}]+\.sock$/u.test(value)) {
    if (Buffer.byteLength(value) <= MAX_SOCKET_PATH - LONGEST_SUFFIX) return normalize(value);
    throw new WeftError('invalid_argument', `is longer than ${MAX_SOCKET_PATH - LONGEST_SUFFIX} bytes`, {
      hint: 'choose a shorter path: the path of a Unix socket has 107 bytes at most',
    });
  }
  throw new WeftError('invalid_argument', `${describe(value)} is no socket for a plugin of Docker`, {
    hint: 'write off, or an absolute path that ends in .sock: /run/docker/plugins/weft.sock',
  });
});

const dockerSection = section({ socket: pluginSocket.prefault(OFF) });

const bumRate = numberLeaf('a number of frames a second', 0, MAX_BUM_RATE);

const networkSection = section({
  name: textLeaf(parseNetworkName),
  vni: vniLeaf,
  subnet: textLeaf(parseSubnet).optional(),
  subnet6: textLeaf(parseSubnet6).optional(),
  mode: wordLeaf(NETWORK_MODES).default('overlay'),
  attach: wordLeaf(ATTACH_MODES).default('bridge'),
  gateway: yesOrNo.default(false),
  gateway_addresses: list(textLeaf(parseGatewayAddress)),
  parent: textLeaf(parseInterfaceName).optional(),
  macvlan_mode: wordLeaf(MACVLAN_MODES).default('bridge'),
  ipam: ipamSection.optional(),
  mtu: mtuLeaf.default('auto'),
  static_vteps: list(textLeaf(parseVtep)),
  unknown_unicast: wordLeaf(UNKNOWN_UNICAST).default('auto'),
  unknown_address: wordLeaf(UNKNOWN_ADDRESS).default('flood'),
  bum_rate: bumRate.default(DEFAULT_BUM_RATE),
});
const dnsSection = section({
  enabled: booleanLeaf.default(true),
  listen: textLeaf(parseLoopback).default(DEFAULT_DNS_LISTEN),
  upstream: upstreamLeaf.default('auto'),
  domain: textLeaf(parseDomain).default(DEFAULT_DNS_DOMAIN),
  ttl: numberLeaf('a number of seconds', 0, MAX_DNS_TTL).default(DEFAULT_DNS_TTL),
});
const metricsSection = section({ listen: textLeaf(parseListen).optional() });
const logSection = section({
  level: wordLeaf(LOG_LEVELS).default('info'),
  format: wordLeaf(LOG_FORMATS).default('auto'),
});

export const fileSchema = section({
  node: nodeSection.prefault({}),
  paths: pathsSection.prefault({}),
  vxlan: vxlanSection.prefault({}),
  gossip: gossipSection.prefault({}),
  dataplane: dataplaneSection.prefault({}),
  networks: list(networkSection),
  dns: dnsSection.prefault({}),
  docker: dockerSection.prefault({}),
  metrics: metricsSection.prefault({}),
  log: logSection.prefault({}),
});

export type ConfigFile = z.output<typeof fileSchema>;

/**
 * The keys of each map of the file, by where the map stands: '' is the root, 'networks[]' any item of the list,
 * 'dataplane.offload' a map within one.
 */
export const KNOWN_KEYS: Readonly<Record<string, readonly string[]>> = {
  '': keysOf(fileSchema),
  node: keysOf(nodeSection),
  paths: keysOf(pathsSection),
  vxlan: keysOf(vxlanSection),
  gossip: keysOf(gossipSection),
  dataplane: keysOf(dataplaneSection),
  'dataplane.offload': keysOf(offloadSection),
  'networks[]': keysOf(networkSection),
  'networks[].ipam': keysOf(ipamSection),
  dns: keysOf(dnsSection),
  docker: keysOf(dockerSection),
  metrics: keysOf(metricsSection),
  log: keysOf(logSection),
};

function keysOf(map: z.ZodObject): readonly string[] {
  return Object.keys(map.shape);
}
