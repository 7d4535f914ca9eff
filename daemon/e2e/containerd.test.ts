/**
 * containerd as a kubelet and as ctr call it, runc, and podman beside them: on two machines, in one network of weft's.
 *
 *   podman run ─► weft-cni ─┐                          ┌─ weft-cni ◄─ containerd ◄─ CRI
 *   ctr run --cni ─► weft-cni ─► [ weft a ] ══ switch ══ [ weft b ] ◄─ weft attach PATH, runc run
 *   CRI ─► containerd ─► weft-cni ─┘
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Containerd } from '../lab/containerd.ts';
import { Podman } from '../lab/podman.ts';
import { Runc } from '../lab/runc.ts';
import type { Vm } from '../lab/vm.ts';
import { waitFor } from '../lab/wait-for.ts';
import { inLab } from './in-lab.ts';
import { ATTACH_MODES, addWeftVm, localEndpoints, waitForPeer } from './overlay.ts';

/** Something that can be pinged, and can ping. */
interface Member {
  readonly name: string;
  readonly address: string;
  ping(address: string): Promise<string>;
}

function pingCommand(address: string, count = 1): string[] {
  return ['/bin/ping', '-c', String(count), '-W', '5', address];
}

async function addressOf(vm: Vm, id: string): Promise<string> {
  const endpoint = (await localEndpoints(vm)).find(
    ({ container, netns }) => container === id || netns === id,
  );
  const [address] = endpoint?.addresses ?? [];
  if (address === undefined) throw new Error(`${vm.name} has no endpoint of ${id} with an address`);
  return address.replace(/\/.*/, '');
}

/** Every one of them reaches every other. */
async function assertMesh(t: ExecutionContext, members: readonly Member[]): Promise<void> {
  const silent: string[] = [];
  await Promise.all(
    members.map(async from => {
      for (const to of members) {
        if (from === to) continue;
        const output = await from.ping(to.address);
        if (!/1 packets received/.test(output)) silent.push(`${from.name} to ${to.name}: ${output}`);
      }
    }),
  );
  t.deepEqual(silent, []);
}

async function assertNothingLeft(t: ExecutionContext, vms: readonly Vm[]): Promise<void> {
  for (const vm of vms) {
    t.deepEqual(await localEndpoints(vm), []);
    const links = (await vm.links()).map(({ ifname }) => ifname);
    t.deepEqual(
      links.filter(name => /^w[vx]/.test(name)),
      [],
    );
    const used = (await vm.api.ipam()).flatMap(({ spaces }) => spaces.map(space => space.used));
    t.deepEqual(
      used.filter(count => count > 0),
      [],
    );
    const pending = join(vm.apiSocket, '..', 'cni');
    t.deepEqual(readdirSync(join(vm.apiSocket, '..')).includes('cni') ? readdirSync(pending) : [], []);
  }
}

for (const attach of ATTACH_MODES) {
  test(`containerd (${attach}): pods, ctr, runc and podman of two machines all reach each other, and leave nothing`, async t => {
    t.timeout(240_000);
    await inLab(t, `containerd-${attach}`, async lab => {
      const a = await addWeftVm(lab, 1, { networks: [] });
      const b = await addWeftVm(lab, 2, { networks: [] });
      await waitForPeer(b, 'a', 'alive');
      await a.weft(['network', 'create', 'blue', '--attach', attach, '--subnet', '198.18.0.0/24']);
      await waitFor(async () => (await b.api.networks()).length === 1, {
        what: 'b to know blue',
        timeoutMs: 5000,
      });
      const toDestroy: { destroy(): Promise<void> }[] = [];
      try {
        const one = await Containerd.create(a);
        toDestroy.push(one);
        const two = await Containerd.create(b);
        toDestroy.push(two);
        const podman = await Podman.create(a);
        toDestroy.push(podman);
        const runc = new Runc(b);
        toDestroy.push(runc);
        const directories = ['--bin-dir', podman.binDirectory, '--conf-dir', podman.confDirectory];
        await a.weft(['cni', 'install', '--network', 'blue', ...directories]);
        await Promise.all([one.install('blue'), two.install('blue')]);

        const pods = { a: await one.cri.runPod('web'), b: await two.cri.runPod('db') };
        await one.run('job');
        const plain = await b.addContainer('plain');
        await b.weft(['attach', plain.netnsPath, '--network', 'blue', '--address', 'auto']);
        await runc.start('plain', plain);
        const id = await podman.start('cache', ['--network', 'blue']);
        const members: Member[] = [
          {
            name: 'pod on a',
            address: pods.a.addresses[0] ?? '',
            ping: async address => (await one.cri.exec(pods.a, pingCommand(address))).stdout,
          },
          {
            name: 'pod on b',
            address: pods.b.addresses[0] ?? '',
            ping: async address => (await two.cri.exec(pods.b, pingCommand(address))).stdout,
          },
          {
            name: 'ctr on a',
            address: await addressOf(a, 'default-job'),
            ping: async address => (await one.exec('job', pingCommand(address), { check: false })).stdout,
          },
          {
            name: 'runc on b',
            address: await addressOf(b, plain.netnsPath),
            ping: async address => (await runc.exec('plain', pingCommand(address), { check: false })).stdout,
          },
          {
            name: 'podman on a',
            address: await addressOf(a, id),
            ping: async address =>
              (await podman.exec('cache', pingCommand(address), { check: false })).stdout,
          },
        ];
        t.is(new Set(members.map(({ address }) => address)).size, members.length);
        t.is(members[0]?.address, await addressOf(a, pods.a.sandbox));
        await assertMesh(t, members);

        // Both daemons are killed and started again: what runs goes on.
        for (const vm of [a, b]) await vm.kill9();
        for (const vm of [a, b]) await vm.restartWeft();
        await waitForPeer(b, 'a', 'alive', 30_000);
        await waitFor(
          async () => (await members[1]?.ping(members[2]?.address ?? ''))?.includes('1 packets received'),
          {
            what: 'the pod on b to reach a again',
            timeoutMs: 30_000,
          },
        );
        await assertMesh(t, members);

        // What ends while the daemon is down is done later: of ctr, which knows no namespace by then, and of a pod.
        await a.kill9();
        await one.endRun('job');
        await one.cri.stopPod(pods.a.sandbox);
        await one.cri.removePod(pods.a.sandbox);
        await a.restartWeft();
        t.deepEqual(
          (await localEndpoints(a)).map(({ container }) => container),
          [id],
        );
        await podman.run(['rm', '-f', '-t', '0', 'cache']);
        await two.cri.stopPod(pods.b.sandbox);
        await two.cri.removePod(pods.b.sandbox);
        await runc.remove('plain');
        await b.weft(['detach', plain.netnsPath, '--network', 'blue']);
        await assertNothingLeft(t, [a, b]);
      } finally {
        for (const runtime of toDestroy.reverse()) await runtime.destroy();
      }
    });
  });
}
