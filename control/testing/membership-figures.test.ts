import test from 'ava';
import { measureMembership } from './membership-figures.ts';

for (const start of ['cold', 'warm'] as const)
  test(`the measurement of membership sees every death, and no false one; ${start}`, t => {
    const figures = measureMembership({ size: 20, start });
    const { deathKnown, suspicion, idleBytes, churnBytes, unnoticed, falseDeaths } = figures;
    t.is(unnoticed, 0);
    t.true(deathKnown.p50 >= suspicion.shortest && deathKnown.max <= suspicion.longest);
    t.true(churnBytes > idleBytes && idleBytes > 0);
    t.deepEqual(falseDeaths, { victims: 0, byHealthy: 0, byStopped: 0 });
    t.log(figures);
  });
