/**
 * Makes and re-attaches TAP devices: open /dev/net/tun in the right network namespace, then the ioctls of
 * linux/if_tun.h. Addresses, bridges and "up" are rtnetlink's business, not done here.
 */
import { randomInt } from 'node:crypto';
import { constants } from 'node:os';
import { WeftError } from './errors.ts';
import { control, IFNAMSIZ, integer, interfaceRequest, permissionOptions, tryControl } from './ifreq.ts';
import { batchIo } from './native/batch-io.ts';
import { systemError } from './native/system-error.ts';
import { isTapOfOurs, takePassedTap } from './passed-tap.ts';
import { IFF_MULTI_QUEUE, TAP_FLAGS, tunFlags } from './tun-flags.ts';

// linux/if_tun.h: _IOW('T', n, int) and _IOR('T', n, unsigned int) of asm-generic/ioctl.h.
const iow = (number: number): number => 0x4004_5400 + number;
const ior = (number: number): number => 0x8004_5400 + number;
const TUNSETIFF = iow(202);
const TUNSETPERSIST = iow(203);
export const TUNSETOFFLOAD = iow(208);
export const TUNSETVNETHDRSZ = iow(216);
export const TUNSETVNETLE = iow(220);
const TUNSETSTEERINGEBPF = ior(224);

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
  /**
   * Descriptors that each get a share of the flows, so that several threads can read; 1 … 256. Fewer are granted (one)
   * where the device exists with a single queue, or where the kernel does not take a steering program, without which
   * flows would change queues. A device for several costs the kernel nearly 7 MB. @default 1
   */
  readonly queues?: number;
  /**
   * Those of its queues that an earlier process has passed on, with what waits in them; they belong to this call, also if it fails.
   * @default the device is opened by its name
   */
  readonly passed?: readonly number[];
}

/** Which super-frames may cross a TAP whole. */
export interface SuperFrames {
  /** Those of TCP over IPv4 and IPv6, also with ECN. */
  readonly tso: boolean;
  /** Those of UDP. */
  readonly uso: boolean;
}

export interface TapDevice {
  /** The descriptor of the first queue. */
  readonly fd: number;
  /** Those of all queues. Non-blocking; for one NativeTapPort each, which then owns it, or for {@link closeTap}. */
  readonly fds: readonly number[];
  /** Whether the device was made for several queues. It stays so, also when it is opened with one. */
  readonly multiQueue: boolean;
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
  const netnsPath = options.netnsPath ?? null;
  const steering = (options.queues ?? 1) > 1 ? loadSteering() : undefined;
  const passed = takePassedTap(options.passed ?? [], options.queues ?? 1);
  const fds: number[] = passed?.fds ?? [];
  try {
    if (passed === undefined) fds.push(openTunDevice(netnsPath));
    const [fd = -1] = fds;
    const wanted = { netnsPath, multiQueue: steering !== undefined };
    const multiQueue = passed === undefined ? attach(fd, name, wanted) : passed.multiQueue;
    if (multiQueue) {
      const queues = steering === undefined ? 1 : (options.queues ?? 1);
      const attached = fds.length;
      while (fds.length < queues) fds.push(openTunDevice(netnsPath));
      for (const queue of fds.slice(attached)) addQueue(queue, name);
      control(
        fd,
        `cannot steer the queues of TAP ${name}`,
        TUNSETSTEERINGEBPF,
        integer(steering ?? NO_PROGRAM),
      );
    }
    configure(fd, name);
    const superFrames = negotiate(fd, name, options.superFrames ?? { tso: true, uso: true });
    if (options.mtu !== undefined) setMtu(name, netnsPath, options.mtu);
    // Last: a device that is made here and fails on the way disappears with its descriptor.
    control(fd, `cannot make TAP ${name} persistent`, TUNSETPERSIST, options.persist ? 1 : 0);
    return { fd, fds, name, superFrames, multiQueue };
  } catch (error) {
    closeTap({ fds });
    throw error;
  } finally {
    if (steering !== undefined) batchIo.closeDescriptor(steering);
  }
}

/** Closes a TAP that was not given to a port; unless it is persistent, the device disappears. */
export function closeTap(device: Pick<TapDevice, 'fds'>): void {
  for (const fd of device.fds) batchIo.closeDescriptor(fd);
}

/**
 * A descriptor for each of `holders`, who each close theirs: those that there are, or copies of a single one. Throws, with
 * all of them closed: `invalid_argument` if they are neither one nor as many, `system` if there can be no more.
 */
export function shareTap({ fds }: Pick<TapDevice, 'fds'>, holders: number): readonly number[] {
  if (fds.length === holders) return fds;
  const shared = [...fds];
  try {
    const [fd] = fds;
    if (fd === undefined || fds.length > 1) {
      throw new WeftError('invalid_argument', `a TAP has ${fds.length} queues for ${holders} workers`);
    }
    while (shared.length < holders) {
      const copy = batchIo.duplicateDescriptor(fd);
      if (copy < 0) throw systemError('cannot share a TAP', -copy);
      shared.push(copy);
    }
    return shared;
  } catch (error) {
    closeTap({ fds: shared });
    throw error;
  }
}

/** The argument of TUNSETSTEERINGEBPF that takes a program away. */
const NO_PROGRAM = -1;

/** Whether several queues can be had: without a steering program flows would change them. */
export function canSteer(): boolean {
  const steering = loadSteering();
  if (steering !== undefined) batchIo.closeDescriptor(steering);
  return steering !== undefined;
}

/** Undefined where the kernel has no bpf(2) or we may not use it. */
function loadSteering(): number | undefined {
  const fd = batchIo.loadSteering(randomInt(2 ** 32));
  return fd < 0 ? undefined : fd;
}

/**
 * What the kernel grants a TAP of this thread's namespace: tried on a device that lives for a moment and is never up, or on one that an earlier process has
 * passed on, which saves the ten milliseconds of that device. `injected`: for tests, the errno that meets the request; 0 for none. Throws as
 * {@link openTap} does.
 */
export function probeSuperFrames(
  injected: Readonly<Record<keyof SuperFrames, number>>,
  passed?: number,
): SuperFrames {
  const wanted = { tso: injected.tso === 0, uso: injected.uso === 0 };
  if (passed !== undefined && isTapOfOurs(tunFlags(passed)))
    return negotiate(passed, 'that was passed on', wanted);
  const fd = openTunDevice(null);
  try {
    // The kernel chooses the number.
    attach(fd, 'weft-probe%d', { netnsPath: null, multiQueue: false });
    configure(fd, 'weft-probe');
    return negotiate(fd, 'weft-probe', wanted);
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

interface Attachment {
  readonly netnsPath: string | null;
  /** Whether a device that is made here gets several queues; one that exists stays as it is. */
  readonly multiQueue: boolean;
}

/** Returns whether the device has several queues. */
function attach(fd: number, name: string, { netnsPath, multiQueue }: Attachment): boolean {
  // EINVAL: it exists, and what it was made for is the other.
  const errno = attachQueue(fd, name, { netnsPath, multiQueue });
  const other = errno === constants.errno.EINVAL;
  settle(fd, name, other ? attachQueue(fd, name, { netnsPath, multiQueue: !multiQueue }) : errno);
  return multiQueue !== other;
}

/** Makes a TAP of one queue, or takes it over. `flags`: more of TUNSETIFF. Throws as {@link openTap}. */
export function attachTun(fd: number, name: string, flags: number): void {
  settle(fd, name, tryControl(fd, TUNSETIFF, tapRequest(name, flags)));
}

/** Throws what the errno of TUNSETIFF means, if it is one. */
function settle(fd: number, name: string, errno: number): void {
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

/** Makes the descriptor the first queue of the device. 0 or a positive errno. */
function attachQueue(fd: number, name: string, { netnsPath, multiQueue }: Attachment): number {
  // The kernel would add a queue to those of another process and divide the flows between us.
  if (multiQueue && isHeld(name, netnsPath)) return constants.errno.EBUSY;
  return tryControl(fd, TUNSETIFF, tapRequest(name, multiQueue ? IFF_MULTI_QUEUE : 0));
}

/** One more queue of a device that we hold. */
function addQueue(fd: number, name: string): void {
  const errno = tryControl(fd, TUNSETIFF, tapRequest(name, IFF_MULTI_QUEUE));
  if (errno !== 0) throw systemError(`cannot add a queue to TAP ${name}`, errno, permissionOptions(errno));
}

function tapRequest(name: string, flags: number): Buffer {
  const request = interfaceRequest(name);
  request.writeUInt16LE(TAP_FLAGS | flags, IFNAMSIZ);
  return request;
}

/** How frames are described; it holds for all queues of the device. */
function configure(fd: number, name: string): void {
  control(fd, `cannot set the vnet header size of TAP ${name}`, TUNSETVNETHDRSZ, integer(VNET_HEADER_SIZE));
  control(fd, `cannot set the vnet byte order of TAP ${name}`, TUNSETVNETLE, integer(1));
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
  const flags = tunFlags(fd);
  if (typeof flags !== 'number') throw systemError(`cannot read the flags of TAP ${name}`, flags.errno);
  if ((flags & TAP_FLAGS) !== TAP_FLAGS) {
    throw new WeftError('conflict', `TAP ${name} has flags 0x${flags.toString(16)} and no vnet header`, {
      hint: `remove it (ip link delete ${name}) and let weft make it`,
    });
  }
}

/** Whether a process has the TAP open. One that is down is taken for free. */
function isHeld(name: string, netnsPath: string | null): boolean {
  return withControlSocket(netnsPath, socket => batchIo.hasCarrier(socket, name) === 1);
}

function setMtu(name: string, netnsPath: string | null, mtu: number): void {
  withControlSocket(netnsPath, socket => {
    const request = interfaceRequest(name);
    request.writeInt32LE(mtu, IFNAMSIZ);
    const errno = tryControl(socket, SIOCSIFMTU, request);
    if (errno === constants.errno.EINVAL) {
      throw systemError(`TAP ${name} cannot have MTU ${mtu}`, errno, { code: 'invalid_argument' });
    }
    if (errno !== 0) throw systemError(`cannot set the MTU of TAP ${name}`, errno, permissionOptions(errno));
  });
}

/** Lends a socket of the namespace for SIOC* ioctls. Throws `system` or `not_permitted`. */
export function withControlSocket<T>(netnsPath: string | null, use: (socket: number) => T): T {
  const socket = batchIo.openControlSocket(netnsPath);
  if (socket < 0) throw systemError('cannot open a control socket', -socket, permissionOptions(-socket));
  try {
    return use(socket);
  } finally {
    batchIo.closeDescriptor(socket);
  }
}
