import test from 'ava';
import fc from 'fast-check';
import { MAX_MAC, type MacAddress, macHigh, macLow } from './address.ts';
import { StationIndex } from './station-index.ts';

function find<V>(index: StationIndex<V>, mac: number): V | undefined {
  return index.find(macHigh(mac as MacAddress), macLow(mac as MacAddress));
}

test('addresses that differ in one half only are different', t => {
  const index = new StationIndex<string>({ seed: 1 });
  index.set(0x02005e100001 as MacAddress, 'one');
  t.is(find(index, 0x02005e100001), 'one');
  t.is(find(index, 0x02005f100001), undefined);
  t.is(find(index, 0x02005e100002), undefined);
  t.is(find(index, 0), undefined, 'a free slot is not the address zero');
});

test('any history: it answers as a Map would, also where many fall on the same slots', t => {
  const step = fc.record({
    // Few enough addresses for each to come and go, and more than the first slots.
    n: fc.integer({ min: 0, max: 99 }),
    do: fc.constantFrom('set' as const, 'set' as const, 'delete' as const),
    value: fc.integer(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), fc.integer(), (steps, seed) => {
      const index = new StationIndex<number>({ seed });
      const model = new Map<number, number>();
      for (const action of steps) {
        const mac = (MAX_MAC - action.n * 0x0100_0001) as MacAddress;
        if (action.do === 'set') {
          index.set(mac, action.value);
          model.set(action.n, action.value);
        } else if (index.delete(mac) !== model.delete(action.n)) return false;
        if (index.size !== model.size) return false;
      }
      for (let n = 0; n < 100; n++) {
        if (find(index, MAX_MAC - n * 0x0100_0001) !== model.get(n)) return false;
      }
      return true;
    }),
    { seed: 24, numRuns: 500 },
  );
  t.pass();
});
