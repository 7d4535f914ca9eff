/**
 * Networks as objects: made on one machine, known on all, carried where there are containers.
 *
 *   a-c1 ── [ weft a ] ══╗
 *   b-c1 ── [ weft b ] ══╬══ switch
 *           [ weft c ] ══╝   c has no container, and no part in the network
 */
import test from 'ava';
import type { Lab } from '../lab/lab.ts';
import type { Vm } from '../lab/vm.ts';
import { waitFor } from '../lab/wait-for.ts';
import type { NetworkReport, PeerReport } from '../operations.ts';
import { inLab } from './in-lab.ts';
import {
  ATTACH_MODES,
  addAttached,
  addWeftVm,
  assertPing,
  attach,
  waitForPeer,
  waitForPing,
} from './overlay.ts';

/** Machines whose configurations name no network. */
async function startThree(lab: Lab): Promise<{ a: Vm; b: Vm; c: Vm }> {
  const [a, b, c] = await Promise.all([1, 2, 3].map(async n => await addWeftVm(lab, n, { networks: [] })));
  if (a === undefined || b === undefined || c === undefined) throw new Error('unreachable');
  await Promise.all([
    waitForPeer(a, 'b', 'alive'),
    waitForPeer(b, 'c', 'alive'),
    waitForPeer(c, 'a', 'alive'),
  ]);
  return { a, b, c };
}

async function networkOn(vm: Vm, name: string): Promise<NetworkReport> {
  return await waitFor(async () => (await vm.api.networks()).find(network => network.name === name), {
    what: `${vm.name} to know ${name}`,
    timeoutMs: 5000,
  });
}

async function isGone(vm: Vm, name: string): Promise<void> {
  await waitFor(async () => (await vm.api.networks()).every(network => network.name !== name), {
    what: `${vm.name} to forget ${name}`,
    timeoutMs: 5000,
  });
}

/** The refusal, without the name of the program. */
async function refused(vm: Vm, args: readonly string[]): Promise<string> {
  const { code, stderr } = await vm.weft(args, { check: false });
  return `${code} ${stderr.replace(/^weft: /, '').trim()}`;
}

for (const mode of ATTACH_MODES) {
  test(`networks (${mode}): made on one machine, used on another, carried by no third, removed by any`, async t => {
    await inLab(t, `networks-${mode}`, async lab => {
      const { a, b, c } = await startThree(lab);
      const create = ['network', 'create', 'blue', '--attach', mode, '--subnet', '198.18.0.0/24'];
      const { stdout } = await a.weft([...create, '--subnet6', '2001:db8:18::/64', '--json']);
      const made = JSON.parse(stdout) as NetworkReport;
      t.like(made, {
        name: 'blue',
        attach: mode,
        carried: false,
        source: 'created',
        created_by: 'a',
        mtu: 1450,
      });
      t.like(await networkOn(b, 'blue'), { vni: made.vni, subnet: '198.18.0.0/24', created_by: 'a' });

      const addresses = (n: number) => [`198.18.0.${n}/24`, `2001:db8:18::${n}/64`];
      const c1 = await addAttached(a, 'c1', { addresses: addresses(1) });
      const c2 = await addAttached(b, 'c1', { addresses: addresses(2) });
      await assertPing(t, c1, '198.18.0.2');
      // Duplicate address detection takes a second or two.
      await waitForPing(c2, '2001:db8:18::1');
      await assertPing(t, c2, '2001:db8:18::1');

      t.like(await networkOn(c, 'blue'), { carried: false, endpoints: 0, vteps: [] });
      t.deepEqual(
        (await c.links()).filter(({ ifname }) => ifname.startsWith('w')),
        [],
      );
      const vnis = async (name: string) =>
        (await c.weftJson<PeerReport[]>('peers')).find(peer => peer.name === name)?.vnis;
      t.deepEqual([await vnis('a'), await vnis('b')], [[made.vni], [made.vni]]);

      t.regex(await refused(c, ['network', 'rm', 'blue']), /^1 network "blue" is in use: carried by a, b;/);
      for (const [vm, container] of [
        [a, c1],
        [b, c2],
      ] as const) {
        await vm.weft(['detach', container.netns, '--network', 'blue']);
      }
      t.regex(await refused(c, ['network', 'rm', 'blue']), /^1 network "blue" is in use: carried by /);
      await waitFor(async () => (await refused(c, ['network', 'rm', 'blue'])).startsWith('0'), {
        what: 'a and b to let go of blue',
        timeoutMs: 60_000,
        intervalMs: 2000,
      });
      await Promise.all([a, b, c].map(vm => isGone(vm, 'blue')));
      t.deepEqual(
        (await a.links()).filter(({ ifname }) => ifname.startsWith('w')),
        [],
      );
      // Of what is not there: succeeds.
      await a.weft(['network', 'rm', 'blue']);
    });
  });
}

test('networks: what another one holds is refused, and by whom it is held is told', async t => {
  await inLab(t, 'net-clash', async lab => {
    const a = await addWeftVm(lab, 1, { networks: [{ name: 'office', vni: 7, subnet: '198.19.0.0/24' }] });
    const b = await addWeftVm(lab, 2, { networks: [] });
    await waitForPeer(b, 'a', 'alive');
    await a.weft(['network', 'create', 'blue', '--vni', '42', '--subnet', '198.18.0.0/24']);
    await networkOn(b, 'blue');
    const create = async (name: string, ...args: string[]) =>
      await refused(b, ['network', 'create', name, ...args]);
    const byBlue =
      'is held by network "blue" of the pool, made on a; choose another one; see weft network ls';
    t.is(await create('blue'), `1 cannot make network "blue": the name "blue" ${byBlue}`);
    t.is(await create('red', '--vni', '42'), `1 cannot make network "red": VNI 42 ${byBlue}`);
    t.is(
      await create('red', '--subnet', '198.18.0.0/25'),
      `1 cannot make network "red": addresses of 198.18.0.0/25 (198.18.0.0/24) ${byBlue}`,
    );
    t.regex(
      await create('red', '--vni', '7'),
      /VNI 7 is held by network "office" of the configuration of a;/,
    );
    t.regex(await create('Red'), /^1 cannot make the network: name: "Red" is not a network name;/);
    t.regex(await create('red', '--vni', '0'), /^1 cannot make the network: VNI: VNI 0 is out of range;/);
    t.regex(await create('red', '--mtu', 'large'), /^1 cannot make the network: MTU: "large" is not an MTU;/);
    t.regex(
      await create('red', '--mtu', '9000'),
      /^1 mtu 9000 of network red does not fit: eth0 carries 1500 bytes/,
    );
    t.regex(
      await refused(a, ['network', 'rm', 'office']),
      /^1 network "office" stands in the configuration of this node;/,
    );
    t.regex(
      await refused(b, ['network', 'show', 'red']),
      /^1 there is no network "red" on this node; known ones: blue/,
    );
    t.regex((await b.weft(['network', 'show', 'blue'])).stdout, /^here +not carried/m);
  });
});

test('networks: a machine that is killed carries its networks again, also when it is alone', async t => {
  await inLab(t, 'net-restart', async lab => {
    const { a, b, c } = await startThree(lab);
    // Addresses by hand: a machine that is alone could not be sure of those that the network gives.
    await a.weft(['network', 'create', 'blue', '--ipam', 'none', '--subnet', '198.18.0.0/24']);
    await Promise.all([networkOn(b, 'blue'), networkOn(c, 'blue')]);
    const c1 = await addAttached(a, 'c1', { addresses: ['198.18.0.1/24'] });
    const c2 = await addAttached(b, 'c1', { addresses: ['198.18.0.2/24'] });
    await assertPing(t, c1, '198.18.0.2');
    await a.kill9();
    // The one that has made it is gone: the others know it all the same.
    await waitForPeer(b, 'a', 'dead', 60_000);
    const c3 = await addAttached(c, 'c1', { addresses: ['198.18.0.3/24'] });
    await assertPing(t, c3, '198.18.0.2');
    await Promise.all([b.kill9(), c.kill9()]);
    await a.restartWeft();
    t.like(await networkOn(a, 'blue'), { carried: true, endpoints: 1 });
    const c4 = await a.addContainer('c2');
    await attach(a, c4, { addresses: ['198.18.0.4/24'] });
    await assertPing(t, c4, '198.18.0.1');
    await Promise.all([b.restartWeft(), c.restartWeft()]);
    await Promise.all([waitForPeer(a, 'b', 'alive', 60_000), waitForPeer(a, 'c', 'alive', 60_000)]);
    await assertPing(t, c2, '198.18.0.1');
    await assertPing(t, c3, '198.18.0.4');
  });
});
