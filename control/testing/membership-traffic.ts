/** What the nodes of a pool send for membership, at rest and while some come and go. */
import { LAN_PROFILE } from '../constants.ts';
import { pushPullWait } from '../exchanger.ts';
import type { SimulatedNode } from './cluster.ts';
import { MembershipPool, type PoolOptions, type PoolStart } from './membership-pool.ts';

const CHURN_INTERVAL = 5000;
const WARM_WINDOW = 30_000;

/** In bytes a second and node: datagrams with their headers, and what is said on streams. */
export interface TrafficFigures {
  readonly size: number;
  readonly idleBytes: number;
  /** While every 5 s one node leaves and one joins. */
  readonly churnBytes: number;
}

/**
 * A warm pool is watched for half a minute of each. In a cold one, nodes that started together push/pull together for long, so half a minute sees all of
 * them or none: it is watched for the whole interval of push/pull, in which every node has its turn once.
 */
export function measureTraffic(options: PoolOptions & { readonly start: PoolStart }): TrafficFigures {
  const { size, start } = options;
  const pool = new MembershipPool(options);
  pool.start(start);
  const window = start === 'warm' ? WARM_WINDOW : pushPullWait(LAN_PROFILE.pushPullInterval, size);
  return { size, idleBytes: idleBytes(pool, window), churnBytes: churnBytes(pool, window) };
}

export function idleBytes(pool: MembershipPool, ms: number): number {
  return bytesPerSecond(pool, () => pool.cluster.run(ms));
}

/** Every few seconds one node leaves, and that which left before it joins. */
export function churnBytes(pool: MembershipPool, ms: number): number {
  return bytesPerSecond(pool, () => {
    let absent: SimulatedNode | undefined;
    for (let passed = 0; passed < ms; passed += CHURN_INTERVAL) {
      absent?.start();
      [absent] = pool.some(1);
      absent?.leave();
      pool.cluster.run(CHURN_INTERVAL);
    }
  });
}

function bytesPerSecond({ cluster: { clock, network }, size }: MembershipPool, action: () => void): number {
  const before = { bytes: network.datagramBytes + network.streamBytes, at: clock.now() };
  action();
  const seconds = (clock.now() - before.at) / 1000;
  return (network.datagramBytes + network.streamBytes - before.bytes) / (size * seconds);
}
