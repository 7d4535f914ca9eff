/** What is asked of networks as objects, checked as requests.ts does. */
import { z } from 'zod';
import { WeftError } from '../../dataplane/errors.ts';
import { parseSubnet, parseSubnet6 } from '../cidr.ts';
import { ATTACH_MODES } from '../config/config.ts';
import { mtuLeaf, vniLeaf } from '../config/schema.ts';
import { textLeaf, wordLeaf } from '../leaf.ts';
import { parseNetworkName } from '../names.ts';
import type { NetworkCreateRequest, NetworkRemoveRequest } from '../operations.ts';
import { checkRequest } from './check-request.ts';

const removeBody = z.strictObject({ name: textLeaf(parseNetworkName) });

const createBody = removeBody.extend({
  vni: vniLeaf.optional(),
  subnet: textLeaf(parseSubnet).optional(),
  subnet6: textLeaf(parseSubnet6).optional(),
  attach: wordLeaf(ATTACH_MODES).default('bridge'),
  mtu: mtuLeaf.default('auto'),
});

/** Throws `invalid_argument`. */
export function parseNetworkCreateRequest(body: unknown): NetworkCreateRequest {
  const { vni, subnet, subnet6, ...rest } = checkRequest('make the network', createBody, body);
  if (subnet6 !== undefined && subnet?.includes(':') === true) {
    throw new WeftError('invalid_argument', 'cannot make the network: it would have two subnets of IPv6', {
      hint: 'give one of IPv4 as subnet, or leave one of the two away',
    });
  }
  return { ...rest, vni, subnet, subnet6 };
}

/** Throws `invalid_argument`. */
export function parseNetworkRemoveRequest(body: unknown): NetworkRemoveRequest {
  return checkRequest('remove the network', removeBody, body);
}
