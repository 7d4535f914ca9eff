/**
 * A network of the configuration that gives its addresses itself comes, changes and goes while its daemons run.
 *
 *   c1 --address auto ── [ weft a ] ══ [ weft b ] ── c1 --address auto     pings, also while the configuration changes
 */
import { readFileSync, writeFileSync } from 'node:fs';
import test from 'ava';
import type { Container } from '../lab/container.ts';
import type { Vm } from '../lab/vm.ts';
import { waitFor } from '../lab/wait-for.ts';
import type { IpamReport } from '../operations.ts';
import { inLab } from './in-lab.ts';
import { addAttached, assertPing, attach, localEndpoints, startPair, waitForPing } from './overlay.ts';

const GREEN = { name: 'green', vni: 43, subnet: '198.19.0.0/24', ipam: { founders: ['a', 'b'] } };

/** Applies the configuration that the machine started with, with these networks beside its own. */
async function applyNetworks(vm: Vm, name: string, networks: readonly object[]): Promise<void> {
  await vm.weft(['config', 'apply', variant(vm, name, networks)]);
}

function variant(vm: Vm, name: string, networks: readonly object[]): string {
  const config = JSON.parse(readFileSync(vm.configPath, 'utf8')) as { networks: { name: string }[] };
  const own = config.networks.filter(network => network.name !== GREEN.name);
  const path = `${vm.configPath}.${name}`;
  writeFileSync(path, JSON.stringify({ ...config, networks: [...own, ...networks] }));
  return path;
}

async function attachAuto(vm: Vm): Promise<{ readonly container: Container; readonly address: string }> {
  const container = await addAttached(vm, 'c1', { network: 'green', addresses: ['auto'] });
  return { container, address: await addressOf(vm) };
}

/** With its prefix length, of the one container; it is not cut off. */
async function addressOf(vm: Vm): Promise<string> {
  const [endpoint, ...others] = await localEndpoints(vm);
  if (endpoint?.suspended !== false || others.length > 0) throw new Error(JSON.stringify([endpoint, others]));
  return endpoint.addresses.join();
}

async function greenOf(vm: Vm): Promise<IpamReport | undefined> {
  return (await vm.api.ipam()).find(({ network }) => network === 'green');
}

const hostOf = (address: string) => address.replace(/\/.*/, '');

const namesOn = async (vm: Vm) => (await vm.api.networks()).map(({ name }) => name);

/** A founder of a new pool of addresses looks for an older one first, for ten seconds (FOUNDING_WAIT). */
async function waitForGreen(vm: Vm): Promise<void> {
  await waitFor(async () => (await greenOf(vm))?.fenced === false, {
    what: `the addresses of ${vm.name} to be confirmed`,
    timeoutMs: 25_000,
  });
}

async function usedOn(vm: Vm): Promise<number | undefined> {
  return (await greenOf(vm))?.spaces[0]?.used;
}

test('reload: a network that gives its addresses comes, changes under a container that keeps its address, and goes', async t => {
  await inLab(t, 'reload-ipam', async lab => {
    const { a, b } = await startPair(lab);
    for (const vm of [a, b]) await applyNetworks(vm, 'green', [GREEN]);
    for (const vm of [a, b]) await waitForGreen(vm);
    const near = await attachAuto(a);
    const far = await attachAuto(b);
    for (const { address } of [near, far]) t.regex(address, /^198\.19\.0\.\d+\/24$/);
    t.not(near.address, far.address);
    await waitForPing(near.container, hostOf(far.address));

    await Promise.all([
      assertPing(t, near.container, hostOf(far.address), { count: 100 }),
      applyNetworks(a, 'limited', [{ ...GREEN, bum_rate: 50, static_vteps: ['192.0.2.9'] }]),
    ]);
    t.is(await addressOf(a), near.address);
    t.like(await greenOf(a), { fenced: false });
    t.is(await usedOn(a), 1);

    // Neither the network nor its pool of addresses goes under a container.
    const none = await a.weft(['config', 'apply', variant(a, 'none', [])], { check: false });
    t.regex(none.stderr, /network "green" has containers on this node/);
    const other = { ...GREEN, ipam: { founders: ['b'] } };
    const founders = await a.weft(['config', 'apply', variant(a, 'other', [other])], { check: false });
    t.regex(founders.stderr, /networks\[green\]\.ipam\.founders changes only with a restart/);
    t.is(await addressOf(a), near.address);
    await assertPing(t, far.container, hostOf(near.address));

    for (const [vm, { container }] of [
      [a, near],
      [b, far],
    ] as const) {
      await vm.weft(['detach', container.netns, '--network', 'green']);
      await applyNetworks(vm, 'none', []);
      t.deepEqual(await namesOn(vm), ['blue']);
      t.is(await greenOf(vm), undefined);
    }
    t.false((await a.links()).some(({ ifname }) => ifname === 'wf-green'));

    // It comes back with what it had, and unconfirmed is taken back under its containers.
    await applyNetworks(b, 'again', [GREEN]);
    await a.weft(['config', 'apply', variant(a, 'again', [GREEN]), '--confirm', '4s']);
    await attach(a, near.container, { network: 'green', addresses: ['auto'] });
    await attach(b, far.container, { network: 'green', addresses: ['auto'] });
    const leaver = await addAttached(a, 'c2', { network: 'green', addresses: ['auto'] });
    t.is(await usedOn(a), 2);
    await waitFor(async () => !(await namesOn(a)).includes('green'), {
      what: 'the network to be rolled back',
    });
    t.is(await usedOn(a), 2, 'what containers have is still confirmed');
    await a.weft(['detach', leaver.netns, '--network', 'green']);
    t.is(await usedOn(a), 1);
    const [address, peer] = [await addressOf(a), await addressOf(b)];
    t.false([near.address, far.address].includes(address), 'an address rests before another one gets it');
    await waitForPing(near.container, hostOf(peer));
    await Promise.all([
      assertPing(t, near.container, hostOf(peer), { count: 100 }),
      applyNetworks(a, 'back', [GREEN]),
    ]);
    t.is(await addressOf(a), address);
    await waitForGreen(a);
    t.is(await usedOn(a), 1);
    await assertPing(t, far.container, hostOf(address));
  });
});
