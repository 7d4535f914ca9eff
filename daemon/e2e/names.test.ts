/**
 * Names of containers: asked for inside of them, by a resolver that knows nothing of weft.
 *
 *   a-c1 ── [ weft a ] ══╗             web, web-1
 *                        ╬══ switch ══ resolver of the machines, 192.0.2.1
 *   b-c1 ── [ weft b ] ══╝             web, web-2
 */
import test from 'ava';
import type { Container } from '../lab/container.ts';
import type { Lab } from '../lab/lab.ts';
import { deleteNamespace } from '../lab/namespaces.ts';
import type { Vm } from '../lab/vm.ts';
import { waitFor } from '../lab/wait-for.ts';
import type { EndpointReport } from '../operations.ts';
import { inLab } from './in-lab.ts';
import { ATTACH_MODES, addAttached, addWeftVm, attach, BLUE, waitForPeer } from './overlay.ts';

const LISTEN = '127.0.47.89';
const NETWORKS = [
  { ...BLUE, subnet6: '2001:db8:18::/64' },
  { name: 'green', vni: 43 },
];

async function startTwo(lab: Lab, mode: 'bridge' | 'tap'): Promise<{ a: Vm; b: Vm }> {
  const options = { attach: mode, networks: NETWORKS, dns: { upstream: ['192.0.2.1'] } };
  const [a, b] = await Promise.all([1, 2].map(n => addWeftVm(lab, n, options)));
  if (a === undefined || b === undefined) throw new Error('unreachable');
  await Promise.all([waitForPeer(a, 'b', 'alive'), waitForPeer(b, 'a', 'alive')]);
  return { a, b };
}

function resolve(
  container: Container,
  type: string,
  ...names: readonly string[]
): Promise<readonly string[]> {
  return container.tool<readonly string[]>('resolve', [LISTEN, type, ...names]);
}

async function resolvesTo(container: Container, name: string, expected: string): Promise<void> {
  await waitFor(async () => (await resolve(container, 'A', name))[0] === expected, {
    what: `${name} to be ${expected} in ${container.name}`,
    timeoutMs: 10_000,
  });
}

async function attachNamed(vm: Vm, { netns }: Container, n: number, names: readonly string[]): Promise<void> {
  const addresses = [`198.18.0.${n}/24`, `2001:db8:18::${n}/64`];
  await vm.api.attach({ netns, network: 'blue', addresses, ifname: 'eth0', mac: undefined, names });
}

async function detach(vm: Vm, { netns }: Container): Promise<void> {
  await vm.api.detach({ netns, network: 'blue', ifname: 'eth0' });
}

async function localOf(vm: Vm): Promise<readonly EndpointReport[]> {
  return (await vm.api.endpoints()).filter(({ where }) => where === 'local');
}

for (const mode of ATTACH_MODES) {
  test(`names (${mode}): found from another machine, told in turn, gone with their container, moved with it`, async t => {
    t.timeout(180_000);
    await inLab(t, `names-${mode}`, async lab => {
      const { a, b } = await startTwo(lab, mode);
      await a.startTool('dns-serve', ['192.0.2.1']);
      const c1 = await a.addContainer('c1');
      await attachNamed(a, c1, 1, ['web', 'web-1']);
      const c2 = await b.addContainer('c1');
      await attachNamed(b, c2, 2, ['web', 'web-2']);
      const other = await addAttached(a, 'c2', { network: 'green' });
      await resolvesTo(c1, 'web.blue.weft', '198.18.0.1,198.18.0.2');
      await resolvesTo(c2, 'web-1.blue.weft', '198.18.0.1');

      t.deepEqual(
        await resolve(
          c2,
          'A',
          'WEB-1.Blue.weft',
          'nobody.blue.weft',
          'blue.weft',
          'db.green.weft',
          'example.org',
          'long.example',
          'missing.example',
        ),
        [
          '198.18.0.1',
          'ENOTFOUND',
          'ENODATA',
          'ENOTFOUND',
          '192.0.2.80',
          Array.from({ length: 100 }, (_, i) => `192.0.2.${80 + i}`)
            .toSorted()
            .join(),
          'ENOTFOUND',
        ],
      );
      t.deepEqual(await resolve(c2, 'AAAA', 'web-1.blue.weft'), ['2001:db8:18::1']);
      t.deepEqual(await resolve(c2, 'PTR', '198.18.0.1', '2001:db8:18::1', '198.18.0.99'), [
        'web.blue.weft',
        'web.blue.weft',
        'ENOTFOUND',
      ]);
      t.deepEqual(await resolve(other, 'A', 'web.blue.weft'), ['ENOTFOUND'], 'of another network');
      const turns = await resolve(c1, 'ORDER', ...Array.from({ length: 40 }, () => 'web.blue.weft'));
      t.is(new Set(turns).size, 2, 'each comes first at times');

      t.like((await localOf(a))[0], { names: ['web', 'web-1'], resolver: 'serving' });
      const { dns } = await a.api.status();
      t.like(dns, { address: LISTEN, containers: 2, serving: 2 });
      t.true(dns.answered >= 40);

      // With no daemon nobody answers, and that is known at once; the next one answers in the containers that it finds.
      await a.kill9();
      t.deepEqual(await resolve(c1, 'A', 'web.blue.weft'), ['ECONNREFUSED']);
      await a.restartWeft();
      await resolvesTo(c1, 'web.blue.weft', '198.18.0.1,198.18.0.2');

      // web-2 moves from b to a, and then it is gone.
      await detach(b, c2);
      await resolvesTo(c1, 'web.blue.weft', '198.18.0.1');
      t.deepEqual(await resolve(c1, 'A', 'web-2.blue.weft'), ['ENOTFOUND']);
      t.deepEqual(
        await resolve(c2, 'A', 'web.blue.weft'),
        ['ECONNREFUSED'],
        'nobody answers in there any more',
      );
      const c3 = await a.addContainer('c3');
      await attachNamed(a, c3, 2, ['web-2']);
      await resolvesTo(c1, 'web-2.blue.weft', '198.18.0.2');
      await deleteNamespace(c3.netns);
      await resolvesTo(c1, 'web-2.blue.weft', 'ENOTFOUND');
      t.is((await localOf(a)).length, 2, 'our sockets do not keep its namespace');
    });
  });
}

test('names: a container that has port 53 itself is attached all the same, and one that wants it is left alone', async t => {
  await inLab(t, 'names-taken', async lab => {
    const a = await addWeftVm(lab, 1, {});
    const taken = await a.addContainer('c1');
    await taken.ip('link set lo up');
    const server = await taken.startTool('dns-serve', [LISTEN]);
    await attach(a, taken, { addresses: ['198.18.0.1/24'] });
    t.like((await localOf(a))[0], { resolver: 'taken' });
    await server.stop('SIGKILL');
    await waitFor(async () => (await localOf(a))[0]?.resolver === 'serving', {
      what: 'the port to be used once it is free',
      timeoutMs: 20_000,
    });

    const own = await a.addContainer('c2');
    await a.weft(['attach', own.netns, '--network', 'blue', '--no-resolver']);
    t.like((await localOf(a))[1], { resolver: 'off' });
    await (await own.startTool('dns-serve', ['0.0.0.0'])).stop('SIGKILL');
    await detach(a, taken);
    t.is((await localOf(a)).length, 1);
  });
});
