import test from 'ava';
import { ipToBytes, parseIp, type VtepAddress } from './address.ts';
import { FRAME_ADDRESS, FrameBatch } from './frame-batch.ts';
import { VtepTable } from './vtep-table.ts';

/** A batch whose only descriptor was filled as the addon fills it: bytes in network order, not words. */
function receivedFrom(address: VtepAddress, batch = new FrameBatch(1)): FrameBatch {
  const bytes = ipToBytes(address);
  new Uint8Array(batch.memory).set(bytes, FRAME_ADDRESS);
  batch.setFamily(0, bytes.length === 4 ? 4 : 6);
  return batch;
}

test('intern() makes one object for an address, with family, port and words', t => {
  const table = new VtepTable();
  const vtep = table.intern(parseIp('192.0.2.2'), 4789);
  t.is(table.intern(parseIp('192.0.2.2'), 4789), vtep);
  t.is(table.get(parseIp('192.0.2.2')), vtep);
  t.is(vtep.family, 4);
  t.is(vtep.port, 4789);
  t.is(vtep.words[0], receivedFrom(vtep.address).addressWord(0, 0));
  t.is(table.intern(parseIp('2001:db8::2'), 4789).family, 6);
  t.is(table.size, 2);
  t.deepEqual(
    [...table.values()].map(known => known.address),
    ['192.0.2.2', '2001:db8::2'] as VtepAddress[],
  );
});

test('intern() with another port replaces the VTEP of that address', t => {
  const table = new VtepTable();
  const former = table.intern(parseIp('192.0.2.2'), 4789);
  const now = table.intern(parseIp('192.0.2.2'), 8472);
  t.not(now, former);
  t.is(table.get(parseIp('192.0.2.2')), now);
  t.is(table.size, 1);
});

test('find() finds both families by the bytes of the descriptor, and nobody else', t => {
  const table = new VtepTable();
  const four = table.intern(parseIp('192.0.2.2'), 4789);
  const six = table.intern(parseIp('2001:db8::2'), 4789);
  for (let round = 0; round < 2; round++) {
    t.is(table.find(receivedFrom(four.address), 0), four);
    t.is(table.find(receivedFrom(four.address), 0), four, 'from the last-hit cache');
    t.is(table.find(receivedFrom(six.address), 0), six);
    t.is(table.find(receivedFrom(parseIp('192.0.2.3')), 0), undefined);
    t.is(table.find(receivedFrom(parseIp('2001:db8::3')), 0), undefined);
  }
});

test('find(): what stands behind an IPv4 address does not count, the family does', t => {
  const table = new VtepTable();
  const four = table.intern(parseIp('192.0.2.2'), 4789);
  const batch = receivedFrom(parseIp('2001:db8::2'));
  receivedFrom(four.address, batch);
  t.is(table.find(batch, 0), four);
  batch.setFamily(0, 6);
  t.is(table.find(batch, 0), undefined);
  const mapped = table.intern(parseIp('::c000:202'), 4789);
  t.is(table.find(receivedFrom(mapped.address), 0), mapped);
});

test('remove() forgets a VTEP, also the one found last', t => {
  const table = new VtepTable();
  const vtep = table.intern(parseIp('192.0.2.2'), 4789);
  t.is(table.find(receivedFrom(vtep.address), 0), vtep);
  t.true(table.remove(vtep.address));
  t.false(table.remove(vtep.address));
  t.is(table.find(receivedFrom(vtep.address), 0), undefined);
  t.is(table.size, 0);
  t.not(table.intern(vtep.address, 8472), vtep);
});

test('find(): 10^5 addresses, some of which share a key, are told apart', t => {
  // Among 10^5 values of 32 bits a pair is equal with a probability of 0.7; removing one must keep the other.
  const table = new VtepTable();
  const addresses = Array.from({ length: 100_000 }, (_, i) =>
    parseIp(`2001:db8:${(i >> 8).toString(16)}::${(i & 0xff).toString(16)}`),
  );
  for (const address of addresses) table.intern(address, 4789);
  const batch = new FrameBatch(1);
  t.true(addresses.every(address => table.find(receivedFrom(address, batch), 0)?.address === address));
  addresses.forEach((address, i) => {
    if (i % 2 === 0) table.remove(address);
  });
  t.true(
    addresses.every((address, i) => {
      const found = table.find(receivedFrom(address, batch), 0);
      return i % 2 === 0 ? found === undefined : found?.address === address;
    }),
  );
});

test('writeTo() makes a VTEP the destination of a descriptor', t => {
  const table = new VtepTable();
  const batch = new FrameBatch(2);
  const six = table.intern(parseIp('2001:db8::2'), 4789);
  const four = table.intern(parseIp('192.0.2.2'), 4790);
  six.writeTo(batch, 1);
  t.is(table.find(batch, 1), six);
  t.is(batch.port(1), 4789);
  four.writeTo(batch, 1);
  t.is(table.find(batch, 1), four);
  t.is(batch.port(1), 4790);
  t.deepEqual(
    [1, 2, 3].map(word => batch.addressWord(1, word)),
    [0, 0, 0],
  );
  t.is(batch.family(0), 0, 'the neighbour is untouched');
});
