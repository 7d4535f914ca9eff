/** Forwarding tables that tell each other what they learn, as those of several workers do. */
import test from 'ava';
import fc from 'fast-check';
import { type MacAddress, macHigh, macLow } from './address.ts';
import { type Destination, ForwardingTable } from './forwarding-table.ts';
import { ManualClock } from './testing/manual-clock.ts';
import { timeOf } from './testing/manual-time.ts';

type Where = Destination<string, string>;

const PORT: Where = { kind: 'port', port: 'tap0' };
const VTEP_2: Where = { kind: 'vtep', vtep: '192.0.2.2' };
const VTEP_3: Where = { kind: 'vtep', vtep: '192.0.2.3' };
const PLACES = [PORT, VTEP_2, VTEP_3];
const AGEING_MS = 300_000;

interface Told {
  readonly mac: MacAddress;
  readonly destination: Where;
  readonly seen: number;
}

function learn(table: ForwardingTable<string, string>, address: MacAddress, destination: Where): void {
  table.learn(macHigh(address), macLow(address), destination);
}

function lookup(table: ForwardingTable<string, string>, address: MacAddress): Where | undefined {
  return table.lookup(macHigh(address), macLow(address));
}

function mac(n: number): MacAddress {
  return (0x02005e100000 + n) as MacAddress;
}

/** A table, and what it has told since. */
function makeReplica(clock: ManualClock) {
  const told: Told[] = [];
  const table = new ForwardingTable<string, string>(
    {
      time: timeOf(clock),
      clock,
      onLearned: (address, destination, seen) => told.push({ mac: address, destination, seen }),
    },
    { maxLearned: 100, ageingMs: AGEING_MS },
  );
  return { table, told };
}

test('a new and a moved address are told at once, one that is used every 10 s', t => {
  const clock = new ManualClock();
  const { table, told } = makeReplica(clock);
  learn(table, mac(1), VTEP_2);
  learn(table, mac(1), VTEP_3);
  t.is(told.length, 2);
  for (let second = 0; second < 100; second++) {
    clock.advance(1000);
    learn(table, mac(1), VTEP_3);
  }
  t.is(told.length, 12);
});

test('adopt() adds, moves and refreshes, and tells nobody', t => {
  const clock = new ManualClock();
  const { table, told } = makeReplica(clock);
  clock.advance(10);
  t.true(table.adopt(mac(1), VTEP_2, 5));
  t.is(lookup(table, mac(1)), VTEP_2);
  t.true(table.adopt(mac(1), PORT, 6));
  t.is(lookup(table, mac(1)), PORT);
  t.deepEqual(
    [...table.entries()].map(({ origin, ageMs }) => [origin, ageMs]),
    [['learned', 4]],
  );
  t.deepEqual(told, []);
});

test('adopt(): an older message does not move an address back', t => {
  const clock = new ManualClock();
  const { table, told } = makeReplica(clock);
  clock.advance(10);
  learn(table, mac(1), VTEP_3);
  told.splice(0);
  t.false(table.adopt(mac(1), VTEP_2, 9));
  t.is(lookup(table, mac(1)), VTEP_3);
  t.deepEqual(told, [{ mac: mac(1), destination: VTEP_3, seen: 10 }], 'who told it learns better');
  t.false(table.adopt(mac(1), VTEP_3, 9));
  t.is(told.length, 1, 'nothing to say to who knows the place');
});

test('adopt() never touches a fixed entry', t => {
  const clock = new ManualClock();
  const { table } = makeReplica(clock);
  table.setFixed(mac(1), PORT, 'attached');
  t.false(table.adopt(mac(1), VTEP_2, 1000));
  t.is(lookup(table, mac(1)), PORT);
});

test('an address that is used on one worker only does not age on the others', t => {
  const clock = new ManualClock();
  const used = makeReplica(clock);
  const other = makeReplica(clock);
  learn(used.table, mac(1), VTEP_2);
  for (let ms = 0; ms < 3 * AGEING_MS; ms += 500) {
    clock.advance(500);
    learn(used.table, mac(1), VTEP_2);
    for (const { mac: address, destination, seen } of used.told.splice(0)) {
      other.table.adopt(address, destination, seen);
    }
    t.is(lookup(other.table, mac(1)), VTEP_2);
  }
  clock.advance(AGEING_MS + 1000);
  t.is(lookup(other.table, mac(1)), undefined, 'and ages when it is used no more');
});

test('whatever way messages take, all tables come to agree', t => {
  const frame = fc.record({
    worker: fc.nat(2),
    place: fc.nat(2),
    address: fc.nat(3),
    pauseMs: fc.integer({ min: 1, max: 5000 }),
  });
  // How often, after each frame, the oldest message in a random direction is delivered.
  const delivery = fc.record({ from: fc.nat(2), to: fc.nat(2) });
  const run = fc.array(fc.tuple(frame, fc.array(delivery, { maxLength: 4 })), { maxLength: 60 });
  fc.assert(
    fc.property(run, steps => {
      const clock = new ManualClock();
      const replicas = [0, 1, 2].map(() => makeReplica(clock));
      const channels = new Map<string, Told[]>();
      const waiting = (from: number, to: number): Told[] => channels.get(`${from} ${to}`) ?? [];
      const post = (from: number): void => {
        const news = replicas[from]?.told.splice(0) ?? [];
        for (let to = 0; to < 3; to++) {
          if (to !== from) channels.set(`${from} ${to}`, [...waiting(from, to), ...news]);
        }
      };
      const deliver = (from: number, to: number): void => {
        const told = waiting(from, to).shift();
        if (told !== undefined) replicas[to]?.table.adopt(told.mac, told.destination, told.seen);
        post(to);
      };
      for (const [{ worker, place, address, pauseMs }, deliveries] of steps) {
        clock.advance(pauseMs);
        const replica = replicas[worker];
        if (replica !== undefined) learn(replica.table, mac(address), PLACES[place] ?? PORT);
        post(worker);
        for (const { from, to } of deliveries) deliver(from, to);
      }
      while ([...channels.values()].some(({ length }) => length > 0)) {
        for (const key of channels.keys()) deliver(Number(key[0]), Number(key[2]));
      }
      for (let address = 0; address < 4; address++) {
        const places = replicas.map(({ table }) => lookup(table, mac(address)));
        t.is(new Set(places).size, 1);
      }
    }),
    { numRuns: 300 },
  );
});
