/** When gossip wakes up. That news reaches everybody is what swim.test.ts and convergence.test.ts are about. */
import test from 'ava';
import { ipFromBytes } from '../dataplane/address.ts';
import { ManualClock } from '../dataplane/testing/manual-clock.ts';
import { BroadcastQueue } from './broadcast-queue.ts';
import { LAN_PROFILE, PROTOCOL_VERSION } from './constants.ts';
import { Counters } from './counters.ts';
import { Disseminator } from './disseminator.ts';
import { LocalNode } from './local-node.ts';
import { MemberTable } from './member-table.ts';
import type { Member } from './members.ts';
import { Outbox } from './outbox.ts';
import { seededRandom } from './random.ts';

const { gossipInterval, gossipToTheDead, retransmitMult } = LAN_PROFILE;

function member(number: number, more: Partial<Member> = {}): Member {
  const address = ipFromBytes(Uint8Array.of(10, 0, 0, number));
  const meta = new Uint8Array();
  const version = PROTOCOL_VERSION;
  return {
    name: `n${number}`,
    address,
    port: 7946,
    incarnation: 1,
    state: 'alive',
    since: 0,
    meta,
    version,
    ...more,
  };
}

function rig() {
  const clock = new ManualClock();
  const sent: { readonly to: string; readonly at: number }[] = [];
  const random = seededRandom(1);
  const queue = new BroadcastQueue();
  const table = new MemberTable();
  const port = {
    sendPacket: ({ address }: { address: string }) => sent.push({ to: address, at: clock.now() }),
    exchange: () => {},
    resolve: () => {},
  };
  const options = {
    name: 'n1',
    endpoint: member(1),
    meta: new Uint8Array(),
    profile: LAN_PROFILE,
    isAuthenticated: true,
  };
  const userQueue = new BroadcastQueue();
  const outbox = new Outbox({ clock, port, counters: new Counters(), queue, userQueue, table }, options);
  const local = new LocalNode({ clock, random, queue }, options);
  const disseminator = new Disseminator(
    {
      clock,
      random,
      queue,
      userQueue,
      table,
      outbox,
      local,
      serf: { farewell: () => Buffer.from('farewell') },
    },
    options,
  );
  const join = (joined: Member) => {
    table.set(joined);
    disseminator.membersChanged();
  };
  return { clock, sent, queue, userQueue, local, disseminator, join };
}

test('news is sent at beats of the interval, as often as it has to be, and then nothing wakes up', t => {
  const { clock, sent, local, disseminator, join } = rig();
  join(member(2));
  disseminator.start();
  clock.advance(60_000);
  t.is(clock.wakeUps, 0);
  local.announce();
  clock.advance(60_000);
  t.is(sent.length, retransmitMult);
  t.true((sent[0]?.at ?? 0) <= 60_000 + gossipInterval);
  const gaps = sent.slice(1).map(({ at }, i) => Math.round(at - (sent[i]?.at ?? 0)));
  t.deepEqual(gaps, Array(retransmitMult - 1).fill(gossipInterval));
  t.is(clock.wakeUps, retransmitMult);
});

test('news of the serf layer wakes as any other', t => {
  const { clock, sent, userQueue, disseminator, join } = rig();
  join(member(2));
  disseminator.start();
  clock.advance(60_000);
  userQueue.push('a query', Buffer.from('a query'));
  clock.advance(60_000);
  t.is(sent.length, retransmitMult);
  t.is(clock.wakeUps, retransmitMult);
});

test('what is queued while nobody is there waits without waking, and is told to whoever comes first', t => {
  const { clock, sent, local, disseminator, join } = rig();
  local.announce();
  disseminator.start();
  clock.advance(60_000);
  t.is(clock.wakeUps, 0);
  join(member(2));
  clock.advance(gossipInterval);
  t.is(sent.length, 1);
});

test('the dead are gossiped to for a while; with nobody else there it then falls asleep', t => {
  const { clock, sent, queue, disseminator, join } = rig();
  join(member(2, { state: 'dead' }));
  disseminator.start();
  clock.advance(gossipToTheDead - 10 * gossipInterval);
  queue.push('n2', Uint8Array.of(1));
  clock.advance(gossipInterval);
  t.is(sent.length, 1);
  clock.advance(2 * gossipToTheDead);
  const { wakeUps } = clock;
  queue.push('n3', Uint8Array.of(1));
  clock.advance(60_000);
  t.is(clock.wakeUps, wakeUps);
});

test('a farewell is over when it was sent as often as any news', t => {
  const { clock, sent, disseminator, join } = rig();
  join(member(2));
  disseminator.start();
  clock.advance(10_000);
  let isOver = false;
  disseminator.leave(() => {
    isOver = true;
  });
  clock.advance(LAN_PROFILE.leaveTimeout - 1);
  t.true(isOver);
  t.is(sent.length, retransmitMult);
  const { wakeUps } = clock;
  clock.advance(60_000);
  t.is(clock.wakeUps, wakeUps);
});

test('stopped, it says nothing of what is queued', t => {
  const { clock, sent, local, disseminator, join } = rig();
  join(member(2));
  disseminator.start();
  disseminator.stop();
  local.announce();
  clock.advance(60_000);
  t.is(clock.wakeUps + sent.length, 0);
});
