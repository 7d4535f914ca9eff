/**
 * What a daemon makes of what an earlier run left: another MTU, another name, a network less, an attachment that was
 * interrupted, a TAP that was deleted, a namespace that is known by a process only.
 *
 *   a-c1 198.18.0.1 ──┐
 *                     ├─ [ weft a ]
 *   a-c2 198.18.0.2 ──┘
 */
import { readFileSync, writeFileSync } from 'node:fs';
import test from 'ava';
import type { Vm } from '../lab/vm.ts';
import { waitFor } from '../lab/wait-for.ts';
import { inLab } from './in-lab.ts';
import {
  ATTACH_MODES,
  addAttached,
  addWeftVm,
  assertPing,
  attach,
  BLUE,
  localEndpoints,
  waitForPing,
} from './overlay.ts';

const C1 = { addresses: ['198.18.0.1/24'] };
const C2 = { addresses: ['198.18.0.2/24'] };

interface ConfigFile {
  node: { name: string };
  networks: Record<string, unknown>[];
}

/** Ends the daemon with `kill -9`, changes its configuration, and starts it again. */
async function restartWith(vm: Vm, change: (config: ConfigFile) => void): Promise<void> {
  await vm.kill9();
  const config = JSON.parse(readFileSync(vm.configPath, 'utf8')) as ConfigFile;
  change(config);
  vm.writeConfig(JSON.stringify(config));
  await vm.restartWeft();
}

async function linkNames(vm: Vm): Promise<string[]> {
  return (await vm.links()).map(link => link.ifname);
}

for (const mode of ATTACH_MODES) {
  test(`restart (${mode}): an MTU below 1280, and one that changed, hold at both ends of every container`, async t => {
    await inLab(t, `mtu-${mode}`, async lab => {
      const a = await addWeftVm(lab, 1, { attach: mode, networks: [{ ...BLUE, mtu: 1000 }] });
      const c1 = await addAttached(a, 'c1', C1);
      const c2 = await addAttached(a, 'c2', C2);
      t.is((await c1.link('eth0')).mtu, 1000);
      const six = [
        'attach',
        c1.netns,
        '--network',
        'blue',
        '--ifname',
        'six',
        '--address',
        '2001:db8:18::1/64',
      ];
      t.regex((await a.weft(six, { check: false })).stderr, /MTU 1000, IPv6 needs 1280/);
      await restartWith(a, () => {});
      await restartWith(a, config => {
        config.networks = [{ ...config.networks[0], mtu: 1200 }];
      });
      for (const container of [c1, c2]) t.is((await container.link('eth0')).mtu, 1200);
      t.deepEqual(
        (await localEndpoints(a)).map(({ mtu }) => mtu),
        [1200, 1200],
      );
      await waitForPing(c1, '198.18.0.2');
      await assertPing(t, c1, '198.18.0.2', { size: 1172, dontFragment: true });
    });
  });

  test(`restart (${mode}): under another node name the containers stay attached`, async t => {
    await inLab(t, `renamed-${mode}`, async lab => {
      const a = await addWeftVm(lab, 1, { attach: mode });
      const c1 = await addAttached(a, 'c1', C1);
      await addAttached(a, 'c2', C2);
      await restartWith(a, config => {
        config.node.name = 'renamed';
      });
      await waitForPing(c1, '198.18.0.2');
      t.is((await localEndpoints(a)).length, 2);
    });
  });

  test(`restart (${mode}): an attachment that was interrupted is taken back, and can be made again`, async t => {
    await inLab(t, `pending-${mode}`, async lab => {
      const a = await addWeftVm(lab, 1, { attach: mode });
      const c1 = await addAttached(a, 'c1', C1);
      await a.kill9();
      // As the record stands until the links work.
      const file = `${a.directory}/state/endpoints.json`;
      const record = JSON.parse(readFileSync(file, 'utf8')) as { endpoints: { pending: boolean }[] };
      for (const endpoint of record.endpoints) endpoint.pending = true;
      writeFileSync(file, JSON.stringify(record));
      await a.restartWeft();
      t.deepEqual(await localEndpoints(a), []);
      t.false((await c1.links()).some(link => link.ifname === 'eth0'));
      await attach(a, c1, C1);
      t.is((await localEndpoints(a)).length, 1);
    });
  });

  test(`restart (${mode}): an endpoint known by a PID lives as long as its namespace, not as that process`, async t => {
    await inLab(t, `pid-${mode}`, async lab => {
      const a = await addWeftVm(lab, 1, { attach: mode });
      const c2 = await addAttached(a, 'c2', C2);
      // A namespace without a name: only processes hold it.
      const first = a.spawn('unshare', ['--net', 'sleep', '300']);
      await waitFor(async () => await otherNamespace(a, first.pid), { what: 'the namespace of its own' });
      const second = a.spawn('nsenter', [`--net=/proc/${first.pid}/ns/net`, 'sleep', '300']);
      await waitFor(async () => await otherNamespace(a, second.pid), { what: 'the second process in it' });
      await a.weft(['attach', String(first.pid), '--network', 'blue', '--address', '198.18.0.1/24']);
      await first.stop('SIGKILL');
      await restartWith(a, () => {});
      await waitForPing(c2, '198.18.0.1');
      t.is((await localEndpoints(a)).length, 2);
      await second.stop('SIGKILL');
      await waitFor(async () => (await localEndpoints(a)).length === 1, {
        what: 'the endpoint to be forgotten',
      });
    });
  });
}

async function otherNamespace(vm: Vm, pid: number): Promise<boolean> {
  const { stdout } = await vm.exec('sh', ['-c', `readlink /proc/${pid}/ns/net /proc/self/ns/net`]);
  const [its, own] = stdout.trim().split('\n');
  return its !== own;
}

test('restart: the bridge of a network that left the configuration is removed, unless a container is on it', async t => {
  await inLab(t, 'unused', async lab => {
    const networks = ['blue', 'green', 'red'].map((name, index) => ({ name, vni: 42 + index }));
    const a = await addWeftVm(lab, 1, { networks });
    await addAttached(a, 'c1', { network: 'green', addresses: ['198.18.0.1/24'] });
    await restartWith(a, config => {
      config.networks = config.networks.filter(({ name }) => name === 'blue');
    });
    const names = await linkNames(a);
    t.deepEqual(
      ['wf-blue', 'wt-blue', 'wf-green', 'wt-green', 'wf-red', 'wt-red'].filter(name => names.includes(name)),
      ['wf-blue', 'wt-blue', 'wf-green', 'wt-green'],
    );
    await a.weft(['detach', (await localEndpoints(a))[0]?.netns ?? '', '--network', 'green']);
    await a.stopWeft();
    t.deepEqual(
      (await linkNames(a)).filter(name => name.startsWith('w')),
      [],
      'a stop leaves nothing that nobody uses',
    );
  });
});

test('a TAP of a network that somebody deletes is made again, and its containers are reached', async t => {
  await inLab(t, 'deleted', async lab => {
    const a = await addWeftVm(lab, 1);
    const b = await addWeftVm(lab, 2);
    const c1 = await addAttached(a, 'c1', C1);
    await addAttached(b, 'c1', C2);
    await waitForPing(c1, '198.18.0.2');
    await a.ip('link del dev wt-blue');
    await waitFor(async () => (await linkNames(a)).includes('wt-blue'), {
      what: 'the TAP to be there again',
    });
    await waitForPing(c1, '198.18.0.2');
    await a.ip('link del dev wt-blue', 'link del dev wf-blue');
    await waitForPing(c1, '198.18.0.2');
    t.is((await a.link('wt-blue')).master, 'wf-blue');
  });
});
