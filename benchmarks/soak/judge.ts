/** The verdicts on a soak: pure arithmetic on its samples. */
import { summarize } from '../statistics.ts';
import { drift } from './capacity.ts';
import type { RestSample } from './rest.ts';
import type { Soak, Window } from './samples.ts';

export interface Verdict {
  readonly name: string;
  readonly target: string;
  readonly measured: string;
  readonly isMet: boolean;
}

const DELIVERED_SHARE = 0.05;
const CAPACITY_SHARE = 0.05;
const GROWTH_SHARE = 0.02;
const LOOP_DELAY_MS = 20;
/** Of all windows, those at the begin that do not count. */
const WARM_UP_SHARE = 0.2;

/** Why frames of a load like this are dropped and nobody misses one. */
interface Explanation {
  readonly why: string;
  /** How many may be, for each container that came, went or moved. @default as many as like */
  readonly perStep?: number;
}

/**
 * Every other reason is a fault; receive_queue_overflow too, for the bulk is half of what the path carries.
 * unknown_destination is what a kernel asks a neighbour that has just gone: three requests of ARP (ucast_solicit in arp(7)),
 * and the frame that was under way.
 */
export const EXPLAINED: Readonly<Record<string, Explanation>> = {
  no_destination: { why: 'broadcast in a network that nobody else carries' },
  hairpin: { why: 'the bridge floods what it does not know to the TAP that it came from' },
  split_horizon: { why: 'broadcast of another machine, which has sent it to all itself' },
  neighbor_suppressed: { why: 'ARP and ND that were answered here' },
  unknown_destination: { why: 'what is asked of a container that has just gone', perStep: 4 },
  source_claimed_elsewhere: { why: 'the first frame of a container, here before its claim', perStep: 1 },
  gossip_late_ack: { why: 'an answer that came late: of late threads the delay of the event loop tells' },
  gossip_late_answer: { why: 'as gossip_late_ack' },
};

/** What takes a container away from where it was. */
const STEPS = ['moves', 'visits'] as const;

export function warmUpWindows(windows: number): number {
  return Math.ceil(windows * WARM_UP_SHARE);
}

/** Largest distance of a value from the median, as a share of it. */
export function largestDeviation(values: readonly number[]): number {
  const { median, min, max } = summarize(values);
  return Math.max(max - median, median - min) / median;
}

/** From the median of the first quarter to that of the last, as a share. Throws RangeError for fewer than four values. */
export function growth(values: readonly number[]): number {
  const quarter = Math.floor(values.length / 4);
  if (quarter === 0) throw new RangeError('Cannot tell growth: there are fewer than four values');
  return summarize(values.slice(-quarter)).median / summarize(values.slice(0, quarter)).median - 1;
}

/** Reason → how many were dropped for it between the first and the last sample, summed over all daemons; without those that are explained. */
export function unexplainedDrops({ windows, done }: Pick<Soak, 'windows' | 'done'>): Map<string, number> {
  const totals = new Map<string, number>();
  const [first, last] = [windows[0], windows.at(-1)];
  for (const [i, { drops }] of (last?.daemons ?? []).entries()) {
    for (const [reason, frames] of Object.entries(drops)) {
      const more = frames - (first?.daemons[i]?.drops[reason] ?? 0);
      if (more > 0) totals.set(reason, (totals.get(reason) ?? 0) + more);
    }
  }
  const steps = STEPS.reduce((sum, step) => sum + (done[step] ?? 0), 0);
  return new Map([...totals].filter(([reason, frames]) => frames > allowed(EXPLAINED[reason], steps)));
}

function allowed(explanation: Explanation | undefined, steps: number): number {
  if (explanation === undefined) return 0;
  return explanation.perStep === undefined ? Number.POSITIVE_INFINITY : explanation.perStep * steps;
}

/** As in "a: descriptors 61 → 63". */
export function leftBehind({ before, after }: Soak['rest']): string[] {
  const keys = ['descriptors', 'threads', 'links', 'endpoints'] as const satisfies (keyof RestSample)[];
  return before.flatMap(then => {
    const now = after.find(({ node }) => node === then.node);
    return keys.flatMap(key =>
      now?.[key] === then[key] ? [] : [`${then.node}: ${key} ${then[key]} → ${now?.[key] ?? 'gone'}`],
    );
  });
}

export function judge(soak: Soak): Verdict[] {
  const counting = soak.windows.slice(soak.about.warmUpWindows);
  return [
    delivered(counting),
    capacity(soak),
    residentMemory(counting),
    loopDelay(counting),
    list('left behind', leftBehind(soak.rest)),
    list(
      'unexplained drops',
      [...unexplainedDrops(soak)].map(([reason, frames]) => `${reason} ${frames}`),
    ),
    list(
      'failures of the load',
      soak.mishaps.map(({ second, what }) => `${what} at ${second} s`),
    ),
  ];
}

function delivered(windows: readonly Window[]): Verdict {
  const rates = windows.map(({ deliveredMbit }) => deliveredMbit);
  const { median } = summarize(rates);
  const within = rates.filter(rate => Math.abs(rate - median) <= DELIVERED_SHARE * median).length;
  return {
    name: 'bulk delivered, each window of the median',
    target: `± ${percent(DELIVERED_SHARE)}`,
    measured: `± ${percent(largestDeviation(rates))}, ${within} of ${rates.length} windows within`,
    isMet: within === rates.length && median > 0,
  };
}

function capacity({ capacity: { before, after } }: Soak): Verdict {
  const { share, overlaps } = drift(before, after);
  const isSlower = share < -CAPACITY_SHARE;
  return {
    name: 'unlimited TCP, of kernel vxlan, end by begin',
    target: `≥ −${percent(CAPACITY_SHARE)}, or within the spread of the rounds`,
    measured: `${signed(share)}${overlaps ? ', within the spread' : ''}`,
    isMet: !isSlower || overlaps,
  };
}

function residentMemory(windows: readonly Window[]): Verdict {
  const nodes = windows[0]?.daemons.map(({ node }) => node) ?? [];
  const shares = nodes.map((_, i) => growth(windows.map(({ daemons }) => daemons[i]?.rssMb ?? Number.NaN)));
  return {
    name: 'resident memory, last quarter by first, after the warm-up',
    target: `≤ ${percent(GROWTH_SHARE)}`,
    measured: nodes.map((node, i) => `${node} ${signed(shares[i] ?? Number.NaN)}`).join(', '),
    isMet: shares.length > 0 && shares.every(share => share <= GROWTH_SHARE),
  };
}

/** The worst minute of the worst daemon. */
function loopDelay(windows: readonly Window[]): Verdict {
  const delays = windows.flatMap(({ daemons }) => daemons.map(({ loopDelayP99Ms }) => loopDelayP99Ms));
  const worst = Math.max(...delays);
  return {
    name: 'delay of the event loop, p99 of the worst minute',
    target: `≤ ${LOOP_DELAY_MS} ms`,
    measured: `${worst.toFixed(1)} ms`,
    isMet: delays.length > 0 && worst <= LOOP_DELAY_MS,
  };
}

function list(name: string, items: readonly string[]): Verdict {
  const shown = items.slice(0, 5).join(', ');
  const more = items.length > 5 ? `, and ${items.length - 5} more` : '';
  return {
    name,
    target: 'none',
    measured: items.length === 0 ? 'none' : `${shown}${more}`,
    isMet: items.length === 0,
  };
}

function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.1 && !Number.isInteger(share * 100) ? 1 : 0)} %`;
}

function signed(share: number): string {
  return `${share < 0 ? '−' : '+'}${(Math.abs(share) * 100).toFixed(1)} %`;
}
