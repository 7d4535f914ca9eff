/**
 * The CNI plugin as runtimes call it: the program itself, a daemon that runs, real namespaces.
 *
 *   runtime ─ exec ─► weft-cni ─ socket ─► [ weft a ] ══ switch ══ [ weft b ]
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { Container } from '../lab/container.ts';
import { type CommandResult, runCommand } from '../lab/run-command.ts';
import type { Vm } from '../lab/vm.ts';
import { waitFor } from '../lab/wait-for.ts';
import { packageRoot } from '../package-info.ts';
import { inLab } from './in-lab.ts';
import {
  ATTACH_MODES,
  addAttached,
  addWeftVm,
  assertPing,
  localEndpoints,
  startPair,
  timed,
  waitForPing,
} from './overlay.ts';

const PLUGIN = join(packageRoot, 'daemon/cni/native/build/weft-cni');

const CYCLER = join(packageRoot, 'daemon/lab/cni-cycles.sh');

/** Of the package containernetworking-plugins. */
const REFERENCE_PLUGINS = '/usr/lib/cni';

/** ADDs and DELs of the test that measures them; WEFT_CNI_CYCLES=1000 for the whole of it. */
const { WEFT_CNI_CYCLES = '80' } = process.env;
const CYCLES = Number(WEFT_CNI_CYCLES);
const AT_ONCE = 8;

interface Call {
  readonly container?: string;
  readonly netns?: string;
  readonly ifname?: string;
  readonly args?: string;
  readonly config?: object;
}

interface Answer {
  readonly status: number;
  readonly body: CniBody | undefined;
}

interface CniBody {
  readonly code?: number;
  readonly msg?: string;
  readonly ips?: readonly { readonly address: string }[];
  readonly routes?: readonly object[];
  readonly interfaces?: readonly { readonly name: string; readonly mac: string }[];
}

/** What a runtime does: runs the plugin in the machine's namespace, and reads what it prints. */
async function cni(vm: Vm, command: string, call: Call): Promise<Answer> {
  const config = {
    cniVersion: '1.0.0',
    name: 'blue',
    type: 'weft-cni',
    socket: vm.apiSocket,
    ...call.config,
  };
  const env = {
    CNI_COMMAND: command,
    CNI_CONTAINERID: call.container ?? '',
    CNI_NETNS: call.netns ?? '',
    CNI_IFNAME: call.ifname ?? 'eth0',
    CNI_ARGS: call.args ?? '',
    CNI_PATH: REFERENCE_PLUGINS,
  };
  const { code, stdout }: CommandResult = await vm.exec(PLUGIN, [], {
    env,
    input: JSON.stringify(config),
    check: false,
  });
  return { status: code ?? -1, body: stdout === '' ? undefined : JSON.parse(stdout) };
}

function withIps(...ips: string[]): object {
  return { runtimeConfig: { ips } };
}

function netnsOf({ netns }: Container): string {
  return `/run/netns/${netns}`;
}

async function assertOk(t: ExecutionContext, answer: Promise<Answer>): Promise<CniBody> {
  const { status, body } = await answer;
  t.is(status, 0, JSON.stringify(body));
  return body ?? {};
}

async function ownLinks(vm: Vm): Promise<string[]> {
  return (await vm.links()).map(({ ifname }) => ifname).filter(name => /^w[vx]/.test(name));
}

for (const attach of ATTACH_MODES) {
  test(`CNI (${attach}): containers of two machines reach each other; CHECK sees what is amiss; DEL leaves nothing`, async t => {
    await inLab(t, `cni-${attach}`, async lab => {
      const { a, b } = await startPair(lab, { attach });
      const [c1, c2] = [await a.addContainer('c1'), await b.addContainer('c1')];
      const one = { container: 'one', netns: netnsOf(c1) };
      const added = await assertOk(
        t,
        cni(a, 'ADD', { ...one, config: withIps('198.18.0.1/24', '2001:db8:18::1/64') }),
      );
      t.deepEqual(
        added.ips?.map(({ address }) => address),
        ['198.18.0.1/24', '2001:db8:18::1/64'],
      );
      t.is(added.interfaces?.at(-1)?.mac, (await c1.link('eth0')).address);
      await assertOk(
        t,
        cni(b, 'ADD', { container: 'two', netns: netnsOf(c2), args: 'IP=198.18.0.2;K8S_POD_NAME=x' }),
      );
      await assertPing(t, c2, '198.18.0.1');
      t.deepEqual(
        (await localEndpoints(a)).map(({ container }) => container),
        ['one'],
      );

      const prevResult = { prevResult: added };
      await assertOk(t, cni(a, 'CHECK', { ...one, config: prevResult }));
      // Something that weft does not put back by itself, as it does what is only deleted (drift.test.ts).
      await c1.ip('link set dev eth0 down');
      await c1.ip('link set dev eth0 name other');
      t.is((await cni(a, 'CHECK', { ...one, config: prevResult })).body?.code, 101);
      await c1.ip('link set dev other name eth0 up');
      await waitFor(async () => (await cni(a, 'CHECK', { ...one, config: prevResult })).status === 0, {
        what: 'CHECK to be content again',
      });
      for (let round = 0; round < 2; round++) await assertOk(t, cni(a, 'DEL', one));
      await assertOk(t, cni(b, 'DEL', { container: 'two' }));
      t.deepEqual([await localEndpoints(a), await localEndpoints(b)], [[], []]);
      t.deepEqual([await ownLinks(a), await ownLinks(b)], [[], []]);
      t.deepEqual(
        (await c2.links()).map(({ ifname }) => ifname),
        ['lo'],
      );
    });
  });
}

test('CNI: a namespace by its process, and a second DEL without it', async t => {
  await inLab(t, 'cni-proc', async lab => {
    const a = await addWeftVm(lab, 1);
    const c1 = await a.addContainer('c1');
    const sleeper = c1.spawn('sleep', ['600']);
    const netns = `/proc/${sleeper.pid}/ns/net`;
    await assertOk(t, cni(a, 'ADD', { container: 'one', netns, config: withIps('198.18.0.1/24') }));
    t.true((await c1.link('eth0')).flags.includes('UP'));
    await sleeper.stop('SIGKILL');
    for (let round = 0; round < 2; round++) await assertOk(t, cni(a, 'DEL', { container: 'one' }));
    t.deepEqual(await ownLinks(a), []);
  });
});

test('CNI: what is wrong is told by the codes of the specification', async t => {
  await inLab(t, 'cni-wrong', async lab => {
    const a = await addWeftVm(lab, 1);
    const c1 = await a.addContainer('c1');
    const one = { container: 'one', netns: netnsOf(c1) };
    const codes: [string, Call, number][] = [
      ['no such network', { ...one, config: { name: 'red' } }, 7],
      ['no such namespace', { container: 'one', netns: '/run/netns/weft-no-such' }, 7],
      ['an address outside the subnet', { ...one, config: withIps('192.0.2.1/24') }, 7],
      ['an interface name that is too long', { ...one, ifname: 'a'.repeat(16) }, 4],
      ['a version that nobody speaks', { ...one, config: { cniVersion: '0.1.0' } }, 1],
      ['an IPAM plugin that is not installed', { ...one, config: { ipam: { type: 'weft-no-such' } } }, 5],
    ];
    for (const [title, call, code] of codes) t.is((await cni(a, 'ADD', call)).body?.code, code, title);
    await assertOk(t, cni(a, 'ADD', { ...one, config: withIps('198.18.0.1/24') }));
    const c2 = await a.addContainer('c2');
    const taken = { container: 'two', netns: netnsOf(c2), config: withIps('198.18.0.1/24') };
    t.is((await cni(a, 'ADD', taken)).body?.code, 100);
    await c2.ip('link add eth0 type veth peer name other');
    t.is((await cni(a, 'ADD', { ...taken, config: withIps('198.18.0.2/24') })).body?.code, 100);
    t.is((await localEndpoints(a)).length, 1);
  });
});

test('CNI: with no daemon ADD may be tried again at once, and a DEL is done later', async t => {
  await inLab(t, 'cni-down', async lab => {
    const a = await addWeftVm(lab, 1);
    const c1 = await a.addContainer('c1');
    const one = { container: 'one', netns: netnsOf(c1), config: withIps('198.18.0.1/24') };
    await assertOk(t, cni(a, 'ADD', one));
    await a.kill9();
    let answer: Answer | undefined;
    const took = await timed(async () => {
      answer = await cni(a, 'ADD', { ...one, container: 'two' });
    });
    t.is(answer?.body?.code, 11);
    t.true(took < 2000, `${took} ms`);
    await assertOk(t, cni(a, 'DEL', one));
    t.deepEqual(
      (await c1.links()).map(({ ifname }) => ifname),
      ['lo', 'eth0'],
    );
    await a.restartWeft();
    t.deepEqual(await localEndpoints(a), []);
    t.deepEqual(
      (await c1.links()).map(({ ifname }) => ifname),
      ['lo'],
    );
    t.deepEqual(readdirSync(join(a.apiSocket, '..', 'cni')), []);
  });
});

test('CNI: addresses of an IPAM plugin, which gets them back', async t => {
  await inLab(t, 'cni-ipam', async lab => {
    const a = await addWeftVm(lab, 1);
    const dataDir = join(a.directory, 'ipam');
    const ipam = {
      type: 'host-local',
      dataDir,
      subnet: '198.18.0.0/24',
      rangeStart: '198.18.0.40',
      rangeEnd: '198.18.0.41',
    };
    const [c1, c2, c3] = [await a.addContainer('c1'), await a.addContainer('c2'), await a.addContainer('c3')];
    const add = (container: Container) =>
      cni(a, 'ADD', { container: container.name, netns: netnsOf(container), config: { ipam } });
    const given = [await assertOk(t, add(c1)), await assertOk(t, add(c2))];
    t.deepEqual(
      given.map(({ ips }) => ips?.[0]?.address),
      ['198.18.0.40/24', '198.18.0.41/24'],
    );
    await assertPing(t, c1, '198.18.0.41');
    t.true((await add(c3)).status === 1);
    await assertOk(t, cni(a, 'DEL', { container: c1.name, config: { ipam } }));
    // What weft refuses is given back to the plugin.
    await c3.ip('link add eth0 type veth peer name other');
    t.is((await add(c3)).body?.code, 100);
    await c3.ip('link del eth0');
    t.is((await assertOk(t, add(c3))).ips?.[0]?.address, '198.18.0.40/24');
  });
});

for (const attach of ATTACH_MODES) {
  test(`CNI (${attach}): routes of an IPAM plugin are there, CHECK misses them, and one that leads nowhere is refused`, async t => {
    await inLab(t, `cni-routes-${attach}`, async lab => {
      const { a, b } = await startPair(lab, { attach });
      const router = await addAttached(b, 'router', { addresses: ['198.18.0.1/24'] });
      await router.ip('addr add 203.0.113.1/32 dev lo');
      await router.sysctl({ 'net.ipv4.ip_forward': 1 });
      const c1 = await a.addContainer('c1');
      const ipamOf = (...routes: object[]) => ({
        type: 'host-local',
        dataDir: join(a.directory, 'ipam'),
        ranges: [[{ subnet: '198.18.0.0/24', rangeStart: '198.18.0.40', gateway: '198.18.0.1' }]],
        routes,
      });
      const one = { container: 'one', netns: netnsOf(c1) };
      const config = {
        cniVersion: '1.0.0',
        ipam: ipamOf({ dst: '0.0.0.0/0' }, { dst: '192.0.2.0/24', gw: '198.18.0.9' }),
      };
      const added = await assertOk(t, cni(a, 'ADD', { ...one, config }));
      t.deepEqual(added.routes, [
        { dst: '0.0.0.0/0', gw: '198.18.0.1' },
        { dst: '192.0.2.0/24', gw: '198.18.0.9' },
      ]);
      await assertPing(t, c1, '203.0.113.1');

      // The same after the daemon has been killed: the container has kept them.
      await a.kill9();
      await a.restartWeft();
      await waitForPing(c1, '203.0.113.1', 30_000);
      const prevResult = { prevResult: added };
      await assertOk(t, cni(a, 'CHECK', { ...one, config: { ...config, ...prevResult } }));
      await c1.ip('route del default');
      const missed = await cni(a, 'CHECK', { ...one, config: { ...config, ...prevResult } });
      t.like(missed.body, { code: 101, msg: 'eth0 of one has no route to 0.0.0.0/0' });
      await assertOk(t, cni(a, 'DEL', { ...one, config }));

      const unreachable = { ipam: ipamOf({ dst: '10.0.0.0/8', gw: '192.0.2.1' }) };
      const refused = await cni(a, 'ADD', { ...one, config: unreachable });
      t.like(refused.body, { code: 7 });
      t.regex(
        refused.body?.msg ?? '',
        /^the gateway 192\.0\.2\.1 of the route to 10\.0\.0\.0\/8 cannot be reached/,
      );
      t.deepEqual([await localEndpoints(a), await ownLinks(a)], [[], []]);
      t.deepEqual(
        (await c1.links()).map(({ ifname }) => ifname),
        ['lo'],
      );
    });
  });
}

for (const attach of ATTACH_MODES) {
  test(`CNI (${attach}): rates of the runtime are kept to, and CHECK misses them each way`, async t => {
    await inLab(t, `cni-rates-${attach}`, async lab => {
      const a = await addWeftVm(lab, 1, { attach });
      const c1 = await a.addContainer('c1');
      const one = { container: 'one', netns: netnsOf(c1) };
      const limit = { ingressRate: 50e6, ingressBurst: 2 ** 31 - 1, egressRate: 20e6, egressBurst: 1e6 };
      const rates = {
        capabilities: { bandwidth: true },
        runtimeConfig: { ips: ['198.18.0.1/24'], bandwidth: limit },
      };
      const added = await assertOk(t, cni(a, 'ADD', { ...one, config: rates }));
      const check = async () => await cni(a, 'CHECK', { ...one, config: { ...rates, prevResult: added } });
      await assertOk(t, check());
      const links = (await c1.links()).map(({ ifname }) => ifname);
      const detour = links.find(name => name.startsWith('wb'));
      t.is(detour === undefined, attach === 'bridge');
      const [hostLink = ''] = await ownLinks(a);
      if (detour === undefined) await a.exec('tc', ['qdisc', 'del', 'dev', hostLink, 'root']);
      else await c1.exec('tc', ['qdisc', 'del', 'dev', 'eth0', 'clsact']);
      t.like((await check()).body, {
        code: 101,
        msg: 'eth0 of one is not limited to 50000000 bit/s of ingress',
      });
      await c1.exec('tc', ['qdisc', 'del', 'dev', 'eth0', 'root']);
      t.regex((await check()).body?.msg ?? '', /of ingress; is not limited to 20000000 bit\/s of egress$/);
      await assertOk(t, cni(a, 'DEL', one));
      t.deepEqual([await localEndpoints(a), await ownLinks(a)], [[], []]);
      t.deepEqual(
        (await c1.links()).map(({ ifname }) => ifname),
        ['lo'],
      );
    });
  });
}

test('CNI: GC takes away what the runtime does not know, STATUS whether there is a network', async t => {
  await inLab(t, 'cni-gc', async lab => {
    const a = await addWeftVm(lab, 1);
    const containers = await Promise.all(['c1', 'c2'].map(async name => await a.addContainer(name)));
    for (const [n, container] of containers.entries()) {
      const config = withIps(`198.18.0.${n + 1}/24`);
      await assertOk(t, cni(a, 'ADD', { container: container.name, netns: netnsOf(container), config }));
    }
    const version = { cniVersion: '1.1.0' };
    const valid = { 'cni.dev/valid-attachments': [{ containerID: 'a-c2', ifname: 'eth0' }] };
    await assertOk(t, cni(a, 'GC', { config: { ...version, ...valid } }));
    t.deepEqual(
      (await localEndpoints(a)).map(({ container }) => container),
      ['a-c2'],
    );
    await assertOk(t, cni(a, 'STATUS', { config: version }));
    t.is((await cni(a, 'STATUS', { config: { ...version, network: 'red' } })).body?.code, 50);
    await a.stopWeft();
    t.is((await cni(a, 'STATUS', { config: version })).body?.code, 51);
  });
});

test('CNI: weft cni install writes what a runtime needs', async t => {
  await inLab(t, 'cni-install', async lab => {
    const a = await addWeftVm(lab, 1);
    const [bin, conf] = [join(a.directory, 'bin'), join(a.directory, 'net.d')];
    mkdirSync(conf);
    await a.weft(['cni', 'install', '--network', 'blue', '--bin-dir', bin, '--conf-dir', conf]);
    t.deepEqual([readdirSync(bin), readdirSync(conf)], [['weft-cni'], ['10-weft-blue.conflist']]);
    const list = JSON.parse(readFileSync(join(conf, '10-weft-blue.conflist'), 'utf8'));
    t.like(list, { cniVersion: '1.0.0', name: 'blue' });
    t.like(list.plugins[0], { type: 'weft-cni', network: 'blue', socket: a.apiSocket });
    const { stdout } = await runCommand(join(bin, 'weft-cni'), [], {
      env: { CNI_COMMAND: 'VERSION' },
      input: '{}',
    });
    t.true(JSON.parse(stdout).supportedVersions.includes('1.1.0'));
  });
});

test(`CNI: ${CYCLES} ADDs and DELs, ${AT_ONCE} at a time, leave nothing`, async t => {
  t.timeout(600_000);
  await inLab(t, 'cni-cycles', async lab => {
    const a = await addWeftVm(lab, 1);
    const namespaces = await Promise.all(
      Array.from({ length: AT_ONCE }, async (_, n) => await a.addContainer(`n${n}`)),
    );
    const each = Math.ceil(CYCLES / AT_ONCE);
    const times = await Promise.all(
      namespaces.map(
        async (container, n) => await cycles(a, { container, ip: `198.18.0.${n + 1}/24`, each }),
      ),
    ).then(all => all.flat());
    t.is(times.length, each * AT_ONCE);
    t.deepEqual(await localEndpoints(a), []);
    t.deepEqual(await ownLinks(a), []);
    await allEmpty(namespaces);
    const quantile = (q: number) =>
      Math.round(times.toSorted((x, y) => x - y)[Math.floor(q * (times.length - 1))] ?? 0);
    t.log(`ADD with ${AT_ONCE} at a time: p50 ${quantile(0.5)} ms, p99 ${quantile(0.99)} ms`);
  });
});

/** The milliseconds that each ADD took. */
async function cycles(
  vm: Vm,
  { container, ip, each }: { container: Container; ip: string; each: number },
): Promise<number[]> {
  const config = {
    cniVersion: '1.0.0',
    name: 'blue',
    type: 'weft-cni',
    socket: vm.apiSocket,
    ...withIps(ip),
  };
  const env = { CNI_CONTAINERID: randomUUID(), CNI_NETNS: netnsOf(container), CNI_IFNAME: 'eth0' };
  const args = [CYCLER, PLUGIN, JSON.stringify(config), String(each)];
  const { stdout } = await vm.exec('bash', args, { env, timeoutMs: 600_000 });
  return stdout
    .trim()
    .split('\n')
    .map(microseconds => Number(microseconds) / 1000);
}

async function allEmpty(containers: readonly Container[]): Promise<void> {
  for (const container of containers) {
    await waitFor(async () => (await container.links()).length === 1, {
      what: `${container.name} to be empty`,
      timeoutMs: 5000,
    });
  }
}
