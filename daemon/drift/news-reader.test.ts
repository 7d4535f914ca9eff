import test from 'ava';
import type { KernelNews } from '../../dataplane/kernel-news.ts';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import { NamespaceNumbers } from './namespace-numbers.ts';
import { NewsReader } from './news-reader.ts';

const PAIR: Endpoint = {
  network: 'blue',
  vni: 42,
  attach: 'bridge',
  netns: { name: 'c1', path: '/run/netns/c1', inode: 100 },
  ifname: 'eth0',
  mac: '02:00:5e:10:00:01',
  addresses: [],
  mtu: 1450,
  hostLink: 'wv1',
  pending: false,
};
const TAP: Endpoint = { ...PAIR, attach: 'tap', hostLink: 'wx1' };
const MACVLAN: Endpoint = { ...PAIR, attach: 'macvlan', hostLink: 'wm1' };
const CNI = { runtime: 'cni', id: 'x', network: 'blue' };

/** Of the first namespace that a link leads to. */
const NSID = 0;
const NOTHING = { nsid: undefined, isUp: false, mtu: 0, master: 0, name: '' };
const OUTSIDE: KernelNews = { ...NOTHING, kind: 'link', isUp: true, mtu: 1450, master: 9, name: 'wv1' };
const INSIDE: KernelNews = { ...OUTSIDE, nsid: NSID, master: 0, name: 'eth0' };

interface RigOptions {
  readonly endpoints?: readonly Endpoint[];
  readonly suspended?: boolean;
  /** null: the kernel has given it none. */
  readonly nsid?: number | null;
}

function rig({ endpoints = [PAIR], suspended = false, nsid = NSID }: RigOptions = {}) {
  const clock = new ManualClock();
  const told: string[] = [];
  const all = [...endpoints];
  const networks = [
    { name: 'blue', mtu: 1450, devices: ['wf-blue', 'wt-blue'] },
    { name: 'taps', mtu: 1450, devices: ['wt-taps'] },
  ];
  const asked = { count: 0 };
  const nsidOf = async () => {
    asked.count++;
    return nsid ?? undefined;
  };
  const reader = new NewsReader(
    {
      clock,
      endpoints: () => all,
      networks: () => networks,
      isSuspended: () => suspended,
      numbers: new NamespaceNumbers({ nsidOf }),
    },
    {
      suspect: (key, how) => void told.push(`suspect ${key}${how?.isSoft === true ? ', softly' : ''}`),
      clear: key => void told.push(`clear ${key}`),
      deleted: hostLink => void told.push(`deleted ${hostLink}`),
      routesLeft: ({ hostLink }) => void told.push(`routes left ${hostLink}`),
    },
  );
  /** Until whoever has to be asked for the number has answered. */
  const read = async (...news: readonly KernelNews[]) => {
    told.length = 0;
    reader.read(news);
    await new Promise(resolve => setImmediate(resolve));
    return [...told];
  };
  return { all, asked, clock, networks, read, reader };
}

const NEWS: readonly (readonly [string, RigOptions, readonly KernelNews[], readonly string[]])[] = [
  [
    'what is lost may be anything',
    {},
    [{ ...NOTHING, kind: 'lost' }],
    ['suspect endpoint wv1', 'suspect network blue', 'suspect network taps', 'suspect rules'],
  ],
  ['rules of ours', {}, [{ ...NOTHING, kind: 'rules', name: 'weft' }], ['suspect rules']],
  ['rules among which ours are', {}, [{ ...NOTHING, kind: 'rules', name: 'filter' }], ['suspect rules']],
  ['rules of others', {}, [{ ...NOTHING, kind: 'rules', name: 'mine' }], []],
  ['a bridge that is gone', {}, [{ ...NOTHING, kind: 'no-link', name: 'wf-blue' }], ['suspect network blue']],
  [
    'an address of a bridge',
    {},
    [{ ...NOTHING, kind: 'address', name: 'wf-blue' }],
    ['suspect network blue'],
  ],
  ['a bridge set down', {}, [{ ...OUTSIDE, name: 'wf-blue', isUp: false }], ['suspect network blue, softly']],
  ['a bridge as it should be', {}, [{ ...OUTSIDE, name: 'wf-blue', master: 0 }], ['clear network blue']],
  [
    'a TAP out of its bridge',
    {},
    [{ ...OUTSIDE, name: 'wt-blue', master: 0 }],
    ['suspect network blue, softly'],
  ],
  ['a TAP without a bridge', {}, [{ ...OUTSIDE, name: 'wt-taps', master: 0 }], ['clear network taps']],
  ['a pair as it should be', {}, [OUTSIDE], ['clear endpoint wv1']],
  ['a pair out of its bridge', {}, [{ ...OUTSIDE, master: 0 }], ['suspect endpoint wv1, softly']],
  ['another MTU', {}, [{ ...OUTSIDE, mtu: 1400 }], ['suspect endpoint wv1, softly']],
  ['a pair that is gone', {}, [{ ...OUTSIDE, kind: 'no-link' }], ['suspect endpoint wv1']],
  ['a link of nobody', {}, [{ ...OUTSIDE, name: 'wv2', isUp: false }], []],
  [
    'an endpoint that is cut off',
    { suspended: true },
    [
      { ...OUTSIDE, isUp: false },
      { ...INSIDE, isUp: false },
    ],
    [],
  ],
  ['the end inside, set down', {}, [{ ...INSIDE, isUp: false }], ['suspect endpoint wv1, softly']],
  ['another interface of the container', {}, [{ ...INSIDE, name: 'eth1', isUp: false }], []],
  ['an address inside', {}, [{ ...INSIDE, kind: 'address', name: '' }], ['suspect endpoint wv1']],
  ['a namespace that is none of ours', { nsid: 5 }, [{ ...INSIDE, isUp: false }], []],
  ['a namespace without a number', { nsid: null }, [{ ...INSIDE, isUp: false }], []],
  ['the TAP inside, gone', { endpoints: [TAP] }, [{ ...INSIDE, kind: 'no-link' }], ['suspect endpoint wx1']],
  [
    'a macvlan, gone',
    { endpoints: [MACVLAN] },
    [{ ...INSIDE, kind: 'no-link' }],
    ['deleted wm1', 'suspect endpoint wm1'],
  ],
  ['one that is being made', { endpoints: [{ ...PAIR, pending: true }] }, [{ ...INSIDE, isUp: false }], []],
  [
    'the interface of a runtime',
    { endpoints: [{ ...PAIR, handover: 'wc1' }] },
    [{ ...INSIDE, isUp: false }],
    [],
  ],
  ['routes, by hand', {}, [{ ...INSIDE, kind: 'route' }], ['suspect endpoint wv1']],
  [
    'routes, by a chain',
    { endpoints: [{ ...PAIR, container: CNI }] },
    [{ ...INSIDE, kind: 'route' }],
    ['routes left wv1', 'suspect endpoint wv1'],
  ],
];

for (const [what, options, news, expected] of NEWS) {
  test(`news: ${what}`, async t => {
    t.deepEqual(await rig(options).read(...news), expected);
  });
}

test('one end of a pair as it should be clears nothing while the other is not', async t => {
  const { read } = rig();
  t.deepEqual(await read({ ...OUTSIDE, isUp: false }), ['suspect endpoint wv1, softly']);
  t.deepEqual(await read(INSIDE), []);
  t.deepEqual(await read(OUTSIDE), ['clear endpoint wv1']);
  t.deepEqual(await read({ ...OUTSIDE, name: 'wf-blue', isUp: false }, { ...OUTSIDE, name: 'wt-blue' }), [
    'suspect network blue, softly',
  ]);
});

test('what was wrong of an endpoint that is gone is nothing to the next one of its name', async t => {
  const { all, read, reader } = rig();
  await read({ ...INSIDE, isUp: false });
  all.length = 0;
  reader.prune();
  all.push(PAIR);
  t.deepEqual(await read(OUTSIDE), ['clear endpoint wv1']);
});

test('the number of a namespace is asked for once, whatever is told meanwhile', async t => {
  const { asked, read } = rig();
  t.is((await read({ ...INSIDE, kind: 'address' }, { ...INSIDE, kind: 'route' })).length, 2);
  t.is((await read({ ...INSIDE, kind: 'address' })).length, 1);
  t.is(asked.count, 1);
});

test('a namespace that is gone has its endpoints looked at, and its number is another’s', async t => {
  const { asked, read } = rig();
  await read(INSIDE);
  t.deepEqual(await read({ ...NOTHING, kind: 'nsid', nsid: NSID }), ['suspect endpoint wv1']);
  await read(INSIDE);
  t.is(asked.count, 2);
});

test('routes are left to a chain for ten seconds, and never those of before the start', async t => {
  const endpoints = [{ ...PAIR, container: CNI }];
  const route: KernelNews = { ...INSIDE, kind: 'route' };
  const young = rig({ endpoints });
  await young.read(INSIDE);
  young.clock.advance(9_999);
  t.is((await young.read(route))[0], 'routes left wv1');
  young.clock.advance(1);
  t.deepEqual(await young.read(route), ['suspect endpoint wv1']);
  const old = rig({ endpoints });
  old.reader.begin();
  t.deepEqual(await old.read(route), ['suspect endpoint wv1']);
});

test('keys say whose they are', t => {
  const { reader } = rig();
  t.is(reader.hostLinkOf('endpoint wv1'), 'wv1');
  t.is(reader.hostLinkOf('network blue'), undefined);
  t.is(reader.networkOf('network blue'), 'blue');
  t.is(reader.networkOf('rules'), '');
});
