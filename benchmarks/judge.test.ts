import test from 'ava';
import { judge } from './judge.ts';
import { METRICS } from './measures/catalogue.ts';
import type { Result } from './results.ts';
import { SCALE } from './scale-results.ts';
import { baseSubjects, PEERS } from './subjects/catalogue.ts';
import { TARGETS, type Target } from './targets.ts';
import { UNDERLAYS } from './underlays.ts';

const OF = { underlay: 'veth', metric: 'tcp-1' };
const RESULTS: readonly Result[] = [
  { ...OF, subject: 'weft tap', samples: [11, 12, 10] },
  { ...OF, subject: 'kernel vxlan', samples: [10, 10, 10] },
];

function verdict(target: Partial<Target>) {
  const whole = { title: '', ...OF, subject: 'weft tap', bound: { atLeast: 0 }, ...target };
  const [only] = judge([whole], RESULTS);
  return only;
}

test('a ratio meets a target that it reaches exactly, and misses it from the other side', t => {
  const against = 'kernel vxlan';
  t.like(verdict({ against, bound: { atLeast: 1.1 } }), {
    met: true,
    measured: { median: 1.1, min: 1, max: 1.2 },
  });
  t.is(verdict({ against, bound: { atLeast: 1.101 } })?.met, false);
  t.is(verdict({ against, bound: { atMost: 1.1 } })?.met, true);
  t.is(verdict({ against, bound: { atMost: 1.099 } })?.met, false);
});

test('without somebody to be held against, the value itself is', t => {
  t.like(verdict({ bound: { atMost: 11 } }), { met: true, measured: { median: 11, min: 10, max: 12 } });
  t.is(verdict({ bound: { atMost: 10 } })?.met, false);
});

test('what was not measured is neither met nor missed', t => {
  t.like(verdict({ against: 'tinc' }), { met: undefined, measured: undefined });
  t.like(verdict({ metric: 'udp-64' }), { met: undefined, measured: undefined });
});

test('every target speaks of something that is measured', t => {
  const subjects = [...baseSubjects([]), ...PEERS].map(({ name }) => name);
  for (const { title, underlay, metric, subject, against } of TARGETS) {
    // Those are measured by another program: scale-results.test.ts.
    if (underlay === SCALE) continue;
    t.true(
      UNDERLAYS.some(({ id }) => id === underlay),
      `${title}: ${underlay}`,
    );
    t.true(
      METRICS.some(({ id }) => id === metric),
      `${title}: ${metric}`,
    );
    t.true(subjects.includes(subject), `${title}: ${subject}`);
    t.true(against === undefined || subjects.includes(against), `${title}: ${against}`);
  }
});
