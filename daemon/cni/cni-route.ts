/** POST /v1/cni: from what weft-cni sends to a call. */
import type { IncomingHttpHeaders } from 'node:http';
import {
  type CniAnswer,
  type CniCall,
  type CniHandler,
  environmentOf,
  parseCall,
  splitDelegated,
} from './call.ts';
import { cniErrorOf } from './cni-error.ts';
import { versionOf } from './network-config.ts';

/** With this header the body has what an IPAM plugin has said as well. */
const DELEGATED = 'x-weft-delegated';

export async function cniAnswer(
  handler: CniHandler,
  { headers, body }: { readonly headers: IncomingHttpHeaders; readonly body: unknown },
): Promise<CniAnswer> {
  const text = typeof body === 'string' ? body : '';
  let call: CniCall;
  try {
    const input = headers[DELEGATED] === undefined ? { config: text } : splitDelegated(text);
    call = parseCall(environmentOf(headers), input);
  } catch (error) {
    const known = cniErrorOf(error);
    if (known === undefined) throw error;
    const { code, message, details } = known;
    const answer = { cniVersion: versionOf(text), code, msg: message, details };
    return { ok: false, body: `${JSON.stringify(answer)}\n` };
  }
  return await handler(call);
}
