/** What the dataplane knows of injectors, with a dataplane that refuses when the test says so. */
import test from 'ava';
import { parseIp, parseMac, type VtepAddress } from '../../dataplane/address.ts';
import type { NextHopSpec } from '../../dataplane/commands.ts';
import type { Dataplane, DataplaneCommands } from '../../dataplane/dataplane.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { ToldHops } from './told-hops.ts';

const MAC = parseMac('02:00:5e:10:00:01');
const HOP: NextHopSpec = {
  vtep: parseIp('192.0.2.2') as VtepAddress,
  injector: 'wi2',
  fd: 42,
  mtu: 1500,
  source: MAC,
  destination: MAC,
};

class FakeDataplane {
  readonly told: (readonly NextHopSpec[])[] = [];
  failure: Error | undefined;

  readonly run = (async (_name, args) => {
    this.told.push((args as DataplaneCommands['setNextHops']).hops);
    if (this.failure !== undefined) throw this.failure;
    return undefined;
  }) as Dataplane['run'];
}

test('hops are told when they differ from those in force', async t => {
  const dataplane = new FakeDataplane();
  const hops = new ToldHops({ dataplane });
  t.false(await hops.tell([]), 'a dataplane begins without any');
  t.true(await hops.tell([HOP]));
  t.false(await hops.tell([{ ...HOP }]));
  t.true(await hops.tell([{ ...HOP, mtu: 1400 }]));
  t.deepEqual(
    dataplane.told.map(list => list.map(({ mtu }) => mtu)),
    [[1500], [1400]],
  );
});

test('a descriptor may be in use from before it is told until a list without it is in force', async t => {
  const dataplane = new FakeDataplane();
  const hops = new ToldHops({ dataplane });
  t.false(hops.mayUse(42));
  const telling = hops.tell([HOP]);
  t.true(hops.mayUse(42));
  await telling;
  t.true(hops.mayUse(42));
  t.false(hops.mayUse(43));
  await hops.tell([]);
  t.false(hops.mayUse(42));
});

test('after a refusal nothing is taken as known: the same list, or none, is told again', async t => {
  const dataplane = new FakeDataplane();
  const hops = new ToldHops({ dataplane });
  dataplane.failure = new WeftError('system', 'out of memory');
  await t.throwsAsync(hops.tell([HOP]), { message: 'out of memory' });
  t.deepEqual(hops.hops, []);
  t.true(hops.mayUse(42), 'a worker may have taken it');
  dataplane.failure = undefined;
  t.true(await hops.tell([]), 'although none were in force before');
  t.false(hops.mayUse(42));
  t.is(dataplane.told.length, 2);
});
