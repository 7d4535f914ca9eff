import test from 'ava';
import fc from 'fast-check';
import { type IpAddress, ipFamily, ipFromBytes, parseIp } from './address.ts';
import { AddressIndex, addressWords } from './address-index.ts';

function find<V>(index: AddressIndex<V>, address: IpAddress): V | undefined {
  const [a = 0, b = 0, c = 0, d = 0] = addressWords(address);
  return index.find(ipFamily(address), a, b, c, d);
}

test('addressWords(): network order, signed, IPv4 in the first', t => {
  t.deepEqual([...addressWords(parseIp('198.18.0.2'))], [0xc6120002 | 0, 0, 0, 0]);
  t.deepEqual([...addressWords(parseIp('2001:db8::ffff:ffff'))], [0x20010db8, 0, 0, -1]);
});

test('an IPv4 address is not the IPv6 address of the same words', t => {
  const index = new AddressIndex<string>({ seed: 0 });
  const six = parseIp('c612:2::');
  index.set(parseIp('198.18.0.2'), 'four');
  t.is(find(index, six), undefined);
  index.set(six, 'six');
  t.is(find(index, parseIp('198.18.0.2')), 'four');
  t.is(find(index, six), 'six');
});

test('any history: the index answers as a Map of texts would', t => {
  const address = fc.oneof(
    fc.tuple(fc.nat(3), fc.nat(3)).map(([a, b]) => ipFromBytes(Uint8Array.of(10, 0, a, b))),
    fc.tuple(fc.nat(3), fc.nat(3)).map(([a, b]) => {
      const bytes = new Uint8Array(16).fill(0xfd, 0, 1);
      bytes.set([a, b], 14);
      return ipFromBytes(bytes);
    }),
  );
  const step = fc.tuple(fc.constantFrom('set', 'delete'), address, fc.nat());
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.integer(), (steps, seed) => {
      const index = new AddressIndex<number>({ seed });
      const model = new Map<IpAddress, number>();
      for (const [what, key, value] of steps) {
        if (what === 'set') {
          index.set(key, value);
          model.set(key, value);
        } else {
          index.delete(key);
          model.delete(key);
        }
      }
      return steps.every(
        ([, key]) => find(index, key) === model.get(key) && index.get(key) === model.get(key),
      );
    }),
    { seed: 9161, numRuns: 500 },
  );
  t.pass();
});
