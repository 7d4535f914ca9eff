/**
 * The life of an endpoint on one machine: attached twice, detached twice, its namespace deleted under the daemon, its
 * daemon killed in the middle.
 *
 *   a-c1 198.18.0.1 ──[ weft a ]
 */
import test from 'ava';
import { deleteNamespace } from '../lab/namespaces.ts';
import type { Vm } from '../lab/vm.ts';
import { waitFor } from '../lab/wait-for.ts';
import type { FdbReport } from '../operations.ts';
import { inLab } from './in-lab.ts';
import { ATTACH_MODES, addAttached, addWeftVm, attach, localEndpoints, waitForPing } from './overlay.ts';

const ADDRESSES = { addresses: ['198.18.0.1/24'] };

/** Links of weft's endpoints on the machine itself, by the pattern of their names. */
async function hostLinks(vm: Vm): Promise<string[]> {
  return (await vm.links()).map(link => link.ifname).filter(name => /^w[vx][0-9a-f]{12}$/.test(name));
}

async function waitUntilForgotten(vm: Vm, mac: string): Promise<void> {
  await waitFor(
    async () =>
      (await localEndpoints(vm)).length === 0 &&
      !(await vm.weftJson<FdbReport[]>('fdb')).some(entry => entry.mac === mac),
    { what: 'the endpoint and its entry to be forgotten', timeoutMs: 10_000 },
  );
}

for (const mode of ATTACH_MODES) {
  test(`endpoints (${mode}): attach twice is one endpoint, other parameters are refused, detach twice succeeds`, async t => {
    await inLab(t, `twice-${mode}`, async lab => {
      const a = await addWeftVm(lab, 1, { attach: mode });
      const c1 = await addAttached(a, 'c1', ADDRESSES);
      const before = await c1.link('eth0');
      await attach(a, c1, ADDRESSES);
      t.deepEqual(await c1.link('eth0'), before, 'the interface is the same');
      t.is((await localEndpoints(a)).length, 1);

      const other = ['attach', c1.netns, '--network', 'blue', '--address', '198.18.0.9/24'];
      const refused = await a.weft(other, { check: false });
      t.is(refused.code, 1);
      t.regex(refused.stderr, /attached to network blue with other parameters; detach it first/);

      const second = await a.addContainer('c2');
      const duplicate = ['attach', second.netns, '--network', 'blue', '--address', '198.18.0.1/24'];
      const taken = await a.weft(duplicate, { check: false });
      t.is(taken.code, 1);
      t.regex(taken.stderr, /198\.18\.0\.1 is taken in network blue/);

      for (const _ of [1, 2]) await a.weft(['detach', c1.netns, '--network', 'blue']);
      t.deepEqual(await hostLinks(a), []);
      t.deepEqual(await localEndpoints(a), []);
      t.false((await c1.links()).some(link => link.ifname === 'eth0'));
    });
  });

  test(`endpoints (${mode}): an endpoint whose namespace is deleted is forgotten, and its address is free again`, async t => {
    await inLab(t, `vanish-${mode}`, async lab => {
      const a = await addWeftVm(lab, 1, { attach: mode });
      const c1 = await addAttached(a, 'c1', ADDRESSES);
      const mac = (await c1.link('eth0')).address;
      await deleteNamespace(c1.netns);
      await waitUntilForgotten(a, mac);
      t.deepEqual(await hostLinks(a), []);
      const c2 = await addAttached(a, 'c2', ADDRESSES);
      t.is((await c2.link('eth0')).address, mac, 'the MAC follows the address');
    });
  });

  test(`endpoints (${mode}): a namespace deleted after the daemon took it over is let go`, async t => {
    await inLab(t, `pinned-${mode}`, async lab => {
      const a = await addWeftVm(lab, 1, { attach: mode });
      const c1 = await addAttached(a, 'c1', ADDRESSES);
      const c2 = await addAttached(a, 'c2', { addresses: ['198.18.0.2/24'] });
      const mac = (await c1.link('eth0')).address;
      await a.kill9();
      await a.restartWeft();
      await waitForPing(c1, '198.18.0.2');
      await deleteNamespace(c1.netns);
      await waitFor(async () => (await localEndpoints(a)).length === 1, {
        what: 'the endpoint to be forgotten',
      });
      t.false((await a.weftJson<FdbReport[]>('fdb')).some(entry => entry.mac === mac));
      t.is((await c2.link('eth0')).mtu, 1450, 'the other one is as it was');
    });
  });

  test(`endpoints (${mode}): what vanished while the daemon was down is forgotten, what an attach left half-made is removed`, async t => {
    await inLab(t, `orphan-${mode}`, async lab => {
      const a = await addWeftVm(lab, 1, { attach: mode });
      const c1 = await addAttached(a, 'c1', ADDRESSES);
      const mac = (await c1.link('eth0')).address;
      await a.kill9();
      await deleteNamespace(c1.netns);
      // As a daemon leaves it that is killed between making a link and recording it.
      await a.ip('link add name wv0123456789ab type veth peer name orphan');
      await a.restartWeft();
      await waitUntilForgotten(a, mac);
      t.deepEqual(await hostLinks(a), []);
    });
  });

  test(`endpoints (${mode}): an interface deleted while the daemon was down is forgotten, and an attach makes it anew`, async t => {
    await inLab(t, `deleted-${mode}`, async lab => {
      const a = await addWeftVm(lab, 1, { attach: mode });
      const c1 = await addAttached(a, 'c1', ADDRESSES);
      const mac = (await localEndpoints(a))[0]?.mac ?? '';
      await a.kill9();
      await c1.ip('link del dev eth0');
      await a.restartWeft();
      await waitUntilForgotten(a, mac);
      await attach(a, c1, ADDRESSES);
      t.is((await c1.link('eth0')).address, mac);
    });
  });
}

test('endpoints (bridge): a bridge that is full is told as what it is, and nothing is left of the attachment', async t => {
  await inLab(t, 'full', async lab => {
    const a = await addWeftVm(lab, 1, { attach: 'bridge' });
    // 1023 ports at the most, and one is the TAP.
    const others = Array.from({ length: 1022 }, (_, i) => `other${i}`);
    await a.ip(...others.flatMap(name => [`tuntap add ${name} mode tap`, `link set ${name} master wf-blue`]));
    const c1 = await a.addContainer('c1');
    const args = ['attach', c1.netns, '--network', 'blue', '--address', '198.18.0.1/24'];
    const refused = await a.weft(args, { check: false });
    t.is(refused.code, 1);
    t.regex(refused.stderr, /the bridge of network blue is full: it has 1023 ports; use attach: tap/);
    t.deepEqual(await hostLinks(a), []);
    t.deepEqual(await localEndpoints(a), []);
    await a.ip('link del other0');
    t.is((await a.weft(args, { check: false })).code, 0);
  });
});
