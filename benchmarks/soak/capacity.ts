/** What one unlimited TCP stream carries, weft and the kernel's vxlan in turn: before and after the load. */

import type { Host } from '../../daemon/lab/host.ts';
import { iperf } from '../../daemon/lab/iperf.ts';
import { summarize } from '../statistics.ts';

export interface CapacityOptions {
  readonly rounds: number;
  /** Of each stream. */
  readonly seconds: number;
}

export interface Capacity {
  /** Mbit/s, one for each round. */
  readonly weft: readonly number[];
  readonly kernel: readonly number[];
}

interface Way {
  readonly client: Host;
  readonly server: Host;
  readonly address: string;
}

export async function measureCapacity(weft: Way, kernel: Way, options: CapacityOptions): Promise<Capacity> {
  const rate = async ({ client, server, address }: Way) =>
    (await iperf(client, server, address, { seconds: options.seconds })).bitsPerSecond / 1e6;
  const rates: { weft: number[]; kernel: number[] } = { weft: [], kernel: [] };
  for (let round = 0; round < options.rounds; round++) {
    rates.weft.push(await rate(weft));
    rates.kernel.push(await rate(kernel));
  }
  return rates;
}

/** weft by kernel, round by round: what slows the machine slows both. */
export function ratios({ weft, kernel }: Capacity): number[] {
  return weft.map((rate, i) => rate / (kernel[i] ?? Number.NaN));
}

/** By how much the ratio has changed, as a share of what it was; and whether the rounds of before and after overlap, so that it may be noise. */
export function drift(
  before: Capacity,
  after: Capacity,
): { readonly share: number; readonly overlaps: boolean } {
  const [then, now] = [summarize(ratios(before)), summarize(ratios(after))];
  return { share: now.median / then.median - 1, overlaps: now.max >= then.min && then.max >= now.min };
}
