import test from 'ava';
import type { PlacedClaim } from '../../control/records/claim.ts';
import type { Assertion } from '../../control/records/own-endpoints.ts';
import { parseMac, parseVni } from '../../dataplane/address.ts';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import { memoryLog } from '../testing/memory-log.ts';
import { Contests } from './contests.ts';

const BLUE = parseVni(42);
const MAC = '02:00:00:00:00:01';
const ENDPOINT: Endpoint = {
  network: 'blue',
  vni: 42,
  attach: 'bridge',
  netns: { name: 'web', path: '/run/netns/web', inode: 1 },
  ifname: 'eth0',
  mac: MAC,
  addresses: [],
  mtu: 1450,
  hostLink: 'wv-1',
  pending: false,
};

function makeContest(answers: readonly Assertion[]) {
  const clock = new ManualClock();
  const { log, lines } = memoryLog();
  const state = {
    owner: 'b' as string | undefined,
    frames: 10 as number | undefined,
    endpoints: [ENDPOINT],
    /** Happens while the counter is saved. */
    whileMoving: undefined as (() => void) | undefined,
  };
  const asserted: Assertion[] = [];
  const moved: number[] = [];
  const contests = new Contests(
    {
      clock,
      log,
      records: {
        owner: () => (state.owner === undefined ? undefined : ({ origin: state.owner } as PlacedClaim)),
        assert() {
          const answer = answers[asserted.length] ?? 'held';
          asserted.push(answer);
          if (answer === 'reclaimed') state.owner = 'a';
          return answer;
        },
        mobilityOf: () => 5,
      },
      endpoints: {
        all: () => state.endpoints,
        moved: async (_, mobility) => {
          moved.push(mobility);
          state.whileMoving?.();
        },
      },
      framesSent: async () => state.frames,
    },
    { self: 'a' },
  );
  /** One look, to its end. */
  const look = async (): Promise<void> => {
    clock.advance(1000);
    await new Promise(resolve => setImmediate(resolve));
  };
  return { asserted, contests, lines, look, moved, state };
}

test('a container that is silent does not contest its address', async t => {
  const { asserted, contests, look } = makeContest(['reclaimed']);
  contests.lost(BLUE, parseMac(MAC));
  for (let i = 0; i < 5; i++) await look();
  t.deepEqual(asserted, []);
});

test('one that sends after the loss claims it back, once, and its counter is kept', async t => {
  const { asserted, contests, lines, look, moved, state } = makeContest(['reclaimed']);
  contests.lost(BLUE, parseMac(MAC));
  state.frames = 20;
  await look();
  t.deepEqual(asserted, [], 'what it sent before the first look is no evidence');
  state.frames = 21;
  await look();
  t.deepEqual(asserted, ['reclaimed']);
  t.deepEqual(moved, [5]);
  t.like(lines.at(-1), { level: 'warn', mac: MAC, peer: 'b', network: 'blue' });
  state.frames = 30;
  await look();
  t.is(asserted.length, 1, 'it is ours');
});

test('an address that is lost again while its counter is saved is claimed back again', async t => {
  const { asserted, contests, look, state } = makeContest(['reclaimed', 'reclaimed']);
  contests.lost(BLUE, parseMac(MAC));
  state.whileMoving = () => {
    state.whileMoving = undefined;
    state.owner = 'b';
    contests.lost(BLUE, parseMac(MAC));
  };
  for (let i = 0; i < 5; i++) {
    await look();
    state.frames = (state.frames ?? 0) + 1;
  }
  t.deepEqual(asserted, ['reclaimed', 'reclaimed']);
});

test('what another node keeps is said once, and tried again', async t => {
  const { asserted, contests, lines, look, state } = makeContest(['frozen', 'frozen', 'reclaimed']);
  contests.lost(BLUE, parseMac(MAC));
  for (let i = 0; i < 5; i++) {
    await look();
    state.frames = (state.frames ?? 0) + 1;
  }
  t.deepEqual(asserted, ['frozen', 'frozen', 'reclaimed']);
  const kept = lines.flatMap(({ reason, hint }) => (reason === 'frozen' ? [String(hint)] : []));
  t.is(kept.length, 1);
  t.regex(kept[0] ?? '', /weft release 02:00:00:00:00:01 --network blue/);
});

test('it ends when the container is detached, when the rival is gone, and with the daemon', async t => {
  const { asserted, contests, look, state } = makeContest(['reclaimed']);
  contests.lost(BLUE, parseMac(MAC));
  await look();
  state.endpoints = [];
  state.frames = 99;
  await look();
  state.endpoints = [ENDPOINT];
  contests.lost(BLUE, parseMac(MAC));
  await look();
  state.owner = undefined;
  state.frames = 100;
  await look();
  contests.lost(BLUE, parseMac(MAC));
  contests.stop();
  state.owner = 'b';
  await look();
  await look();
  t.deepEqual(asserted, []);
});
