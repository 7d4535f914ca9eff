/** What the kernel's refusal of one frame means. */
import { constants } from 'node:os';
import type { DropReason } from './drop-reasons.ts';

const { EAGAIN, EINVAL, EMSGSIZE, ENOBUFS } = constants.errno;

/** The drop reason for the errno with which a TAP write or an underlay send was refused. */
export function refusalReason(operation: 'write' | 'send', errno: number): DropReason {
  if (errno === EINVAL) return 'bad_geometry';
  if (operation === 'write') return 'port_down';
  if (errno === EMSGSIZE) return 'path_mtu';
  if (errno === EAGAIN || errno === ENOBUFS) return 'send_buffer_full';
  return 'send_refused';
}
