/**
 * Two containers on one machine, in both attach modes; nothing of what they say to each other leaves the machine.
 *
 *   a-c1 198.18.0.1 ──┐
 *                     ├─ [ weft a ] eth0 ══ switch ══ [ weft b ]
 *   a-c2 198.18.0.2 ──┘              ▲ capture
 */
import test from 'ava';
import { Capture } from '../lab/capture.ts';
import { inLab } from './in-lab.ts';
import {
  ATTACH_MODES,
  addAttached,
  assertPing,
  assertStream,
  fdbEntry,
  startPair,
  waitForPing,
} from './overlay.ts';

for (const mode of ATTACH_MODES) {
  test(`local (${mode}): ping, IPv6 and TCP between two containers of one machine`, async t => {
    await inLab(t, `local-${mode}`, async lab => {
      const { a } = await startPair(lab, { attach: mode });
      const c1 = await addAttached(a, 'c1', { addresses: ['198.18.0.1/24'] });
      const c2 = await addAttached(a, 'c2', { addresses: ['198.18.0.2/24'] });
      await c1.ip('addr add 2001:db8:18::1/64 dev eth0 nodad');
      await c2.ip('addr add 2001:db8:18::2/64 dev eth0 nodad');
      await waitForPing(c1, '198.18.0.2');
      const capture = await Capture.start(a, 'eth0', 'udp dst port 4789');
      await assertPing(t, c1, '198.18.0.2', { count: 200, intervalS: 0.005, pattern: 'a5' });
      await assertPing(t, c2, '198.18.0.1', { size: 1422, dontFragment: true, pattern: 'a5' });
      await assertPing(t, c1, '2001:db8:18::2', { pattern: 'a5' });
      await assertStream(t, c1, c2, '198.18.0.2', 50_000_000);
      const payload = Buffer.alloc(32, 0xa5);
      t.false(
        capture.frames().some(frame => frame.includes(payload)),
        'unicast between neighbours left the machine',
      );
      t.true(capture.frames().length < 100, `${capture.frames().length} datagrams left the machine`);
      for (const container of [c1, c2]) {
        const entry = await fdbEntry(a, (await container.link('eth0')).address);
        t.like(entry, { where: 'local', vtep: null });
      }
    });
  });
}
