/** TAPs that an earlier process had open, and whose descriptors have outlived it: what was sent meanwhile waits in them. */
import { IFNAMSIZ, interfaceRequest, tryControl } from './ifreq.ts';
import { batchIo } from './native/batch-io.ts';
import { IFF_MULTI_QUEUE, TAP_FLAGS, tunFlags } from './tun-flags.ts';

// linux/if_tun.h: _IOW('T', 217, int), and the flag that it takes.
const TUNSETQUEUE = 0x4004_54d9;
const IFF_DETACH_QUEUE = 0x0400;

export interface PassedTap {
  readonly fds: number[];
  readonly multiQueue: boolean;
}

/**
 * Of the descriptors of one device those that are wanted, at most `queues`; all others are closed, and get no more frames. Undefined: the
 * device is gone, or these are no TAPs as ours are.
 */
export function takePassedTap(passed: readonly number[], queues: number): PassedTap | undefined {
  const flags = passed.map(tunFlags).filter(isTapOfOurs);
  const isOurs = flags.length > 0 && passed.length === flags.length;
  const kept = isOurs ? passed.slice(0, queues) : [];
  for (const fd of passed.slice(kept.length)) {
    // Whoever else holds a copy keeps the queue open: nobody would read what comes to it.
    if (isOurs) detachQueue(fd);
    batchIo.closeDescriptor(fd);
  }
  if (!isOurs) return undefined;
  return { fds: [...kept], multiQueue: flags.every(found => (found & IFF_MULTI_QUEUE) !== 0) };
}

/** Whether these, which {@link tunFlags} found, are the flags of a TAP as ours are. */
export function isTapOfOurs(flags: ReturnType<typeof tunFlags>): flags is number {
  return typeof flags === 'number' && (flags & TAP_FLAGS) === TAP_FLAGS;
}

function detachQueue(fd: number): void {
  const request = interfaceRequest('');
  request.writeUInt16LE(IFF_DETACH_QUEUE, IFNAMSIZ);
  tryControl(fd, TUNSETQUEUE, request);
}
