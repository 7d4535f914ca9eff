import test from 'ava';
import { parseVni } from '../../dataplane/address.ts';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import type { NetworkConfig } from '../config/config.ts';
import { memoryLog } from '../testing/memory-log.ts';
import { Catalogue } from './catalogue.ts';
import type { StoredNetwork } from './catalogue-store.ts';
import { configOf, encodeDefinition, type NetworkDefinition } from './definition.ts';

const BLUE: NetworkDefinition = {
  id: '0123456789abcdef',
  name: 'blue',
  vni: parseVni(42),
  subnet: '198.18.0.0/16',
  subnet6: null,
  mode: 'overlay',
  attach: 'bridge',
  gateway: [],
  parent: null,
  macvlanMode: 'bridge',
  ipam: 'weft',
  exclude: [],
  static: [],
  mtu: 'auto',
  createdBy: 'vm-a',
  createdAt: 1000,
  version: 1,
  removedAt: null,
};
const GREEN: NetworkDefinition = {
  ...BLUE,
  id: 'fedcba9876543210',
  name: 'green',
  vni: parseVni(43),
  subnet: '198.19.0.0/16',
  createdAt: 2000,
};

interface RigOptions {
  readonly stored?: readonly StoredNetwork[];
  readonly configured?: readonly NetworkConfig[];
  readonly self?: string;
}

/** Nodes on one board, over which every post goes at once. */
class Pool {
  readonly clock = new ManualClock();
  readonly posts = new Map<string, Uint8Array>();
  private readonly nodes = new Map<string, Catalogue>();

  add({ stored = [], configured = [], self = 'vm-a' }: RigOptions = {}) {
    let disk = stored;
    const state = { isFull: false, changes: 0 };
    const { log, lines } = memoryLog();
    const catalogue = new Catalogue(
      {
        clock: this.clock,
        random: { next: () => 0.5 },
        log,
        store: {
          load: () => disk,
          save: networks => {
            if (state.isFull) throw new Error('disk full');
            disk = networks;
          },
        },
        board: { post: (key, body) => this.post(self, key, body) },
      },
      {
        self,
        configured,
        onChange: () => {
          state.changes += 1;
        },
      },
    );
    this.nodes.set(self, catalogue);
    for (const [place, body] of this.posts) catalogue.onPost(...split(place), body);
    catalogue.start();
    return { catalogue, state, lines, disk: () => disk, names: () => standings(catalogue) };
  }

  post(origin: string, key: string, body: Uint8Array | undefined): void {
    if (body === undefined) this.posts.delete(`${origin} ${key}`);
    else this.posts.set(`${origin} ${key}`, body);
    for (const catalogue of this.nodes.values()) catalogue.onPost(origin, key, body);
  }

  /** The node is gone, and all that it has posted. */
  erase(name: string): void {
    this.nodes.get(name)?.stop();
    this.nodes.delete(name);
    for (const place of [...this.posts.keys()]) {
      const [origin, key] = split(place);
      if (origin === name) this.post(origin, key, undefined);
    }
  }

  /** Who has posted something under this key. */
  authors(key: string): string[] {
    return [...this.posts.keys()].map(split).flatMap(([origin, other]) => (other === key ? [origin] : []));
  }
}

function split(place: string): [string, string] {
  const [origin = '', key = ''] = place.split(' ');
  return [origin, key];
}

function standings(catalogue: Catalogue): string[] {
  return catalogue.made().map(({ definition, conflict }) => `${definition.name}: ${conflict ?? 'good'}`);
}

test('a network that is made on one node is known to all, kept on their disks, and removed everywhere', t => {
  const pool = new Pool();
  const [a, b] = [pool.add({ self: 'vm-a' }), pool.add({ self: 'vm-b' })];
  a.catalogue.create(BLUE);
  t.deepEqual(b.names(), ['blue: good']);
  t.deepEqual(b.catalogue.find('blue'), BLUE);
  t.deepEqual(a.disk(), [{ told: true, definition: BLUE }]);
  t.deepEqual(b.disk(), [{ told: false, definition: BLUE }]);
  // Who joins later hears of it too.
  t.deepEqual(pool.add({ self: 'vm-c' }).names(), ['blue: good']);
  b.catalogue.remove(BLUE);
  t.deepEqual([a.names(), b.names()], [[], []]);
  // The word of its maker is out of date, and taken back.
  t.deepEqual(pool.authors(`net/${BLUE.id}`), ['vm-b']);
  t.true(a.state.changes > 0);
});

test('a removed network is not brought back by a node that was away', t => {
  const pool = new Pool();
  const a = pool.add({ self: 'vm-a' });
  a.catalogue.create(BLUE);
  a.catalogue.remove(BLUE);
  const late = pool.add({ self: 'vm-b', stored: [{ told: true, definition: BLUE }] });
  pool.clock.advance(60_000);
  t.deepEqual([a.names(), late.names()], [[], []]);
  t.deepEqual(pool.authors(`net/${BLUE.id}`), ['vm-a']);
  // After 90 days nobody remembers.
  pool.clock.advance(91 * 24 * 3_600_000);
  const fresh = new Pool();
  fresh.clock.advance(pool.clock.wallTime());
  t.deepEqual(fresh.add({ stored: a.disk() }).disk().length, 1);
  t.deepEqual(fresh.add({ self: 'vm-z', stored: a.disk() }).names(), []);
});

test('what nobody posts any more is posted by another node', t => {
  const pool = new Pool();
  const a = pool.add({ self: 'vm-a' });
  const b = pool.add({ self: 'vm-b' });
  a.catalogue.create(BLUE);
  pool.erase('vm-a');
  t.deepEqual(b.names(), ['blue: good']);
  pool.clock.advance(20_000);
  t.deepEqual(pool.authors(`net/${BLUE.id}`), ['vm-b']);
  // The maker has lost its disk, and hears of it again.
  t.deepEqual(pool.add({ self: 'vm-a' }).names(), ['blue: good']);
  pool.clock.advance(60_000);
  t.deepEqual(pool.authors(`net/${BLUE.id}`), ['vm-b']);
});

for (const [what, change, message] of [
  ['a name', { name: 'blue' }, 'the name "blue" is held by network "blue" of the pool, made on vm-a'],
  ['a VNI', { vni: 42 }, 'VNI 42 is held by network "blue" of the pool, made on vm-a'],
  [
    'addresses',
    { subnet: '198.18.4.0/22' },
    'addresses of 198.18.4.0/22 (198.18.0.0/16) is held by network "blue" of the pool, made on vm-a',
  ],
] as const) {
  test(`create() refuses ${what} that another network holds, and says who`, t => {
    const pool = new Pool();
    const [a, b] = [pool.add({ self: 'vm-a' }), pool.add({ self: 'vm-b' })];
    a.catalogue.create(BLUE);
    const wanted = { ...GREEN, ...change, vni: parseVni('vni' in change ? change.vni : 43) };
    const error = t.throws(() => b.catalogue.create(wanted), { code: 'conflict' });
    t.is(error?.message, `cannot make network "${wanted.name}": ${message}`);
    t.deepEqual(a.names(), ['blue: good']);
  });
}

test('create() refuses what stands in the configuration of any node', t => {
  const pool = new Pool();
  const configured = [{ ...configOf(GREEN), name: 'office' }];
  pool.add({ self: 'vm-a', configured });
  const b = pool.add({ self: 'vm-b' });
  const error = t.throws(() => b.catalogue.create(GREEN), { code: 'conflict' });
  t.regex(error?.message ?? '', /VNI 43 is held by network "office" of the configuration of vm-a$/);
  pool.erase('vm-a');
  t.notThrows(() => b.catalogue.create(GREEN));
});

test('of two that were made on both sides of a partition the older one can be used, everywhere', t => {
  const pool = new Pool();
  const [left, right] = [pool.add({ self: 'vm-a' }), pool.add({ self: 'vm-b' })];
  const twin = { ...GREEN, name: 'blue', createdBy: 'vm-b' };
  // Neither hears of the other until now.
  pool.post('vm-x', `net/${twin.id}`, encodeDefinition(twin));
  pool.post('vm-y', `net/${BLUE.id}`, encodeDefinition(BLUE));
  const expected = [
    'blue: good',
    'blue: the name "blue" is held by network "blue" of the pool, made on vm-a',
  ];
  t.deepEqual(left.names(), expected);
  t.deepEqual(right.names(), expected);
  t.is(left.catalogue.find('blue')?.id, BLUE.id);
  left.catalogue.remove(BLUE);
  t.deepEqual(right.names(), ['blue: good']);
  t.is(right.catalogue.find('blue')?.id, twin.id);
});

test('nothing has changed when it cannot be kept on the disk', t => {
  const pool = new Pool();
  const { catalogue, state, names } = pool.add();
  state.isFull = true;
  t.throws(() => catalogue.create(BLUE), { message: 'disk full' });
  t.deepEqual(names(), []);
  t.deepEqual([...pool.posts], []);
  state.isFull = false;
  catalogue.create(BLUE);
  state.isFull = true;
  t.throws(() => catalogue.remove(BLUE), { message: 'disk full' });
  t.deepEqual(names(), ['blue: good']);
});

test('posts that are not understood are told of, and change nothing', t => {
  const pool = new Pool();
  const { lines, names } = pool.add();
  const bodies = ['', '{', '[]', 'null', '{"vni":1}', JSON.stringify({ ...BLUE, vni: 0 })];
  for (const body of [...bodies, JSON.stringify({ ...BLUE, id: 'aaaaaaaaaaaaaaaa' })]) {
    pool.post('vm-b', `net/${BLUE.id}`, Buffer.from(body));
    pool.post('vm-b', 'cfg/red', Buffer.from(body.startsWith('{"id') ? '{}' : body));
  }
  pool.post('vm-b', 'of/a/later/version', Buffer.from('x'));
  t.deepEqual(names(), []);
  t.true(lines.length >= bodies.length);
  t.true(lines.every(({ peer, msg }) => peer === 'vm-b' && msg === 'a post is not understood'));
});
