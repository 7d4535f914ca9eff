/**
 * What nodes tell of their containers, and what is not sent because of it.
 *
 *   a-c1 198.18.0.1 ── [ weft a ] ══╗
 *   b-c1 198.18.0.2 ── [ weft b ] ══╬══ switch         c is the one that has nothing to do with it
 *   c-c1 198.18.0.3 ── [ weft c ] ══╝
 */
import test from 'ava';
import { Capture } from '../lab/capture.ts';
import type { Container } from '../lab/container.ts';
import { ping } from '../lab/ping.ts';
import type { Vm } from '../lab/vm.ts';
import { readVxlan, type VxlanPacket } from '../lab/vxlan-packet.ts';
import { waitFor } from '../lab/wait-for.ts';
import { inLab } from './in-lab.ts';
import { ATTACH_MODES, assertPing, assertStream, BLUE, startPair, timed, waitForPing } from './overlay.ts';
import { addQuiet, attachBy, detachBy, startThree, waitForTruth } from './pool.ts';

/** A MAC address that nobody has. */
const NOBODY = '02:00:5e:00:00:77';

/** What a new container says unasked (MLD reports, announcements) is over by then: RFC 3810 section 9.11 has one second. */
const SILENCE_MS = 3000;

/** A container that sends no router solicitations, which go to everybody for the first ten seconds. */
async function addSilent(vm: Vm, name: string): Promise<Container> {
  const container = await vm.addContainer(name);
  await container.sysctl({ 'net.ipv6.conf.default.router_solicitations': 0 });
  return container;
}

/** One broadcast, which every VTEP of the network gets. */
async function broadcast(from: Container): Promise<void> {
  await ping(from, '198.18.0.255', { count: 1, broadcast: true, waitS: 0.2 });
}

function packets(capture: Capture): VxlanPacket[] {
  return capture.frames().map(readVxlan);
}

for (const mode of ATTACH_MODES) {
  test(`claims (${mode}): ARP, ND and traffic between two machines put no packet on the wire of the third`, async t => {
    await inLab(t, `third-${mode}`, async lab => {
      const { a, b, c } = await startThree(lab, { attach: mode });
      const vms = [a, b, c];
      const containers = await Promise.all(vms.map(async vm => await addSilent(vm, 'c1')));
      const [c1, c2] = containers;
      if (c1 === undefined || c2 === undefined) return t.fail();
      const truth = new Map<string, string>();
      for (const [i, vm] of vms.entries()) {
        const addresses = [`198.18.0.${i + 1}/24`, `2001:db8:18::${i + 1}/64`];
        truth.set(await attachBy(vm, containers[i]?.netns ?? '', addresses), vm.underlay);
      }
      await waitForTruth(vms, truth);
      const wire = await Capture.start(c, 'eth0', `udp port 4789 and host ${c.underlay}`);
      await wire.silence(SILENCE_MS);
      const before = wire.frames().length;
      const since = () => packets(wire).slice(before);
      await broadcast(c1);
      await waitFor(() => since().length > 0, { what: 'a broadcast on the wire of c' });

      for (const [from, to, n] of [
        [c1, c2, 2],
        [c2, c1, 1],
      ] as const) {
        for (const address of [`198.18.0.${n}`, `2001:db8:18::${n}`]) {
          await from.ip('neigh flush all');
          await assertPing(t, from, address);
          await assertStream(t, from, to, address, 300_000);
        }
      }
      // What is in the capture up to here is in it when the next broadcast is.
      await broadcast(c1);
      await waitFor(() => since().length > 1, { what: 'the second broadcast on the wire of c' });
      t.deepEqual(
        since().map(({ from, mac, what }) => [from, mac, what]),
        [1, 2].map(() => [a.underlay, 'ff:ff:ff:ff:ff:ff', 'icmp']),
      );
    });
  });

  test(`claims (${mode}): the first frame to a container just announced is for its machine alone, and no ARP`, async t => {
    await inLab(t, `first-frame-${mode}`, async lab => {
      const { a, b, c } = await startThree(lab, { attach: mode });
      const c1 = await addQuiet(a, 'c1');
      const c2 = await addQuiet(b, 'c1');
      const truth = new Map([[await attachBy(a, c1.netns, ['198.18.0.1/24']), a.underlay]]);
      await waitForTruth([a, b, c], truth);
      const sent = `udp dst port 4789 and src host ${a.underlay}`;
      const wire = await Capture.start(a, 'eth0', sent);
      await wire.silence(SILENCE_MS);
      const other = await Capture.start(c, 'eth0', `${sent} and dst host ${c.underlay}`);
      const before = wire.frames().length;
      const since = () => packets(wire).slice(before);

      const mac = await attachBy(b, c2.netns, ['198.18.0.2/24']);
      truth.set(mac, b.underlay);
      const known = await timed(() => waitForTruth([a], truth, { intervalMs: 5 }));
      t.log(`known to the other machine ${Math.round(known)} ms after the attach returned`);
      const first = await ping(c1, '198.18.0.2', { count: 1 });
      t.is(first.received, 1, first.output);
      await waitFor(() => since().length > 0, { what: 'the request in the capture' });
      t.deepEqual(since(), [{ from: a.underlay, to: b.underlay, mac, what: 'icmp' }]);
      t.is(other.frames().length, 0);
      await broadcast(c1);
      await waitFor(() => other.frames().length === 1, { what: 'a broadcast on the wire of c' });
    });
  });

  test(`claims (${mode}): what is detached, or dead with its daemon, is gone everywhere; a restart brings it back`, async t => {
    t.timeout(180_000);
    await inLab(t, `gone-${mode}`, async lab => {
      const { a, b, c } = await startThree(lab, { attach: mode });
      const vms = [a, b, c];
      const c1 = await addQuiet(a, 'c1');
      const stays = await addQuiet(b, 'c1');
      const goes = await addQuiet(b, 'c2');
      const truth = new Map([
        [await attachBy(a, c1.netns, ['198.18.0.1/24']), a.underlay],
        [await attachBy(b, stays.netns, ['198.18.0.2/24']), b.underlay],
      ]);
      const gone = await attachBy(b, goes.netns, ['198.18.0.3/24']);
      await waitForTruth(vms, new Map([...truth, [gone, b.underlay]]));
      await detachBy(b, goes.netns);
      const forgotten = await timed(() => waitForTruth(vms, truth, { timeoutMs: 2000 }));
      t.log(`forgotten ${Math.round(forgotten)} ms after the detach returned`);

      await b.kill9();
      await Promise.all([a, c].map(async vm => t.is(await stateWhenGone(vm, b), 'dead')));
      const started = timed(async () => {
        await b.restartWeft();
        await waitForTruth(vms, truth, { timeoutMs: 15_000 });
      });
      t.log(`back everywhere ${Math.round(await started)} ms after the start`);
      await waitForPing(c1, '198.18.0.2');
      await assertPing(t, stays, '198.18.0.1');
    });
  });
}

/** What `vm` thinks of a peer once it has no entry left that leads there. */
async function stateWhenGone(vm: Vm, peer: Vm): Promise<string | undefined> {
  await waitFor(async () => !(await vm.api.fdb()).some(entry => entry.vtep === peer.underlay), {
    what: `${vm.name} to have no entry that leads to ${peer.name}`,
    timeoutMs: 60_000,
  });
  return (await vm.api.peers()).find(({ name }) => name === peer.name)?.state;
}

for (const silent of [true, false]) {
  const title = silent
    ? 'goes to the static VTEP, which tells nothing, and to nobody else'
    : 'is dropped and counted where all VTEPs tell what they have';
  test(`claims: unknown unicast ${title}`, async t => {
    await inLab(t, `unknown-${silent}`, async lab => {
      const x = await lab.addVm('x', { underlay: '192.0.2.66/24' });
      const networks = [{ ...BLUE, ...(silent && { static_vteps: [x.underlay] }) }];
      const { a, b } = await startPair(lab, { networks });
      const c1 = await addQuiet(a, 'c1');
      const c2 = await addQuiet(b, 'c1');
      const mac = await attachBy(b, c2.netns, ['198.18.0.2/24']);
      const truth = new Map([
        [await attachBy(a, c1.netns, ['198.18.0.1/24']), a.underlay],
        [mac, b.underlay],
      ]);
      await waitForTruth([a, b], truth);
      await c1.ip(`neigh replace 198.18.0.77 lladdr ${NOBODY} dev eth0 nud permanent`);
      const wire = await Capture.start(a, 'eth0', `udp dst port 4789 and src host ${a.underlay}`);
      const unknown = () => packets(wire).filter(packet => packet.mac === NOBODY);
      const drops = async () => {
        const rows = await a.api.drops();
        return rows.find(row => row.network === 'blue' && row.reason === 'unknown_destination')?.frames ?? 0;
      };
      /** Sends so many, and one behind them that arrives; where they went, and how many were dropped. */
      const send = async (count: number) => {
        const known = () => packets(wire).filter(packet => packet.mac === mac).length;
        const before = { unknown: unknown().length, known: known(), drops: await drops() };
        await ping(c1, '198.18.0.77', { count, intervalS: 0.05, waitS: 0.1 });
        await ping(c1, '198.18.0.2', { count: 1 });
        await waitFor(() => known() > before.known, { what: 'the last request in the capture' });
        const to = unknown().slice(before.unknown);
        return { to: to.map(packet => packet.to), dropped: (await drops()) - before.drops };
      };
      // A node that has only just been heard of is not yet known to tell all that it has.
      const expected = (count: number) => ({
        to: silent ? Array.from({ length: count }, () => x.underlay) : [],
        dropped: silent ? 0 : count,
      });
      await waitFor(async () => JSON.stringify(await send(1)) === JSON.stringify(expected(1)), {
        what: 'the other node to be known to tell what it has',
      });
      t.deepEqual(await send(5), expected(5));
    });
  });
}
