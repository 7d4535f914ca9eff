import test from 'ava';
import { parseIp } from '../dataplane/address.ts';
import { ackedDirectly, ackedIndirectly, type Contact, NO_CONTACT, unanswered } from './contact.ts';
import { MemberTable } from './member-table.ts';
import type { Member } from './members.ts';
import { Cluster } from './testing/cluster.ts';

const steps: [string, (before: Contact) => Contact, Contact][] = [
  [
    'the first ack gives the round-trip time',
    before => ackedDirectly(before, 100, 8),
    { rtt: 8, lastTwoWay: 100, health: 'good' },
  ],
  [
    'each further one changes it by an eighth of the difference',
    before => ackedDirectly(before, 200, 16),
    { rtt: 9, lastTwoWay: 200, health: 'good' },
  ],
  [
    'an ack by a detour proves contact, and measures nothing',
    before => ackedIndirectly(before, 300),
    { rtt: 9, lastTwoWay: 300, health: 'indirect' },
  ],
  [
    'no answer leaves what was known',
    before => unanswered(before),
    { rtt: 9, lastTwoWay: 300, health: 'failing' },
  ],
  [
    'and the next ack mends it',
    before => ackedDirectly(before, 500, 1),
    { rtt: 8, lastTwoWay: 500, health: 'good' },
  ],
];

test('contact, one probe after the other', t => {
  let contact = NO_CONTACT;
  for (const [what, change, expected] of steps) {
    contact = change(contact);
    t.deepEqual(contact, expected, what);
  }
  t.deepEqual(unanswered(NO_CONTACT), { rtt: null, lastTwoWay: null, health: 'failing' });
  t.is(ackedIndirectly(NO_CONTACT, 1).rtt, null);
});

test('MemberTable keeps contact through changes of state, and not for another place', t => {
  const table = new MemberTable();
  const member: Member = {
    name: 'b',
    address: parseIp('192.0.2.2'),
    port: 7946,
    incarnation: 1,
    state: 'alive',
    since: 0,
    meta: Uint8Array.of(),
    version: Uint8Array.of(),
  };
  table.probed('b', unanswered);
  t.deepEqual(table.contact('b'), NO_CONTACT, 'of strangers nothing is kept');
  table.set(member);
  table.probed('b', before => ackedDirectly(before, 5, 2));
  table.set({ ...member, state: 'suspect' });
  t.is(table.contact('b').rtt, 2);
  table.set({ ...member, address: parseIp('192.0.2.3') });
  t.deepEqual(table.contact('b'), NO_CONTACT);
});

/** Three nodes that have found themselves, and how n1 is in contact with n3. */
function threeNodes() {
  const cluster = new Cluster({ seed: 1, conditions: { delay: [2, 2] } });
  cluster.addPool(3, { spread: 100 });
  cluster.run(100);
  cluster.runUntil(() => cluster.disagreements().length === 0, 20_000);
  const [first, , third] = cluster.nodes;
  if (first === undefined || third === undefined) throw new Error('three nodes');
  const contact = () => first.sees('n3')?.contact ?? NO_CONTACT;
  /** The clock's fractions are not exact. */
  const rtt = () => Math.round(1000 * (contact().rtt ?? Number.NaN)) / 1000;
  const age = () => cluster.clock.now() - (contact().lastTwoWay ?? Number.NEGATIVE_INFINITY);
  return { cluster, first, third, contact, rtt, age };
}

test('a probe that is acked measures the way there and back', t => {
  const { cluster, contact, rtt, age } = threeNodes();
  cluster.run(10_000);
  t.is(contact().health, 'good');
  t.is(rtt(), 4);
  t.true(age() <= 5000, `${age()}`);
});

test('where only others reach a member, contact is indirect and proved all the same', t => {
  const { cluster, first, third, contact, rtt, age } = threeNodes();
  cluster.run(10_000);
  const ends = new Set([first.endpoint.address, third.endpoint.address]);
  cluster.network.cut((from, to) => ends.has(from) && ends.has(to));
  cluster.run(10_000);
  t.is(first.sees('n3')?.state, 'alive');
  t.is(contact().health, 'indirect');
  t.is(rtt(), 4, 'of direct acks only');
  t.true(age() <= 5000, `${age()}`);
  cluster.network.heal();
  cluster.run(10_000);
  t.is(contact().health, 'good');
});

test('where UDP does not pass, TCP proves contact', t => {
  const { cluster, contact, age } = threeNodes();
  cluster.network.conditions = { ...cluster.network.conditions, dropAllDatagrams: true };
  cluster.run(20_000);
  t.is(contact().health, 'indirect');
  t.true(age() <= 5000, `${age()}`);
});

test('datagrams of a member that does not hear us prove nothing', t => {
  const { cluster, first, third, contact } = threeNodes();
  cluster.run(10_000);
  const last = cluster.clock.now();
  // What n3 sends arrives everywhere; nothing arrives at n3.
  cluster.network.cut((_, to) => to === third.endpoint.address);
  cluster.run(4000);
  t.is(contact().health, 'failing');
  // What was under way when the cut came has still arrived.
  t.true((contact().lastTwoWay ?? 0) <= last + 2);
  t.true((first.sees('n3')?.lastSeen ?? 0) > last, 'it is heard');
});

test('a member that died stays failing, and is good again when it is back', t => {
  const { cluster, first, third, contact } = threeNodes();
  third.crash();
  cluster.run(30_000);
  t.is(first.sees('n3')?.state, 'dead');
  t.is(contact().health, 'failing');
  third.start();
  cluster.run(10_000);
  t.is(contact().health, 'good');
});
