/** What containers are told that ask for a name, for the operator. */
import type { PlacedClaim } from '../../control/records/claim.ts';
import { formatMac, type IpAddress, type Vni } from '../../dataplane/address.ts';
import { WeftError } from '../../dataplane/errors.ts';
import type { ResolveReport } from './dns-reports.ts';

export interface ResolvableNetwork {
  readonly name: string;
  readonly vni: Vni;
}

export interface ResolutionFacts {
  readonly domain: string;
  readonly claimsOf: (vni: Vni, name: string) => Iterable<PlacedClaim> | undefined;
  readonly isAnswered: (claim: PlacedClaim, address: IpAddress) => boolean;
}

/**
 * `name`: NAME, NAME.NETWORK or NAME.NETWORK.DOMAIN. Throws `invalid_argument` for another domain, `not_found` if it is nobody's in these
 * networks.
 */
export function resolution(
  name: string,
  networks: readonly ResolvableNetwork[],
  { domain, claimsOf, isAnswered }: ResolutionFacts,
): ResolveReport {
  const [label = '', network, ...rest] = name.split('.');
  if (rest.length > 0 && rest.join('.') !== domain) {
    throw new WeftError(
      'invalid_argument',
      `"${name}" is not a name of a container: the domain is ${domain}`,
      {
        hint: `give ${label}.${network}.${domain}, or ${label} alone`,
      },
    );
  }
  const asked = networks.filter(candidate => network === undefined || candidate.name === network);
  const found = asked.flatMap(({ name: of, vni }) => {
    const claims = claimsOf(vni, label);
    if (claims === undefined) return [];
    const addresses = [...claims].flatMap(claim => {
      const { containerId, mac, origin: owner } = claim;
      return claim.ips.map(address => ({
        address,
        owner,
        container: containerId || null,
        mac: formatMac(mac),
        answered: isAnswered(claim, address),
      }));
    });
    return [{ network: of, fqdn: `${label}.${of}.${domain}`, addresses }];
  });
  if (found.length > 0) return { name: label, networks: found };
  const where = network === undefined ? 'any network of this node' : `network ${network} on this node`;
  throw new WeftError('not_found', `no container is called "${label}" in ${where}`, {
    hint: 'see weft endpoints for the names that there are',
  });
}
