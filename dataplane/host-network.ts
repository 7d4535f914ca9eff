/** What the kernel says of the network of this thread's namespace, for those who ask it all the time: without a process. */
import { constants } from 'node:os';
import { batchIo } from './native/batch-io.ts';
import { systemError } from './native/system-error.ts';
import { withControlSocket } from './tap-device.ts';

/** The kernel's name for what ethtool(8) calls otherwise. */
const ETHTOOL_NAMES: Readonly<Record<string, string>> = {
  'tx-generic-segmentation': 'generic-segmentation-offload',
};

/** The offloads that are on for a link, as `ethtool -k` names them (`tx-udp_tnl-segmentation`). Throws `system`. */
export function activeFeatures(ifname: string): ReadonlySet<string> {
  const answer = withControlSocket(null, socket => batchIo.linkFeatures(socket, ifname));
  if (typeof answer === 'number') throw systemError(`cannot ask for the offloads of ${ifname}`, -answer);
  return new Set(answer.map(name => ETHTOOL_NAMES[name] ?? name));
}

/** Whether any policy makes the kernel encrypt what is sent. Throws `system` when that cannot be found out. */
export function hasOutgoingIpsec(): boolean {
  return saysIpsec(batchIo.ipsecPolicies());
}

/** What an answer of `ipsecPolicies` means: every refusal but the one that says that there is no IPsec is thrown. */
export function saysIpsec(answer: number): boolean {
  if (answer >= 0) return answer > 0;
  if (-answer === constants.errno.EPROTONOSUPPORT) return false;
  throw systemError('cannot ask for the IPsec policies', -answer);
}
