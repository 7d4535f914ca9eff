import test from 'ava';
import { MembershipPool } from './membership-pool.ts';
import { measureTraffic } from './membership-traffic.ts';

test('a warm pool agrees from the beginning, as one that has come up by itself', t => {
  const pool = new MembershipPool({ size: 40 });
  pool.start('warm');
  t.is(pool.cluster.running.length, 40);
  t.deepEqual(pool.cluster.disagreements(), []);
});

test('a node of a warm pool that crashes is known to be dead', t => {
  const pool = new MembershipPool({ size: 40 });
  pool.start('warm');
  pool.some(1)[0]?.crash();
  const after = pool.cluster.runUntil(() => pool.cluster.isConverged(), 60_000, 1000);
  t.true(after !== undefined && after > 0);
  t.deepEqual(pool.cluster.falseDeaths, []);
});

test('a warm pool sends what a cold one does', t => {
  const [warm, cold] = (['warm', 'cold'] as const).map(start => measureTraffic({ size: 64, start }));
  t.log({ warm, cold });
  for (const key of ['idleBytes', 'churnBytes'] as const) {
    const share = (warm?.[key] ?? Number.NaN) / (cold?.[key] ?? Number.NaN);
    t.true(share > 0.95 && share < 1.05, `${key}: ${share}`);
  }
});
