/**
 * The load generators of labs, and the network card with a line rate:
 *
 *   a: eth0 (100 Mbit/s) ══ switch ══ eth0: b
 */
import test from 'ava';
import { iperf } from '../lab/iperf.ts';
import type { Lab } from '../lab/lab.ts';
import { connectionRate, flood, roundTrips } from '../lab/traffic.ts';
import type { Vm } from '../lab/vm.ts';
import { inLab } from './in-lab.ts';

const RATE_MBIT = 100;

async function twoVms(lab: Lab): Promise<[Vm, Vm]> {
  const a = await lab.addVm('a', { underlay: ['192.0.2.1/24', '2001:db8::1/64'] });
  const b = await lab.addVm('b', { underlay: ['192.0.2.2/24', '2001:db8::2/64'] });
  return [a, b];
}

test('a network card with a line rate carries no more than that, and TCP fills it', async t => {
  await inLab(t, { name: 'rate', rateMbit: RATE_MBIT }, async lab => {
    const [a, b] = await twoVms(lab);
    // By the clock of the receiver, which goes on while the queue of the card drains.
    const mbit = (await iperf(a, b, b.underlay, { seconds: 2 })).bitsPerSecond / 1e6;
    // 1448 of 1514 bytes of a frame are payload; the burst of the card comes on top, once.
    t.true(mbit < RATE_MBIT + 10, `${mbit} Mbit/s`);
    t.true(mbit > RATE_MBIT / 2, `${mbit} Mbit/s`);
  });
});

for (const [family, address] of [['IPv4', '192.0.2.2'] as const, ['IPv6', '2001:db8::2'] as const]) {
  test(`datagrams, requests and connections are generated and counted over ${family}`, async t => {
    await inLab(t, `load-${family.toLowerCase()}`, async lab => {
      const [a, b] = await twoVms(lab);
      const { delivered, reordered } = await flood(a, b, address, { bytes: 64, seconds: 0.3 });
      t.true(delivered > 100, `${delivered} datagrams a second`);
      // One flow over one wire.
      t.is(reordered, 0);
      const { count, p50, p99, p999 } = await roundTrips(a, b, address, { bytes: 64, seconds: 0.3 });
      t.true(count > 10);
      t.true(0 < p50 && p50 <= p99 && p99 <= p999, `${p50} ${p99} ${p999}`);
      t.true((await connectionRate(a, b, address, { bytes: 64, parallel: 4, seconds: 0.3 })) > 10);
    });
  });
}

test('a flood that does not arrive is an error, not a rate of zero', async t => {
  await inLab(t, 'silence', async lab => {
    const [a, b] = await twoVms(lab);
    await lab.setWire(b, 'down');
    await t.throwsAsync(flood(a, b, b.underlay, { bytes: 64, seconds: 0.1 }), {
      message: /no datagram came/,
    });
  });
});
