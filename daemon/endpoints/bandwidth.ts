/** Rates that the interface of a container keeps to, each way. All functions here are pure. */
import * as z from 'zod';
import { WeftError } from '../../dataplane/errors.ts';
import { describe, numberLeaf } from '../leaf.ts';
import type { TokenBucket } from '../net/token-bucket.ts';

/** One way. */
export interface RateLimit {
  /** Bits in a second. */
  readonly rate: number;
  /** Bits that may go at once after a pause. */
  readonly burst: number;
}

/** The ways are those of CNI: as the container sees them. What has no limit is left out. */
export interface Bandwidth {
  /** What goes to the container. */
  readonly ingress?: RateLimit | undefined;
  /** What comes from it. */
  readonly egress?: RateLimit | undefined;
}

/** The rates that Kubernetes takes too (kubernetes.io/ingress-bandwidth): from 1k to 1P. A lower one is a mistake in the unit. */
const MIN_RATE = 1000;
const MAX_RATE = 1e15;

/** linux/pkt_sched.h has sizes of 32 bits, in bytes: TCA_TBF_BURST, and `limit` of struct tc_tbf_qopt. */
const MAX_BYTES = 0xffff_ffff;

/** Two super-frames of 64 KiB: so many bytes go at once whatever the rate, and no frame is cut up for its length. */
const MIN_DEFAULT_BURST = 128 * 1024;

/** By default what the rate sends within this time, in seconds, may go at once. */
const BURST_TIME = 0.01;

/** Frames wait about this long before one is dropped, in seconds. */
const QUEUE_TIME = 0.05;

/** A super-frame that waits has to find room, and another one behind it. */
const MIN_QUEUE = 128 * 1024;

/** ETH_HLEN and VLAN_HLEN of linux/if_ether.h and linux/if_vlan.h. */
const FRAME_OVERHEAD = 14 + 4;

const rateLimit = z
  .strictObject({
    rate: numberLeaf('a rate in bits per second', MIN_RATE, MAX_RATE),
    burst: numberLeaf('a burst in bits', 1, 8 * MAX_BYTES).optional(),
  })
  .transform(({ rate, burst = defaultBurst(rate) }): RateLimit => ({ rate, burst }));

/** Of a request, or of the record on disk. */
export const bandwidthSchema = z.strictObject({
  ingress: rateLimit.optional(),
  egress: rateLimit.optional(),
});

/** In bits, for whoever names only a rate. */
export function defaultBurst(rate: number): number {
  return Math.min(8 * MAX_BYTES, Math.max(8 * MIN_DEFAULT_BURST, Math.ceil(rate * BURST_TIME)));
}

/** What the kernel is told. A frame always fits, also where the burst is smaller. `mtu`: of the interface. */
export function tokenBucket({ rate, burst }: RateLimit, mtu: number): TokenBucket {
  return {
    rate,
    burst: Math.min(MAX_BYTES, Math.max(Math.floor(burst / 8), mtu + FRAME_OVERHEAD)),
    limit: Math.min(MAX_BYTES, Math.max(MIN_QUEUE, Math.ceil((rate / 8) * QUEUE_TIME))),
  };
}

export function hasLimits({ ingress, egress }: Bandwidth): boolean {
  return ingress !== undefined || egress !== undefined;
}

/** Canonical text, to compare by. */
export function bandwidthKey({ ingress, egress }: Bandwidth = {}): string {
  return [ingress, egress].map(limit => `${limit?.rate ?? ''}/${limit?.burst ?? ''}`).join();
}

const UNITS: Readonly<Record<string, number>> = { bit: 1, kbit: 1e3, mbit: 1e6, gbit: 1e9, tbit: 1e12 };

/** `100mbit`, `1.5gbit`: the units of tc(8), powers of 1000; without one bits. Throws `invalid_argument`. */
export function parseRate(text: string): number {
  const [, figure, unit = 'bit'] = /^(\d+(?:\.\d+)?)([a-z]+)?$/.exec(text.toLowerCase()) ?? [];
  const rate = Math.round(Number(figure) * (UNITS[unit] ?? Number.NaN));
  if (rate >= MIN_RATE && rate <= MAX_RATE) return rate;
  throw new WeftError('invalid_argument', `${describe(text)} is not a rate`, {
    hint: 'write it as in 500kbit, 100mbit or 1.5gbit, from 1kbit to 1000tbit',
  });
}
