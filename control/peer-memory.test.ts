import test from 'ava';
import { parseIp } from '../dataplane/address.ts';
import { ManualClock } from '../dataplane/testing/manual-clock.ts';
import { NO_CONTACT } from './contact.ts';
import type { GossipEvent, MemberEventType } from './events.ts';
import { PeerMemory, type RememberedPeer } from './peer-memory.ts';

const DAY = 24 * 3_600_000;
const at = (n: number) => ({ address: parseIp(`10.0.${n >> 8}.${n & 255}`), port: 7946 });

function event(type: MemberEventType, n: number): GossipEvent {
  const member = {
    name: `n${n}`,
    ...at(n),
    state: 'alive',
    incarnation: 1,
    tags: new Map(),
    lastSeen: null,
    contact: NO_CONTACT,
  } as const;
  return { type, member };
}

function memory(known: readonly RememberedPeer[] = [], days = 100) {
  const clock = new ManualClock();
  clock.advance(days * DAY);
  const saved: (readonly RememberedPeer[])[] = [];
  const peers = new PeerMemory({ clock, save: list => saved.push(list) }, { known });
  const places = (list: readonly RememberedPeer[]) =>
    list.map(({ address }) => Number(address.split('.')[3]));
  return { clock, peers, saved, places };
}

test('PeerMemory keeps those that were up, the dead too, and forgets who left', t => {
  const { peers, places } = memory();
  for (const [type, n] of [
    ['memberUp', 1],
    ['memberUp', 2],
    ['memberUp', 3],
    ['memberDown', 1],
    ['memberLeft', 2],
    ['memberReaped', 1],
  ] as const) {
    peers.onEvent(event(type, n));
  }
  peers.onEvent({ type: 'nameConflict', name: 'x', address: 'y' });
  t.deepEqual(places(peers.all()), [3, 1]);
});

test('PeerMemory saves changes together and rarely, and the rest at the end', t => {
  const { clock, peers, saved, places } = memory();
  peers.onEvent(event('memberUp', 1));
  clock.advance(29_000);
  peers.onEvent(event('memberUp', 2));
  t.is(saved.length, 0);
  clock.advance(1000);
  t.deepEqual(saved.map(places), [[1, 2]]);
  clock.advance(DAY);
  t.is(saved.length, 1, 'nothing has changed');
  peers.onEvent(event('memberUp', 3));
  peers.close();
  peers.close();
  t.deepEqual(saved.map(places), [
    [1, 2],
    [1, 2, 3],
  ]);
  clock.advance(DAY);
  t.is(saved.length, 2);
});

const NOW = 100 * DAY;
for (const [what, ages, expected] of [
  ['one that was down for a month while another was up is forgotten', [31, 0, 29], [3, 2]],
  ['one of a clock that was years ahead makes no other old', [31, -900, 29], [3, 2]],
  ['a node that was down for long has forgotten nobody', [80, 51, 60], [1, 3, 2]],
  ['all are of a clock that is years ahead of ours', [-900, -903, -901], [1, 3, 2]],
] as const) {
  test(`PeerMemory: ${what}`, t => {
    const known = ages.map((age, index) => ({ ...at(index + 1), seen: NOW - age * DAY }));
    const { peers, places } = memory(known);
    t.deepEqual(places(peers.all()), expected);
  });
}

test('PeerMemory: who is up is not forgotten, however long ago it came', t => {
  const { clock, peers, saved, places } = memory();
  peers.onEvent(event('memberUp', 1));
  peers.onEvent(event('memberUp', 2));
  peers.onEvent(event('memberDown', 2));
  clock.advance(40 * DAY);
  peers.onEvent(event('memberUp', 3));
  peers.close();
  t.deepEqual(places(memory(saved.at(-1), 140).peers.all()), [1, 3]);
});

for (const days of [1, -1, -99]) {
  test(`PeerMemory: a clock that is set by ${days} d makes it forget nobody`, t => {
    const { clock, peers, saved, places } = memory([{ ...at(9), seen: NOW - DAY }]);
    peers.onEvent(event('memberUp', 1));
    clock.stepWall(days * DAY);
    peers.onEvent(event('memberUp', 2));
    peers.onEvent(event('memberDown', 2));
    clock.stepWall(-days * DAY);
    peers.close();
    const next = memory(saved.at(-1)).peers;
    t.deepEqual(places(next.all()).toSorted(), [1, 2, 9]);
  });
}

test('PeerMemory is bounded in number', t => {
  const { peers, places } = memory();
  for (let n = 10; n < 90; n++) peers.onEvent(event('memberUp', n));
  t.is(peers.all().length, 64);
  t.is(places(peers.all())[0], 26);
});
