/** The ioctls of network devices and their arguments: linux/if.h, linux/if_tun.h. */
import { constants } from 'node:os';
import ioctl from 'ioctl-napi';
import { systemError } from './native/system-error.ts';

// linux/if.h: struct ifreq.
export const IFNAMSIZ = 16;
const IFREQ_SIZE = 40;

/** A struct ifreq of this device; what the request is about goes behind the name, at IFNAMSIZ. */
export function interfaceRequest(name: string): Buffer {
  const request = Buffer.alloc(IFREQ_SIZE);
  request.write(name, 0, IFNAMSIZ - 1, 'latin1');
  return request;
}

/** An `int` argument. */
export function integer(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

/** 0 or a positive errno. */
export function tryControl(fd: number, request: number, argument: number | Buffer): number {
  try {
    ioctl(fd, request, argument);
    return 0;
  } catch (error) {
    const errno = Number((error as { code?: unknown }).code);
    if (!Number.isInteger(errno)) throw error;
    return errno;
  }
}

/** Throws `system` or `not_permitted`, with `what` as message, when it is refused. */
export function control(fd: number, what: string, request: number, argument: number | Buffer): void {
  const errno = tryControl(fd, request, argument);
  if (errno !== 0) throw systemError(what, errno, permissionOptions(errno));
}

/** What to tell of an errno that is about permission. */
export function permissionOptions(errno: number): { code?: 'not_permitted'; hint?: string } {
  if (errno !== constants.errno.EPERM && errno !== constants.errno.EACCES) return {};
  return { code: 'not_permitted', hint: 'run as root or with CAP_NET_ADMIN and CAP_SYS_ADMIN' };
}
