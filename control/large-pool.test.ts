import { setImmediate } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { LAN_PROFILE } from './constants.ts';
import { suspicionBounds } from './suspicion.ts';
import { Cluster } from './testing/cluster.ts';
import { measureDeaths } from './testing/membership-figures.ts';
import { measureSpread } from './testing/record-latency.ts';

/** Five hundred nodes find each other in half a minute of a processor that has nothing else to do; a thousand take four times that. */
const { WEFT_POOL_NODES = '500' } = process.env;
const MEMBERS = Number(WEFT_POOL_NODES);

/** Nodes that know each other from the beginning need less. */
const COMPLETE = 1000;
/** So do those whose membership is given. */
const CARRIERS = 1000;

async function begin(t: ExecutionContext): Promise<void> {
  t.timeout(900_000);
  // For what was just said to be heard, before nothing is for long.
  await setImmediate();
}

test(`${MEMBERS} nodes start within ten seconds, 5 % loss: all find each other, and know a twentieth of them dead within the bound`, async t => {
  await begin(t);
  const cluster = new Cluster({ seed: 1, conditions: { loss: 0.05, delay: [0.2, 20] } });
  cluster.addPool(MEMBERS, { seeds: 3, spread: 10_000, forgetsEvents: true });
  cluster.run(10_000);
  const came = cluster.runUntil(() => cluster.isConverged(), 180_000, 1000);
  t.not(came, undefined, cluster.disagreements({ allowSuspects: true }).join());
  for (const node of cluster.nodes.slice(10, 10 + MEMBERS / 20)) node.crash();
  const { longest } = suspicionBounds(LAN_PROFILE, MEMBERS);
  const knew = cluster.runUntil(() => cluster.isConverged(), longest, 1000);
  t.not(knew, undefined, cluster.disagreements({ allowSuspects: true }).join());
  t.deepEqual(cluster.falseDeaths, []);
  t.log(`complete ${came} ms after the last start, deaths known by all after ${knew} ms`);
});

test(`${COMPLETE} nodes: deaths are known within the bound, and of those that stop for 30 s under 5 % loss nobody dies falsely`, async t => {
  await begin(t);
  const figures = measureDeaths({ size: COMPLETE, start: 'warm' });
  const { deathKnown, suspicion, unnoticed, falseDeaths } = figures;
  t.log(figures);
  t.is(unnoticed, 0);
  t.true(deathKnown.p99 <= suspicion.longest);
  t.deepEqual(falseDeaths, { victims: 0, byHealthy: 0, byStopped: 0 });
});

test(`${CARRIERS} nodes of one network: a container is known to 99 % of them within a second, to all in the end`, async t => {
  await begin(t);
  const [figures] = measureSpread([{ size: CARRIERS, claims: 5, churn: 0 }]);
  t.log(figures);
  t.is(figures?.missing, 0);
  t.true((figures?.claimToUsable.p99 ?? Number.NaN) <= 1000);
});
