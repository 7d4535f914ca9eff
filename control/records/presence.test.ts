import test from 'ava';
import { parseIp, type Vni } from '../../dataplane/address.ts';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import { NO_CONTACT } from '../contact.ts';
import type { MemberEventType } from '../events.ts';
import { seededRandom } from '../random.ts';
import { stationOf } from '../testing/record-cluster.ts';
import type { Epoch } from './epoch.ts';
import type { RecordEvent } from './events.ts';
import { decodeFrame, encodeFrame, type Frame } from './frame.ts';
import type { LinkHandler } from './link.ts';
import { PeerTable } from './peers.ts';
import { encodeEndpoint, encodeVtep, type LogRecord, macKey, NO_KEY, RECORD_KIND } from './record.ts';
import { RecordLog } from './record-log.ts';

const BLUE = 42 as Vni;
const RED = 43 as Vni;
const { mac: MAC, ip: IP } = stationOf(1);
const HOUR = 3_600_000;

/** A record log and one peer, vm-b, played by the test: frames in, frames out. */
function makePair() {
  const clock = new ManualClock();
  const peers = new PeerTable();
  const events: RecordEvent[] = [];
  const sent: Frame[] = [];
  const saved: number[] = [];
  let isOpen = false;
  const link = {
    send: (frame: Uint8Array) => {
      const decoded = decodeFrame(frame);
      if (decoded !== undefined && decoded.type !== 'probe') sent.push(decoded);
      return true;
    },
    close: () => {},
    abort: () => {},
  };
  const log = new RecordLog(
    {
      clock,
      random: seededRandom(1),
      peers,
      epochs: { load: () => saved.at(-1) ?? 0, save: counter => saved.push(counter) },
      links: { open: () => link },
      hints: { sendHint: () => {} },
    },
    { name: 'vm-a', onEvent: event => events.push(event) },
  );
  log.join(BLUE, { address: parseIp('192.0.2.1'), port: 4789 });
  log.start();
  let handler: LinkHandler | undefined;
  const say = (frame: Frame): void => {
    if (!isOpen) {
      handler = log.accept(link);
      handler.onFrame(encodeFrame({ type: 'hello', version: 1, name: 'vm-b' }));
      isOpen = true;
    }
    handler?.onFrame(encodeFrame(frame));
  };
  /** Membership says so of vm-b. */
  const member = (type: MemberEventType, epoch = 7, vnis: readonly Vni[] = [BLUE]): void => {
    const state = type === 'memberDown' ? 'dead' : type === 'memberLeft' ? 'left' : 'alive';
    const tags = new Map([
      ['role', 'weft'],
      ['vtep', '192.0.2.2'],
      ['port', '4789'],
      ['vnis', vnis.join(',')],
      ['log', `1.${epoch.toString(36)}`],
    ]);
    const endpoint = { address: parseIp('192.0.2.2'), port: 7946 };
    const event = {
      type,
      member: { name: 'vm-b', ...endpoint, state, incarnation: 1, tags, lastSeen: 0, contact: NO_CONTACT },
    } as const;
    peers.take(event);
    log.memberChanged(event);
  };
  /** What vm-b says of its container. */
  const tell = (epoch = 7): void => {
    const body = encodeEndpoint({
      ips: [IP],
      interface: 'eth0',
      containerId: 'c1',
      mobility: 0,
      sticky: false,
      frozen: false,
    });
    const vtep = encodeVtep({ address: parseIp('192.0.2.2'), port: 4789 });
    const records: LogRecord[] = [
      { seq: 1, kind: RECORD_KIND.vtep, key: NO_KEY, body: vtep, deleted: false },
      { seq: 2, kind: RECORD_KIND.network, key: NO_KEY, body: new Uint8Array(0), deleted: false },
      { seq: 3, kind: RECORD_KIND.endpoint, key: macKey(MAC), body, deleted: false },
    ];
    const head = { vni: BLUE, origin: 'vm-b', epoch: epoch as Epoch, from: 0, to: 3, head: 3, gc: 0 };
    say({ type: 'delta', ...head, relay: false, records });
  };
  const owner = (): string | undefined => log.owner(BLUE, MAC)?.origin;
  return { clock, events, log, member, owner, saved, say, sent, tell };
}

test('what a dead node said is hidden at once, and shown again at once when it returns', t => {
  const { events, log, member, owner, tell } = makePair();
  member('memberUp');
  tell();
  t.is(owner(), 'vm-b');
  member('memberSuspect');
  t.is(owner(), 'vm-b', 'a suspicion is a question');
  member('memberDown');
  t.is(owner(), undefined);
  t.is(log.explain(BLUE, MAC).claims[0]?.standing, 'hidden');
  t.deepEqual(
    [...log.carriers(BLUE)].map(([name]) => name),
    ['vm-a'],
  );
  member('memberUp');
  t.is(owner(), 'vm-b');
  t.deepEqual(
    events
      .filter(event => 'subject' in event && 'mac' in event.subject)
      .map(event => 'reason' in event && event.reason),
    ['announced', 'originDead', 'originReturned'],
  );
});

test('records that come before their origin is known wait for it', t => {
  const { member, owner, tell } = makePair();
  tell();
  t.is(owner(), undefined);
  member('memberUp');
  t.is(owner(), 'vm-b');
});

test('after 24 h a dead node is forgotten, and nobody brings it back but itself', t => {
  const { clock, log, member, owner, tell } = makePair();
  member('memberUp');
  tell();
  member('memberDown');
  clock.advance(23.9 * HOUR);
  t.is(log.explain(BLUE, MAC).claims.length, 1);
  clock.advance(0.2 * HOUR);
  t.is(log.explain(BLUE, MAC).claims.length, 0);
  tell();
  t.is(log.explain(BLUE, MAC).claims.length, 0, 'from a relay that still has it');
  member('memberUp');
  tell();
  t.is(owner(), 'vm-b', 'it was cut off for a day, and is the same');
});

test('who leaves is erased, and what relays still say of him is not taken', t => {
  const { log, member, owner, tell } = makePair();
  member('memberUp');
  tell();
  member('memberLeft');
  t.is(log.explain(BLUE, MAC).claims.length, 0);
  tell();
  t.is(log.explain(BLUE, MAC).claims.length, 0);
  member('memberUp', 8);
  tell();
  t.is(owner(), undefined, 'of the former life');
  tell(8);
  t.is(owner(), 'vm-b');
});

test('a restart goes unnoticed if the records follow, and erases them if they do not', t => {
  const { clock, events, log, member, owner, tell } = makePair();
  member('memberUp');
  tell();
  const before = events.length;
  const claims = () =>
    events.slice(before).filter(({ type }) => type !== 'originTells' && type !== 'originSilent');
  member('memberUpdated', 8);
  clock.advance(5000);
  t.is(owner(), 'vm-b');
  tell(8);
  clock.advance(30_000);
  t.is(owner(), 'vm-b');
  t.deepEqual(claims(), [], 'nobody noticed');
  member('memberUpdated', 9);
  clock.advance(11_000);
  t.is(owner(), undefined);
  t.is(log.explain(BLUE, MAC).claims.length, 0);
});

test('who does not carry a network any more is hidden in it, after a while', t => {
  const { clock, member, owner, tell } = makePair();
  member('memberUp');
  tell();
  member('memberUpdated', 7, [RED]);
  clock.advance(50_000);
  t.is(owner(), 'vm-b');
  clock.advance(15_000);
  t.is(owner(), undefined);
  member('memberUpdated', 7, [BLUE]);
  t.is(owner(), 'vm-b');
});

test('who has forgotten a life of his own is shown it', t => {
  const { clock, member, sent, tell } = makePair();
  member('memberUp', 7);
  tell(7);
  member('memberUpdated', 3);
  clock.advance(30_000);
  t.true(
    sent.some(
      frame => frame.type === 'want' && frame.entries[0]?.origin === 'vm-b' && frame.entries[0].epoch === 7,
    ),
  );
});

for (const [name, epoch, seq, isRaised] of [
  ['a later life of ours', 2 ** 32 * 9, 1, true],
  ['an earlier one', 5, 9, false],
] as const) {
  test(`a peer who shows ${name}: our epoch is ${isRaised ? 'raised beyond it, saved and said' : 'as it was'}`, t => {
    const { clock, events, log, member, saved, say, sent } = makePair();
    member('memberUp');
    log.attach(BLUE, { mac: MAC, ips: [IP], interface: 'eth0', containerId: 'c9' });
    clock.advance(100);
    const before = log.epoch;
    const entries = [{ origin: 'vm-a', epoch: epoch as Epoch, seq, gc: 0 }];
    say({ type: 'want', vni: BLUE, entries });
    clock.advance(100);
    t.is(log.epoch > before, isRaised);
    t.deepEqual(saved, isRaised ? [1, 10] : [1]);
    t.is(
      events.some(({ type }) => type === 'epochRaised'),
      isRaised,
    );
    const last = sent.filter(frame => frame.type === 'delta').at(-1);
    t.is(last?.epoch, log.epoch);
    t.is(last?.records.length, 3, 'all that is so, said anew');
    t.is(log.owner(BLUE, MAC)?.containerId, 'c9');
  });
}

test('a later life that nobody could exceed is a forgery: we stay as we are', t => {
  const { clock, log, member, say } = makePair();
  member('memberUp');
  const before = log.epoch;
  say({
    type: 'want',
    vni: BLUE,
    entries: [{ origin: 'vm-a', epoch: (2 ** 32 * (2 ** 20 - 1)) as Epoch, seq: 1, gc: 0 }],
  });
  clock.advance(100);
  t.is(log.epoch, before);
});

test('records of kinds that are not known, or cannot be read, are kept and not shown', t => {
  const { log, member, owner, say, tell } = makePair();
  member('memberUp');
  tell();
  const records: LogRecord[] = [
    { seq: 4, kind: 77, key: Uint8Array.of(1), body: Uint8Array.of(1, 2, 3), deleted: false },
    { seq: 5, kind: RECORD_KIND.endpoint, key: macKey(MAC), body: Uint8Array.of(9), deleted: false },
  ];
  const head = { vni: BLUE, origin: 'vm-b', epoch: 7 as Epoch, from: 3, to: 5, head: 5, gc: 0 };
  say({ type: 'delta', ...head, relay: false, records });
  t.is(owner(), undefined);
  t.is(log.report().unreadable, 1);
  const held = [...log.logs(BLUE)].find(({ origin }) => origin === 'vm-b');
  t.deepEqual(
    [...(held?.all() ?? [])].map(({ kind }) => kind),
    [1, 2, 77, 3],
  );
});
