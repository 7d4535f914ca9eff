import test from 'ava';
import type { NetworkConfig } from '../config/config.ts';
import { joinedAddresses, LocalAddresses } from './local-addresses.ts';

interface Held {
  readonly hostLink: string;
  readonly addresses: string[];
}

function rig(changes: Partial<NetworkConfig> = {}) {
  const apps = {
    name: 'apps',
    mode: 'bridge',
    gateway: false,
    gatewayAddresses: [],
    subnet: '198.18.0.0/29',
    subnet6: undefined,
    ipam: undefined,
    ...changes,
  } as unknown as NetworkConfig;
  const endpoints: Held[] = [];
  const addresses = new LocalAddresses({
    find: name => (name === 'apps' ? apps : undefined),
    endpointsOf: () => endpoints,
  });
  const take = async (owner: string, ...wanted: readonly string[]) =>
    await addresses.take('apps', owner, wanted);
  return { addresses, endpoints, take };
}

test('each owner gets an address of its own, none the gateway, the subnet or its broadcast', async t => {
  const { take } = rig();
  const given = [];
  for (const owner of ['a', 'b', 'c', 'd', 'e']) given.push(...(await take(owner, 'auto')));
  t.deepEqual(given, ['198.18.0.2/29', '198.18.0.3/29', '198.18.0.4/29', '198.18.0.5/29', '198.18.0.6/29']);
  await t.throwsAsync(take('f', 'auto'), {
    code: 'unavailable',
    message: /no free address in 198\.18\.0\.0\/29/,
  });
});

test('one that is given back rests as long as others are free', async t => {
  const { addresses, take } = rig();
  await take('a', 'auto');
  await addresses.release('apps', 'a');
  t.deepEqual(await take('b', 'auto'), ['198.18.0.3/29']);
  for (const owner of ['c', 'd', 'e']) await take(owner, 'auto');
  t.deepEqual(await take('f', 'auto'), ['198.18.0.2/29']);
});

test('those of endpoints on record are in use, and the same owner gets the same again', async t => {
  const { addresses, endpoints, take } = rig();
  endpoints.push({ hostLink: 'a', addresses: await take('a', 'auto').then(given => [...given]) });
  t.deepEqual(await take('a', 'auto'), ['198.18.0.2/29']);
  await addresses.release('apps', 'a');
  await t.throwsAsync(take('b', '198.18.0.2/29'), { code: 'conflict', message: /198\.18\.0\.2 is in use/ });
  t.deepEqual(await take('b', '198.18.0.6/29'), ['198.18.0.6/29']);
});

test('excluded and static addresses are not drawn, and a static one can be named', async t => {
  const ipam = { founders: [], exclude: ['198.18.0.2-198.18.0.3'], static: ['198.18.0.4'] };
  const { take } = rig({ ipam });
  t.deepEqual(await take('a', 'auto'), ['198.18.0.5/29']);
  t.deepEqual(await take('b', '198.18.0.4/29'), ['198.18.0.4/29']);
});

test('one of each family', async t => {
  const { take } = rig({ subnet6: '2001:db8:18::/64' });
  t.deepEqual(await take('a', 'auto'), ['198.18.0.2/29', '2001:db8:18::2/64']);
});

test('networks of the pool are asked of the pool', async t => {
  const { addresses } = rig();
  const pool = {
    isManaged: () => true,
    gives: () => true,
    take: async () => ['pool'],
    release: async () => {},
    isUsable: () => false,
  };
  const joined = joinedAddresses(addresses, pool);
  t.deepEqual(await joined.take('apps', 'a', ['auto']), ['198.18.0.2/29']);
  t.deepEqual(await joined.take('blue', 'a', ['auto']), ['pool']);
  t.true(joined.isUsable('apps', 'a'));
  t.false(joined.isUsable('blue', 'a'));
});
