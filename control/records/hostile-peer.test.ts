/** What a peer can make a record log remember by naming what there is not; a link in somebody else's name. */
import test from 'ava';
import { type IpAddress, parseIp, type Vni } from '../../dataplane/address.ts';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import { seededRandom } from '../random.ts';
import { type Epoch, makeEpoch } from './epoch.ts';
import { decodeFrame, encodeFrame, type Frame } from './frame.ts';
import type { Link } from './link.ts';
import type { RecordPeer } from './peers.ts';
import { PeerTable } from './peers.ts';
import { RecordLog } from './record-log.ts';

const BLUE = 42 as Vni;
const RED = 43 as Vni;
const HOME = parseIp('192.0.2.2');
const ELSEWHERE = parseIp('192.0.2.66');
const EARLIER = makeEpoch(1, seededRandom(3));

interface Inside {
  readonly links: { readonly sessions: Map<string, { readonly declined: { readonly set?: Set<Vni> } }> };
  readonly spreader: { readonly heard: Map<Vni, Set<string>> };
  readonly own: { readonly ownLogs: Map<Vni, unknown> };
}

function setUp() {
  const clock = new ManualClock();
  const peers = new PeerTable();
  const peer: RecordPeer = {
    name: 'vm-b',
    endpoint: { address: HOME, port: 7946 },
    epoch: makeEpoch(1, seededRandom(2)),
    vnis: new Set([BLUE]),
  };
  peers.add(peer);
  const log = new RecordLog(
    {
      clock,
      random: seededRandom(1),
      peers,
      epochs: { load: () => 5, save: () => {} },
      links: { open: () => ({ send: () => true, close: () => {}, abort: () => {} }) },
      hints: { sendHint: () => {} },
    },
    { name: 'vm-a', onEvent: () => {} },
  );
  log.join(BLUE, { address: parseIp('192.0.2.1'), port: 4789 });
  /** A link from there, in this name, and what is said on it to the peer. */
  const call = (name: string, from?: IpAddress) => {
    const sent: Frame[] = [];
    const state = { isOver: false };
    const link: Link = {
      send: bytes => {
        const frame = decodeFrame(bytes);
        if (frame !== undefined) sent.push(frame);
        return true;
      },
      close: () => {},
      abort: () => {
        state.isOver = true;
        handler.onClose();
      },
    };
    const handler = log.accept(link, { from });
    const say = (frame: Frame): void => handler.onFrame(encodeFrame(frame));
    say({ type: 'hello', version: 1, name });
    return { handler, say, sent, state };
  };
  return { call, clock, inside: log as unknown as Inside, log, peers };
}

test('networks that are not ours are not remembered, however many a peer names', t => {
  const { call, inside } = setUp();
  for (const name of ['vm-b', 'stranger']) {
    const { say } = call(name);
    for (let first = 100; first < 100_000; first += 4096) {
      const scopes = Array.from({ length: 4096 }, (_, at) => ({
        vni: (first + at) as Vni,
        hash: [1, 1] as const,
      }));
      say({ type: 'probe', scopes });
    }
    for (let vni = 100; vni < 3000; vni++) {
      say({ type: 'bye', vni: vni as Vni });
      say({
        type: 'want',
        vni: (vni + 3000) as Vni,
        entries: [{ origin: 'vm-a', epoch: EARLIER, seq: 3, gc: 0 }],
      });
    }
  }
  t.is(inside.spreader.heard.size, 0);
  t.deepEqual([...inside.own.ownLogs.keys()], [BLUE]);
  for (const { declined } of inside.links.sessions.values()) t.is(declined.set, undefined);
});

test('names that are no members are not remembered as carriers, and members not once their tags say so', t => {
  const { call, clock, inside, log, peers } = setUp();
  log.start();
  log.join(RED, { address: parseIp('192.0.2.1'), port: 4789 });
  for (let n = 0; n < 100; n++)
    call(`stranger-${n}`).say({ type: 'probe', scopes: [{ vni: RED, hash: [1, 1] }] });
  t.is(inside.spreader.heard.size, 0);
  call('vm-b', HOME).say({ type: 'probe', scopes: [{ vni: RED, hash: [1, 1] }] });
  t.deepEqual([...(inside.spreader.heard.get(RED) ?? [])], ['vm-b']);
  const known = peers.find('vm-b');
  if (known !== undefined) peers.add({ ...known, vnis: new Set([BLUE, RED]) });
  clock.advance(2000);
  t.is(inside.spreader.heard.size, 0);
  log.stop();
});

test('of a network that we know nothing of, a peer is told that this life has nothing in it', t => {
  const { call, log } = setUp();
  const { say, sent } = call('vm-b', HOME);
  say({ type: 'want', vni: RED, entries: [{ origin: 'vm-a', epoch: EARLIER, seq: 3, gc: 0 }] });
  t.like(sent.at(-1), { type: 'delta', vni: RED, origin: 'vm-a', epoch: log.epoch, to: 0, records: [] });
  const before = sent.length;
  say({ type: 'want', vni: RED, entries: [{ origin: 'vm-a', epoch: log.epoch, seq: 0, gc: 0 }] });
  t.is(sent.length, before);
});

test('who asks for records of a network carries it, also if it had said good-bye to it', t => {
  const { call } = setUp();
  const { say, sent } = call('vm-b', HOME);
  say({ type: 'bye', vni: BLUE });
  say({ type: 'want', vni: BLUE, entries: [{ origin: 'vm-a', epoch: 0 as Epoch, seq: 0, gc: 0 }] });
  t.like(sent.at(-1), { type: 'delta', vni: BLUE, origin: 'vm-a' });
});

test('a link in the name of a member that comes from elsewhere is refused, and nothing is said on it', t => {
  const { call, log } = setUp();
  const forged = call('vm-b', ELSEWHERE);
  t.true(forged.state.isOver);
  t.deepEqual(forged.sent, []);
  t.deepEqual(log.report().drops, { foreignHello: 1 });
  t.false(call('vm-b', HOME).state.isOver);
  t.false(call('vm-c', ELSEWHERE).state.isOver, 'of who is no member yet nothing is known');
});

test('a link in a name that becomes a member elsewhere is over, and the member is spoken to', t => {
  const { call, log, peers } = setUp();
  log.start();
  const forged = call('vm-c', ELSEWHERE);
  const own = call('vm-d', HOME);
  for (const name of ['vm-c', 'vm-d']) {
    peers.add({ name, endpoint: { address: HOME, port: 7946 }, epoch: EARLIER, vnis: new Set([BLUE]) });
    const event = { type: 'memberUp', member: { name } } as unknown as Parameters<
      typeof log.memberChanged
    >[0];
    log.memberChanged(event);
  }
  t.true(forged.state.isOver);
  t.deepEqual(
    forged.sent.map(({ type }) => type),
    ['hello'],
  );
  t.false(own.state.isOver);
  t.deepEqual(
    own.sent.map(({ type }) => type),
    ['hello', 'digest'],
  );
  log.stop();
});

test('a link whose first frame is no hello is over, also if the frame is of a later version', t => {
  const { log } = setUp();
  const ends: string[] = [];
  const link = { send: () => true, close: () => ends.push('closed'), abort: () => ends.push('aborted') };
  log.accept(link, { from: HOME }).onFrame(Uint8Array.of(99));
  t.deepEqual(ends, ['aborted']);
  t.deepEqual(log.report().drops, { badHello: 1 });
});
