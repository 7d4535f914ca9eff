import test from 'ava';
import { NO_CONTACT } from '../control/contact.ts';
import type { GossipMember } from '../control/events.ts';
import { weftTags } from '../control/tags.ts';
import { parseIp, parseVni } from '../dataplane/address.ts';
import { peerReport, vtepsOf } from './vtep-directory.ts';

const address = parseIp('192.0.2.2');
const OWN = { name: 'a', underlay: parseIp('192.0.2.1') };
const nobodyTells = { carries: () => false, tells: () => false };

function at(vtep: string): Partial<GossipMember> {
  return { tags: weftTags({ vtep: parseIp(vtep), port: 4789, vnis: [parseVni(42)] }) };
}

function member(name: string, changes: Partial<GossipMember> = {}): GossipMember {
  return {
    name,
    address,
    port: 7946,
    state: 'alive',
    incarnation: 1,
    tags: weftTags({ vtep: address, port: 4789, vnis: [parseVni(42), parseVni(7)] }),
    lastSeen: 1000,
    contact: NO_CONTACT,
    ...changes,
  };
}

const cases: [string, GossipMember, boolean][] = [
  ['an alive member that carries the VNI', member('b'), true],
  ['a suspect one', member('b', { state: 'suspect' }), true],
  ['a dead one', member('b', { state: 'dead' }), false],
  ['one that left', member('b', { state: 'left' }), false],
  ['this node', member('a'), false],
  ['a VTEP of the other family', member('b', at('2001:db8::2')), false],
  ['a multicast VTEP', member('b', at('239.1.1.1')), false],
  ['an unspecified VTEP', member('b', at('0.0.0.0')), false],
  ['a VTEP with our own address', member('b', at('192.0.2.1')), false],
  ['a member without weft tags', member('b', { tags: new Map([['role', 'consul']]) }), false],
  [
    'a member with tags that do not parse',
    member('b', {
      tags: new Map([
        ['role', 'weft'],
        ['vtep', 'x'],
        ['port', '4789'],
      ]),
    }),
    false,
  ],
];

for (const [what, candidate, expected] of cases) {
  test(`vtepsOf() ${expected ? 'takes' : 'leaves out'} ${what}`, t => {
    t.deepEqual(
      vtepsOf(42, [candidate], OWN, nobodyTells),
      expected ? [{ address, port: 4789, tells: false }] : [],
    );
  });
}

test('vtepsOf() leaves out members that do not carry the VNI', t => {
  t.deepEqual(vtepsOf(43, [member('b')], OWN, nobodyTells), []);
  const said = { carries: (name: string) => name === 'b', tells: () => false };
  t.is(vtepsOf(43, [member('b'), member('c')], OWN, said).length, 1, 'one that says so in its log alone');
});

test('vtepsOf() says of each whether it tells what it has', t => {
  const members = [member('b'), member('c', at('192.0.2.3'))];
  t.deepEqual(
    vtepsOf(42, members, OWN, { carries: () => false, tells: name => name === 'c' }).map(
      ({ tells }) => tells,
    ),
    [false, true],
  );
});

test('peerReport() gives VNIs in order and seconds since the last sign of life', t => {
  t.deepEqual(peerReport(member('b'), 3540), {
    name: 'b',
    address: '192.0.2.2',
    state: 'alive',
    vnis: [7, 42],
    last_seen_s: 2.5,
    incarnation: 1,
    health: null,
    rtt_ms: null,
    last_two_way_s: null,
  });
  t.is(peerReport(member('b', { lastSeen: null }), 3540).last_seen_s, null);
});

test('peerReport() tells how a member answers', t => {
  const contact = { rtt: 1.23456, lastTwoWay: 500, health: 'indirect' } as const;
  t.like(peerReport(member('b', { contact }), 2000), {
    health: 'indirect',
    rtt_ms: 1.23,
    last_two_way_s: 1.5,
  });
});
