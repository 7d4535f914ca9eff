import type { Offload, OffloadSwitch } from '../../dataplane/offloads.ts';
import type { Config } from '../config/config.ts';

/** What may be asked of the kernel, by both keys that say it: `dataplane.offload` and `dataplane.sender`. */
export function offloadSwitches({
  sender,
  offload,
}: Pick<Config['dataplane'], 'sender' | 'offload'>): Readonly<Record<Offload, OffloadSwitch>> {
  if (sender === 'plain') return { ...offload, 'udp-segment': 'off', 'tunnel-gso': 'off' };
  return sender === 'udp-gso' ? { ...offload, 'tunnel-gso': 'off' } : offload;
}
