import test from 'ava';
import { measureSpread } from '../testing/record-latency.ts';

test('the measurement of the spread counts every node, told directly or by the epidemic', t => {
  const figures = measureSpread([
    { size: 12, claims: 3 },
    { size: 70, claims: 2, loss: 0.05 },
  ]);
  for (const { missing, claimToUsable, idleBytes, churnBytes } of figures) {
    t.is(missing, 0);
    t.true(claimToUsable.p50 > 0 && claimToUsable.max >= claimToUsable.p99);
    t.true(churnBytes > idleBytes && idleBytes > 0);
  }
  t.log(figures);
});
