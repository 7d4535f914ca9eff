/** What the gossip benchmark measures over the number of nodes, and how figures of one pool become points of its curves. */
import type { MembershipFigures } from '../../control/testing/membership-figures.ts';
import type { TrafficFigures } from '../../control/testing/membership-traffic.ts';
import type { SpreadFigures } from '../../control/testing/record-latency.ts';
import type { MeasureInfo, Recorder } from '../scale/curve.ts';

/** A measure, and how its picture is drawn. */
export interface GossipMeasure extends MeasureInfo {
  /** For whoever reads the report. */
  readonly about: string;
  /** Of the ordinate; a curve that may be 0 is linear. */
  readonly scale: 'linear' | 'log';
}

export const MEMBERSHIP_IDLE = 'membership, idle';
export const MEMBERSHIP_CHURN = 'membership, a node leaves and one joins every 5 s';
export const WARM_IDLE = 'membership, complete pool, idle';
export const WARM_CHURN = 'membership, complete pool, a node leaves and one joins every 5 s';
export const RECORDS_IDLE = 'records, idle';
export const RECORDS_CHURN = 'records, 20 changes a second';

export const DEATH_P50 = 'known (p50)';
export const DEATH_P99 = 'known (p99)';
export const DEATH_ALL = 'known by all';
export const SUSPICION_SHORTEST = 'suspicion, confirmed by others';
export const SUSPICION_LONGEST = 'suspicion, confirmed by nobody';

export const FALSE_VICTIMS = 'healthy nodes that somebody held for dead';
export const FALSE_BY_HEALTHY = 'verdicts of healthy nodes on healthy nodes';
export const FALSE_BY_STOPPED = 'verdicts of stopped nodes on healthy nodes';

const LATENCY = { unit: 'ms', better: 'less', scale: 'log' } as const;

export const CLAIM_P50: GossipMeasure = {
  ...LATENCY,
  id: 'claim-p50',
  name: 'from attaching a container until half of the nodes can reach it',
  about: `Ten of the nodes have containers; a claim is usable at another node when its claimWon event is there. The one-way delay is
0.2 to 1 ms. A lost segment costs 200 ms, as with Linux's TCP.`,
};
export const CLAIM_P99: GossipMeasure = {
  ...LATENCY,
  id: 'claim-p99',
  name: 'from attaching a container until 99 % of the nodes can reach it',
  about:
    'As above. Up to 64 nodes are told directly; beyond, an epidemic reaches most, and anti-entropy each second the others.',
};
export const CLAIM_MISSING: GossipMeasure = {
  ...LATENCY,
  unit: 'pairs',
  scale: 'linear',
  id: 'claim-missing',
  name: 'pairs of claim and node that had not heard within 30 s',
  about: 'Of five claims and all other nodes.',
};
export const DEATH: GossipMeasure = {
  unit: 's',
  better: 'less',
  scale: 'linear',
  id: 'death',
  name: 'from a crash until it is known',
  about: `5 % of the nodes, at most ten, crash one after the other within seconds. A suspicion lasts between the two bounds, the shorter
the more others confirm it (Lifeguard, section IV-B); before it comes the probe that fails, after it a last one, and the gossip.`,
};
export const BYTES: GossipMeasure = {
  unit: 'bytes a second',
  better: 'less',
  scale: 'log',
  id: 'bytes',
  name: 'what a node sends',
  about: `Datagrams with their headers, frames with their lengths, and what is said on streams, without the headers of TCP. Records: all nodes
carry one network, of which ten have containers; the 20 changes a second, for three seconds, are of the whole pool. Each change has a node open
some twelve links; of those at rest the 256 that were used last stay open.

A push/pull, in which two nodes tell each other all members, is begun by each node every 30 s, in pools of more than 32 nodes less often: every
180 s at 1,000, every 300 s at 10,000. It is most of what membership sends in a large pool. Nodes that started together have their turns together
for long; a pool that has just come up is watched for half a minute of each, which at 1,000 holds the push/pulls of most nodes at rest, and of
next to none under churn. Hence the complete pools: their nodes all start with one list of members, which one node took from a push/pull, and have
their turns at times spread evenly over the interval; they are watched for half a minute of each too. The simulator holds what is the same at
all of their nodes once, so that there may be 10,000.`,
};
export const FALSE_DEATHS: GossipMeasure = {
  unit: 'number',
  better: 'less',
  scale: 'linear',
  id: 'false-deaths',
  name: 'false deaths',
  about: `5 % of all datagrams are lost, and 5 % of the nodes stop for 30 s, all at once; counted for 90 s. That the stopped ones are held
for dead is right. A false one is a node that was never stopped.`,
};

/** In the order of the report. */
export const MEASURES: readonly GossipMeasure[] = [
  CLAIM_P50,
  CLAIM_P99,
  CLAIM_MISSING,
  DEATH,
  FALSE_DEATHS,
  BYTES,
];

export function recordSpread(recorder: Recorder, { size, loss, ...figures }: SpreadFigures): void {
  const system = lossName(loss);
  recorder.add(CLAIM_P50, system, size, figures.claimToUsable.p50);
  recorder.add(CLAIM_P99, system, size, figures.claimToUsable.p99);
  recorder.add(CLAIM_MISSING, system, size, figures.missing);
  if (loss > 0) return;
  recorder.add(BYTES, RECORDS_IDLE, size, figures.idleBytes);
  recorder.add(BYTES, RECORDS_CHURN, size, figures.churnBytes);
}

export function recordMembership(recorder: Recorder, figures: MembershipFigures): void {
  const { size, deathKnown, suspicion, falseDeaths } = figures;
  recorder.add(BYTES, MEMBERSHIP_IDLE, size, figures.idleBytes);
  recorder.add(BYTES, MEMBERSHIP_CHURN, size, figures.churnBytes);
  for (const [system, ms] of [
    [DEATH_P50, deathKnown.p50],
    [DEATH_P99, deathKnown.p99],
    // Whoever did not come to know would be missing from the times of those who did.
    [DEATH_ALL, figures.unnoticed > 0 ? Number.POSITIVE_INFINITY : deathKnown.max],
    [SUSPICION_SHORTEST, suspicion.shortest],
    [SUSPICION_LONGEST, suspicion.expected < 1 ? suspicion.shortest : suspicion.longest],
  ] as const) {
    recorder.add(DEATH, system, size, ms / 1000);
  }
  recorder.add(FALSE_DEATHS, FALSE_VICTIMS, size, falseDeaths.victims);
  recorder.add(FALSE_DEATHS, FALSE_BY_HEALTHY, size, falseDeaths.byHealthy);
  recorder.add(FALSE_DEATHS, FALSE_BY_STOPPED, size, falseDeaths.byStopped);
}

export function recordTraffic(recorder: Recorder, { size, idleBytes, churnBytes }: TrafficFigures): void {
  recorder.add(BYTES, WARM_IDLE, size, idleBytes);
  recorder.add(BYTES, WARM_CHURN, size, churnBytes);
}

export function lossName(loss: number): string {
  return `${loss * 100} % loss`;
}
