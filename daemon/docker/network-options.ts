/** The `-o` of docker network create. All functions here are pure. */
import { createHash } from 'node:crypto';
import * as z from 'zod';
import { WeftError } from '../../dataplane/errors.ts';
import { hostPart, parseSubnet } from '../cidr.ts';
import { ATTACH_MODES } from '../config/config.ts';
import { mtuLeaf, vniLeaf } from '../config/schema.ts';
import { textLeaf, wordLeaf } from '../leaf.ts';
import { parseNetworkName } from '../names.ts';
import { type CreateNetwork, LABEL, type Pool } from './protocol.ts';

/** The address space of weft's own IPAM driver: a network whose pools are in it has its addresses from weft. */
export const ADDRESS_SPACE = 'weft';

/** libnetwork's null IPAM driver, and how it calls its only pool (ipams/null/null.go). */
const NO_POOL = '0.0.0.0/0';

/** All values of `-o` are text. */
const number = (value: unknown) => (typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value);

const optionsSchema = z.strictObject({
  network: textLeaf(parseNetworkName).optional(),
  vni: z.preprocess(number, vniLeaf).optional(),
  mtu: z.preprocess(number, mtuLeaf).optional(),
  attach: wordLeaf(ATTACH_MODES).optional(),
  gateway: wordLeaf(['true', 'false']).optional(),
});

type NetworkOptions = Omit<z.output<typeof optionsSchema>, 'gateway'>;

/** What a Docker network is to be on weft's side. */
export interface WantedNetwork extends NetworkOptions {
  readonly subnet: string | undefined;
  readonly subnet6: string | undefined;
  /** Each VM is to be its gateway, with these addresses; empty: the first of each subnet. Undefined: nothing is said of one. */
  readonly gateway: readonly string[] | undefined;
  /** Nobody outside is to be reached. */
  readonly isInternal: boolean;
  /** Addresses that weft shall give nobody. */
  readonly exclude: readonly string[];
  /** Weft's IPAM driver gives the addresses. */
  readonly isOurs: boolean;
}

/** Throws `invalid_argument`. */
export function wantedNetwork({ Options, IPv4Data, IPv6Data }: CreateNetwork): WantedNetwork {
  const { gateway, ...options } = parseOptions(Options[LABEL.generic]);
  const v4 = IPv4Data.filter(({ Pool: subnet }) => subnet !== NO_POOL);
  for (const pools of [v4, IPv6Data]) {
    if (pools.length > 1) {
      throw new WeftError('invalid_argument', 'a network of weft has one subnet of each IP version', {
        hint: 'give --subnet once for IPv4, and once for IPv6 with --ipv6',
      });
    }
  }
  const pools = [...v4, ...IPv6Data];
  const isOurs = pools.some(({ AddressSpace }) => AddressSpace === ADDRESS_SPACE);
  const isInternal = Options[LABEL.internal] === true;
  const wantsGateway = gatewayOf(pools, { gateway, isInternal, isOurs });
  return {
    ...options,
    subnet: subnetOf(v4),
    subnet6: subnetOf(IPv6Data),
    gateway: wantsGateway,
    isInternal,
    exclude: pools.flatMap(pool => reservedIn(pool, wantsGateway !== undefined)),
    isOurs,
  };
}

/**
 * `--gateway`, where weft gives the addresses, is the gateway as of a network of Docker's own. Docker's IPAM chooses one unasked, which is
 * that of a network with `-o gateway=true` alone.
 */
function gatewayOf(
  pools: readonly Pool[],
  {
    gateway,
    isInternal,
    isOurs,
  }: { gateway: 'true' | 'false' | undefined; isInternal: boolean; isOurs: boolean },
): readonly string[] | undefined {
  const named = pools
    .map(({ Gateway }) => Gateway)
    .filter(one => !isNoGateway(one))
    .map(hostPart);
  const isWanted = gateway === 'true' || (gateway === undefined && isOurs && named.length > 0 && !isInternal);
  if (!isWanted) return undefined;
  if (pools.length === 0) {
    throw new WeftError('invalid_argument', 'a gateway needs a subnet to have an address in', {
      hint: 'give --subnet',
    });
  }
  if (!isInternal) return named;
  throw new WeftError('invalid_argument', 'an --internal network has no gateway', {
    hint: 'leave one of --internal and -o gateway=true out',
  });
}

function parseOptions(given: unknown): z.output<typeof optionsSchema> {
  const { [LABEL.mtu]: mtu, ...rest } = (given ?? {}) as Record<string, unknown>;
  const result = optionsSchema.safeParse(mtu === undefined ? rest : { mtu, ...rest });
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  if (issue?.code === 'unrecognized_keys') {
    throw new WeftError('invalid_argument', `weft has no option ${issue.keys.join(', ')}`, {
      hint: `use -o ${Object.keys(optionsSchema.shape).join(', ')}`,
    });
  }
  throw new WeftError('invalid_argument', `-o ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
}

function subnetOf([pool]: readonly Pool[]): string | undefined {
  return pool === undefined ? undefined : parseSubnet(pool.Pool);
}

/** What is somebody else's: `--aux-address`, and a gateway that weft is not. Docker's IPAM keeps its own to itself. */
function reservedIn({ AddressSpace, Gateway, AuxAddresses }: Pool, isGateway: boolean): string[] {
  const isForeign = AddressSpace === ADDRESS_SPACE && !isNoGateway(Gateway) && !isGateway;
  return [...(isForeign ? [Gateway] : []), ...Object.values(AuxAddresses)].map(hostPart);
}

/** What RequestPool says of a network that has no gateway, so that none of its addresses is used up for one (docker-ipam.ts). */
export function noGateway(isV6: boolean): string {
  return isV6 ? '::/0' : '0.0.0.0/0';
}

function isNoGateway(gateway: string): boolean {
  return gateway === '' || gateway === noGateway(true) || gateway === noGateway(false);
}

/**
 * The name of a network that the user gave none: Docker does not tell what it calls it. The same on all nodes, so that the same command on two of
 * them means one network.
 */
export function derivedName({ vni, subnet, subnet6 }: WantedNetwork): string {
  const identity = vni === undefined ? `subnet ${subnet} ${subnet6}` : `vni ${vni}`;
  return `docker-${createHash('sha256').update(identity).digest('hex').slice(0, 5)}`;
}
