import test from 'ava';
import { parseVni } from '../../dataplane/address.ts';
import {
  configOf,
  decodeDefinition,
  encodeDefinition,
  type NetworkDefinition,
  supersedes,
} from './definition.ts';

const BLUE: NetworkDefinition = {
  id: '0123456789abcdef',
  name: 'blue',
  vni: parseVni(16_777_215),
  subnet: '198.18.0.0/16',
  subnet6: '2001:db8:ffff:ffff::/64',
  mode: 'overlay',
  attach: 'bridge',
  gateway: [],
  parent: null,
  macvlanMode: 'bridge',
  ipam: 'weft',
  exclude: [],
  static: [],
  mtu: 65_485,
  createdBy: `${'n'.repeat(63)}`,
  createdAt: 1_795_846_159_000,
  version: 1_000_000,
  removedAt: 1_795_846_159_000,
};

test('a definition comes out as it went in, and fits a post', t => {
  t.deepEqual(decodeDefinition(encodeDefinition(BLUE)), BLUE);
  t.true(encodeDefinition(BLUE).length < 512);
  // What a later version adds is no reason not to read it.
  const later = Buffer.from(JSON.stringify({ ...BLUE, colour: 'blue' }));
  t.deepEqual(decodeDefinition(later), BLUE);
});

for (const change of [
  { id: '' },
  { id: '0123456789ABCDEF' },
  { name: 'no name' },
  { vni: 0 },
  { vni: '42' },
  { subnet: '198.18.0.1/16' },
  { subnet: undefined },
  { attach: 'other' },
  { mtu: 9 },
  { createdBy: 'NODE' },
  { version: 0 },
  { removedAt: -1 },
]) {
  test(`decodeDefinition() refuses ${JSON.stringify(change)}`, t => {
    const body = Buffer.from(JSON.stringify({ ...BLUE, ...change }));
    t.throws(() => decodeDefinition(body), { code: 'malformed' });
  });
}

test('supersedes() takes the higher version, and of equal ones the same everywhere', t => {
  t.true(supersedes(BLUE, undefined));
  t.true(supersedes({ ...BLUE, version: 3 }, { ...BLUE, version: 2 }));
  t.false(supersedes({ ...BLUE, version: 2 }, { ...BLUE, version: 3 }));
  t.false(supersedes(BLUE, BLUE));
  const other = { ...BLUE, mtu: 1400 };
  t.not(supersedes(BLUE, other), supersedes(other, BLUE));
});

test('configOf() is a network as it would stand in the configuration', t => {
  t.like(configOf(BLUE), { name: 'blue', vni: 16_777_215, subnet: '198.18.0.0/16', mtu: 65_485 });
  t.is(configOf({ ...BLUE, subnet: null }).subnet, undefined);
});
