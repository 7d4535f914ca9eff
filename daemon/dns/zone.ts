/**
 * What there is under a name, as one container may know it: names of the networks that it is in, and of their addresses. All
 * functions here are pure.
 *
 *   web.blue.weft                A, AAAA   the addresses of all containers of that name in blue, those of no other network
 *   blue.weft, weft              exist, and have nothing
 *   2.0.18.198.in-addr.arpa      PTR       web.blue.weft
 *
 * Nothing below the domain is ever asked of others, nor addresses of the networks' subnets.
 */
import { type IpAddress, ipFamily, ipFromBytes, ipToBytes, type Vni } from '../../dataplane/address.ts';
import { isInSubnet, parseCidr } from '../cidr.ts';
import { isContainerName } from '../names.ts';

/** A network that the container is in. */
export interface ZoneNetwork {
  readonly name: string;
  readonly vni: Vni;
  /** CIDRs: their addresses are ours to name. */
  readonly subnets: readonly string[];
}

/** Who has which name now. */
export interface NameDirectory {
  /** Of all containers of that name, in an order of its own; undefined: there is none. */
  addressesOf(vni: Vni, name: string): readonly IpAddress[] | undefined;
  /** What the container that has the address is called; undefined: it has no name, or there is none. */
  nameOf(vni: Vni, address: IpAddress): string | undefined;
}

export type ZoneRecord =
  | { readonly type: 'A' | 'AAAA'; readonly data: IpAddress }
  | { readonly type: 'PTR'; readonly data: string };

export type Finding =
  | { readonly kind: 'records'; readonly records: readonly ZoneRecord[] }
  /** Nothing of that type, or not even the name; `zone` is whose authority says so (RFC 2308). */
  | { readonly kind: 'nothing'; readonly isName: boolean; readonly zone: string }
  /** Not ours to say. */
  | { readonly kind: 'elsewhere' };

export interface ZoneView {
  readonly networks: readonly ZoneNetwork[];
  readonly directory: NameDirectory;
  readonly domain: string;
}

/** `name`: in lower case, without the final dot. */
export function lookUp(name: string, type: string, view: ZoneView): Finding {
  const { domain } = view;
  if (name === domain) return { kind: 'nothing', isName: true, zone: domain };
  if (name.endsWith(`.${domain}`)) return ofDomain(name.slice(0, -domain.length - 1), type, view);
  const address = addressOfReverse(name);
  return address === undefined ? { kind: 'elsewhere' } : ofAddress(address, name, type, view);
}

function ofDomain(prefix: string, type: string, { networks, directory, domain }: ZoneView): Finding {
  const nothing = (isName: boolean): Finding => ({ kind: 'nothing', isName, zone: domain });
  const labels = prefix.split('.');
  const network = networks.find(({ name }) => name === labels.at(-1));
  const [label = ''] = labels;
  if (network === undefined || labels.length > 2) return nothing(false);
  if (labels.length === 1) return nothing(true);
  const addresses = isContainerName(label) ? directory.addressesOf(network.vni, label) : undefined;
  if (addresses === undefined) return nothing(false);
  const records = addresses
    .map(data => ({ type: ipFamily(data) === 4 ? 'A' : 'AAAA', data }) as const)
    .filter(record => type === record.type || type === 'ANY');
  return records.length > 0 ? { kind: 'records', records } : nothing(true);
}

function ofAddress(
  address: IpAddress,
  name: string,
  type: string,
  { networks, directory, domain }: ZoneView,
): Finding {
  for (const network of networks) {
    const found = directory.nameOf(network.vni, address);
    if (found === undefined) continue;
    const data = `${found}.${network.name}.${domain}`;
    return type === 'PTR' || type === 'ANY'
      ? { kind: 'records', records: [{ type: 'PTR', data }] }
      : { kind: 'nothing', isName: true, zone: parentOf(name) };
  }
  const isOurs = networks.some(({ subnets }) =>
    subnets.some(subnet => isInSubnet(address, parseCidr(subnet))),
  );
  return isOurs ? { kind: 'nothing', isName: false, zone: parentOf(name) } : { kind: 'elsewhere' };
}

/** Of a whole subnet there may be no zone: RFC 2317 is for those who delegate one. */
function parentOf(name: string): string {
  return name.slice(name.indexOf('.') + 1);
}

/** RFC 1035 section 3.5, RFC 3596 section 2.5: the address whose name is asked for; undefined: of none, or not of a whole one. */
function addressOfReverse(name: string): IpAddress | undefined {
  const [, dotted, nibbles] =
    /^(?:((?:\d{1,3}\.){4})in-addr|((?:[0-9a-f]\.){32})ip6)\.arpa$/.exec(name) ?? [];
  if (dotted !== undefined) {
    const bytes = dotted.split('.').slice(0, 4).map(Number).toReversed();
    return bytes.every(byte => byte <= 255) ? ipFromBytes(Uint8Array.from(bytes)) : undefined;
  }
  if (nibbles === undefined) return undefined;
  const digits = nibbles.replaceAll('.', '').split('').toReversed().join('');
  return ipFromBytes(Buffer.from(digits, 'hex'));
}

/** The name under which a resolver asks for the name of an address. */
export function reverseOf(address: IpAddress): string {
  const bytes = Buffer.from(ipToBytes(address));
  if (bytes.length === 4) return `${[...bytes].toReversed().join('.')}.in-addr.arpa`;
  return `${bytes.toString('hex').split('').toReversed().join('.')}.ip6.arpa`;
}
