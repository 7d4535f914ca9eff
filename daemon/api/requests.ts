/** What the API is asked for beside reports, checked by the CLI before it sends and by the server again. */
import * as z from 'zod';
import { ENDPOINT_MAX_NAMES, NAMES_MAX_BYTES } from '../../control/records/limits.ts';
import { KEY_OPERATIONS } from '../../control/serf/key-agent.ts';
import { formatMac, isMulticastMac, parseMac } from '../../dataplane/address.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { parseInterfaceAddress } from '../cidr.ts';
import type { ResolveRequest } from '../dns/dns-reports.ts';
import { bandwidthSchema, hasLimits } from '../endpoints/bandwidth.ts';
import { portMappingSchema, refuseRepeated } from '../endpoints/port-mapping.ts';
import { routeSchema } from '../endpoints/route.ts';
import { describe, leaf, textLeaf, wordLeaf } from '../leaf.ts';
import { lowerCase, parseContainerName, parseInterfaceName, parseNetworkName } from '../names.ts';
import type {
  AttachRequest,
  DetachRequest,
  ExplainRequest,
  KeysRequest,
  ReleaseRequest,
} from '../operations.ts';
import { checkRequest } from './check-request.ts';

export const DEFAULT_IFNAME = 'eth0';
const MAX_ADDRESSES = 32;
const MAX_ROUTES = 64;
const MAX_PORTS = 256;
const TOO_MANY_PORTS = `too many; give ${MAX_PORTS} at most`;

/** In the place of addresses: one of each subnet of the network, as address management gives them. */
export const AUTO_ADDRESS = 'auto';

/** 32 bytes take 44 characters of base64. */
const MAX_KEY_TEXT = 64;

const netns = textLeaf(text => {
  if (!/\p{Cc}/u.test(text)) return text;
  throw new WeftError('invalid_argument', `${describe(text)} is not a namespace`, {
    hint: 'give a name of ip netns, a path or a PID',
  });
});

const address = textLeaf(text => {
  return text === AUTO_ADDRESS ? text : parseInterfaceAddress(text);
});

function macLeaf(hint: string) {
  return textLeaf(text => {
    const parsed = parseMac(text);
    if (!isMulticastMac(parsed) && parsed !== 0) return formatMac(parsed);
    throw new WeftError('invalid_argument', `"${text}" is not the MAC address of one interface`, { hint });
  });
}

/** What a runtime calls something. */
const text = textLeaf(given => {
  if (!/\p{Cc}/u.test(given)) return given;
  throw new WeftError('invalid_argument', `${describe(given)} has control characters`, {
    hint: 'leave them out',
  });
});

const mac = macLeaf('choose a locally administered unicast one, as in 02:00:5e:10:00:01');

const knownMac = macLeaf('give one of weft endpoints or weft fdb');

/** All names of an endpoint have to fit its record. */
function haveRoom(names: readonly string[]): boolean {
  return names.reduce((sum, name) => sum + name.length + 1, 0) <= NAMES_MAX_BYTES;
}

/** Under which a container is found in DNS. */
export const containerNames = z
  .array(textLeaf(parseContainerName), 'expected a list')
  .max(ENDPOINT_MAX_NAMES, `too many; give ${ENDPOINT_MAX_NAMES} at most`)
  .refine(
    haveRoom,
    `too long together; give at most ${NAMES_MAX_BYTES} characters, one more counted for each`,
  );

const detachBody = z.strictObject({
  netns,
  network: textLeaf(parseNetworkName),
  ifname: textLeaf(parseInterfaceName).default(DEFAULT_IFNAME),
});

const attachBody = detachBody.extend({
  addresses: z
    .array(address, 'expected a list')
    .max(MAX_ADDRESSES, `too many; give ${MAX_ADDRESSES} at most`)
    .default([]),
  mac: mac.optional(),
  routes: z
    .array(routeSchema, 'expected a list')
    .max(MAX_ROUTES, `too many; give ${MAX_ROUTES} at most`)
    .default([]),
  bandwidth: bandwidthSchema.default({}),
  ports: z.array(portMappingSchema, 'expected a list').max(MAX_PORTS, TOO_MANY_PORTS).default([]),
  container: z.strictObject({ runtime: text, id: text, network: text }).optional(),
  names: containerNames.optional(),
  resolver: z.boolean('expected true or false').optional(),
});

/** Throws `invalid_argument`. Addresses and the MAC come out in canonical text. */
export function parseAttachRequest(body: unknown): AttachRequest {
  const request = checkRequest('attach', attachBody, body);
  const repeated = request.addresses.find((one, index) => request.addresses.indexOf(one) !== index);
  if (repeated !== undefined) {
    throw new WeftError('invalid_argument', `cannot attach: address ${repeated} is given twice`);
  }
  refuseRepeated(request.ports);
  const { bandwidth, container, names = [], ports, resolver, routes, ...rest } = request;
  return {
    ...rest,
    mac: request.mac,
    ...(hasLimits(bandwidth) && { bandwidth }),
    ...(ports.length > 0 && { ports }),
    ...(container !== undefined && { container }),
    ...(routes.length > 0 && { routes }),
    // One that is given twice is one.
    ...(names.length > 0 && { names: [...new Set(names)] }),
    ...(resolver === false && { resolver }),
  };
}

/** The value is nowhere repeated: it may be a key. */
const secretText = leaf(value => {
  if (typeof value === 'string' && value.length <= MAX_KEY_TEXT) return value;
  throw new WeftError('invalid_argument', 'it is not the text of a key', {
    hint: 'give it in base64, or the fingerprint of one',
  });
});

const keysBody = z.strictObject({ operation: wordLeaf(KEY_OPERATIONS), key: secretText.optional() });

/** Throws `invalid_argument`. Whether the key is one is found out by who has the keyring. */
export function parseKeysRequest(body: unknown): KeysRequest {
  const { operation, key } = checkRequest('change keys', keysBody, body);
  if ((key === undefined) !== (operation === 'list')) {
    throw new WeftError(
      'invalid_argument',
      `cannot change keys: ${operation} ${key === undefined ? 'needs a' : 'has no'} key`,
    );
  }
  return { operation, key };
}

const explainQuery = z.strictObject({ mac: knownMac, network: textLeaf(parseNetworkName).optional() });

/** Takes the query of GET /v1/fdb/explain. Throws `invalid_argument`. */
export function parseExplainRequest(query: unknown): ExplainRequest {
  const { mac, network } = checkRequest('explain', explainQuery, query);
  return { mac, network };
}

const resolveQuery = z.strictObject({
  name: textLeaf(given => {
    const [label = '', network, ...rest] = lowerCase(given.replace(/\.$/, '')).split('.');
    if (network !== undefined) parseNetworkName(network);
    return [parseContainerName(label), ...(network === undefined ? [] : [network, ...rest])].join('.');
  }),
});

/** Takes the query of GET /v1/resolve. Throws `invalid_argument`. */
export function parseResolveRequest(query: unknown): ResolveRequest {
  return checkRequest('resolve', resolveQuery, query);
}

const releaseBody = z.strictObject({ mac: knownMac, network: textLeaf(parseNetworkName) });

/** Throws `invalid_argument`. */
export function parseReleaseRequest(body: unknown): ReleaseRequest {
  return checkRequest('release', releaseBody, body);
}

/** Throws `invalid_argument`. */
export function parseDetachRequest(body: unknown): DetachRequest {
  return checkRequest('detach', detachBody, body);
}
