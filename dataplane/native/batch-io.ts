/**
 * The one loader of the native addon, and its documentation: what each function takes, in which units, and how it
 * fails. Functions of the operating system return −errno instead of throwing; wrong argument types or ranges are bugs
 * of the caller and throw TypeError or RangeError that name the argument.
 *
 * The addon is the network card that userspace lacks: batched system calls and checksums, and what makes changes of
 * its namespace; no policy, no table. It may be loaded in any number of threads; a port belongs to the thread that opened it.
 */
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { WeftError } from '../errors.ts';
import * as frameBatch from '../frame-batch.ts';

/** An open port. A number, never reused for another port of the thread in its next 32,768 openings. */
export type PortHandle = number & { readonly brand: 'PortHandle' };

/** Where a port receives and whom it tells. All memory is referenced until the port is closed. */
export interface Receiver {
  /** The packet memory of the thread, for sending too. Detached while a port is open: the port is lost with EFAULT. */
  readonly arena: ArrayBuffer;
  /** Slots at the beginning of the arena: frames of one batch. */
  readonly slotCount: number;
  /** Bytes from slot to slot. */
  readonly slotSize: number;
  /** Bytes from the beginning of a slot to the Ethernet frame; at least 12 and at least encapLength. */
  readonly frameStart: number;
  /** Arena offset of the table of pieces (pieces.h), a multiple of 8. */
  readonly pieceTable: number;
  /** Entries of 8 bytes in it, 0 … 65535; 64 for each frame of the batch, or fewer frames are merged. */
  readonly pieceCount: number;
  /** Memory of the FrameBatch that received frames are described in. */
  readonly batch: ArrayBuffer;
  /**
   * 1: several reads, writes or sends share a system call (ring.h). The ring is the thread's: it is opened for the first port
   * that wants it, and where the kernel has none, all do without.
   */
  readonly ring: 0 | 1;
  /** For tests, errnos, 0 for none, for the thread's first such port: what meets each call in the ring, and its opening. */
  readonly injectedRing: number;
  readonly injectedRingProbe: number;
  /** COUNTERS.length doubles, which the addon adds to. */
  readonly counters: ArrayBuffer;
  /** `count` frames are in the first descriptors; slots and descriptors are used again once this returns. */
  readonly onFrames: (count: number) => void;
  /** The descriptor can never yield anything again. Called at most once; the port still has to be closed. */
  readonly onLost: (errno: number) => void;
}

interface UdpOptions {
  /** 4 or 16 bytes, network order; also the source address of all that is sent. */
  readonly address: Uint8Array;
  /** UDP port to receive on; 0 lets the kernel choose. */
  readonly port: number;
  /** How many sockets to send from, 1 … 64. */
  readonly sourceSockets: number;
  /** 49152 … 65535: where to begin looking for their ports. */
  readonly firstSourcePort: number;
  /** Bytes, as for SO_RCVBUF; forced past net.core.rmem_max where permitted. */
  readonly receiveBuffer: number;
  /** Bytes for each source socket, as for SO_SNDBUF. */
  readonly sendBuffer: number;
  /** Bytes of encapsulation at the beginning of each received datagram. */
  readonly encapLength: number;
  /** 1: UDP_SEGMENT, where the kernel has it. 0: each datagram is sent by itself. */
  readonly segment: 0 | 1;
  /** 1: UDP_GRO, where the kernel has it. 0: each datagram comes alone. */
  readonly gro: 0 | 1;
  /** COALESCE_TCP, COALESCE_UDP, both or 0: what is merged into super-frames. */
  readonly coalesce: number;
  /** For tests, errnos, 0 for none: what meets each send with UDP_SEGMENT, and the probe for it. */
  readonly injectedSegment: number;
  readonly injectedSegmentProbe: number;
  /** The same: what meets each receive call with UDP_GRO, and the request for it. */
  readonly injectedGro: number;
  readonly injectedGroProbe: number;
  /** The same: what meets each write to an injector. */
  readonly injectedTunnel: number;
  /** SHARE_ALONE, SHARE_FOUNDS or SHARE_JOINS: whether several sockets receive on the port. */
  readonly share: number;
  /**
   * Sockets of an earlier process, the port's from now on: those that are bound to `address`, and to `port` or a port that can be a source, are
   * gone on with; others are closed. At most 65.
   */
  readonly passed: readonly number[];
}

interface TapOptions {
  /** Non-blocking, IFF_VNET_HDR, header of 12 bytes, little endian. */
  readonly fd: number;
  /** 1: super-frames of TCP are written whole. 0: segment by segment. */
  readonly tso: 0 | 1;
  /** The same for UDP. */
  readonly uso: 0 | 1;
  /** For tests, errnos, 0 for none: what meets each write of a super-frame. */
  readonly injectedTso: number;
  readonly injectedUso: number;
  /** 0: it only writes, for another port reads what this device sends. */
  readonly reads: 0 | 1;
}

/** The only socket that receives on its port. */
export const SHARE_ALONE = 0;
/** The first of several. Refused with EADDRINUSE if anybody has the port, also others who share it. */
export const SHARE_FOUNDS = 1;
/** One that comes to the first. Each datagram goes to one of them, by a hash of its two addresses and ports. */
export const SHARE_JOINS = 2;

/** What a UDP port merges into super-frames: coalesce.h. */
export const COALESCE_TCP = 1;
export const COALESCE_UDP = 2;

/** A message of rtnetlink: complete, header included, with NLM_F_ACK; at most 4 KiB and four patches. */
interface NetMessage {
  readonly message: Buffer;
  /** 32 bits each, `offset` bytes from the beginning, that are only known when the message is sent. */
  readonly patches: readonly {
    /** PATCH_IFINDEX or PATCH_NETNS. */
    readonly kind: number;
    readonly offset: number;
    readonly of: string;
  }[];
}

/** The number of the link `of` in the namespace where the message goes. */
export const PATCH_IFINDEX = 0;
/** A descriptor of the namespace file `of`, open while the message is under way. */
export const PATCH_NETNS = 1;

/** The writing of a file below /proc/sys/net; what is not there is passed over. */
export interface NetSetting {
  readonly file: string;
  readonly text: string;
}

/** What has become of a change; net-change.h. */
export interface NetChangeResult {
  /** Steps that were carried out: the index of the refused one, if one was. */
  readonly done: number;
  /** Positive; 0 if all went well. */
  readonly errno: number;
  /** What was refused, as in net-change.h. Nothing was done when it is the namespace or the socket. */
  readonly refused: '' | 'netns' | 'socket' | 'link' | 'target' | 'message' | 'file';
  /** Of a message: why, in the kernel's words, if it says. Of a link or a target: which. */
  readonly words: string;
  /** What the messages were answered with besides acknowledgements, one behind the other. */
  readonly answers: Buffer;
}

/** Of the addon: a pointer that JavaScript only keeps. */
export interface KernelNewsHandle {
  readonly kernelNews?: never;
}

export interface BatchIo {
  readonly frameLayout: Readonly<Record<string, number>>;
  readonly counterNames: readonly string[];

  /**
   * Opens /dev/net/tun (non-blocking, close-on-exec) in the network namespace of file `netnsPath`, or in this
   * thread's own; a device made through the descriptor appears there. Returns the descriptor, or −errno: ENOENT,
   * ENODEV, ENXIO (no such device), EACCES, EPERM. Aborts the process if the kernel will not let the thread come back.
   */
  openTun(netnsPath: string | null): number;
  /** A datagram socket in that namespace, for SIOC* ioctls. Returns the descriptor, or −errno. */
  openControlSocket(netnsPath: string | null): number;
  /**
   * A bound IPv4 socket in that namespace, for what the daemon offers to a container: `isStream` 0 is UDP, 1 is TCP, which listens. The
   * address is a 32-bit number. Returns the descriptor, or −errno: EADDRINUSE, EADDRNOTAVAIL (its loopback is down). As long as it is
   * open the namespace lives.
   */
  openServiceSocket(netnsPath: string | null, isStream: 0 | 1, address: number, port: number): number;
  /** 0, or −errno if the file cannot be opened; −EINVAL if it is not a network namespace. */
  checkNamespace(netnsPath: string): number;
  /** Closes what one of these returned, where fs.closeSync would warn in a worker. 0, or −errno. */
  closeDescriptor(fd: number): number;
  /** Another descriptor of the same open file, close-on-exec; or −errno. */
  duplicateDescriptor(fd: number): number;
  /** Marks a descriptor that this process was started with as close-on-exec. 0, or −errno: EBADF if it is not open. */
  adoptDescriptor(fd: number): number;
  /**
   * Sends a message to the socket of a service manager, with at most 253 descriptors that stay ours (service-notify.h). `path`: as
   * NOTIFY_SOCKET has it. At most 4,095 bytes. 0, or −errno: EAGAIN if its queue is full, ECONNREFUSED and ENOENT if nobody listens.
   */
  notifyService(path: string, message: string, fds: readonly number[]): number;
  /** The same by a connected socket: 0, or −errno: EAGAIN, EPIPE if the other end is closed. */
  tellService(socket: number, message: string, fds: readonly number[]): number;
  /** Two ends of one stream (handover.h), or −errno: EMFILE. */
  socketPair(): readonly [number, number] | number;
  /** A descriptor of our own for one of another process (handover.h), or −errno: ESRCH, EBADF, EPERM, ENOSYS. */
  takeDescriptor(pid: number, fd: number): number;
  /** The end of our parent no longer ends us, if it did (handover.h): 0. Only from the main thread. */
  outliveParent(): number;
  /**
   * Whether the interface is up and has carrier, as a TAP has while some process holds it: 1, 0, or −errno (ENODEV).
   * `control` is a control socket of its namespace, `name` has 15 bytes at the most.
   */
  hasCarrier(control: number, name: string): number;
  /**
   * The offloads of the interface that are on, by the kernel's names (net/ethtool/common.c, netdev_features_strings), as in
   * tx-udp_tnl-segmentation; or −errno: ENODEV. Arguments as for hasCarrier.
   */
  linkFeatures(control: number, name: string): readonly string[] | number;
  /**
   * How many IPsec policies apply to what this thread's network namespace sends; or −errno: EPROTONOSUPPORT (this kernel
   * has none), EPERM.
   */
  ipsecPolicies(): number;
  /**
   * Loads the program that tells the kernel which queue of a multi-queue TAP takes a frame (steering.h); `seed` is a
   * 32-bit number. Returns its descriptor, to be closed once TUNSETSTEERINGEBPF has it; or −errno: EPERM, ENOSYS.
   */
  loadSteering(seed: number): number;

  /**
   * Carries out up to 64 steps in the namespace of file `netnsPath`, or in the process's own, on a thread of libuv's
   * pool, until one is refused. The promise is never rejected. Aborts the process if the kernel will not let the thread come back.
   */
  changeNet(netnsPath: string | null, steps: readonly (NetMessage | NetSetting)[]): Promise<NetChangeResult>;

  /**
   * From now on `onNews` is told what the kernel says by itself in the namespace of the process and, where permitted (CAP_NET_BROADCAST), in
   * those of containers: pieces of news one behind the other (kernel-news.h, struct news; kernel-news.ts). Returns what it is closed by, or
   * −errno. It keeps no process alive.
   */
  openKernelNews(onNews: (news: Buffer) => void): KernelNewsHandle | number;
  /** Once for each that was opened, and not within `onNews`' own call of another. */
  closeKernelNews(news: KernelNewsHandle): void;

  /**
   * A datagram socket connected to the Unix socket at `path`: each write to the descriptor is one datagram (unix-datagram.h). Returns
   * the descriptor, which does not block and is the caller's to close, or −errno: ENOENT, ECONNREFUSED, EPROTOTYPE, ENAMETOOLONG.
   */
  openUnixDatagram(path: string): number;

  /** Zeroed memory of `size` bytes, 1 … 2³² − 1, which no child of the process inherits: js-memory.c says why. */
  createArena(size: number): ArrayBuffer;
  /**
   * 8 bytes: the double of thread-time.ts, written each time that this thread is woken while it has a port open.
   * Not to be detached.
   */
  threadTime(): ArrayBuffer;

  /**
   * Starts to read from a TAP descriptor. Returns a handle and owns the descriptor from then on; or −errno (EPERM: cannot
   * be polled; EEXIST: polled already), and the descriptor stays the caller's.
   */
  tapOpen(options: TapOptions, receiver: Receiver): number;
  /**
   * Opens and binds one socket to receive and `sourceSockets` to send. Returns a handle, or −errno with nothing left
   * open: EADDRINUSE, EADDRNOTAVAIL (of address and port), EACCES (port below 1024), ENOSPC (no free source port),
   * EINVAL, EMFILE.
   */
  udpOpen(options: UdpOptions, receiver: Receiver): number;
  /**
   * [port, granted receive buffer, granted send buffer, datagrams of one send, 1 if UDP_GRO is on, 1 if the port uses the
   * ring, source port 0, 1, …]; buffers in bytes.
   */
  udpInfo(port: PortHandle): readonly number[] | undefined;
  /** [that which receives, those that send]; they stay the port's. */
  udpDescriptors(port: PortHandle): readonly number[] | undefined;
  /**
   * Writes (TAP) or sends (UDP) frames `first` … `first + count - 1` and gives each its status. Returns 0, or −EBADF if
   * the port is closed, −EFAULT if its arena was detached; then no status was given.
   */
  transmit(port: PortHandle, batch: ArrayBuffer, first: number, count: number): number;
  /**
   * Replaces the table of next hops that frames name by `nextHop` (next-hops.ts); the injectors in it stay the caller's,
   * and have to stay open until they are in the table no more. Returns 0, −EINVAL or −ENOMEM (the former table holds),
   * or −EBADF.
   */
  udpSetNextHops(port: PortHandle, table: ArrayBuffer): number;
  /** Brings `rxQueueOverflow` of a UDP port up to date: the only counter that the kernel has to be asked for. */
  countDrops(port: PortHandle): void;
  /** Closes all descriptors of a port. Legal inside its handlers; a second time does nothing. */
  closePort(port: PortHandle): void;
  /** 1: from now on no port of this thread reads; what comes waits in the kernel. 0: they read again. */
  holdPorts(held: 0 | 1): void;

  /** ports.ts CompleteChecksum: 0, or EINVAL (positive). */
  completeChecksum(arena: ArrayBuffer, batch: ArrayBuffer, index: number): number;

  /**
   * Writes the segments of the super-frame in descriptor 0 one behind the other into `out`, encapsulation before each.
   * Returns their bytes, or −errno: EINVAL (geometry, or no super-frame), ENOBUFS. For the tests of segment.c: sending
   * does the same without a copy of the payload.
   */
  segmentFrame(arena: ArrayBuffer, batch: ArrayBuffer, out: ArrayBuffer): number;

  /**
   * What a UDP port does with what it has received, on frames 0 … `count - 1` of `input` wherever they come from: for
   * tests. Merges them into `output`, with a table of pieces as in Receiver, and returns how many it took (fewer than
   * `count` if `output` is full) and how many frames they have become.
   */
  coalesce(
    arena: ArrayBuffer,
    pieceTable: number,
    pieceCount: number,
    input: ArrayBuffer,
    count: number,
    output: ArrayBuffer,
    protocols: number,
  ): readonly [taken: number, frames: number];
}

/** The order of the doubles in `Receiver.counters`. */
export const COUNTERS = [
  'rxFrames',
  'rxBytes',
  'rxBatches',
  'rxBadGeometry',
  'rxTruncated',
  'rxErrors',
  'txFrames',
  'txBytes',
  'txBatches',
  'txErrors',
  'rxQueueOverflow',
  'txSegments',
  'txGsoSends',
  'txGsoError',
  'txTsoError',
  'txUsoError',
  'rxGroError',
  'rxMessages',
  'rxMerged',
  'txGsoRefused',
  'txTunnelFrames',
  'txTunnelError',
  'txTunnelLost',
  'ringError',
] as const;

function check(addon: BatchIo, path: string): BatchIo {
  const expected = Object.entries(frameBatch).filter(([name]) => name.startsWith('FRAME_'));
  const wrong = expected.filter(([name, value]) => addon.frameLayout?.[name] !== value).map(([name]) => name);
  if (addon.counterNames?.join() !== COUNTERS.join()) wrong.push('counters');
  if (wrong.length > 0) {
    throw new WeftError('unavailable', `the addon ${path} lays out memory differently: ${wrong.join(', ')}`, {
      hint: 'build it again: make -C dataplane/native clean all',
    });
  }
  return addon;
}

/** Loads the addon that `path` names. Throws `unavailable` if it is missing or was built from other sources. */
export function loadBatchIo(path: string): BatchIo {
  let addon: BatchIo;
  try {
    addon = createRequire(import.meta.url)(path) as BatchIo;
  } catch (cause) {
    const reason = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause);
    throw new WeftError('unavailable', `cannot load the native addon: ${reason}`, {
      hint: 'build it: make -C dataplane/native',
      cause,
    });
  }
  return check(addon, path);
}

/** WEFT_BATCH_IO names another build of the addon, such as the one with sanitizers. */
const { WEFT_BATCH_IO: override } = process.env;

export const batchIo: BatchIo = loadBatchIo(override ? resolve(override) : '#batch-io');
