/**
 * A file system of the state that fills up while weft runs, and a file of the state that was cut.
 *
 *   a-c1 198.18.0.1 ── [ weft a, its state on 1 MiB ] ══ [ weft b ] ── b-c1 198.18.0.2
 */
import { readFileSync, truncateSync } from 'node:fs';
import test from 'ava';
import { readLog } from '../lab/daemon-log.ts';
import type { Lab } from '../lab/lab.ts';
import type { Vm } from '../lab/vm.ts';
import { waitFor } from '../lab/wait-for.ts';
import { inLab } from './in-lab.ts';
import { addAttached, addWeftVm, assertPing, attachPair, BLUE, startPair, waitForPing } from './overlay.ts';

/** Gives the state of a machine a file system of 1 MiB, which goes with the lab: it is mounted where a process of the lab is. */
async function stateOnSmallDisk(lab: Lab, vm: Vm): Promise<void> {
  const state = `${lab.directory}/a/state`;
  const mount = `mkdir -p ${state} && mount -t tmpfs -o size=1m weft-state ${state} && echo mounted && exec sleep infinity`;
  const holder = vm.spawnOutside('unshare', ['--mount', '--propagation', 'slave', 'sh', '-c', mount]);
  await holder.waitForOutput('mounted');
  vm.mountNamespace = `/proc/${holder.pid}/ns/mnt`;
}

test('disk full: frames are carried on, an attach is refused in one line, and what is behind is written when there is room', async t => {
  await inLab(t, 'disk-full', async lab => {
    const a = await lab.addVm('a', { underlay: '192.0.2.1/24' });
    await stateOnSmallDisk(lab, a);
    await a.startWeft({ networks: [BLUE] });
    const b = await addWeftVm(lab, 2);
    const { c1 } = await attachPair({ a, b });
    const kept = await addAttached(a, 'c2', { addresses: ['198.18.0.3/24'] });
    await waitForPing(c1, '198.18.0.2');
    const state = `${a.directory}/state`;
    const inState = async (command: string) => (await a.exec('sh', ['-c', command])).stdout;
    await inState(`head -c 2M /dev/zero >${state}/ballast || true`);

    const late = await a.addContainer('c3');
    const args = ['attach', late.netns, '--network', 'blue', '--address', '198.18.0.4/24'];
    const refused = await a.weft(args, { check: false });
    t.is(refused.code, 1);
    t.regex(
      refused.stderr,
      /^weft: cannot write .*endpoints\.json: ENOSPC: .*; make room on the file system of paths\.state.*\n$/,
    );
    t.false((await late.links()).some(({ ifname }) => ifname === 'eth0'));
    t.is((await a.api.status()).networks[0]?.endpoints, 2);
    t.false((await a.api.status()).state.writable);
    t.regex((await a.weft(['status'])).stdout, /^state +cannot write .*ENOSPC/m);
    await assertPing(t, c1, '198.18.0.2');
    // Takes nothing of the disk, and is done.
    await a.weft(['detach', kept.netns, '--network', 'blue']);
    t.is((await a.api.status()).networks[0]?.endpoints, 1);
    await assertPing(t, c1, '198.18.0.2');
    t.true((await inState(`cat ${state}/endpoints.json`)).includes('198.18.0.3'), 'the disk is behind');
    t.false((await inState(`ls ${state}`)).includes('.new'), 'no half of a file is left');

    await inState(`rm ${state}/ballast`);
    await waitFor(async () => (await a.api.status()).state.writable, { what: 'the state to be writable' });
    await waitFor(async () => !(await inState(`cat ${state}/endpoints.json`)).includes('198.18.0.3'), {
      what: 'the disk to have what there is',
    });
    await a.weft(args);
    await waitForPing(late, '198.18.0.2');
    const events = readLog(a.daemon.stdout).map(({ msg }) => msg);
    t.is(events.filter(msg => msg === 'the state cannot be written').length, 1);
    t.is(events.filter(msg => msg === 'the state can be written again').length, 1);
    await a.kill9();
    await a.restartWeft();
    t.is((await a.api.status()).networks[0]?.endpoints, 2);
    await waitForPing(c1, '198.18.0.2');
  });
});

test('a state file that was cut: the daemon does not start, and says which one and what to do; hints are done without', async t => {
  await inLab(t, 'cut', async lab => {
    const pair = await startPair(lab);
    const { c1 } = await attachPair(pair);
    await waitForPing(c1, '198.18.0.2');
    const { a } = pair;
    const hints = [`${a.directory}/state/peers.json`, `${a.directory}/run/claims.json`];
    await a.stopWeft();
    for (const file of hints) {
      truncateSync(file, Math.floor(readFileSync(file).length / 2));
    }
    await a.restartWeft();
    await waitForPing(c1, '198.18.0.2');
    const events = readLog(a.daemon.stdout).map(({ event }) => event);
    t.true(events.includes('peers_unreadable') && events.includes('claims_unreadable'));
    await a.kill9();
    const endpoints = `${a.directory}/state/endpoints.json`;
    truncateSync(endpoints, readFileSync(endpoints).length - 10);
    const refused = a.spawnDaemon(a.configPath);
    const { code } = await refused.ended;
    t.is(code, 1);
    t.regex(refused.stderr, /^weft: .*endpoints\.json is damaged or of another version; move it away .*\n$/);
  });
});
