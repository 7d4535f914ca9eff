/**
 * Addresses that move from one machine to another, in good order, with a new MAC, and to and fro.
 *
 *   c1 198.18.0.7 ── [ weft a ] ══╗
 *   c1 198.18.0.7 ── [ weft b ] ══╬══ switch         .7 is on a, on b, or on both
 *   c1 198.18.0.3 ── [ weft c ] ══╝                  .3 looks on
 */
import test from 'ava';
import type { Container } from '../lab/container.ts';
import { readLog } from '../lab/daemon-log.ts';
import type { Lab } from '../lab/lab.ts';
import { ping } from '../lab/ping.ts';
import type { Vm } from '../lab/vm.ts';
import { waitFor } from '../lab/wait-for.ts';
import type { AttachMode } from '../lab/weft-config.ts';
import { inLab } from './in-lab.ts';
import { ATTACH_MODES, assertPing, timed, waitForPing } from './overlay.ts';
import { addQuiet, attachBy, detachBy, startThree, waitForTruth } from './pool.ts';

const MOVING = ['198.18.0.7/24', '2001:db8:18::7/64'];
/** Moves until an address is held (RFC 7432 section 15.1), and about two seconds for each. */
const FREEZE_MS = 60_000;

interface Stage {
  readonly a: Vm;
  readonly b: Vm;
  readonly c: Vm;
  readonly vms: readonly Vm[];
  /** On c, at 198.18.0.3 and 2001:db8:18::3. */
  readonly watcher: Container;
  /** With the watcher in it. */
  readonly truth: Map<string, string>;
}

async function setStage(lab: Lab, attach: AttachMode): Promise<Stage> {
  const { a, b, c } = await startThree(lab, { attach });
  const watcher = await c.addContainer('c1');
  const truth = new Map([
    [await attachBy(c, watcher.netns, ['198.18.0.3/24', '2001:db8:18::3/64']), c.underlay],
  ]);
  return { a, b, c, vms: [a, b, c], watcher, truth };
}

for (const mode of ATTACH_MODES) {
  test(`mobility (${mode}): a container that moves with its MAC is found at its new place by all within 2 s`, async t => {
    await inLab(t, `moves-${mode}`, async lab => {
      const { a, b, vms, watcher, truth } = await setStage(lab, mode);
      const homes = [
        { vm: a, container: await a.addContainer('c1') },
        { vm: b, container: await b.addContainer('c1') },
      ] as const;
      truth.set(await attachBy(a, homes[0].container.netns, MOVING), a.underlay);
      await waitForTruth(vms, truth);
      await waitForPing(watcher, '198.18.0.7');
      for (let move = 1; move <= 6; move++) {
        const [from, to] = move % 2 === 1 ? homes : [homes[1], homes[0]];
        await detachBy(from.vm, from.container.netns);
        truth.set(await attachBy(to.vm, to.container.netns, MOVING), to.vm.underlay);
        const took = await timed(() => waitForTruth(vms, truth, { timeoutMs: 2000, intervalMs: 5 }));
        t.log(`move ${move}: known to all ${Math.round(took)} ms after the attach returned`);
        await assertPing(t, watcher, '198.18.0.7');
        await assertPing(t, watcher, '2001:db8:18::7');
      }
      t.is(truth.size, 2, 'it has kept its MAC');
      for (const vm of vms) t.deepEqual(alarms(vm), [], 'moves in good order are no duplicates');
    });
  });

  for (const elsewhere of [true, false]) {
    const where = elsewhere ? 'another machine' : 'the same machine';
    test(`mobility (${mode}): an IP address that is used again with a new MAC on ${where} is reached at once`, async t => {
      await inLab(t, `reused-${elsewhere}-${mode}`, async lab => {
        const { a, b, vms, watcher, truth } = await setStage(lab, mode);
        const old = await a.addContainer('c1');
        const oldMac = await attachBy(a, old.netns, MOVING);
        await waitForTruth(vms, new Map([...truth, [oldMac, a.underlay]]));
        await assertPing(t, watcher, '198.18.0.7');
        await assertPing(t, watcher, '2001:db8:18::7');
        await detachBy(a, old.netns);

        const vm = elsewhere ? b : a;
        const anew = await vm.addContainer('c2');
        const mac = await attachBy(vm, anew.netns, MOVING, '02:00:5e:10:00:07');
        t.not(mac, oldMac);
        truth.set(mac, vm.underlay);
        const known = await timed(() => waitForTruth(vms, truth, { timeoutMs: 2000 }));
        for (const address of ['198.18.0.7', '2001:db8:18::7']) {
          const took = await timed(() => waitForPing(watcher, address, 2000));
          t.log(
            `${address}: tables right after ${Math.round(known)} ms, then answered in ${Math.round(took)} ms`,
          );
          const neighbors = await watcher.ipJson<{ dst: string; lladdr?: string }[]>(
            'neigh',
            'show',
            'to',
            address,
          );
          t.deepEqual(
            neighbors.map(({ lladdr }) => lladdr),
            [mac],
          );
        }
      });
    });
  }

  test(`mobility (${mode}): an address on two machines is frozen after five moves, and the operator releases it`, async t => {
    t.timeout(240_000);
    await inLab(t, `twice-${mode}`, async lab => {
      const { a, b, c, vms, watcher, truth } = await setStage(lab, mode);
      const homes = [
        { vm: a, container: await addQuiet(a, 'c1') },
        { vm: b, container: await addQuiet(b, 'c1') },
      ] as const;
      const mac = await attachBy(a, homes[0].container.netns, ['198.18.0.7/24']);
      await waitForTruth(vms, new Map([...truth, [mac, a.underlay]]));
      t.is(await attachBy(b, homes[1].container.netns, ['198.18.0.7/24']), mac);
      for (const { container } of homes) container.spawn('ping', ['-q', '-i', '0.2', '198.18.0.3']);

      const frozen = async (vm: Vm) => (await rows(vm, mac)).some(row => row.frozen);
      const took = await timed(() =>
        waitFor(async () => (await Promise.all(vms.map(frozen))).every(Boolean), {
          what: 'the address to be frozen for all',
          timeoutMs: FREEZE_MS,
        }),
      );
      const place = await vtepOf(c, mac);
      const [holder, loser] = place === a.underlay ? homes : [homes[1], homes[0]];
      t.is(place, holder.vm.underlay);
      t.log(`frozen on ${holder.vm.name} ${Math.round(took)} ms after the second attach`);
      await waitFor(() => refusals(loser.vm).length > 0, { what: `${loser.vm.name} to give up the address` });
      const before = await rows(c, mac);
      await Promise.all([
        assertPing(t, holder.container, '198.18.0.3', { count: 50, intervalS: 0.1 }),
        assertPing(t, watcher, '198.18.0.7', { count: 50, intervalS: 0.1 }),
      ]);
      const after = await rows(c, mac);
      t.deepEqual(
        after.map(({ vtep, mobility }) => [vtep, mobility]),
        before.map(({ mobility }) => [place, mobility]),
        'nothing moves any more',
      );
      for (const vm of vms) t.deepEqual(alarms(vm), [mac], `${vm.name} says so once`);

      await detachBy(loser.vm, loser.container.netns);
      await holder.vm.weft(['release', mac, '--network', 'blue']);
      await waitFor(async () => !(await Promise.all(vms.map(frozen))).some(Boolean), {
        what: 'the address to be free for all',
        timeoutMs: 2000,
      });
      truth.set(mac, holder.vm.underlay);
      await waitForTruth(vms, truth);
      await detachBy(holder.vm, holder.container.netns);
      await attachBy(loser.vm, loser.container.netns, ['198.18.0.7/24']);
      truth.set(mac, loser.vm.underlay);
      await waitForTruth(vms, truth, { timeoutMs: 2000 });
      await assertPing(t, watcher, '198.18.0.7');
    });
  });
}

test('mobility: the new place may be attached before the old one is detached', async t => {
  await inLab(t, 'overlap', async lab => {
    const { a, b, c, vms, watcher, truth } = await setStage(lab, 'bridge');
    const before = await a.addContainer('c1');
    const mac = await attachBy(a, before.netns, MOVING);
    await waitForTruth(vms, new Map([...truth, [mac, a.underlay]]));
    await assertPing(t, watcher, '198.18.0.7');
    // For a moment both have it, and the newer claim wins.
    const after = await b.addContainer('c1');
    t.is(await attachBy(b, after.netns, MOVING), mac);
    await waitFor(async () => (await vtepOf(c, mac)) === b.underlay, {
      what: 'c to follow the newer claim',
      timeoutMs: 2000,
    });
    await detachBy(a, before.netns);
    truth.set(mac, b.underlay);
    await waitForTruth(vms, truth, { timeoutMs: 2000 });
    const report = await ping(watcher, '198.18.0.7', { count: 5, intervalS: 0.1 });
    t.is(report.received, 5, report.output);
  });
});

/** Where `vm` sends frames for this MAC. */
async function vtepOf(vm: Vm, mac: string): Promise<string | null | undefined> {
  return (await vm.api.fdb()).find(entry => entry.mac === mac)?.vtep;
}

/** The containers with this MAC of which `vm` knows: its own, and that of the node whose claim wins. */
async function rows(vm: Vm, mac: string) {
  return (await vm.api.endpoints()).filter(row => row.mac === mac);
}

/** MAC addresses of which the daemon has said that they are on two machines. */
function alarms(vm: Vm): string[] {
  return readLog(vm.daemon.stdout).flatMap(({ event, mac }) =>
    event === 'duplicate_address' && mac !== undefined ? [mac] : [],
  );
}

/** Addresses of its own containers that the daemon has said it does not get. */
function refusals(vm: Vm): string[] {
  return readLog(vm.daemon.stdout).flatMap(({ msg, mac }) =>
    msg === 'another node keeps an address of this container' && mac !== undefined ? [mac] : [],
  );
}
