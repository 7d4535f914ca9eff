import test from 'ava';
import fc from 'fast-check';
import { BROADCAST_MAC, type MacAddress, macHigh, macLow } from './address.ts';
import { systemClock } from './clock.ts';
import { WeftError } from './errors.ts';
import { type Destination, ForwardingTable, type LearnResult } from './forwarding-table.ts';
import { UNDER_WAY_MS } from './withdrawn-stations.ts';

type Where = Destination<string, string>;

const PORT: Where = { kind: 'port', port: 'tap0' };
const VTEP_2: Where = { kind: 'vtep', vtep: '192.0.2.2' };
const VTEP_3: Where = { kind: 'vtep', vtep: '192.0.2.3' };

function mac(n: number): MacAddress {
  return (0x02005e100000 + n) as MacAddress;
}

function learn(table: ForwardingTable<string, string>, address: MacAddress, where: Where): LearnResult {
  return table.learn(macHigh(address), macLow(address), where);
}

function lookup(table: ForwardingTable<string, string>, address: MacAddress): Where | undefined {
  return table.lookup(macHigh(address), macLow(address));
}

class SteppedTime {
  readonly ms = new Float64Array(1);

  now(): number {
    return this.ms[0] ?? 0;
  }
  advance(ms: number): void {
    this.ms[0] = this.now() + ms;
  }
}

function setUp(options: { maxLearned?: number; ageingMs?: number } = {}) {
  const clock = new SteppedTime();
  const table = new ForwardingTable<string, string>({ clock, time: clock }, { maxLearned: 100, ...options });
  return { clock, table };
}

test('learn() then lookup(): new, refreshed, moved; the same object comes back', t => {
  const { table } = setUp();
  t.is(lookup(table, mac(1)), undefined);
  t.is(learn(table, mac(1), VTEP_2), 'new');
  t.is(lookup(table, mac(1)), VTEP_2);
  t.is(learn(table, mac(1), VTEP_2), 'refreshed');
  t.is(learn(table, mac(1), VTEP_3), 'moved');
  t.is(lookup(table, mac(1)), VTEP_3);
  t.is(table.size, 1);
});

test('learn(): destinations are compared by identity', t => {
  const { table } = setUp();
  learn(table, mac(1), VTEP_2);
  t.is(learn(table, mac(1), { ...VTEP_2 }), 'moved');
});

test('learn() refuses group addresses and zero', t => {
  const { table } = setUp();
  for (const bad of [BROADCAST_MAC, 0 as MacAddress, 0x01005e0000fb as MacAddress]) {
    t.is(learn(table, bad, VTEP_2), 'refused');
    t.is(lookup(table, bad), undefined);
  }
});

test('ageing: an entry lives 300 s after its last frame as a source, and a lookup is no such frame', t => {
  const { clock, table } = setUp();
  learn(table, mac(1), VTEP_2);
  clock.advance(200_000);
  t.is(learn(table, mac(1), VTEP_2), 'refreshed');
  clock.advance(299_999);
  t.is(lookup(table, mac(1)), VTEP_2);
  clock.advance(2);
  t.is(lookup(table, mac(1)), undefined);
  t.is(table.size, 0);
  t.deepEqual([...table.entries()], []);
  t.is(learn(table, mac(1), VTEP_2), 'new');
});

test('ageing: works for what is learned at time 0, and for another ageing time', t => {
  const { clock, table } = setUp({ ageingMs: 1500 });
  learn(table, mac(1), VTEP_2);
  clock.advance(1500);
  t.is(lookup(table, mac(1)), VTEP_2);
  clock.advance(1);
  t.is(lookup(table, mac(1)), undefined);
});

test('ageing: refreshing is at most a second coarse', t => {
  const { clock, table } = setUp();
  learn(table, mac(1), VTEP_2);
  clock.advance(999);
  learn(table, mac(1), VTEP_2);
  t.deepEqual(
    [...table.entries()].map(entry => entry.ageMs),
    [999],
    'not written: less than a second old',
  );
  clock.advance(1);
  learn(table, mac(1), VTEP_2);
  t.deepEqual(
    [...table.entries()].map(entry => entry.ageMs),
    [0],
  );
});

test('a move is taken at once, also within the second in which refreshes are not written', t => {
  const { clock, table } = setUp();
  learn(table, mac(1), VTEP_2);
  clock.advance(1);
  t.is(learn(table, mac(1), VTEP_3), 'moved');
  clock.advance(300_000);
  t.is(lookup(table, mac(1)), VTEP_3);
});

test('limit: the entry least recently seen as a source goes first; lookups do not count', t => {
  const { clock, table } = setUp({ maxLearned: 3 });
  for (const n of [1, 2, 3]) {
    learn(table, mac(n), VTEP_2);
    clock.advance(2000);
  }
  learn(table, mac(1), VTEP_2);
  t.is(lookup(table, mac(2)), VTEP_2);
  t.is(learn(table, mac(4), VTEP_2), 'new');
  t.is(table.size, 3);
  t.is(lookup(table, mac(2)), undefined);
  for (const n of [1, 3, 4]) t.is(lookup(table, mac(n)), VTEP_2);
});

test('limit: 10^5 forged sources do not push out a fixed entry', t => {
  const { table } = setUp({ maxLearned: 64 });
  table.setFixed(mac(1), PORT, 'attached');
  for (let n = 2; n < 100_000; n++) learn(table, mac(n), VTEP_2);
  t.is(lookup(table, mac(1)), PORT);
  t.is(table.size, 65);
});

test('fixed entries neither age nor yield to learning', t => {
  const { clock, table } = setUp();
  learn(table, mac(1), VTEP_2);
  table.setFixed(mac(1), PORT, 'attached');
  t.is(lookup(table, mac(1)), PORT);
  t.is(learn(table, mac(1), VTEP_2), 'refused');
  t.is(learn(table, mac(1), PORT), 'refreshed');
  clock.advance(10_000_000);
  t.is(lookup(table, mac(1)), PORT);
  t.is(table.size, 1);
});

test('removeFixed() forgets the entry and lets learning begin again; with an origin, only its own', t => {
  const { table } = setUp();
  table.setFixed(mac(1), PORT, 'attached');
  t.false(table.removeFixed(mac(1), 'gossip'));
  t.is(lookup(table, mac(1)), PORT);
  t.true(table.removeFixed(mac(1), 'attached'));
  t.false(table.removeFixed(mac(1)));
  t.is(lookup(table, mac(1)), undefined);
  t.is(learn(table, mac(1), VTEP_2), 'new');
});

test('what gossip takes away is not learned from frames that are under way, here or by another table', t => {
  const { clock, table } = setUp();
  table.setFixed(mac(1), VTEP_2, 'gossip');
  t.true(table.removeFixed(mac(1), 'gossip'));
  t.is(learn(table, mac(1), VTEP_2), 'late');
  t.false(table.adopt(mac(1), VTEP_2, clock.now()));
  t.is(table.size, 0);
  t.is(learn(table, mac(1), VTEP_3), 'new', 'from elsewhere it is news');
  t.is(learn(table, mac(1), VTEP_2), 'late', 'and it has not moved back');
  t.is(lookup(table, mac(1)), VTEP_3);
  table.setFixed(mac(1), VTEP_2, 'gossip');
  table.removeFixed(mac(1), 'gossip');
  clock.advance(UNDER_WAY_MS - 5);
  t.true(table.adopt(mac(1), VTEP_2, clock.now()), 'another table heard of it some milliseconds before');
  table.forget(() => true);
  clock.advance(5);
  t.is(learn(table, mac(1), VTEP_2), 'new');
});

test('setFixed() replaces a fixed entry', t => {
  const { table } = setUp();
  table.setFixed(mac(1), VTEP_2, 'gossip');
  table.setFixed(mac(1), VTEP_3, 'static');
  t.deepEqual([...table.entries()], [{ mac: mac(1), destination: VTEP_3, origin: 'static', ageMs: 0 }]);
});

test('forget() flushes what is behind a VTEP, fixed and learned, and nothing else', t => {
  const { table } = setUp();
  for (let n = 0; n < 50; n++) learn(table, mac(n), n % 2 === 0 ? VTEP_2 : VTEP_3);
  table.setFixed(mac(100), VTEP_2, 'gossip');
  table.setFixed(mac(101), PORT, 'attached');
  t.is(
    table.forget(destination => destination === VTEP_2),
    26,
  );
  t.is(table.size, 26);
  t.true([...table.entries()].every(entry => entry.destination !== VTEP_2));
  t.is(
    table.forget((_, __, origin) => origin === 'learned'),
    25,
  );
  t.is(lookup(table, mac(101)), PORT);
});

test('entries() tells address, place, origin and age', t => {
  const { clock, table } = setUp();
  table.setFixed(mac(1), PORT, 'attached');
  clock.advance(500);
  learn(table, mac(2), VTEP_2);
  clock.advance(250);
  t.deepEqual(
    [...table.entries()],
    [
      { mac: mac(1), destination: PORT, origin: 'attached', ageMs: 750 },
      { mac: mac(2), destination: VTEP_2, origin: 'learned', ageMs: 250 },
    ],
  );
});

test('no timer is started: nothing of the table keeps the process awake', t => {
  const timers = () => process.getActiveResourcesInfo().filter(kind => kind === 'Timeout').length;
  const before = timers();
  const table = new ForwardingTable<string, string>(
    { clock: systemClock, time: new SteppedTime() },
    { maxLearned: 10 },
  );
  for (let n = 1; n < 50; n++) learn(table, mac(n), VTEP_2);
  lookup(table, mac(49));
  t.is(table.size, 10);
  t.is(timers(), before);
});

test('constructor: limits that are no positive integers are refused', t => {
  for (const options of [
    { maxLearned: 0 },
    { maxLearned: -1 },
    { maxLearned: 1.5 },
    { maxLearned: Number.NaN },
    { ageingMs: 0 },
  ]) {
    const error = t.throws(() => setUp(options), { instanceOf: WeftError });
    t.is(error.code, 'invalid_argument');
  }
});

test('any history: the table answers as a list of last sightings would', t => {
  const step = fc.oneof(
    fc.record({
      do: fc.constant('learn' as const),
      n: fc.integer({ min: 1, max: 8 }),
      to: fc.constantFrom(VTEP_2, VTEP_3),
    }),
    fc.record({ do: fc.constant('fix' as const), n: fc.integer({ min: 1, max: 8 }) }),
    fc.record({ do: fc.constant('unfix' as const), n: fc.integer({ min: 1, max: 8 }) }),
    // Whole seconds: within one, a refresh may go unwritten.
    fc.record({ do: fc.constant('wait' as const), n: fc.integer({ min: 1, max: 200 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), steps => {
      const { clock, table } = setUp();
      const model = new Map<number, { to: Where; seen: number; isFixed: boolean }>();
      for (const action of steps) {
        const known = model.get(action.n);
        if (action.do === 'wait') clock.advance(action.n * 1000);
        else if (action.do === 'fix') {
          table.setFixed(mac(action.n), PORT, 'static');
          model.set(action.n, { to: PORT, seen: 0, isFixed: true });
        } else if (action.do === 'unfix') {
          table.removeFixed(mac(action.n));
          if (known?.isFixed) model.delete(action.n);
        } else {
          learn(table, mac(action.n), action.to);
          if (!known?.isFixed) model.set(action.n, { to: action.to, seen: clock.now(), isFixed: false });
        }
        for (let n = 1; n <= 8; n++) {
          const entry = model.get(n);
          const isLive = entry !== undefined && (entry.isFixed || clock.now() - entry.seen <= 300_000);
          if (lookup(table, mac(n)) !== (isLive ? entry.to : undefined)) return false;
        }
      }
      return true;
    }),
    { seed: 300, numRuns: 500 },
  );
  t.pass();
});
