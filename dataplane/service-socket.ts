/** Sockets inside another network namespace, for what the daemon offers to a container on its own loopback. */
import { constants } from 'node:os';
import { type IpAddress, ipToBytes } from './address.ts';
import { type ErrorCode, WeftError } from './errors.ts';
import { batchIo } from './native/batch-io.ts';
import { systemError } from './native/system-error.ts';

export interface ServiceSockets {
  /** Descriptor of a bound UDP socket. */
  readonly udp: number;
  /** Descriptor of a TCP socket that listens. */
  readonly tcp: number;
}

/**
 * Opens both at an IPv4 address and port, in the namespace of that file. The caller closes the descriptors; as long as one is open,
 * the namespace lives. Throws, with nothing left open: `conflict` (somebody in there has the port), `not_found` (the namespace),
 * `not_permitted`, `system`.
 */
export function openServiceSockets(netnsPath: string, address: IpAddress, port: number): ServiceSockets {
  const udp = open(netnsPath, 0, address, port);
  try {
    return { udp, tcp: open(netnsPath, 1, address, port) };
  } catch (error) {
    batchIo.closeDescriptor(udp);
    throw error;
  }
}

export function closeServiceSocket(fd: number): void {
  batchIo.closeDescriptor(fd);
}

/** Ports below 1024 are privileged (ip(7), net.ipv4.ip_unprivileged_port_start). */
const NEEDS_RIGHTS = 'run as root, or with CAP_SYS_ADMIN and CAP_NET_BIND_SERVICE';

function open(netnsPath: string, isStream: 0 | 1, address: IpAddress, port: number): number {
  const bytes = ipToBytes(address);
  if (bytes.length !== 4) throw new WeftError('invalid_argument', `${address} is not an IPv4 address`);
  const fd = batchIo.openServiceSocket(netnsPath, isStream, Buffer.from(bytes).readUInt32BE(), port);
  if (fd >= 0) return fd;
  const what = `cannot listen on ${isStream === 1 ? 'TCP' : 'UDP'} port ${port} of ${address} in ${netnsPath}`;
  const code = codeOf(-fd);
  throw systemError(what, -fd, { code, ...(code === 'not_permitted' && { hint: NEEDS_RIGHTS }) });
}

function codeOf(errno: number): ErrorCode {
  switch (errno) {
    case constants.errno.EADDRINUSE:
      return 'conflict';
    case constants.errno.ENOENT:
    case constants.errno.EINVAL:
      return 'not_found';
    case constants.errno.EPERM:
    case constants.errno.EACCES:
      return 'not_permitted';
    default:
      return 'system';
  }
}
