/**
 * The links over which nodes tell of their containers: what others on the wire see of them, and what strangers can do to them.
 *
 *   c1 198.18.0.1 ── [ weft a ] ══╗
 *   c1 198.18.0.2 ── [ weft b ] ══╬══ switch         x has an address there, and no key
 *                             x  ══╝
 */
import test from 'ava';
import { DEFAULT_GOSSIP_PORT, MAX_STREAMS_PER_ADDRESS } from '../../control/constants.ts';
import { encodeFrame } from '../../control/records/frame.ts';
import { MAX_LINKS_PER_ADDRESS, RECORDS_VERSION } from '../../control/records/limits.ts';
import { Capture } from '../lab/capture.ts';
import { openDescriptors } from '../lab/process-state.ts';
import { waitFor } from '../lab/wait-for.ts';
import { inLab } from './in-lab.ts';
import { startPair } from './overlay.ts';
import { addQuiet, attachBy, waitForPool, waitForTruth } from './pool.ts';

const KEY = Buffer.alloc(32, 7).toString('base64');

for (const gossipKey of [undefined, KEY]) {
  const title =
    gossipKey === undefined ? 'are read by anybody without a key' : 'are not to be seen with a key';
  test(`record links: MAC, address, interface and name of a container ${title}`, async t => {
    await inLab(t, gossipKey === undefined ? 'clear' : 'sealed', async lab => {
      const { a, b } = await startPair(lab, { ...(gossipKey !== undefined && { gossipKey }) });
      const container = await addQuiet(b, 'secret');
      const wire = await Capture.start(a, 'eth0', `port ${DEFAULT_GOSSIP_PORT}`);
      const mac = await attachBy(b, container.netns, ['198.18.0.2/24']);
      await waitForTruth([a, b], new Map([[mac, b.underlay]]));
      await waitFor(() => wire.frames().length > 0, { what: 'the news in the capture' });
      const secrets = {
        mac: Buffer.from(mac.replaceAll(':', ''), 'hex'),
        address: Buffer.from([198, 18, 0, 2]),
        interface: Buffer.from('eth0'),
        name: Buffer.from(container.netns),
      };
      const seen = () =>
        Object.entries(secrets).flatMap(([what, bytes]) =>
          wire.frames().some(frame => frame.includes(bytes)) ? [what] : [],
        );
      if (gossipKey === undefined) {
        await waitFor(() => seen().length === 4, { what: 'all of it in the capture' });
      }
      t.deepEqual(seen(), gossipKey === undefined ? Object.keys(secrets) : []);
    });
  });
}

/** What a connection begins with that carries a link (control/records/tcp-links.ts). */
const PREAMBLE = '776c6f6701';
const hello = Buffer.from(encodeFrame({ type: 'hello', version: RECORDS_VERSION, name: 'b' })).toString(
  'hex',
);
const withLength = (hex: string) => `${(hex.length / 2).toString(16).padStart(8, '0')}${hex}`;

/** Until a link that nobody has proved to have a key for is closed, in milliseconds; and what a busy machine adds to it. */
const PATIENCE_MS = 5000;
const GRACE_MS = 5000;
const ATTACKERS = 200;

/** Descriptors that a daemon opens and closes for itself meanwhile: a stream, a link, a file. */
const SPARE = 5;

for (const [name, title, bytes, limitMs] of [
  ['unsealed', 'a frame that is not sealed', PREAMBLE + withLength(hello), GRACE_MS],
  ['noise', 'a frame of noise', PREAMBLE + withLength('5a'.repeat(300)), GRACE_MS],
  ['huge', 'a length beyond all bounds', `${PREAMBLE}ffffffff`, GRACE_MS],
  ['version', 'another preamble', `776c6f6702${withLength(hello)}`, GRACE_MS],
  ['silent', 'nothing behind the preamble', PREAMBLE, PATIENCE_MS + GRACE_MS],
  ['endless', 'a frame that never ends', `${PREAMBLE}00001000${'5a'.repeat(100)}`, PATIENCE_MS + GRACE_MS],
  ['begun', 'a preamble that never ends', '776c', PATIENCE_MS + GRACE_MS],
] as const) {
  test(`record links: strangers with ${title} are shown out, few at a time, and leave nothing`, async t => {
    await inLab(t, `strangers-${name}`, async lab => {
      const { a, b } = await startPair(lab, { gossipKey: KEY });
      const x = await lab.addVm('x', { underlay: '192.0.2.66/24' });
      const before = openDescriptors(a.daemon.pid).length;
      let most = 0;
      let isOver = false;
      const args = [a.underlay, DEFAULT_GOSSIP_PORT, ATTACKERS, bytes, limitMs];
      const [report] = await Promise.all([
        x.tool<{ closed: number; last_ms: number }>('open-links', args).finally(() => {
          isOver = true;
        }),
        waitFor(
          () => {
            most = Math.max(most, openDescriptors(a.daemon.pid).length - before);
            return isOver;
          },
          { what: 'the strangers to give up', timeoutMs: limitMs + 30_000, intervalMs: 10 },
        ),
      ]);
      t.log(`closed the last one after ${report.last_ms} ms; ${most} at one time`);
      t.is(report.closed, ATTACKERS);
      // Of what has not yet said that it is a link, there may be as many as of streams.
      t.true(most <= MAX_STREAMS_PER_ADDRESS + MAX_LINKS_PER_ADDRESS + SPARE, `${most} at one time`);
      await waitFor(() => openDescriptors(a.daemon.pid).length <= before + SPARE, {
        what: 'all of it to be gone',
      });
      await waitForPool([a, b]);
      const container = await addQuiet(b, 'c1');
      const mac = await attachBy(b, container.netns, ['198.18.0.2/24']);
      await waitForTruth([a, b], new Map([[mac, b.underlay]]), { timeoutMs: 2000 });
    });
  });
}
