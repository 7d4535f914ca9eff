/** Entries of gossip.join: `host`, `host:port`, `ip`, `ip:port`, `[ipv6]:port` or a bare `ipv6`. */
import { parseIp } from '../../dataplane/address.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { nonUnicast } from '../cidr.ts';
import { isHostName } from '../names.ts';

export interface JoinEntry {
  readonly host: string;
  /** Undefined: the default is to be used. */
  readonly port: number | undefined;
}

/** Throws `invalid_argument`. More than one colon without brackets is an IPv6 address with no port. */
export function parseHostPort(text: string): JoinEntry {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(text);
  if (bracketed !== null) {
    const [, host = '', port] = bracketed;
    if (!host.includes(':')) throw notAnAddress(text);
    return { host: unicast(host), port: parsePort(port, text) };
  }
  if (text.split(':').length > 2) return { host: unicast(text), port: undefined };
  const [host = '', port] = text.split(':');
  if (/^[\d.]+$/.test(host)) return { host: unicast(host), port: parsePort(port, text) };
  if (!isHostName(host)) throw notAnAddress(text);
  return { host: host.toLowerCase(), port: parsePort(port, text) };
}

/**
 * Where to listen: `ip:port` or `[ipv6]:port`; 0.0.0.0 and [::] are all addresses of the machine. Throws `invalid_argument`: also for
 * names, of which one can stand for an address that is not of this machine.
 */
export function parseListen(text: string): { readonly host: string; readonly port: number } {
  const [, inBrackets, bare, portText] = /^(?:\[([^\]]*)\]|([^:]*)):(\d+)$/.exec(text) ?? [];
  const host = inBrackets ?? bare;
  const wrong = new WeftError('invalid_argument', `"${text}" is not an address and a port to listen on`, {
    hint: 'write it as in 127.0.0.1:9473, 0.0.0.0:9473 or "[::1]:9473"',
  });
  if (host === undefined || host.includes(':') !== (inBrackets !== undefined)) throw wrong;
  const port = parsePort(portText, text);
  try {
    return { host: parseIp(host), port: port ?? 0 };
  } catch {
    throw wrong;
  }
}

/** The inverse of {@link parseHostPort}: `host:port`, or `[ipv6]:port`. */
export function formatHostPort({ host, port }: { readonly host: string; readonly port: number }): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function parsePort(text: string | undefined, whole: string): number | undefined {
  if (text === undefined) return undefined;
  const port = /^[1-9]\d{0,4}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) {
    throw new WeftError('invalid_argument', `"${whole}" has no legal port after its last colon`, {
      hint: 'write a port from 1 to 65535, or leave it out',
    });
  }
  return port;
}

function unicast(text: string): string {
  const address = parseIp(text);
  const reason = nonUnicast(address);
  if (reason === undefined) return address;
  throw new WeftError('invalid_argument', `"${text}" is ${reason}`, { hint: 'name one host' });
}

function notAnAddress(text: string): WeftError {
  return new WeftError('invalid_argument', `"${text}" is neither a host name nor an address`, {
    hint: 'write it as in vm-b, vm-b:7946, 192.0.2.2:7946 or "[2001:db8::2]:7946"',
  });
}
