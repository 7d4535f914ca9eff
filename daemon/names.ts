/** Names that operators give: which are legal, and why. Each parser throws `invalid_argument`. */
import { WeftError } from '../dataplane/errors.ts';

const NETWORK_NAME = /^[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?$/;

/** A bridge is called wf-NAME and a Linux interface name has at most 15 characters (IFNAMSIZ 16 with its NUL). */
const MAX_NETWORK_NAME = 12;

export function parseNetworkName(name: string): string {
  if (NETWORK_NAME.test(name)) return name;
  if (name.length > MAX_NETWORK_NAME) {
    throw new WeftError('invalid_argument', `"${name}" is too long for a network name`, {
      hint: `use at most ${MAX_NETWORK_NAME} characters: the network's bridge is called wf-NAME and an interface name has at most 15`,
    });
  }
  throw new WeftError('invalid_argument', `"${name}" is not a network name`, {
    hint: 'use lower-case letters, digits and inner dashes, as in blue or web-2',
  });
}

/** RFC 1123 section 2.1: labels of letters, digits and inner dashes, joined by dots. */
const HOST_LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i;

export function isHostName(name: string): boolean {
  // RFC 1123 section 2.1: "a valid host name can never have the dotted-decimal form": its last label is not numeric.
  if (name.length > 253 || /(^|\.)\d+$/.test(name)) return false;
  return name.split('.').every(label => HOST_LABEL.test(label));
}

/** RFC 1035 section 2.3.4; underscores are in names that Docker gives, and DNS takes any octet (RFC 2181 section 11). */
const DNS_LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;

/** Of ASCII letters only (RFC 4343 section 3): the Kelvin sign is no k. */
export function lowerCase(name: string): string {
  return name.replace(/[A-Z]/g, letter => letter.toLowerCase());
}

/** Whether it is a name under which a container can be found, as {@link parseContainerName} returns it. */
export function isContainerName(name: string): boolean {
  return DNS_LABEL.test(name);
}

/** A name under which a container is found in DNS, below its network: one label, which comes out in lower case (RFC 4343). */
export function parseContainerName(text: string): string {
  const name = lowerCase(text);
  if (isContainerName(name)) return name;
  throw new WeftError('invalid_argument', `"${text}" cannot be the name of a container in DNS`, {
    hint: 'use 1 to 63 letters, digits, underscores and inner dashes, and no dots, as in web-1',
  });
}

const MAX_NODE_NAME = 63;

export function parseNodeName(name: string): string {
  const legal =
    name.length <= MAX_NODE_NAME &&
    name === name.toLowerCase() &&
    name.split('.').every(label => HOST_LABEL.test(label));
  if (legal) return name;
  throw new WeftError('invalid_argument', `"${name}" is not a node name`, {
    hint: `write it like a host name in lower case, at most ${MAX_NODE_NAME} characters, as in vm-a`,
  });
}

/**
 * 1 to 15 letters, digits, dashes, underscores and dots. The kernel takes more (dev_valid_name in net/core/dev.c), but a
 * name with a quote, a `#` or a `%` means something else to one tool or another.
 */
export function parseInterfaceName(name: string): string {
  if (/^[A-Za-z0-9_.-]{1,15}$/.test(name) && name !== '.' && name !== '..') return name;
  throw new WeftError('invalid_argument', `"${name}" is not an interface name`, {
    hint: 'use 1 to 15 letters, digits, dashes, underscores and dots, as in eth0',
  });
}
