/**
 * podman, as its users call it, on two machines with one network of weft's.
 *
 *   podman run --network blue … ─► weft-cni ─► [ weft a ] ══ switch ══ [ weft b ] ◄─ weft-cni ◄─ podman run --network blue …
 */
import test from 'ava';
import { Podman } from '../lab/podman.ts';
import type { Vm } from '../lab/vm.ts';
import { inLab } from './in-lab.ts';
import { ATTACH_MODES, addWeftVm, localEndpoints, startWithBlue, waitForPeer } from './overlay.ts';

async function withPodman(
  vms: readonly Vm[],
  body: (podmen: readonly Podman[]) => Promise<void>,
): Promise<void> {
  const podmen: Podman[] = [];
  try {
    for (const vm of vms) podmen.push(await Podman.create(vm));
    await body(podmen);
  } finally {
    for (const podman of podmen) await podman.destroy();
  }
}

for (const attach of ATTACH_MODES) {
  test(`podman (${attach}): containers of two machines reach each other, and leave nothing`, async t => {
    t.timeout(240_000);
    await inLab(t, `podman-${attach}`, async lab => {
      const { a, b } = await startWithBlue(lab, attach);
      await withPodman([a, b], async ([one, two]) => {
        if (one === undefined || two === undefined) throw new Error('unreachable');
        for (const [vm, podman] of [
          [a, one],
          [b, two],
        ] as const) {
          const directories = ['--bin-dir', podman.binDirectory, '--conf-dir', podman.confDirectory];
          await vm.weft(['cni', 'install', '--network', 'blue', ...directories]);
        }
        const id = await one.start('web', [
          '--network',
          'blue',
          '--network-alias',
          'store',
          '--ip',
          '198.18.0.10',
        ]);
        await two.start('client', [
          '--network',
          'blue',
          '--ip',
          '198.18.0.11',
          '--mac-address',
          '02:00:5e:10:00:11',
        ]);
        t.like((await localEndpoints(a))[0], { container: id, addresses: ['198.18.0.10/24'], attach });
        t.like((await localEndpoints(b))[0], { mac: '02:00:5e:10:00:11' });
        const { stdout } = await two.exec('client', ['ping', '-c', '3', '-W', '2', '198.18.0.10']);
        t.regex(stdout, /3 packets received/);
        t.true((await localEndpoints(a))[0]?.names.includes('web'));
        // By name, as podman has written its resolv.conf; the alias is as good.
        for (const name of ['web', 'store', 'store.blue.weft'])
          t.regex((await two.exec('client', ['ping', '-c', '1', '-W', '2', name])).stdout, /198\.18\.0\.10/);
        await one.exec('web', ['sh', '-c', 'echo hello >/tmp/index.html; httpd -h /tmp']);
        t.is((await two.exec('client', ['wget', '-q', '-O', '-', 'http://198.18.0.10/'])).stdout, 'hello\n');

        // Its daemon is killed and started again: the container goes on.
        await a.kill9();
        await a.restartWeft();
        await waitForPeer(b, 'a', 'alive', 30_000);
        t.regex(
          (await two.exec('client', ['ping', '-c', '3', '-W', '2', '198.18.0.10'])).stdout,
          /3 packets received/,
        );

        await two.start('other', ['--network', 'blue']);
        const [, other] = await localEndpoints(b);
        t.regex(other?.addresses.join() ?? '', /^198\.18\.0\.\d+\/24$/, 'one that the network gave');
        await two.run(['rm', '-f', '-t', '0', 'other']);

        await two.run(['network', 'disconnect', 'blue', 'client']);
        t.deepEqual(await localEndpoints(b), []);
        await one.run(['rm', '-f', '-t', '0', 'web']);
        t.deepEqual(await localEndpoints(a), []);
        // What cannot be had is told to whoever has asked.
        const outside = await one.run(
          ['run', '--rm', '--network', 'blue', '--ip', '192.0.2.77', 'weft-lab:1', '/bin/sleep', '1'],
          { check: false },
        );
        t.not(outside.code, 0);
        t.regex(outside.stderr, /192\.0\.2\.77 is not an address of this network: it has 198\.18\.0\.0\/24/);
        t.deepEqual(await localEndpoints(a), []);
      });
    });
  });
}

test('podman: -p leads to the container, from outside and from the VM, until it is gone', async t => {
  t.timeout(240_000);
  await inLab(t, 'podman-ports', async lab => {
    const a = await addWeftVm(lab, 1, { networks: [] });
    const outside = await lab.addVm('out', { underlay: '192.0.2.99/24' });
    await a.weft(['network', 'create', 'blue', '--subnet', '198.18.0.0/24', '--gateway']);
    await withPodman([a], async ([podman]) => {
      if (podman === undefined) throw new Error('unreachable');
      const directories = ['--bin-dir', podman.binDirectory, '--conf-dir', podman.confDirectory];
      await a.weft(['cni', 'install', '--network', 'blue', ...directories]);
      await podman.start('web', ['--network', 'blue', '-p', '8080:80', '-p', '192.0.2.1:5300:53/udp']);
      await podman.exec('web', ['sh', '-c', 'echo hello >/tmp/index.html; httpd -h /tmp']);
      // wget of a static busybox looks the name of the service up, and dies of it.
      const get = 'exec 3<>/dev/tcp/$0/8080 && printf "GET / HTTP/1.0\\r\\n\\r\\n" >&3 && timeout 3 cat <&3';
      const fetched = async (from: Vm, address: string) =>
        (await from.exec('bash', ['-c', get, address], { check: false })).stdout;
      t.regex(await fetched(outside, '192.0.2.1'), /hello/);
      t.regex(await fetched(a, '127.0.0.1'), /hello/);
      const [web] = await localEndpoints(a);
      // podman names them in an order of its own.
      const ports = web?.ports.toSorted((one, other) => other.host_port - one.host_port);
      t.like(ports, [
        { protocol: 'tcp', host_address: null, host_port: 8080, container_port: 80 },
        { protocol: 'udp', host_address: '192.0.2.1', host_port: 5300, container_port: 53 },
      ]);
      // Somebody has it: podman tells who.
      const second = await podman.run(
        ['run', '-d', '--network', 'blue', '-p', '8080:80', 'weft-lab:1', '/bin/sleep', '1'],
        { check: false },
      );
      t.not(second.code, 0);
      t.regex(
        second.stderr,
        /port 8080\/tcp of this VM is published by eth0 of [0-9a-f]{64} in network blue already|in use/,
      );
      await podman.run(['rm', '-f', '-t', '0', 'web']);
      t.is(await fetched(outside, '192.0.2.1'), '');
      t.deepEqual(await localEndpoints(a), []);
    });
  });
});
