import { randomInt } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import test from 'ava';
import { runIpamScenario } from './testing/ipam-scenario.ts';

/**
 * Eight seeds stay, so that a change shows, and WEFT_IPAM_SEEDS more are of today. One takes half a second. A failure names what
 * runs it again.
 */
const { WEFT_SEED, WEFT_IPAM_SEEDS = '8' } = process.env;
const first = randomInt(2 ** 30);
const seeds =
  WEFT_SEED === undefined
    ? [
        1,
        2,
        3,
        4,
        5,
        6,
        7,
        8,
        ...Array.from({ length: Number(WEFT_IPAM_SEEDS) }, (_, index) => first + index),
      ]
    : [Number(WEFT_SEED)];

// A run lets nothing else of its process have a turn: ava would hear of none before the last, and take that for a standstill.
test.beforeEach(() => nextTurn());

for (const seed of seeds) {
  test.serial(`the same with clocks that are a day off and are set; seed ${seed}`, async t => {
    const { problems, log } = await runIpamScenario({ seed, hasWrongClocks: true });
    if (problems.length > 0) t.log(log.join('\n'));
    t.true(log.some(line => line.includes('the clock of')));
    t.deepEqual(problems, [], `WEFT_SEED=${seed}`);
  });

  test.serial(`whatever happens, no two nodes that live have one address; seed ${seed}`, async t => {
    const { problems, log } = await runIpamScenario({ seed });
    if (problems.length > 0) t.log(log.join('\n'));
    t.deepEqual(problems, [], `WEFT_SEED=${seed}`);
  });
}
