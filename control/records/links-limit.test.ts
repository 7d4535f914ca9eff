import test from 'ava';
import { parseIp } from '../../dataplane/address.ts';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import { NO_EPOCH } from './epoch.ts';
import { LINK_RESTS, LINKS_KEPT, MAX_LINKS } from './limits.ts';
import type { Link, LinkHandler } from './link.ts';
import { Links } from './links.ts';
import type { RecordPeer } from './peers.ts';
import { RecordCounters } from './record-counters.ts';

/** Links that open at once, and end some milliseconds after they were closed. */
function setUp() {
  const clock = new ManualClock();
  const counters = new RecordCounters();
  const closed: string[] = [];
  const open = (peer: RecordPeer, handler: LinkHandler): Link => ({
    send: () => true,
    close: () => {
      closed.push(peer.name);
      clock.after(5, () => handler.onClose());
    },
    abort: () => handler.onClose(),
  });
  const deltas = { next: () => undefined };
  const links = new Links(
    { clock, counters, deltas, port: { open } } as unknown as ConstructorParameters<typeof Links>[0],
    { self: 'me', onFrame: () => {} } as unknown as ConstructorParameters<typeof Links>[1],
  );
  const peer = (n: number): RecordPeer => ({
    name: `p${n}`,
    endpoint: { address: parseIp('10.0.0.1'), port: 7946 },
    epoch: NO_EPOCH,
    vnis: new Set(),
  });
  return { clock, counters, closed, links, peer };
}

const PROBE = { type: 'probe', scopes: [] } as const;

test('more than are kept are closed once they rest, those that were used the longest ago first', t => {
  const { clock, closed, links, peer } = setUp();
  for (let n = 0; n < LINKS_KEPT + 3; n++) {
    links.say(peer(n), PROBE);
    clock.advance(1);
  }
  links.say(peer(1), PROBE);
  links.closeIdle();
  t.deepEqual(closed, [], 'an answer may be under way');
  clock.advance(LINK_RESTS);
  links.closeIdle();
  t.deepEqual(closed, ['p0', 'p2', 'p3']);
  links.say(peer(0), PROBE);
  t.is(links.size, LINKS_KEPT + 4, 'one that is closing is not spoken on');
  clock.advance(5);
  t.is(links.size, LINKS_KEPT + 1);
});

test('so no pool is too large: each second there is room for as many new ones', t => {
  const { clock, counters, links, peer } = setUp();
  for (let n = 0; n < 20 * LINKS_KEPT; n++) {
    links.say(peer(n), PROBE);
    clock.advance(1000 / (LINKS_KEPT - 32));
    if (n % (LINKS_KEPT - 32) === 0) links.closeIdle();
    t.true(links.size <= MAX_LINKS);
  }
  t.is(counters.report().drops.linkLimit, undefined);
});
