/** Where a gossip agent is reached, and the text an operator writes for it. */
import { type IpAddress, ipFamily, ipFromBytes, ipToBytes, parseIp } from '../dataplane/address.ts';
import { WeftError } from '../dataplane/errors.ts';

/** An address and a port that serve both UDP and TCP. */
export interface Endpoint {
  readonly address: IpAddress;
  readonly port: number;
}

/** Equal endpoints have equal keys. */
export function endpointKey(endpoint: Endpoint): string {
  return `${endpoint.address}|${endpoint.port}`;
}

export function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return a.port === b.port && a.address === b.address;
}

/** `192.0.2.1:7946` or `[2001:db8::1]:7946`. */
export function formatEndpoint({ address, port }: Endpoint): string {
  return ipFamily(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}

/**
 * The address in 4 or 16 bytes. Go holds IPv4 addresses in 16 bytes as well (RFC 4291 section 2.5.5.2, mapped
 * addresses): those become plain IPv4, so that one node has one address. Throws `invalid_argument`.
 */
export function addressFromBytes(bytes: Uint8Array): IpAddress {
  const [a, b, c, d] = bytes.length === 16 && isMapped(bytes) ? bytes.subarray(12) : bytes;
  if (bytes.length === 4 || isMapped(bytes)) return `${a}.${b}.${c}.${d}` as IpAddress;
  return ipFromBytes(bytes);
}

/** The address of a socket's other end, as membership writes it: IPv4 also where the socket is of IPv6, and no zone. Undefined if there is none. */
export function addressOf(text: string | undefined): IpAddress | undefined {
  try {
    return addressFromBytes(ipToBytes(parseIp(text?.replace(/%.*$/, '') ?? '')));
  } catch {
    return undefined;
  }
}

function isMapped(bytes: Uint8Array): boolean {
  return (
    bytes.length === 16 &&
    bytes[10] === 0xff &&
    bytes[11] === 0xff &&
    bytes.subarray(0, 10).every(byte => byte === 0)
  );
}

/** Whether a node can be reached at it: not unspecified, not multicast, not broadcast, and a real port. */
export function isUsable({ address, port }: Endpoint): boolean {
  if (port < 1 || port > 0xffff) return false;
  if (ipFamily(address) === 6) return address !== '::' && !address.startsWith('ff');
  const first = Number(address.slice(0, address.indexOf('.')));
  return first > 0 && first < 224;
}

/** One entry of the `join` list: an address, or a name that the transport resolves at each try. */
export interface JoinTarget {
  /** As the operator wrote it. */
  readonly text: string;
  readonly host: string;
  readonly port: number;
  /** The host as an address, or undefined if it is a name. */
  readonly address: IpAddress | undefined;
}

const BRACKETED = /^\[([^\]]+)\](?::(\d{1,5}))?$/;
const HOST_AND_PORT = /^([^:]+)(?::(\d{1,5}))?$/;
const HOST_NAME = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/i;

/** Parses `192.0.2.1`, `2001:db8::1`, `[2001:db8::1]:7946`, `vm-c.example:7946`. Throws `invalid_argument`. */
export function parseJoinTarget(text: string, defaultPort: number): JoinTarget {
  const bare = tryParseIp(text);
  if (bare !== undefined) return { text, host: bare, port: defaultPort, address: bare };
  const match = BRACKETED.exec(text) ?? HOST_AND_PORT.exec(text);
  const host = match?.[1];
  const port = match?.[2] === undefined ? defaultPort : Number(match[2]);
  if (host === undefined || port < 1 || port > 0xffff) throw badTarget(text);
  const address = tryParseIp(host);
  if (address === undefined && (text.startsWith('[') || !HOST_NAME.test(host) || /^[\d.]+$/.test(host))) {
    throw badTarget(text);
  }
  return { text, host, port, address };
}

function badTarget(text: string): WeftError {
  return new WeftError('invalid_argument', `"${text}" is not an address to join`, {
    hint: 'write ADDRESS, ADDRESS:PORT, [IPV6]:PORT, NAME or NAME:PORT',
  });
}

function tryParseIp(text: string): IpAddress | undefined {
  try {
    return parseIp(text);
  } catch {
    return undefined;
  }
}
