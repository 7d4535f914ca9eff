/**
 * Docker, as its users call it, on two machines with one network of weft's.
 *
 *   docker run --network blue … ─► dockerd ─► [ weft a ] ══ switch ══ [ weft b ] ◄─ dockerd ◄─ docker run --network blue …
 */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { DOCKER_IMAGE, Docker, PLUGIN_SOCKET } from '../lab/docker.ts';
import type { Lab } from '../lab/lab.ts';
import { type Vm, weftCommand } from '../lab/vm.ts';
import { waitFor } from '../lab/wait-for.ts';
import { type AttachMode, weftConfig } from '../lab/weft-config.ts';
import { packageRoot } from '../package-info.ts';
import { inLab } from './in-lab.ts';
import { ATTACH_MODES, addWeftVm, localEndpoints, waitForPeer } from './overlay.ts';

/** Stands for systemd and its socket unit. */
const HOLD_SOCKET = join(packageRoot, 'daemon/lab/tools/native/build/hold-socket');

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

/** What a `docker` command that fails has to say. */
async function assertRefused(
  t: ExecutionContext,
  { docker }: DockerVm,
  args: readonly string[],
  reason: RegExp,
): Promise<void> {
  const { code, stderr } = await docker.run(args, { check: false });
  t.not(code, 0);
  t.regex(stderr, reason);
}

async function assertNothingLeft(t: ExecutionContext, machines: readonly DockerVm[]): Promise<void> {
  for (const machine of machines) {
    const { vm } = machine;
    t.deepEqual(await localEndpoints(vm), []);
    await waitFor(async () => (await vm.api.networks()).length === 0, {
      what: `the networks of ${vm.name} to be gone`,
      timeoutMs: 30_000,
    });
    await waitFor(async () => (await ownLinks(machine)).length === 0, {
      what: `the links of ${vm.name} to be gone`,
      timeoutMs: 30_000,
    });
    await waitFor(async () => !/weft|wf-|wt-/.test((await vm.exec('nft', ['list', 'ruleset'])).stdout), {
      what: `the rules of ${vm.name} to be gone`,
    });
  }
}

/** Throws what is seen instead. */
async function areInContainers(vm: Vm): Promise<true> {
  const seen = (await localEndpoints(vm)).map(({ ifname }) => ifname);
  if (seen.every(ifname => /^eth\d$/.test(ifname))) return true;
  throw new Error(`seen are ${seen.join()}`);
}

async function forwardRules(vm: Vm): Promise<string> {
  return (await vm.exec('iptables', ['-S', 'FORWARD'])).stdout;
}

const OUTSIDE6 = '2001:db8::99';

test('docker: containers of two machines reach each other in both attach modes, and leave nothing', async t => {
  await withDockers(t, 'docker', async (a, b, lab) => {
    for (const attach of ATTACH_MODES) {
      const six = ['--ipv6', '--subnet', '2001:db8:18::/64'];
      const options = ['--subnet', '198.18.0.0/24', ...six, '-o', 'network=blue', '-o', `attach=${attach}`];
      await createOnBoth(a, b, 'net', options);
      await a.docker.container('web', [
        '--network',
        'net',
        '--ip',
        '198.18.0.10',
        '--ip6',
        '2001:db8:18::10',
      ]);
      await b.docker.container('client', ['--network', 'net', '--mac-address', '02:00:5e:10:00:11']);
      await a.docker.container('other', ['--network', 'net']);
      const [web] = await localEndpoints(a.vm);
      t.like(web, { addresses: ['198.18.0.10/24', '2001:db8:18::10/64'], attach, network: 'blue' });
      t.is((await localEndpoints(b.vm))[0]?.mac, '02:00:5e:10:00:11');
      // On one machine too: dockerd would have what is bridged dropped.
      t.regex(await forwardRules(a.vm), /^-P FORWARD DROP/);
      for (const address of ['198.18.0.10', '2001:db8:18::10']) {
        await assertReaches(t, b, 'client', address);
        await assertReaches(t, a, 'other', address);
      }
      await assertServes(t, a, 'web', b, 'client', 'http://198.18.0.10/');

      const run = ['run', '--rm', '--network', 'net'];
      const sleep = [DOCKER_IMAGE, '/bin/sleep', '1'];
      await assertRefused(t, b, [...run, '--ip', '198.18.0.10', ...sleep], /198\.18\.0\.10 is in use on a/);
      await assertRefused(
        t,
        b,
        [...run, '-p', '8080:80', ...sleep],
        /port 80 cannot be published in network blue/,
      );
      await a.docker.run(['network', 'disconnect', 'net', 'other']);
      await a.docker.run(['network', 'connect', 'net', 'other']);
      await assertReaches(t, b, 'client', '198.18.0.10');
      await waitFor(async () => await areInContainers(a.vm), {
        what: 'the interfaces to be seen in their containers',
        timeoutMs: 20_000,
      });
      await a.docker.run(['rm', '-f', 'web', 'other']);
      await b.docker.run(['rm', '-f', 'client']);
      for (const { docker } of [a, b]) await docker.run(['network', 'rm', 'net']);
      await assertNothingLeft(t, [a, b]);
    }

    const outside = await lab.addVm('out', { underlay: '192.0.2.99/24' });
    await outside.ip(`addr add ${OUTSIDE6}/64 dev eth0 nodad`);
    for (const [n, { vm }] of [a, b].entries()) await vm.ip(`addr add 2001:db8::${n + 1}/64 dev eth0 nodad`);
    for (const attach of ATTACH_MODES) await assertWayOut(t, a, b, { attach, outside });

    // A subnet alone says which network is meant, if weft gives its addresses; else Docker has to be told.
    await createOnBoth(a, b, 'plain', ['--subnet', '198.18.1.0/24']);
    await a.docker.run(['network', 'rm', 'plain']);
    await b.docker.container('alone', ['--network', 'plain']);
    await b.docker.run(['rm', '-f', 'alone']);
    await b.docker.run(['network', 'rm', 'plain']);
    const own = ['network', 'create', '-d', 'weft', '--subnet', '198.18.2.0/24'];
    await assertRefused(t, a, [...own, 'own'], /add -o network=NAME/);
    await assertRefused(t, a, [...own, '-o', 'colour=red', 'own'], /weft has no option colour/);

    // Docker's own IPAM: each machine has a part of the addresses.
    const part = (host: number) => ['--ip-range', `198.18.2.${host}/26`, '-o', 'network=own', 'own'];
    await a.docker.run([...own, ...part(64)]);
    await waitFor(async () => (await b.vm.api.networks()).some(({ name }) => name === 'own'), {
      what: 'b to know own',
    });
    await b.docker.run([...own, ...part(128)]);
    await a.docker.container('one', ['--network', 'own']);
    await b.docker.container('two', ['--network', 'own']);
    const [one] = await localEndpoints(a.vm);
    await assertReaches(t, b, 'two', one?.addresses[0]?.replace(/\/.*/, '') ?? '');
    await a.docker.run(['rm', '-f', 'one']);
    await b.docker.run(['rm', '-f', 'two']);
    for (const { docker } of [a, b]) await docker.run(['network', 'rm', 'own']);

    // docs/plugins.md: an application of two services, one on each machine.
    const web = composeFile(a.vm, { web: { address: '198.18.7.10', command: 'httpd -f -h /etc' } });
    const client = composeFile(b.vm, { client: { address: '198.18.7.11', command: 'sleep 3600' } });
    await a.docker.compose(['-f', web, '-p', 'app', 'up', '-d']);
    await waitFor(async () => (await b.vm.api.networks()).some(({ name }) => name === 'app'), {
      what: 'b to know app',
    });
    await b.docker.compose(['-f', client, '-p', 'app', 'up', '-d']);
    const fetched = await b.docker.compose([
      '-f',
      client,
      '-p',
      'app',
      'exec',
      '-T',
      'client',
      'wget',
      '-q',
      '-O',
      '-',
      'http://198.18.7.10/hostname',
    ]);
    t.regex(fetched.stdout, /^[0-9a-f]{12}$/m);
    await a.docker.compose(['-f', web, '-p', 'app', 'down', '-t', '0']);
    await b.docker.compose(['-f', client, '-p', 'app', 'down', '-t', '0']);
    await assertNothingLeft(t, [a, b]);
  });
});

/** A network by whose gateway containers leave, and are reached at published ports; and their names. */
async function assertWayOut(
  t: ExecutionContext,
  a: DockerVm,
  b: DockerVm,
  { attach, outside }: { readonly attach: AttachMode; readonly outside: Vm },
): Promise<void> {
  const six = ['--ipv6', '--subnet', '2001:db8:3::/64', '--gateway', '2001:db8:3::1'];
  const options = ['--subnet', '198.18.3.0/24', '--gateway', '198.18.3.1', ...six, '-o', 'network=out'];
  await createOnBoth(a, b, 'front', [...options, '-o', `attach=${attach}`]);
  const dns = ['--dns', '127.0.47.89', '--dns-search', 'out.weft'];
  const named = ['--network', 'name=front,driver-opt=weft.name=web'];
  await a.docker.container('web', [...named, ...dns, '-p', '8080:80', '-p', '80']);
  await b.docker.container('client', ['--network', 'front', ...dns]);
  await assertServes(t, a, 'web', b, 'client', 'http://198.18.3.2/');
  const [web] = await localEndpoints(a.vm);
  t.like(web, { addresses: ['198.18.3.2/24', '2001:db8:3::2/64'], names: ['web'] });
  const ports = web?.ports.map(({ host_port: port }) => port) ?? [];
  t.is(ports.length, 2);
  t.true(ports.includes(8080) && ports.some(port => port >= 32_768));
  // From outside, from the machine itself, from another container and from its own.
  for (const port of ports) {
    const { stdout } = await outside.exec('busybox', ['wget', '-q', '-O', '-', `http://192.0.2.1:${port}/`]);
    t.is(stdout, 'hello from web\n', `port ${port} from outside`);
  }
  await assertFetches(t, b, 'client', 'http://192.0.2.1:8080/');
  await assertFetches(t, a, 'web', 'http://192.0.2.1:8080/');
  for (const address of [outside.underlay, OUTSIDE6]) await assertReaches(t, b, 'client', address);
  await assertRefused(
    t,
    a,
    ['run', '--rm', '--network', 'front', '-p', '8080:80', DOCKER_IMAGE, '/bin/sleep', '1'],
    /port 8080\/tcp of this VM is published by eth\d of [0-9a-f]+ in network out already/,
  );
  await b.docker.run(['network', 'disconnect', 'front', 'client']);
  const renamed = ['--driver-opt', 'weft.name=client client-2'];
  await b.docker.run(['network', 'connect', ...renamed, 'front', 'client']);
  t.deepEqual((await localEndpoints(b.vm))[0]?.names, ['client', 'client-2']);
  // Docker's own resolver asks ours for what it does not know.
  await waitFor(
    async () => {
      const { stdout } = await b.docker.exec('client', ['nslookup', 'web.out.weft'], { check: false });
      return stdout.includes('198.18.3.2');
    },
    { what: 'the name web.out.weft', timeoutMs: 20_000 },
  );
  await assertFetches(t, b, 'client', 'http://web.out.weft/');
  await a.docker.run(['rm', '-f', 'web']);
  const { code } = await outside.exec(
    'busybox',
    ['wget', '-T', '3', '-q', '-O', '-', 'http://192.0.2.1:8080/'],
    {
      check: false,
    },
  );
  t.not(code, 0, 'a port that is not published any more');
  await b.docker.run(['rm', '-f', 'client']);
  for (const { docker } of [a, b]) await docker.run(['network', 'rm', 'front']);
  await assertNothingLeft(t, [a, b]);
}

async function assertFetches(
  t: ExecutionContext,
  { docker }: DockerVm,
  from: string,
  url: string,
): Promise<void> {
  t.is(
    (await docker.exec(from, ['wget', '-q', '-O', '-', url])).stdout,
    'hello from web\n',
    `${from} ${url}`,
  );
}

function composeFile(
  { directory }: Vm,
  services: Readonly<Record<string, { readonly address: string; readonly command: string }>>,
): string {
  const entries = Object.entries(services).map(([name, { address, command }]) => [
    name,
    { image: DOCKER_IMAGE, command, networks: { app: { ipv4_address: address } } },
  ]);
  const ipam = { driver: 'weft', config: [{ subnet: '198.18.7.0/24' }] };
  const file = {
    version: '2.4',
    services: Object.fromEntries(entries),
    networks: { app: { driver: 'weft', driver_opts: { network: 'app' }, ipam } },
  };
  const path = join(directory, 'compose.yaml');
  writeFileSync(path, JSON.stringify(file));
  return path;
}

/** Ports of the machine, by the mode of the network. */
const PUBLISHED = { bridge: 8081, tap: 8082 } as const;

/** Again does nothing. */
const SERVE = 'echo hello >/tmp/index.html; httpd -h /tmp || true';

test('docker: restarts of weft and of dockerd lose nothing, and a call waits for a weft that is down', async t => {
  t.timeout(300_000);
  await inLab(t, 'docker-again', async lab => {
    const vm = await lab.addVm('a', { underlay: '192.0.2.1/24' });
    const docker = await Docker.create(vm);
    const a = { vm, docker };
    try {
      const b = await addWeftVm(lab, 2, { networks: [] });
      vm.writeConfig(JSON.stringify(weftConfig(vm, { networks: [], join: ['192.0.2.2'] })));
      const weft = weftCommand('daemon', '--config', vm.configPath);
      const hold = async () => {
        const process = vm.spawn(HOLD_SOCKET, [PLUGIN_SOCKET, 'docker', ...weft]);
        await process.waitForOutput('ready');
        return process;
      };
      const holder = await hold();
      await docker.start(['--live-restore']);
      // Nobody has started weft yet: the first call does.
      const modes = { bridge: '198.18.3', tap: '198.18.4' } as const;
      for (const attach of ATTACH_MODES) {
        const options = [
          '--subnet',
          `${modes[attach]}.0/24`,
          '--gateway',
          `${modes[attach]}.1`,
          '-o',
          `network=${attach}`,
          '-o',
          `attach=${attach}`,
        ];
        await docker.run([...CREATE, ...options, `n-${attach}`]);
        const published = ['-p', `${PUBLISHED[attach]}:80`];
        const address = ['--ip', `${modes[attach]}.10`];
        await docker.container(`c-${attach}`, ['--network', `n-${attach}`, ...address, ...published]);
        await waitFor(async () => (await b.api.networks()).some(({ name }) => name === attach), {
          what: `b to know ${attach}`,
        });
        const peer = await b.addContainer(attach);
        await b.weft(['attach', peer.netns, '--network', attach, '--address', `${modes[attach]}.11/24`]);
      }
      const assertAll = async () => {
        for (const attach of ATTACH_MODES) {
          await assertReaches(t, a, `c-${attach}`, `${modes[attach]}.11`);
          await docker.exec(`c-${attach}`, ['sh', '-c', SERVE]);
          const url = `http://192.0.2.1:${PUBLISHED[attach]}/`;
          const { stdout } = await b.exec('busybox', ['wget', '-q', '-O', '-', url]);
          t.is(stdout, 'hello\n', url);
        }
      };
      await assertAll();

      // weft is killed; the next call of Docker starts it, and waits for it.
      process.kill(startedPids(holder).at(-1) ?? Number.NaN, 'SIGKILL');
      await docker.container('late', ['--network', 'n-tap']);
      t.is(startedPids(holder).length, 2);
      await assertReaches(t, a, 'late', `${modes.tap}.11`);
      await assertAll();
      await docker.run(['rm', '-f', 'late']);

      // dockerd goes and comes back: its containers live on.
      await docker.stop();
      await assertCarried(t, vm, 2);
      await docker.start(['--live-restore']);
      await assertAll();
      await docker.container('late', ['--network', 'n-bridge']);
      await assertCarried(t, vm, 3);
      await assertReaches(t, a, 'late', `${modes.bridge}.10`);

      // It is killed and comes back without them: what they had is given back.
      await docker.stop('SIGKILL');
      await docker.start();
      await waitFor(async () => (await localEndpoints(vm)).length === 0, {
        what: 'no endpoints',
        timeoutMs: 20_000,
      });
      await docker.run(['start', 'c-bridge', 'c-tap']);
      await assertAll();

      // Nobody answers for the plugin any more: dockerd goes on, and says why.
      await holder.stop('SIGKILL');
      await docker.run(['run', '-d', '--rm', '--network', 'none', DOCKER_IMAGE, '/bin/sleep', '3600']);
      await assertRefused(
        t,
        a,
        ['run', '--rm', '--network', 'n-tap', DOCKER_IMAGE, '/bin/sleep', '1'],
        /weft/,
      );
    } finally {
      await docker.destroy();
    }
  });
});

async function assertCarried(t: ExecutionContext, vm: Vm, endpoints: number): Promise<void> {
  t.is((await localEndpoints(vm)).length, endpoints);
}

/** The daemons that hold-socket has started, which log to the same stream. */
function startedPids({ stdout }: { readonly stdout: string }): readonly number[] {
  return [...stdout.matchAll(/^\{"pid":(\d+)\}$/gm)].map(([, pid]) => Number(pid));
}
