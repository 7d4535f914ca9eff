/**
 * The modes of container networking that end at their VM.
 *
 *   a-c1, a-c2 ── [ weft a ] ═══╗
 *   b-c1 ──────── [ weft b ] ═══╬══ switch
 *                    outside ───╝   192.0.2.99
 */
import test from 'ava';
import type { Lab } from '../lab/lab.ts';
import type { Vm } from '../lab/vm.ts';
import { waitFor } from '../lab/wait-for.ts';
import { askWho, explained, serveWho } from '../lab/who.ts';
import type { EndpointReport } from '../operations.ts';
import { inLab } from './in-lab.ts';
import { addressOf, createNetwork } from './made-network.ts';
import { addAttached, assertNoPing, assertPing, startPair } from './overlay.ts';

const OUTSIDE = '192.0.2.99';
const PORT = 8000;

async function startPlain(lab: Lab): Promise<{ a: Vm; b: Vm; outside: Vm }> {
  const { a, b } = await startPair(lab, { networks: [] });
  const outside = await lab.addVm('out', { underlay: `${OUTSIDE}/24` });
  return { a, b, outside };
}

async function wireless(vm: Vm): Promise<readonly string[]> {
  return (await vm.links()).map(({ ifname }) => ifname).filter(name => name.startsWith('w'));
}

test('mode bridge: each VM has a segment of its own, with a way out and published ports', async t => {
  await inLab(t, 'mode-bridge', async lab => {
    const { a, b, outside } = await startPlain(lab);
    await createNetwork([a, b], 'apps', '--mode', 'bridge', '--subnet', '198.18.0.0/24');
    const auto = { network: 'apps', addresses: ['auto'] };
    const c1 = await addAttached(a, 'c1', { ...auto, publish: ['8080:8000', '5353:8000/udp'] });
    const c2 = await addAttached(a, 'c2', auto);
    const remote = await addAttached(b, 'c1', auto);
    await Promise.all([outside, c1, c2, remote].map(host => serveWho(host, PORT)));
    const seen = (name: string, from: string) => ({ name, from });
    // Both VMs begin at the beginning: what is of one is nothing to the other.
    t.deepEqual(await Promise.all([addressOf(a, c1), addressOf(a, c2), addressOf(b, remote)]), [
      '198.18.0.2',
      '198.18.0.3',
      '198.18.0.2',
    ]);
    const served = async (what: string) => {
      await explained(t, [a, b], async () => {
        t.deepEqual(
          await askWho(outside, `tcp:${a.underlay}:8080`, `udp:${a.underlay}:5353`, `tcp:${b.underlay}:8080`),
          [seen('a-c1', OUTSIDE), seen('a-c1', OUTSIDE), { refused: 'ECONNREFUSED' }],
          what,
        );
        t.deepEqual(
          await askWho(c1, `tcp:${OUTSIDE}:${PORT}`, `tcp:198.18.0.3:${PORT}`, `tcp:${a.underlay}:8080`),
          [seen('out', a.underlay), seen('a-c2', '198.18.0.2'), seen('a-c1', '198.18.0.1')],
          what,
        );
      });
    };
    await served('at first');
    await explained(t, [a, b], async () => {
      const [absent, published] = await askWho(remote, `tcp:198.18.0.3:${PORT}`, `tcp:${a.underlay}:8080`);
      t.truthy(absent?.refused);
      t.deepEqual(published, seen('a-c1', b.underlay));
      await assertPing(t, c2, '198.18.0.1');
    });
    await a.kill9();
    await served('without a daemon');
    await a.restartWeft();
    await served('after a restart');
    t.deepEqual(
      (await b.api.endpoints()).map(({ owner, network, netns }) => [owner, network, netns]),
      [['b', 'apps', remote.netns]],
    );
    // Gone with what holds it.
    await a.weft(['detach', c1.netns, '--network', 'apps']);
    t.deepEqual(await askWho(outside, `tcp:${a.underlay}:8080`), [{ refused: 'ECONNREFUSED' }]);
    await a.weft(['detach', c2.netns, '--network', 'apps']);
    await b.weft(['detach', remote.netns, '--network', 'apps']);
    await waitFor(async () => (await a.weft(['network', 'rm', 'apps'], { check: false })).code === 0, {
      what: 'apps to be removed',
      timeoutMs: 60_000,
      intervalMs: 2000,
    });
    await waitFor(async () => [...(await wireless(a)), ...(await wireless(b))].length === 0, {
      what: 'the bridges to be gone',
      timeoutMs: 20_000,
    });
    const { stdout } = await a.exec('nft', ['-j', 'list', 'ruleset']);
    t.false(stdout.includes('weft'), stdout);
  });
});

for (const [macvlanMode, reachesNeighbour] of [
  ['bridge', true],
  ['private', false],
] as const) {
  test(`mode macvlan (${macvlanMode}): on the wire of the VM, under an own MAC, and not at the VM itself`, async t => {
    await inLab(t, `macvlan-${macvlanMode}`, async lab => {
      const { a, b, outside } = await startPlain(lab);
      await createNetwork(
        [a, b],
        ...['lan', '--mode', 'macvlan', '--parent', 'eth0', '--macvlan-mode', macvlanMode],
        ...['--subnet', '192.0.2.0/24', '--gateway-address', OUTSIDE, '--ipam', 'none'],
      );
      const at = (n: number) => ({ network: 'lan', addresses: [`192.0.2.${n}/24`] });
      const c1 = await addAttached(a, 'c1', at(101));
      const c2 = await addAttached(a, 'c2', at(102));
      const remote = await addAttached(b, 'c1', at(103));
      await explained(t, [a, b], async () => {
        await assertPing(t, c1, OUTSIDE);
        await assertPing(t, outside, '192.0.2.101');
        await assertPing(t, c1, '192.0.2.103');
        if (reachesNeighbour) await assertPing(t, c1, '192.0.2.102');
        else await assertNoPing(t, c1, '192.0.2.102');
        await assertNoPing(t, c1, a.underlay);
      });
      // What is not on the wire is asked of the router.
      await outside.ip('addr add 198.51.100.1/32 dev lo');
      await assertPing(t, remote, '198.51.100.1');
      t.deepEqual(await wireless(a), []);
      await a.kill9();
      await a.restartWeft();
      await assertPing(t, c1, OUTSIDE);
      await a.weft(['detach', c1.netns, '--network', 'lan']);
      t.deepEqual(
        (await c1.links()).map(({ ifname }) => ifname),
        ['lo'],
      );
      const refused = await a.weft(['attach', c1.netns, '--network', 'lan', '--address', '192.0.2.99/24'], {
        check: false,
      });
      t.regex(refused.stderr, /192\.0\.2\.99 is the gateway of network lan/);
      await a.weft(['network', 'create', 'none', '--mode', 'macvlan', '--parent', 'eth7']);
      const absent = await a.weft(['attach', c2.netns, '--network', 'none', '--ifname', 'net1'], {
        check: false,
      });
      t.regex(absent.stderr, /this VM has no interface "eth7" for containers to share/);
    });
  });
}

test('mode macvlan (vepa): containers of one VM reach each other by a switch that sends back, and by no other', async t => {
  await inLab(t, 'macvlan-vepa', async lab => {
    const { a, b, outside } = await startPlain(lab);
    const addresses = ['--subnet', '192.0.2.0/24', '--ipam', 'none'];
    await createNetwork(
      [a, b],
      ...['lan', '--mode', 'macvlan', '--parent', 'eth0', '--macvlan-mode', 'vepa'],
      ...addresses,
    );
    const c1 = await addAttached(a, 'c1', { network: 'lan', addresses: ['192.0.2.101/24'] });
    await addAttached(a, 'c2', { network: 'lan', addresses: ['192.0.2.102/24'] });
    await explained(t, [a, b], async () => {
      await assertPing(t, c1, OUTSIDE);
      await assertPing(t, outside, '192.0.2.102');
      await assertNoPing(t, c1, '192.0.2.102');
      await lab.reflect(a, true);
      await assertPing(t, c1, '192.0.2.102');
      await lab.reflect(a, false);
      await assertNoPing(t, c1, '192.0.2.102');
    });
  });
});

test('mode macvlan: a MAC that somebody has on that parent is waited for, and then refused', async t => {
  await inLab(t, 'macvlan-mac', async lab => {
    const { a, b } = await startPlain(lab);
    await createNetwork([a, b], ...['lan', '--mode', 'macvlan', '--parent', 'eth0', '--ipam', 'none']);
    const mac = '02:00:5e:10:00:01';
    const other = await a.addContainer('c1');
    await a.ip(`link add mv1 link eth0 address ${mac} netns ${other.netns} type macvlan mode bridge`);
    await other.ip('link set mv1 up');
    const container = await a.addContainer('c2');
    const attach = () =>
      a.weft(['attach', container.netns, '--network', 'lan', '--mac', mac], { check: false });
    const refused = await attach();
    t.regex(refused.stderr, /another macvlan of eth0 has the MAC address 02:00:5e:10:00:01/);
    t.deepEqual(
      (await container.links()).map(({ ifname }) => ifname),
      ['lo'],
    );
    const attached = attach();
    await waitFor(async () => (await container.links()).length === 2, {
      what: 'its macvlan',
      intervalMs: 20,
    });
    await other.ip('link del mv1');
    t.is((await attached).code, 0);
  });
});

test('mode host: on record as long as its process lives, and nothing made', async t => {
  await inLab(t, 'mode-host', async lab => {
    const { a, b } = await startPlain(lab);
    await createNetwork([a, b], 'edge', '--mode', 'host');
    const before = await a.links();
    const processes = [await serveWho(a, 9001), await serveWho(a, 9002)];
    for (const { pid } of processes) await a.weft(['attach', String(pid), '--network', 'edge']);
    const listed = async (): Promise<readonly EndpointReport[]> => await a.api.endpoints();
    t.like(await listed(), { length: 2 });
    t.like((await listed())[0], { network: 'edge', attach: 'host', addresses: [], mac: null });
    t.deepEqual(await a.links(), before);
    await hostRefusals(t, a);
    await a.kill9();
    await a.restartWeft();
    t.like(await listed(), { length: 2 });
    await processes[0]?.stop('SIGKILL');
    await waitFor(async () => (await listed()).length === 1, { what: 'the one that ended to be forgotten' });
    await a.weft(['detach', String(processes[1]?.pid), '--network', 'edge']);
    t.deepEqual(await listed(), []);
    t.deepEqual(await a.links(), before);
  });
});

async function hostRefusals(t: Parameters<typeof inLab>[0], a: Vm): Promise<void> {
  const c1 = await a.addContainer('c1');
  const attach = async (...args: readonly string[]) =>
    (await a.weft(['attach', ...args, '--network', 'edge'], { check: false })).stderr;
  t.regex(await attach(c1.netns), /is not the namespace of the VM; give the PID of a container/);
  t.regex(
    await attach(String(a.daemon.pid), '--publish', '80:80'),
    /ports cannot be published in network edge/,
  );
  t.regex(await attach(String(a.daemon.pid), '--address', '192.0.2.7/24'), /has the addresses of the VM/);
}
