/** What a device sends kept to a rate: the queueing discipline tbf (tc-tbf(8)) at its root. */
import type { NetnsPath } from './run.ts';
import { changeTraffic, listTraffic } from './traffic-control.ts';

export interface TokenBucket {
  /** Bits in a second; the kernel counts whole bytes. */
  readonly rate: number;
  /** Bytes that may go at once. A frame that is larger is dropped, a super-frame cut into its segments (net/sched/sch_tbf.c). */
  readonly burst: number;
  /** Bytes that wait; what comes beyond is dropped. */
  readonly limit: number;
}

/** Puts it in the place of whatever is at the root; again changes nothing. Throws as changeTraffic does. */
export async function setTokenBucket(
  dev: string,
  { rate, burst, limit }: TokenBucket,
  netns?: NetnsPath,
): Promise<void> {
  const line = `qdisc replace dev ${dev} root tbf rate ${rate}bit burst ${burst} limit ${limit}`;
  await changeTraffic([line], netns, `limit ${dev} to ${rate} bit/s`);
}

interface RootQdisc {
  readonly kind?: string;
  readonly root?: boolean;
  readonly options?: { readonly rate?: number };
}

/** Whether the device keeps to that rate, in bits in a second. What the kernel tells of bursts is cut to 32 bits, and no proof. */
export async function hasTokenBucket(dev: string, rate: number, netns?: NetnsPath): Promise<boolean> {
  const qdiscs = (await listTraffic(['qdisc', 'show', 'dev', dev], netns)) as readonly RootQdisc[];
  return qdiscs.some(
    ({ kind, root, options }) => kind === 'tbf' && root === true && options?.rate === Math.floor(rate / 8),
  );
}
