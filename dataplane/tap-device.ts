/**
 * Makes and re-attaches TAP devices: open /dev/net/tun in the right network namespace, then the ioctls of
 * linux/if_tun.h. Addresses, bridges and "up" are iproute2's business, not done here.
 */
import { constants } from 'node:os';
import ioctl from 'ioctl-napi';
import { WeftError } from './errors.ts';
import { batchIo } from './native/batch-io.ts';
import { systemError } from './native/system-error.ts';

// linux/if_tun.h: _IOW('T', n, int) and _IOR('T', n, unsigned int) of asm-generic/ioctl.h.
const iow = (number: number): number => 0x4004_5400 + number;
const ior = (number: number): number => 0x8004_5400 + number;
const TUNSETIFF = iow(202);
const TUNSETPERSIST = iow(203);
export const TUNSETOFFLOAD = iow(208);
const TUNGETIFF = ior(210);
export const TUNSETVNETHDRSZ = iow(216);
export const TUNSETVNETLE = iow(220);

// linux/if_tun.h: flags of TUNSETIFF.
const IFF_TAP = 0x0002;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;
const TAP_FLAGS = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;

// linux/if_tun.h: what the kernel may leave to us. "You can hand me unchecksummed packets", TSO for IPv4 and IPv6 packets,
// TSO with ECN bits, and USO (Linux 6.2), which it takes for both families or for none.
export const TUN_F_CSUM = 0x01;
const TUN_F_TSO4 = 0x02;
const TUN_F_TSO6 = 0x04;
const TUN_F_TSO_ECN = 0x08;
const TUN_F_USO4 = 0x20;
const TUN_F_USO6 = 0x40;
export const TSO_FLAGS = TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
const USO_FLAGS = TUN_F_USO4 | TUN_F_USO6;

/**
 * sizeof(struct virtio_net_hdr_v1), linux/virtio_net.h: the layout of VIRTIO 1.x, always little endian, which the
 * addon reads (native/vnet.h). The default of 10 bytes is the legacy one, in whatever order the host has; the tunnel
 * header of 24 bytes begins with the 12.
 */
const VNET_HEADER_SIZE = 12;

/** linux/sockios.h: set MTU size. */
const SIOCSIFMTU = 0x8922;

// linux/if.h: struct ifreq.
const IFNAMSIZ = 16;
const IFREQ_SIZE = 40;

/** What dev_valid_name of Linux accepts, and no "%", which would make it a template for a name of its choosing. */
const DEVICE_NAME = /^(?!\.{1,2}$)[!-~]{1,15}$/;

export interface TapDeviceOptions {
  /** 1 … 15 characters. A device of this name that is a TAP and not in use is taken over. */
  readonly name: string;
  /**
   * File of the network namespace it belongs to, such as /run/netns/NAME. The descriptor keeps that namespace alive,
   * so nobody hears when its container ends; a device that was opened here and then moved there (`ip link set dev NAME
   * netns …`) does not, and is lost with it. @default this thread's own
   */
  readonly netnsPath?: string;
  /** Whether the device outlives the descriptor (then without carrier); false also undoes an earlier true. */
  readonly persist: boolean;
  /** Bytes of IP packet. @default left as it is: 1500 for a new device */
  readonly mtu?: number;
  /** What to ask for, if the kernel has it. @default both */
  readonly superFrames?: SuperFrames;
}

/** Which super-frames may cross a TAP whole. */
export interface SuperFrames {
  /** Those of TCP over IPv4 and IPv6, also with ECN. */
  readonly tso: boolean;
  /** Those of UDP. */
  readonly uso: boolean;
}

export interface TapDevice {
  /** Non-blocking; for a NativeTapPort, which then owns it, or for {@link closeTap}. */
  readonly fd: number;
  readonly name: string;
  /** What was granted of it. */
  readonly superFrames: SuperFrames;
}

/**
 * Opens a TAP with vnet headers, checksum and segmentation offload; of a device that is taken over these are set anew. Throws, with nothing left open: `invalid_argument` (name, MTU),
 * `not_found` (namespace), `not_permitted`, `unavailable` (no /dev/net/tun), `conflict` (in use, or not a TAP), `system`.
 */
export function openTap(options: TapDeviceOptions): TapDevice {
  const { name } = options;
  if (!DEVICE_NAME.test(name) || /[/:%]/.test(name)) {
    throw new WeftError('invalid_argument', `"${name}" cannot be the name of an interface`, {
      hint: 'use 1 to 15 letters, digits, "-", "_" or "."',
    });
  }
  const fd = openTunDevice(options.netnsPath ?? null);
  try {
    attach(fd, name);
    const superFrames = negotiate(fd, name, options.superFrames ?? { tso: true, uso: true });
    if (options.mtu !== undefined) setMtu(name, options.netnsPath ?? null, options.mtu);
    // Last: a device that is made here and fails on the way disappears with its descriptor.
    control(fd, `cannot make TAP ${name} persistent`, TUNSETPERSIST, options.persist ? 1 : 0);
    return { fd, name, superFrames };
  } catch (error) {
    batchIo.closeDescriptor(fd);
    throw error;
  }
}

/** Closes a TAP that was not given to a port; unless it is persistent, the device disappears. */
export function closeTap(device: Pick<TapDevice, 'fd'>): void {
  batchIo.closeDescriptor(device.fd);
}

/**
 * What the kernel grants a TAP of this thread's namespace: tried on a device that lives for a moment and is never up.
 * `injected`: for tests, the errno that meets the request; 0 for none. Throws as {@link openTap} does.
 */
export function probeSuperFrames(injected: Readonly<Record<keyof SuperFrames, number>>): SuperFrames {
  const fd = openTunDevice(null);
  try {
    // The kernel chooses the number.
    attach(fd, 'weft-probe%d');
    return negotiate(fd, 'weft-probe', { tso: injected.tso === 0, uso: injected.uso === 0 });
  } finally {
    batchIo.closeDescriptor(fd);
  }
}

/** Opens /dev/net/tun in a namespace (null: this thread's own). Throws as {@link openTap}. */
export function openTunDevice(netnsPath: string | null): number {
  if (netnsPath !== null) {
    const refused = -batchIo.checkNamespace(netnsPath);
    if (refused !== 0) throw namespaceError(netnsPath, refused);
  }
  const fd = batchIo.openTun(netnsPath);
  if (fd >= 0) return fd;
  const what = 'cannot open /dev/net/tun';
  switch (-fd) {
    case constants.errno.ENOENT:
    case constants.errno.ENODEV:
    case constants.errno.ENXIO:
      throw systemError(what, -fd, {
        code: 'unavailable',
        hint: 'load the driver (modprobe tun); in a container, pass the device in (--device /dev/net/tun)',
      });
    default:
      throw systemError(what, -fd, permissionOptions(-fd));
  }
}

function namespaceError(netnsPath: string, errno: number): WeftError {
  const what = `cannot enter network namespace ${netnsPath}`;
  if (errno === constants.errno.EINVAL) {
    return new WeftError('invalid_argument', `${netnsPath} is not a network namespace`, {
      hint: 'name a file such as /run/netns/NAME or /proc/PID/ns/net',
    });
  }
  if (errno === constants.errno.ENOENT) return systemError(what, errno, { code: 'not_found' });
  return systemError(what, errno, permissionOptions(errno));
}

function permissionOptions(errno: number): { code?: 'not_permitted'; hint?: string } {
  if (errno !== constants.errno.EPERM && errno !== constants.errno.EACCES) return {};
  return { code: 'not_permitted', hint: 'run as root or with CAP_NET_ADMIN and CAP_SYS_ADMIN' };
}

function attach(fd: number, name: string): void {
  attachTun(fd, name);
  control(fd, `cannot set the vnet header size of TAP ${name}`, TUNSETVNETHDRSZ, integer(VNET_HEADER_SIZE));
  control(fd, `cannot set the vnet byte order of TAP ${name}`, TUNSETVNETLE, integer(1));
}

/**
 * Makes the TAP, or takes it over: with vnet headers of the default kind. `flags`: more of TUNSETIFF. Throws as
 * {@link openTap}.
 */
export function attachTun(fd: number, name: string, flags = 0): void {
  const request = interfaceRequest(name);
  request.writeUInt16LE(TAP_FLAGS | flags, IFNAMSIZ);
  const errno = tryControl(fd, TUNSETIFF, request);
  if (errno === constants.errno.EBUSY) {
    throw systemError(`TAP ${name} is in use by another process`, errno, {
      code: 'conflict',
      hint: 'stop the process that holds it, or choose another name',
    });
  }
  if (errno === constants.errno.EINVAL) {
    throw systemError(`interface ${name} exists and is not a TAP that can be taken over`, errno, {
      code: 'conflict',
      hint: `choose another name, or remove it (ip link delete ${name})`,
    });
  }
  if (errno !== 0) throw systemError(`cannot make TAP ${name}`, errno, permissionOptions(errno));

  verifyFlags(fd, name);
}

/**
 * What the last reader of a device that is taken over could do says nothing of this one. TUNSETOFFLOAD takes the whole
 * mask, for all queues of the device; what it refuses leaves the former one in place.
 */
function negotiate(fd: number, name: string, wanted: SuperFrames): SuperFrames {
  let mask = TUN_F_CSUM;
  control(fd, `cannot set the offloads of TAP ${name}`, TUNSETOFFLOAD, mask);
  const grants = (flags: number): boolean => {
    if (tryControl(fd, TUNSETOFFLOAD, mask | flags) !== 0) return false;
    mask |= flags;
    return true;
  };
  return { tso: wanted.tso && grants(TSO_FLAGS), uso: wanted.uso && grants(USO_FLAGS) };
}

/** What a re-attached device really has: the kernel merges what was asked for with what it had before. */
function verifyFlags(fd: number, name: string): void {
  const request = interfaceRequest('');
  control(fd, `cannot read the flags of TAP ${name}`, TUNGETIFF, request);
  const flags = request.readUInt16LE(IFNAMSIZ);
  if ((flags & TAP_FLAGS) !== TAP_FLAGS) {
    throw new WeftError('conflict', `TAP ${name} has flags 0x${flags.toString(16)} and no vnet header`, {
      hint: `remove it (ip link delete ${name}) and let weft make it`,
    });
  }
}

function setMtu(name: string, netnsPath: string | null, mtu: number): void {
  const socket = batchIo.openControlSocket(netnsPath);
  if (socket < 0) throw systemError('cannot open a control socket', -socket, permissionOptions(-socket));
  try {
    const request = interfaceRequest(name);
    request.writeInt32LE(mtu, IFNAMSIZ);
    const errno = tryControl(socket, SIOCSIFMTU, request);
    if (errno === constants.errno.EINVAL) {
      throw systemError(`TAP ${name} cannot have MTU ${mtu}`, errno, { code: 'invalid_argument' });
    }
    if (errno !== 0) throw systemError(`cannot set the MTU of TAP ${name}`, errno, permissionOptions(errno));
  } finally {
    batchIo.closeDescriptor(socket);
  }
}

function interfaceRequest(name: string): Buffer {
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
