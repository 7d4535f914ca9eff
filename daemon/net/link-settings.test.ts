import test from 'ava';
import type { Link } from './ip.ts';
import { type LinkSettings, settingsLines } from './link-settings.ts';

const TAP: Link = {
  ifindex: 7,
  ifname: 'wt-blue',
  address: '02:00:5e:10:00:01',
  mtu: 1450,
  gso_max_segs: 44,
  flags: ['BROADCAST', 'UP'],
  master: 'wf-blue',
  ifalias: 'weft',
  link_type: 'ether',
  addr_info: [],
};

const WANTED: LinkSettings = {
  address: '02:00:5e:10:00:01',
  mtu: 1450,
  gso_max_segs: 44,
  master: 'wf-blue',
  alias: 'weft',
  up: true,
};
const ALL =
  'link set dev wt-blue address 02:00:5e:10:00:01 mtu 1450 gso_max_segs 44 alias weft master wf-blue up';

test('a link that has all of it is not touched', t => {
  t.deepEqual(settingsLines('wt-blue', TAP, WANTED), []);
  t.deepEqual(settingsLines('wt-blue', TAP, { mtu: 1450 }), []);
  const { master: _, ...alone } = TAP;
  t.deepEqual(settingsLines('wt-blue', alone, { master: null }), []);
});

const { master: _, ...WITHOUT_MASTER } = TAP;
const { ifalias: __, ...WITHOUT_ALIAS } = TAP;
const FOUND: readonly (readonly [string, Link | undefined])[] = [
  ['that is new', undefined],
  ['with another address', { ...TAP, address: '02:00:5e:10:00:02' }],
  ['with another MTU', { ...TAP, mtu: 1500 }],
  ['with other super-frames', { ...TAP, gso_max_segs: 65535 }],
  ['that is down', { ...TAP, flags: ['BROADCAST'] }],
  ['of another bridge', { ...TAP, master: 'br0' }],
  ['of no bridge', WITHOUT_MASTER],
  ['without the alias', WITHOUT_ALIAS],
];
for (const [what, found] of FOUND) {
  test(`a link ${what} gets all of it`, t => {
    t.deepEqual(settingsLines('wt-blue', found, WANTED), [ALL]);
  });
}

test('a port of a bridge that is to be none', t => {
  t.deepEqual(settingsLines('wt-blue', TAP, { master: null }), ['link set dev wt-blue nomaster']);
});
