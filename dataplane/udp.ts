/** The UDP port over the native addon: the socket that receives VXLAN, and those that send it. */
import { randomInt } from 'node:crypto';
import { constants } from 'node:os';
import { type IpAddress, ipToBytes } from './address.ts';
import type { WeftError } from './errors.ts';
import type { FrameBatch } from './frame-batch.ts';
import {
  batchIo,
  COALESCE_TCP,
  COALESCE_UDP,
  type PortHandle,
  SHARE_ALONE,
  SHARE_FOUNDS,
  SHARE_JOINS,
} from './native/batch-io.ts';
import { NativePort, type PortHandlers, type PortModules } from './native/native-port.ts';
import { systemError } from './native/system-error.ts';
import { encodeNextHops, type NextHop } from './next-hops.ts';
import type { Offload } from './offloads.ts';
import type { PortCounters, UdpPort } from './ports.ts';

// RFC 7348 section 5: "it is RECOMMENDED that the value be in the dynamic/private port range 49152-65535".
const SOURCE_PORT_MIN = 49_152;
const SOURCE_PORT_END = 65_536;

export interface UdpPortOptions {
  /** This VTEP's underlay address. All sockets are bound to it, so that peers see no other source address. */
  readonly address: IpAddress;
  /** UDP port to receive on; 0 lets the kernel choose (see `port`). */
  readonly port: number;
  /** Bytes of encapsulation before each frame. @default 8, the VXLAN header */
  readonly encapLength?: number;
  /** More give ECMP and receive queues more to spread by, and cost a descriptor each. 1 … 64. @default 16 */
  readonly sourceSockets?: number;
  /** Where the search for free source ports begins. @default random */
  readonly firstSourcePort?: number;
  /** Bytes of frames that may wait for this thread: larger rides out longer pauses. @default 8 MiB */
  readonly receiveBufferBytes?: number;
  /** Bytes, for each source socket, that may wait for the underlay device. @default 8 MiB */
  readonly sendBufferBytes?: number;
  /** Send several datagrams of one size to one VTEP at once (UDP_SEGMENT). @default true, where the kernel can */
  readonly segment?: boolean;
  /** Take several datagrams of one flow from the kernel in one message (UDP_GRO). @default true, where it can */
  readonly gro?: boolean;
  /** Merge received TCP segments into super-frames. @default true */
  readonly coalesceTcp?: boolean;
  /** The same for UDP datagrams inside. @default true */
  readonly coalesceUdp?: boolean;
  /**
   * Several of our ports may receive on the same UDP port: the first `founds` the group, further ones `join`. The kernel
   * gives all datagrams of one sender's source port to the same one. @default nobody else receives on the port
   */
  readonly share?: 'founds' | 'joins' | undefined;
  /**
   * Sockets of an earlier process, which belong to the port from now on, also when it cannot be opened. Those that are bound as its own would be are gone
   * on with, and nothing that waits in them is lost; others are closed. @default none
   */
  readonly passed?: readonly number[];
  /** For tests. @default none */
  readonly injected?: InjectedErrors;
}

/** Errnos that the kernel seems to answer with; 0 for none. */
interface InjectedErrors {
  /** To each send of more than one datagram. @default 0 */
  readonly segment?: number;
  /** To the question whether it knows UDP_SEGMENT; EBADMSG: what it cuts is wrong. @default 0 */
  readonly segmentProbe?: number;
  /** To each receive call while UDP_GRO is on. @default 0 */
  readonly gro?: number;
  /** To the request for UDP_GRO. @default 0 */
  readonly groProbe?: number;
  /** To each write to an injector. @default 0 */
  readonly tunnel?: number;
}

const MEBIBYTE = 1024 * 1024;

const SHARES = { founds: SHARE_FOUNDS, joins: SHARE_JOINS } as const;

/**
 * `counters` count bytes of UDP payload: encapsulation and frame. Frames can carry any `encapLength` when sent; received
 * ones have that of the options, or, if the datagram was shorter, its length (and `length` 0). When the kernel refuses to
 * cut (`udp-segment`: EIO or EINVAL), what it refused is sent datagram by datagram, as is everything from then on. When it
 * refuses to receive while UDP_GRO is on (`udp-gro`: EIO or EINVAL), that is turned off.
 */
export class NativeUdpPort implements UdpPort {
  /** The UDP port it receives on. */
  readonly port: number;
  /** What the kernel granted, in bytes; less than asked for without CAP_NET_ADMIN. */
  readonly receiveBufferBytes: number;
  readonly sendBufferBytes: number;
  /** The most datagrams of one send; 1 if the kernel cannot cut. */
  readonly segmentsPerSend: number;
  /** What was asked for and the kernel does not have. */
  readonly missing: readonly Offload[];
  readonly sourcePorts: readonly number[];
  /** The socket that receives, then those that send; they stay the port's. */
  readonly descriptors: readonly number[];
  private readonly native: NativePort;

  /**
   * Throws `conflict` if the port is taken, `unavailable` if the address is not on this machine, `not_permitted` for a
   * privileged port, `system` otherwise.
   */
  constructor(modules: PortModules, options: UdpPortOptions, handlers: PortHandlers) {
    const { segment = true, gro = true, injected = {} } = options;
    let info: readonly number[] = [];
    let descriptors: readonly number[] = [];
    this.native = new NativePort(modules, handlers, receiver => {
      const opened = batchIo.udpOpen(
        {
          address: ipToBytes(options.address),
          port: options.port,
          sourceSockets: options.sourceSockets ?? 16,
          firstSourcePort: options.firstSourcePort ?? randomInt(SOURCE_PORT_MIN, SOURCE_PORT_END),
          receiveBuffer: options.receiveBufferBytes ?? 8 * MEBIBYTE,
          sendBuffer: options.sendBufferBytes ?? 8 * MEBIBYTE,
          encapLength: options.encapLength ?? 8,
          segment: segment ? 1 : 0,
          gro: gro ? 1 : 0,
          coalesce:
            ((options.coalesceTcp ?? true) ? COALESCE_TCP : 0) |
            ((options.coalesceUdp ?? true) ? COALESCE_UDP : 0),
          injectedSegment: injected.segment ?? 0,
          injectedSegmentProbe: injected.segmentProbe ?? 0,
          injectedGro: injected.gro ?? 0,
          injectedGroProbe: injected.groProbe ?? 0,
          injectedTunnel: injected.tunnel ?? 0,
          passed: options.passed ?? [],
          share: options.share === undefined ? SHARE_ALONE : SHARES[options.share],
        },
        receiver,
      );
      if (opened < 0) throw openError(options, -opened);
      info = batchIo.udpInfo(opened as PortHandle) ?? [];
      descriptors = batchIo.udpDescriptors(opened as PortHandle) ?? [];
      return opened as PortHandle;
    });
    const [port = 0, receiveBuffer = 0, sendBuffer = 0, segments = 0, groOn = 0, ringOn = 0, ...sourcePorts] =
      info;
    this.port = port;
    this.receiveBufferBytes = receiveBuffer;
    this.sendBufferBytes = sendBuffer;
    this.segmentsPerSend = segments;
    const missing: Offload[] = [];
    if (segment && segments === 1) missing.push('udp-segment');
    if (gro && groOn === 0) missing.push('udp-gro');
    if ((modules.ring ?? true) && ringOn === 0) missing.push('io-uring');
    this.missing = missing;
    this.sourcePorts = sourcePorts;
    this.descriptors = descriptors;
  }

  get counters(): PortCounters {
    return this.native.counters;
  }

  get sourceSockets(): number {
    return this.sourcePorts.length;
  }

  /**
   * Replaces the next hops: frames name them by their place, from 1 (`FrameBatch.setNextHop`). TCP that names one leaves
   * through its injector, which has to stay open until it is in no such list any more; what an injector does not take
   * leaves by the sockets, as do frames that name none. An injector that fails (`tunnel-gso`) is not used again before
   * the next call; its descriptor is `counters.txTunnelLost`. Of several that fail in one batch, or before the next call,
   * only one is told: the others are tried again after that call, and told when they fail then.
   */
  setNextHops(hops: readonly NextHop[]): void {
    this.native.setNextHops(encodeNextHops(hops));
  }

  send(batch: FrameBatch, first: number, count: number): void {
    this.native.transmit(batch, first, count);
  }

  close(): void {
    this.native.close();
  }
}

function openError(options: UdpPortOptions, errno: number): WeftError {
  const { address, port } = options;
  switch (errno) {
    case constants.errno.EADDRINUSE:
      return systemError(`UDP port ${port} of ${address} is taken`, errno, {
        code: 'conflict',
        hint: `find its owner with "ss -ulnp sport = :${port}" (a kernel vxlan device shows no process), or set another vxlan.port`,
      });
    case constants.errno.EADDRNOTAVAIL:
      return systemError(`the underlay address ${address} is not on this machine`, errno, {
        code: 'unavailable',
        hint: 'set node.underlay to an address that "ip address" shows',
      });
    case constants.errno.EACCES:
    case constants.errno.EPERM:
      return systemError(`may not open UDP port ${port} of ${address}`, errno, {
        code: 'not_permitted',
        hint: 'run as root or with CAP_NET_BIND_SERVICE',
      });
    case constants.errno.ENOSPC:
      return systemError(`no free UDP source port from ${SOURCE_PORT_MIN} up on ${address}`, errno, {
        code: 'unavailable',
      });
    default:
      return systemError(`cannot open UDP port ${port} of ${address}`, errno);
  }
}
