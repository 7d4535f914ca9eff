/** What the keys of a network may be together, of a configuration and of a request alike. All functions here are pure. */
import { ipFamily, parseIp } from '../../dataplane/address.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { parseCidr, parseInterfaceAddress } from '../cidr.ts';
import { requireInSubnets } from '../endpoints/subnet.ts';

/** As far as it is known and of the right kind. */
export interface NetworkShape {
  /** @default 'overlay' */
  readonly mode?: string | undefined;
  readonly attach?: string | undefined;
  readonly subnet?: string | undefined;
  readonly subnet6?: string | undefined;
  readonly gateway?: boolean | undefined;
  readonly gatewayAddresses?: readonly string[] | undefined;
  readonly parent?: string | undefined;
  readonly hasStaticVteps?: boolean;
}

/** `key`: which is wrong, as in {@link NetworkShape}. */
export interface ShapeProblem {
  readonly key: keyof NetworkShape;
  readonly message: string;
}

/** The first thing that is wrong; undefined if it can be made. */
export function shapeProblem(network: NetworkShape): ShapeProblem | undefined {
  const { mode = 'overlay', attach, subnet, subnet6, gateway, gatewayAddresses = [], parent } = network;
  const problem = (key: keyof NetworkShape, message: string): ShapeProblem => ({ key, message });
  const hasSubnet = subnet !== undefined || subnet6 !== undefined;
  if (mode !== 'overlay' && attach === 'tap')
    return problem('attach', `is tap, which is for mode overlay alone, not ${mode}; leave it away`);
  if (mode !== 'overlay' && network.hasStaticVteps === true)
    return problem('hasStaticVteps', `are for mode overlay alone, not ${mode}; remove them`);
  if (mode === 'macvlan' && parent === undefined)
    return problem('parent', 'is missing; name the interface that the containers share, as in eth1');
  if (mode !== 'macvlan' && parent !== undefined)
    return problem('parent', `is for mode macvlan alone, not ${mode}; remove it`);
  if (mode === 'host') {
    if (hasSubnet)
      return problem(
        subnet === undefined ? 'subnet6' : 'subnet',
        'is of no use to mode host, whose containers have the addresses of the VM; remove it',
      );
    if (gateway === true) return problem('gateway', 'is not for mode host; remove it');
  }
  if (mode === 'macvlan' && gateway === true && gatewayAddresses.length === 0)
    return problem('gateway', 'of mode macvlan is a router outside; give its address as gateway address');
  if (mode === 'bridge' && !hasSubnet)
    return problem('subnet', 'is missing; mode bridge needs one to give addresses of, as in 198.18.0.0/24');
  if ((gateway === true || gatewayAddresses.length > 0) && !hasSubnet)
    return problem('gateway', 'needs a subnet to be in; set subnet or subnet6');
  if (mode === 'overlay' && gateway === false && gatewayAddresses.length > 0)
    return problem('gatewayAddresses', 'are of no use without a gateway; set gateway too');
  return addressProblem(gatewayAddresses, [subnet, subnet6]);
}

function addressProblem(
  given: readonly string[],
  subnets: readonly (string | undefined)[],
): ShapeProblem | undefined {
  const families = new Set<number>();
  for (const text of given) {
    const message = misplaced(text, subnets, families);
    if (message !== undefined) return { key: 'gatewayAddresses', message };
  }
  return undefined;
}

function misplaced(
  text: string,
  subnets: readonly (string | undefined)[],
  families: Set<number>,
): string | undefined {
  try {
    const family = ipFamily(parseIp(text));
    if (families.has(family)) return `has two addresses of IPv${family}; give one`;
    families.add(family);
    const own = subnets.find(
      subnet => subnet !== undefined && ipFamily(parseCidr(subnet).address) === family,
    );
    if (own === undefined) return `has ${text}, and the network no subnet of IPv${family}`;
    requireInSubnets(parseInterfaceAddress(`${text}/${parseCidr(own).prefix}`), [own]);
    return undefined;
  } catch (error) {
    if (error instanceof WeftError) return error.line;
    throw error;
  }
}
