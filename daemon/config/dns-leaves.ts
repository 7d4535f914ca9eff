/** Values of the section `dns`. Each parser throws `invalid_argument`. */
import { isIP } from 'node:net';
import { type IpAddress, ipFamily, ipToBytes, parseIp } from '../../dataplane/address.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { MAX_UPSTREAM } from '../dns/dns-config.ts';
import { describe, leaf, requireValue } from '../leaf.ts';
import { isHostName } from '../names.ts';
import { type JoinEntry, parseHostPort } from './host-port.ts';

export const booleanLeaf = leaf((value): boolean => {
  requireValue(value);
  if (typeof value === 'boolean') return value;
  throw new WeftError('invalid_argument', `${describe(value)} is neither true nor false`, {
    hint: 'write true or false, without quotes',
  });
});

/** RFC 1122 section 3.2.1.3 (g): 127/8 never leaves a machine, nor its namespace. */
export function parseLoopback(text: string): IpAddress {
  const address = parseIp(text);
  const [first, , , last] = ipToBytes(address);
  if (ipFamily(address) === 4 && first === 127 && last !== 0 && last !== 255) return address;
  throw new WeftError('invalid_argument', `"${text}" is not an address of the loopback of a container`, {
    hint: 'choose one of 127.0.0.0/8 that nothing in the containers uses, as in 127.0.47.89',
  });
}

/** The domain of all names, in lower case. */
export function parseDomain(text: string): string {
  const domain = text.replace(/\.$/, '').toLowerCase();
  if (isHostName(domain) && !domain.endsWith('.arpa') && domain !== 'arpa') return domain;
  throw new WeftError('invalid_argument', `"${text}" is not a domain`, {
    hint: 'write it as in weft or weft.internal, the same on all nodes',
  });
}

function parseUpstream(value: unknown): JoinEntry {
  const entry = typeof value === 'string' ? parseHostPort(value) : undefined;
  if (entry !== undefined && isIP(entry.host) !== 0) return entry;
  throw new WeftError('invalid_argument', `${describe(value)} is not the address of a resolver`, {
    hint: 'write it as in 192.0.2.53, 192.0.2.53:5353 or "[2001:db8::53]:53"',
  });
}

export const upstreamLeaf = leaf((value): 'auto' | readonly JoinEntry[] => {
  requireValue(value);
  if (value === 'auto') return value;
  const hint = `write auto, or a list of 1 to ${MAX_UPSTREAM} addresses`;
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_UPSTREAM)
    throw new WeftError('invalid_argument', `${describe(value)} is not who is to be asked`, { hint });
  return value.map(parseUpstream);
});
