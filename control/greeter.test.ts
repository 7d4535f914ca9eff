import test from 'ava';
import { parseIp } from '../dataplane/address.ts';
import { ManualClock } from '../dataplane/testing/manual-clock.ts';
import { Greeter } from './greeter.ts';
import { Cluster } from './testing/cluster.ts';

test('Greeter: the first node of a pool, started again with no memory and nobody to join, is back within seconds', t => {
  for (let seed = 1; seed <= 10; seed++) {
    const cluster = new Cluster({ seed });
    const first = cluster.add({ name: 'first' }).start();
    const others = ['b', 'c'].map(name => cluster.add({ name, join: ['10.0.0.1'] }).start());
    cluster.run(20_000 + 333 * seed);
    t.true(cluster.isConverged(), `seed ${seed}`);
    first.crash();
    cluster.run(500);
    first.start();
    const took = cluster.runUntil(
      () =>
        others.every(({ name }) => first.sees(name)?.state === 'alive') &&
        others.every(other => other.sees('first')?.state === 'alive'),
      60_000,
    );
    t.true((took ?? 1e9) <= 5000, `seed ${seed}: ${took} ms`);
  }
});

test('Greeter: strangers open one stream at a time and one a second, and none to where they did not ping from', t => {
  const clock = new ManualClock();
  const greeted: string[] = [];
  const finished: (() => void)[] = [];
  const known = { address: parseIp('10.0.0.5'), port: 7946 };
  const greeter = new Greeter({
    clock,
    table: { at: endpoint => (endpoint.address === known.address ? {} : undefined) },
    local: { leaving: false },
    exchanger: {
      exchange: (to, _, done) => {
        greeted.push(to.address);
        finished.push(() => done(undefined));
      },
    },
  });
  const stranger = (n: number) => ({ address: parseIp(`10.0.0.${n}`), port: 7946 });
  greeter.heard(known, known);
  greeter.heard(stranger(8), stranger(9));
  t.deepEqual(greeted, []);
  for (let n = 10; n < 60; n++) greeter.heard(stranger(n), { ...stranger(n), port: 40_000 });
  t.deepEqual(greeted, ['10.0.0.10']);
  clock.advance(1500);
  greeter.heard(stranger(11), stranger(11));
  t.deepEqual(greeted, ['10.0.0.10'], 'the first is not done yet');
  finished.pop()?.();
  greeter.heard(stranger(11), stranger(11));
  finished.pop()?.();
  greeter.heard(stranger(12), stranger(12));
  t.deepEqual(greeted, ['10.0.0.10', '10.0.0.11'], 'not twice in one second');
});
