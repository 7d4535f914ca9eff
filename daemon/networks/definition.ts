/**
 * A network that was made by `weft network create`, as all nodes of the pool know it. It has an identity of its own: two networks that were
 * given the same name on both sides of a partition are still two.
 */
import * as z from 'zod';
import { parseVni } from '../../dataplane/address.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { parseSubnet } from '../cidr.ts';
import {
  ATTACH_MODES,
  DEFAULT_BUM_RATE,
  MACVLAN_MODES,
  MAX_MTU,
  MIN_MTU,
  NETWORK_MODES,
  type NetworkConfig,
} from '../config/config.ts';
import { parseGatewayAddress, rangeLeaf } from '../config/schema.ts';
import { textLeaf, wordLeaf } from '../leaf.ts';
import { parseInterfaceName, parseNetworkName, parseNodeName } from '../names.ts';

const subnet = textLeaf(parseSubnet).nullable();

/** Ten of IPv6 take 800 bytes of the 1,024 of a post. */
const MAX_RANGES = 8;
const ranges = z.array(rangeLeaf).max(MAX_RANGES, `too many; give ${MAX_RANGES} at most`);

/** On the board and on disk. Additions must be optional: nodes of several versions read it. */
export const definitionSchema = z.object({
  /** 16 hex digits, drawn when it was made. */
  id: z.string().regex(/^[0-9a-f]{16}$/),
  name: textLeaf(parseNetworkName),
  vni: z.number().transform(value => parseVni(value)),
  subnet,
  subnet6: subnet,
  mode: wordLeaf(NETWORK_MODES).default('overlay'),
  attach: wordLeaf(ATTACH_MODES),
  /** Addresses of its gateway; empty: it has none. */
  gateway: z.array(textLeaf(parseGatewayAddress)).max(2).default([]),
  /** macvlan: the interface of each VM that its containers share. */
  parent: textLeaf(parseInterfaceName).nullable().default(null),
  macvlanMode: wordLeaf(MACVLAN_MODES).default('bridge'),
  /** Who gives out the addresses of its subnets. */
  ipam: wordLeaf(['weft', 'none']),
  exclude: ranges,
  static: ranges,
  mtu: z.union([z.literal('auto'), z.number().int().min(MIN_MTU).max(MAX_MTU)]),
  /** The node on which it was made, and when by its clock, in milliseconds since 1970. */
  createdBy: textLeaf(parseNodeName),
  createdAt: z.number().int().min(0),
  /** `docker`: it goes with the last Docker network that is mapped to it. Without it, it stays until somebody removes it. */
  lifetime: z.literal('docker').optional(),
  /** Counts its changes: of two versions the higher one is true. */
  version: z.number().int().min(1),
  /** Kept for a while, so that who was away does not bring it back. When, as `createdAt`; null: it is there. */
  removedAt: z.number().int().min(0).nullable(),
});

export type NetworkDefinition = z.infer<typeof definitionSchema>;

export function encodeDefinition(definition: NetworkDefinition): Uint8Array {
  return Buffer.from(JSON.stringify(definition));
}

/** Throws `malformed`. */
export function decodeDefinition(body: Uint8Array): NetworkDefinition {
  try {
    return definitionSchema.parse(JSON.parse(Buffer.from(body).toString('utf8')));
  } catch (cause) {
    throw new WeftError('malformed', 'this is not the definition of a network', { cause });
  }
}

/** Whether `one` takes the place of `other`. Of equal versions, written at once on two nodes, all choose the same. */
export function supersedes(one: NetworkDefinition, other: NetworkDefinition | undefined): boolean {
  if (other === undefined || one.version !== other.version)
    return other === undefined || one.version > other.version;
  return Buffer.compare(encodeDefinition(one), encodeDefinition(other)) > 0;
}

/** As if it stood in the configuration. */
export function configOf(definition: NetworkDefinition): NetworkConfig {
  const { name, vni, subnet: v4, subnet6, mtu, ipam, exclude, static: fixed } = definition;
  const { mode, attach, gateway, parent, macvlanMode } = definition;
  return {
    name,
    vni,
    subnet: v4 ?? undefined,
    subnet6: subnet6 ?? undefined,
    mode,
    attach,
    gateway: gateway.length > 0,
    gatewayAddresses: gateway,
    parent: parent ?? undefined,
    macvlanMode,
    ipam: ipam === 'weft' ? { founders: [], exclude, static: fixed } : undefined,
    mtu,
    staticVteps: [],
    unknownUnicast: 'auto',
    unknownAddress: 'flood',
    bumRate: DEFAULT_BUM_RATE,
  };
}
