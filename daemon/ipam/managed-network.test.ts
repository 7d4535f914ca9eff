import test from 'ava';
import { parseVni } from '../../dataplane/address.ts';
import type { NetworkConfig } from '../config/config.ts';
import { managedNetwork, withPrefix } from './managed-network.ts';

const BLUE: NetworkConfig = {
  name: 'blue',
  vni: parseVni(42),
  subnet: '198.18.0.0/16',
  subnet6: '2001:db8::/64',
  mode: 'overlay',
  attach: 'bridge',
  gateway: false,
  gatewayAddresses: [],
  parent: undefined,
  macvlanMode: 'bridge',
  ipam: { founders: ['vm-a'], exclude: ['198.18.0.1', '2001:db8::1'], static: ['198.18.0.10-198.18.0.20'] },
  mtu: 'auto',
  staticVteps: [],
  unknownUnicast: 'auto',
  unknownAddress: 'flood',
  bumRate: 1000,
};

test('a network of which somebody else gives the addresses is not managed', t => {
  t.is(managedNetwork({ ...BLUE, ipam: undefined }), undefined);
  t.is(managedNetwork({ ...BLUE, subnet: undefined, subnet6: undefined }), undefined);
});

test('each subnet is a space, with what of its family is kept back', t => {
  t.deepEqual(managedNetwork(BLUE, 'made')?.spaces, [
    { prefix: '198.18.0.0/16', exclude: ['198.18.0.1'], static: ['198.18.0.10-198.18.0.20'] },
    { prefix: '2001:db8::/64', exclude: ['2001:db8::1'], static: [] },
  ]);
  t.like(managedNetwork(BLUE, 'made'), { id: 'made', name: 'blue', founders: ['vm-a'] });
});

test('a network of the configuration has the same id on all nodes, and another one when its addresses are others', t => {
  const id = managedNetwork(BLUE)?.id;
  t.regex(id ?? '', /^[0-9a-f]{16}$/);
  t.is(managedNetwork({ ...BLUE, mtu: 1400 })?.id, id);
  for (const change of [{ subnet: '198.19.0.0/16' }, { vni: parseVni(43) }, { name: 'red' }]) {
    t.not(managedNetwork({ ...BLUE, ...change })?.id, id);
  }
});

test('an address gets the prefix length of its subnet', t => {
  const managed = managedNetwork(BLUE, 'made');
  if (managed === undefined) throw new Error('unreachable');
  t.is(withPrefix('198.18.3.4', managed), '198.18.3.4/16');
  t.is(withPrefix('2001:db8::5', managed), '2001:db8::5/64');
});
