/** A CNI plugin's other end that tells what it was asked. */
import type { CniHandler } from '../cni/call.ts';

export const fakeCni: CniHandler = async ({ command, container, config, delegated }) => ({
  ok: command !== 'CHECK',
  body: JSON.stringify({ command, container, config, delegated }),
});
