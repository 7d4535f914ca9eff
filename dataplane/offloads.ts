/**
 * The offloads that weft asks of the kernel, and how each of them can stand. Every one is a rung of its own: it is probed
 * when the daemon starts, switched off alone by the configuration, or given up while running when the kernel refuses what
 * it promised. What it carried is then done without it, at a higher cost; no frame is lost.
 */
import type { Vni } from './address.ts';

export const OFFLOADS = ['udp-segment', 'udp-gro', 'tap-tso', 'tap-uso', 'tunnel-gso', 'io-uring'] as const;

/**
 * - `udp-segment`: one send carries many datagrams, which the kernel cuts apart (UDP_SEGMENT).
 * - `udp-gro`: the kernel hands over many datagrams in one message (UDP_GRO), and what they bring is merged.
 * - `tap-tso`: TCP super-frames cross a TAP whole, both ways (TUN_F_TSO4, TUN_F_TSO6, TUN_F_TSO_ECN).
 * - `tap-uso`: UDP super-frames do (TUN_F_USO4, TUN_F_USO6).
 * - `tunnel-gso`: an encapsulated super-frame leaves in one write (TUN_F_UDP_TUNNEL_GSO).
 * - `io-uring`: the reads, writes and sends of one batch share a system call (io_uring).
 */
export type Offload = (typeof OFFLOADS)[number];

/**
 * - `on`: used.
 * - `off`: the configuration forbids it.
 * - `unavailable`: this kernel or device does not have it, as the probe at the start has shown; for `tunnel-gso`, as the
 *   underlay devices are now.
 * - `lost`: it was used until the kernel refused it, and is not tried again on that port.
 */
export type OffloadState = 'on' | 'off' | 'unavailable' | 'lost';

/** What the configuration says of one. */
export const OFFLOAD_SWITCHES = ['auto', 'off'] as const;
export type OffloadSwitch = (typeof OFFLOAD_SWITCHES)[number];

type Underscored<Name> = Name extends `${infer Head}-${infer Tail}` ? `${Head}_${Tail}` : never;

/** How an offload is called as a key, in the configuration and in JSON: `udp_segment`. */
export type OffloadKey = Underscored<Offload>;

export function offloadKey(offload: Offload): OffloadKey {
  return offload.replace('-', '_') as OffloadKey;
}

/** An offload was given up while running. */
export interface OffloadLost {
  readonly offload: Offload;
  /** The port and its network; null for what belongs to the underlay. */
  readonly port: string | null;
  readonly vni: Vni | null;
  /** Positive. */
  readonly errno: number;
}
