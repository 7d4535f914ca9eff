/**
 * Two networks with equal addresses on the same machines stay apart.
 *
 *   a-blue 198.18.0.1 ──┐                                  ┌── 198.18.0.2 b-blue     VNI 42
 *                       ├─ [ weft a ] ══ switch ══ [ weft b ] ─┤
 *   a-red  198.18.0.1 ──┘                                  └── 198.18.0.2 b-red      VNI 43
 */
import test from 'ava';
import { Capture } from '../lab/capture.ts';
import { ping } from '../lab/ping.ts';
import { inLab } from './in-lab.ts';
import {
  ATTACH_MODES,
  addAttached,
  assertNoPing,
  assertPing,
  BLUE,
  fdbEntry,
  startPair,
  waitForPing,
} from './overlay.ts';

const RED = { name: 'red', vni: 43, subnet: '198.18.0.0/24' };

for (const mode of ATTACH_MODES) {
  test(`isolation (${mode}): no frame of one network is seen in the other, with equal IP addresses`, async t => {
    await inLab(t, `isolation-${mode}`, async lab => {
      const { a, b } = await startPair(lab, { attach: mode, networks: [BLUE, RED] });
      const blue1 = await addAttached(a, 'blue', { network: 'blue', addresses: ['198.18.0.1/24'] });
      const blue2 = await addAttached(b, 'blue', { network: 'blue', addresses: ['198.18.0.2/24'] });
      const red1 = await addAttached(a, 'red', { network: 'red', addresses: ['198.18.0.1/24'] });
      const red2 = await addAttached(b, 'red', { network: 'red', addresses: ['198.18.0.2/24'] });
      const macs = {
        blue: [(await blue1.link('eth0')).address, (await blue2.link('eth0')).address],
        red: [(await red1.link('eth0')).address, (await red2.link('eth0')).address],
      };
      const captures = {
        blue: await Promise.all([blue1, blue2].map(container => Capture.start(container, 'eth0'))),
        red: await Promise.all([red1, red2].map(container => Capture.start(container, 'eth0'))),
      };

      await Promise.all([waitForPing(blue1, '198.18.0.2'), waitForPing(red1, '198.18.0.2')]);
      await Promise.all([
        assertPing(t, blue1, '198.18.0.2', { count: 50, intervalS: 0.01, pattern: 'b1' }),
        assertPing(t, red1, '198.18.0.2', { count: 50, intervalS: 0.01, pattern: 'ed' }),
      ]);
      // Broadcast, and an address that exists nowhere (ARP is flooded).
      await ping(blue1, '198.18.0.255', { count: 5, broadcast: true, waitS: 0.2, pattern: 'b1' });
      await assertNoPing(t, blue2, '198.18.0.77');
      // An address of blue only: red must not reach it, also when it knows its MAC.
      await blue2.ip('addr add 198.18.0.9/24 dev eth0');
      await assertNoPing(t, red1, '198.18.0.9');
      await red1.ip(`neigh replace 198.18.0.9 lladdr ${macs.blue[1]} dev eth0 nud permanent`);
      await assertNoPing(t, red1, '198.18.0.9');

      for (const [network, other] of [
        ['blue', 'red'],
        ['red', 'blue'],
      ] as const) {
        const pattern = Buffer.alloc(32, network === 'blue' ? 0xed : 0xb1);
        for (const capture of captures[network]) {
          const frames = capture.frames();
          t.true(frames.length > 100, 'the capture works');
          t.false(
            frames.some(frame => macs[other].includes(sourceMac(frame))),
            `${network} saw a frame from ${other}`,
          );
          t.false(
            frames.some(frame => frame.includes(pattern)),
            `${network} saw a payload of ${other}`,
          );
        }
      }
      for (const [vni, addresses] of [[42, macs.blue] as const, [43, macs.red] as const]) {
        for (const mac of addresses) t.is((await fdbEntry(a, mac))?.vni, vni);
      }
    });
  });
}

function sourceMac(frame: Buffer): string {
  return [...frame.subarray(6, 12)].map(byte => byte.toString(16).padStart(2, '0')).join(':');
}
