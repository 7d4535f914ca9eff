/**
 * Docker, as its users call it, on two machines with one network of weft's.
 *
 *   docker run --network blue … ─► dockerd ─► [ weft a ] ══ switch ══ [ weft b ] ◄─ dockerd ◄─ docker run --network blue …
 */
import test, { type ExecutionContext } from 'ava';
import { Docker, PLUGIN_SOCKET } from '../lab/docker.ts';
import type { Lab } from '../lab/lab.ts';
import type { Vm } from '../lab/vm.ts';
import { waitFor } from '../lab/wait-for.ts';
import { inLab } from './in-lab.ts';
import { ATTACH_MODES, localEndpoints, waitForPeer } from './overlay.ts';

interface DockerVm {
  readonly vm: Vm;
  readonly docker: Docker;
}

/** Machines `a` and `b`, each with a weft that has no networks, and a dockerd. */
async function withDockers(
  t: ExecutionContext,
  name: string,
  body: (a: DockerVm, b: DockerVm, lab: Lab) => Promise<void>,
): Promise<void> {
  t.timeout(300_000);
  await inLab(t, name, async lab => {
    const machines: DockerVm[] = [];
    try {
      for (const [index, host] of ['a', 'b'].entries()) {
        const vm = await lab.addVm(host, { underlay: `192.0.2.${index + 1}/24` });
        const docker = await Docker.create(vm);
        machines.push({ vm, docker });
        const join = index === 0 ? [] : ['192.0.2.1'];
        await vm.startWeft({
          networks: [],
          override: { gossip: { join }, docker: { socket: PLUGIN_SOCKET } },
        });
      }
      const [a, b] = machines;
      if (a === undefined || b === undefined) throw new Error('unreachable: two machines were made');
      await Promise.all([a, b].map(async ({ docker }) => await docker.start()));
      await waitForPeer(b.vm, 'a', 'alive');
      await body(a, b, lab);
    } finally {
      for (const { docker } of machines) await docker.destroy();
    }
  });
}

const CREATE = ['network', 'create', '-d', 'weft', '--ipam-driver', 'weft'];

/** The same command on both machines: the second one joins. */
async function createOnBoth(
  a: DockerVm,
  b: DockerVm,
  name: string,
  options: readonly string[],
): Promise<void> {
  await a.docker.run([...CREATE, ...options, name]);
  const [made] = (await a.vm.api.networks()).slice(-1);
  await waitFor(async () => (await b.vm.api.networks()).some(network => network.name === made?.name), {
    what: `b to know ${made?.name}`,
  });
  await b.docker.run([...CREATE, ...options, name]);
}

async function assertReaches(
  t: ExecutionContext,
  { docker }: DockerVm,
  from: string,
  address: string,
): Promise<void> {
  const { stdout } = await docker.exec(from, ['ping', '-c', '3', '-W', '2', address], { check: false });
  t.regex(stdout, /3 packets transmitted, 3 packets received/, `${from} to ${address}`);
}

async function assertServes(
  t: ExecutionContext,
  server: DockerVm,
  name: string,
  client: DockerVm,
  from: string,
  url: string,
): Promise<void> {
  await server.docker.exec(name, ['sh', '-c', `echo hello from ${name} >/tmp/index.html; httpd -h /tmp`]);
  const { stdout } = await client.docker.exec(from, ['wget', '-q', '-O', '-', url]);
  t.is(stdout, `hello from ${name}\n`);
}

async function ownLinks({ vm }: DockerVm): Promise<string[]> {
  return (await vm.links()).map(({ ifname }) => ifname).filter(name => /^w[fvtxc]/.test(name));
}

test('docker: containers of two machines reach each other in both attach modes, and leave nothing', async t => {
  await withDockers(t, 'docker', async (a, b) => {
    for (const attach of ATTACH_MODES) {
      const six = ['--ipv6', '--subnet', '2001:db8:18::/64'];
      await createOnBoth(a, b, 'net', [
        '--subnet',
        '198.18.0.0/24',
        ...six,
        '-o',
        'network=blue',
        '-o',
        `attach=${attach}`,
      ]);
      await a.docker.container('web', [
        '--network',
        'net',
        '--ip',
        '198.18.0.10',
        '--ip6',
        '2001:db8:18::10',
      ]);
      await b.docker.container('client', ['--network', 'net', '--mac-address', '02:00:5e:10:00:11']);
      t.like((await localEndpoints(a.vm))[0], {
        addresses: ['198.18.0.10/24', '2001:db8:18::10/64'],
        attach,
        network: 'blue',
      });
      const [client] = await localEndpoints(b.vm);
      t.is(client?.mac, '02:00:5e:10:00:11');
      await assertReaches(t, b, 'client', '198.18.0.10');
      await assertReaches(t, b, 'client', '2001:db8:18::10');
      await assertServes(t, a, 'web', b, 'client', 'http://198.18.0.10/');
      const taken = await b.docker.run(
        ['run', '--rm', '--network', 'net', '--ip', '198.18.0.10', 'weft-lab:1', '/bin/sleep', '1'],
        { check: false },
      );
      t.regex(taken.stderr, /198\.18\.0\.10 is in use on a/);
      await a.docker.run(['rm', '-f', 'web']);
      await b.docker.run(['rm', '-f', 'client']);
      for (const { docker, vm } of [a, b]) {
        await docker.run(['network', 'rm', 'net']);
        t.deepEqual(await localEndpoints(vm), []);
      }
      for (const machine of [a, b]) {
        await waitFor(async () => (await machine.vm.api.networks()).length === 0, {
          what: 'the network to be gone',
          timeoutMs: 20_000,
        });
        await waitFor(async () => (await ownLinks(machine)).length === 0, {
          what: 'the links to be gone',
          timeoutMs: 20_000,
        });
      }
    }
  });
});
