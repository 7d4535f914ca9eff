/** What is asked of networks as objects, checked as requests.ts does. */
import * as z from 'zod';
import { WeftError } from '../../dataplane/errors.ts';
import { parseSubnet, parseSubnet6 } from '../cidr.ts';
import { ATTACH_MODES, MACVLAN_MODES, NETWORK_MODES } from '../config/config.ts';
import { mtuLeaf, parseGatewayAddress, rangeLeaf, vniLeaf, yesOrNo } from '../config/schema.ts';
import { textLeaf, wordLeaf } from '../leaf.ts';
import { parseInterfaceName, parseNetworkName, parseNodeName } from '../names.ts';
import { type NetworkShape, shapeProblem } from '../networks/mode-rules.ts';
import type { ForgetRequest, NetworkCreateRequest, NetworkRemoveRequest } from '../operations.ts';
import { checkRequest } from './check-request.ts';

const removeBody = z.strictObject({ name: textLeaf(parseNetworkName) });

const MAX_RANGES = 8;
const TOO_MANY = `too many; give ${MAX_RANGES} at most`;

const createBody = removeBody.extend({
  vni: vniLeaf.optional(),
  subnet: textLeaf(parseSubnet).optional(),
  subnet6: textLeaf(parseSubnet6).optional(),
  mode: wordLeaf(NETWORK_MODES).default('overlay'),
  attach: wordLeaf(ATTACH_MODES).default('bridge'),
  gateway: yesOrNo.default(false),
  gatewayAddresses: z.array(textLeaf(parseGatewayAddress), 'expected a list').default([]),
  parent: textLeaf(parseInterfaceName).optional(),
  macvlanMode: wordLeaf(MACVLAN_MODES).default('bridge'),
  mtu: mtuLeaf.default('auto'),
  ipam: wordLeaf(['weft', 'none']).optional(),
  exclude: z.array(rangeLeaf, 'expected a list').max(MAX_RANGES, TOO_MANY).default([]),
  static: z.array(rangeLeaf, 'expected a list').max(MAX_RANGES, TOO_MANY).default([]),
});

const forgetBody = z.strictObject({ node: textLeaf(parseNodeName) });

/** Throws `invalid_argument`. */
export function parseForgetRequest(body: unknown): ForgetRequest {
  return checkRequest('forget the node', forgetBody, body);
}

/** Throws `invalid_argument`. */
export function parseNetworkCreateRequest(body: unknown): NetworkCreateRequest {
  const { vni, subnet, subnet6, parent, ...rest } = checkRequest('make the network', createBody, body);
  if (subnet6 !== undefined && subnet?.includes(':') === true) {
    throw new WeftError('invalid_argument', 'cannot make the network: it would have two subnets of IPv6', {
      hint: 'give one of IPv4 as subnet, or leave one of the two away',
    });
  }
  if (rest.ipam === 'weft' && subnet === undefined && subnet6 === undefined) {
    throw new WeftError(
      'invalid_argument',
      'cannot make the network: weft can give out addresses of a subnet only',
      {
        hint: 'give it one, as in --subnet 198.18.0.0/16',
      },
    );
  }
  const gateway = rest.gateway || rest.gatewayAddresses.length > 0;
  requireShape({ ...rest, subnet, subnet6, parent, gateway });
  if (rest.ipam === 'none' && rest.mode === 'bridge') {
    throw new WeftError(
      'invalid_argument',
      'cannot make the network: each VM gives the addresses of mode bridge',
      {
        hint: 'leave ipam away',
      },
    );
  }
  return { ...rest, gateway, vni, subnet, subnet6, parent, ipam: rest.ipam };
}

const WORDS_OF_SHAPE: Readonly<Record<keyof NetworkShape, string>> = {
  mode: 'mode',
  attach: 'attach',
  subnet: 'subnet',
  subnet6: 'subnet6',
  gateway: 'gateway',
  gatewayAddresses: 'gateway addresses',
  parent: 'parent',
  hasStaticVteps: 'static VTEPs',
};

/** Throws `invalid_argument`. */
function requireShape(shape: NetworkShape): void {
  const problem = shapeProblem(shape);
  if (problem === undefined) return;
  const what = WORDS_OF_SHAPE[problem.key];
  throw new WeftError('invalid_argument', `cannot make the network: ${what} ${problem.message}`);
}

/** Throws `invalid_argument`. */
export function parseNetworkRemoveRequest(body: unknown): NetworkRemoveRequest {
  return checkRequest('remove the network', removeBody, body);
}
