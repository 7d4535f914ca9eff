/**
 * Three machines: replication of broadcast at the source, and a MAC that moves.
 *
 *   a-c1 198.18.0.1 ── [ weft a ] ══╗
 *   b-c1 198.18.0.2 ── [ weft b ] ══╬══ switch
 *   c-c1 198.18.0.3 ── [ weft c ] ══╝
 */
import test from 'ava';
import { Capture } from '../lab/capture.ts';
import { ping } from '../lab/ping.ts';
import { waitFor } from '../lab/wait-for.ts';
import { inLab } from './in-lab.ts';
import { ATTACH_MODES, addAttached, assertPing, attach, fdbEntry } from './overlay.ts';
import { addQuiet, startThree } from './pool.ts';

for (const mode of ATTACH_MODES) {
  test(`three machines (${mode}): a broadcast reaches every container once and never comes back`, async t => {
    await inLab(t, `three-${mode}`, async lab => {
      const { a, b, c } = await startThree(lab, { attach: mode });
      const sender = await addAttached(a, 'c1', { addresses: ['198.18.0.1/24'] });
      const others = [
        await addAttached(a, 'c2', { addresses: ['198.18.0.4/24'] }),
        await addAttached(b, 'c1', { addresses: ['198.18.0.2/24'] }),
        await addAttached(b, 'c2', { addresses: ['198.18.0.5/24'] }),
        await addAttached(c, 'c1', { addresses: ['198.18.0.3/24'] }),
      ];
      for (const address of ['198.18.0.2', '198.18.0.3', '198.18.0.4', '198.18.0.5']) {
        await assertPing(t, sender, address);
      }
      const filter = 'icmp and dst host 198.18.0.255';
      const captures = await Promise.all(others.map(other => Capture.start(other, 'eth0', filter)));
      const back = await Capture.start(sender, 'eth0', `${filter} and inbound`);
      const count = 20;
      await ping(sender, '198.18.0.255', { count, intervalS: 0.01, broadcast: true, waitS: 0.2 });
      for (const [i, capture] of captures.entries()) {
        await waitFor(() => capture.frames().length >= count, {
          what: `${count} broadcasts at ${others[i]?.name}`,
        });
      }
      // Unicast behind the broadcasts, on the same path: a second copy would have come before its reply.
      for (const address of ['198.18.0.2', '198.18.0.3', '198.18.0.4', '198.18.0.5']) {
        await assertPing(t, sender, address);
      }
      for (const [i, capture] of captures.entries()) t.is(capture.frames().length, count, others[i]?.name);
      t.is(back.frames().length, 0, 'split horizon');
    });
  });

  test(`three machines (${mode}): a MAC that moves is followed within one frame it sends`, async t => {
    await inLab(t, `move-${mode}`, async lab => {
      const { a, b, c } = await startThree(lab, { attach: mode });
      const mac = '02:00:5e:10:00:07';
      const addresses = ['198.18.0.7/24'];
      const watcher = await addQuiet(a, 'c1');
      await attach(a, watcher, { addresses: ['198.18.0.1/24'] });
      const before = await addQuiet(b, 'c1');
      await attach(b, before, { addresses, mac });
      const watcherMac = (await watcher.link('eth0')).address;
      await watcher.ip(`neigh replace 198.18.0.7 lladdr ${mac} dev eth0 nud permanent`);
      await before.ip(`neigh replace 198.18.0.1 lladdr ${watcherMac} dev eth0 nud permanent`);
      await assertPing(t, before, '198.18.0.1');
      t.is((await fdbEntry(a, mac))?.vtep, b.underlay);

      await b.weft(['detach', before.netns, '--network', 'blue']);
      const after = await addQuiet(c, 'c1');
      await attach(c, after, { addresses, mac });
      await after.ip(`neigh replace 198.18.0.1 lladdr ${watcherMac} dev eth0 nud permanent`);
      const sent = await Capture.start(after, 'eth0', `ether src ${mac}`);
      // One request, no ARP: the reply finds its way only if that one frame moved the entry.
      const report = await ping(after, '198.18.0.1', { count: 1, waitS: 1 });
      t.is(report.received, 1, report.output);
      await waitFor(() => sent.frames().length >= 1, { what: 'the request in the capture' });
      t.is(sent.frames().length, 1);
      t.is((await fdbEntry(a, mac))?.vtep, c.underlay);
      await assertPing(t, watcher, '198.18.0.7');
    });
  });
}
