import test from 'ava';
import { type IpAddress, parseIp } from '../../dataplane/address.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { IpamCluster, type IpamNode, type SharedOptions } from './testing/ipam-cluster.ts';

const LEASE = 40_000;

/** `a` makes the network, the others join; all are confirmed. */
async function network(names: string, options: Partial<SharedOptions> = {}) {
  const cluster = new IpamCluster({
    seed: 1,
    network: 'blue',
    spaces: [{ prefix: '10.1.0.0/24', gateway: parseIp('10.1.0.1') }],
    founders: [],
    lease: LEASE,
    rest: 3000,
    ...options,
  });
  const nodes = [...names].map(name => cluster.add(name));
  for (const [index, node] of nodes.entries())
    node.start({ isNew: index === 0 && options.founders === undefined });
  const node = (name: string): IpamNode => nodes.find(one => one.name === name) as IpamNode;
  await cluster.runUntil(() => nodes.every(isUp), 30_000);
  // Until voters are elected, and all have room.
  await cluster.run(20_000);
  return { cluster, node };
}

/** Of a network of the configuration, with nobody in it yet. */
function threeFounders(): IpamCluster {
  return new IpamCluster({
    seed: 1,
    network: 'blue',
    spaces: [{ prefix: '10.1.0.0/24' }],
    founders: ['a', 'b', 'c'],
  });
}

function isUp({ ipam }: IpamNode): boolean {
  return ipam?.isFenced === false;
}

/** What was claimed within ten seconds: addresses, or the code and text of the error. */
async function claim(cluster: IpamCluster, node: IpamNode, owner: string, what: 4 | 6 | IpAddress) {
  let result: string | undefined;
  void node.claim(owner, what).then(outcome => {
    result = outcome instanceof WeftError ? `${outcome.code}: ${outcome.message}` : outcome;
  });
  await cluster.runUntil(() => result !== undefined, 10_000);
  return result ?? 'nothing';
}

async function forget(cluster: IpamCluster, by: IpamNode, victim: string): Promise<string> {
  let result: string | undefined;
  by.ipam?.forget(victim).then(
    () => {
      result = 'forgotten';
    },
    (error: WeftError) => {
      result = `${error.code}: ${error.message}`;
    },
  );
  await cluster.runUntil(() => result !== undefined, 20_000);
  return result ?? 'nothing';
}

function cutOff(cluster: IpamCluster, ...names: string[]): () => void {
  return cluster.cut((from, to) => names.includes(from) !== names.includes(to));
}

test('a lone founder gives out addresses at once', async t => {
  const { cluster, node } = await network('a');
  t.is(await claim(cluster, node('a'), 'c1', 4), '10.1.0.2');
  t.is(await claim(cluster, node('a'), 'c1', 4), '10.1.0.2');
  t.is(await claim(cluster, node('a'), 'c2', 4), '10.1.0.3');
  t.is(await claim(cluster, node('a'), 'c2', 6), 'invalid_argument: this network has no IPv6 addresses');
  t.deepEqual(cluster.breaches, []);
});

test('three nodes share a network, vote, and are silent when there is nothing to do', async t => {
  const { cluster, node } = await network('abc');
  t.deepEqual(node('b').ipam?.view().voters, ['a', 'b', 'c']);
  const taken = new Set<string>();
  for (const name of 'abc') taken.add(await claim(cluster, node(name), name, 4));
  t.is(taken.size, 3);
  // The last advert may come half a minute later.
  await cluster.run(60_000);
  const { posts } = cluster.board;
  await cluster.run(60_000);
  t.is(cluster.board.posts, posts);
  t.deepEqual(cluster.breaches, []);
});

test('who waits for an address hears why none will come', async t => {
  const cluster = threeFounders();
  const node = cluster.add('a');
  node.start();
  const { ipam } = node;
  const waiting = t.throwsAsync(async () => await ipam?.claim('x', 4), { message: 'blue is no more' });
  ipam?.stop('blue is no more');
  await waiting;
});

test('founders of a configuration begin when all of them are there', async t => {
  const cluster = threeFounders();
  const [a, b, c] = ['a', 'b', 'c'].map(name => cluster.add(name));
  a?.start();
  b?.start();
  await cluster.run(60_000);
  t.regex(
    await claim(cluster, a as IpamNode, 'x', 4),
    /unavailable.*a, b, c must be up once to begin: c cannot/,
  );
  c?.start();
  const took = await cluster.runUntil(() => cluster.nodes.every(isUp), 30_000);
  t.log(took);
  t.true(took !== undefined && took < 5000);
});

test('what is claimed while the founders begin is given as soon as they have', async t => {
  const cluster = threeFounders();
  for (const name of 'abcd') cluster.add(name).start();
  await cluster.run(1000);
  const given = cluster.nodes.map(node => node.claim('x', 4));
  await cluster.run(15_000);
  for (const address of await Promise.all(given)) t.regex(String(address), /^10\.1\.0\./);
  t.deepEqual(cluster.breaches, []);
});

test('both sides of a partition go on: the smaller from its own ranges, the larger completely', async t => {
  const { cluster, node } = await network('abcde', { spaces: [{ prefix: '10.1.0.0/25' }], lease: 1_000_000 });
  cutOff(cluster, 'd', 'e');
  await cluster.run(5000);
  const own = Number(node('e').ipam?.view().spaces[0]?.free);
  for (let count = 0; count < own; count++) {
    t.regex(await claim(cluster, node('e'), `e${count}`, 4), /^10\.1/);
  }
  t.regex(
    await claim(cluster, node('e'), 'more', 4),
    /unavailable: no address .* 3 of a, b, c, d, e decide, and a, b, c cannot/,
  );
  for (let count = 0; count < 40; count++) {
    t.regex(await claim(cluster, node('a'), `a${count}`, 4), /^10\.1/);
  }
  cluster.heal();
  await cluster.run(5000);
  t.regex(await claim(cluster, node('e'), 'more', 4), /^10\.1/);
  t.deepEqual(cluster.breaches, []);
});

test('a fixed address: unowned, of another owner, in use there, reserved', async t => {
  const { cluster, node } = await network('abc', {
    spaces: [{ prefix: '10.1.0.0/24', gateway: parseIp('10.1.0.1'), static: ['10.1.0.200-10.1.0.210'] }],
  });
  const [a, b] = [node('a'), node('b')];
  t.is(await claim(cluster, b, 'b1', parseIp('10.1.0.205')), '10.1.0.205');
  t.is(await claim(cluster, a, 'a1', parseIp('10.1.0.206')), '10.1.0.206');
  t.is(await claim(cluster, a, 'a2', parseIp('10.1.0.205')), 'conflict: 10.1.0.205 is in use on b');
  t.regex(await claim(cluster, b, 'b2', parseIp('10.1.0.205')), /conflict: .* in use here, by b1/);
  t.regex(
    await claim(cluster, a, 'a3', parseIp('10.1.0.1')),
    /invalid_argument: 10.1.0.1 is not for containers/,
  );
  t.regex(await claim(cluster, a, 'a3', parseIp('10.9.0.1')), /invalid_argument/);
  cutOff(cluster, 'b');
  await cluster.run(5000);
  t.regex(
    await claim(cluster, a, 'a4', parseIp('10.1.0.205')),
    /unavailable: 10.1.0.205 belongs to b, which was last/,
  );
  t.deepEqual(cluster.breaches, []);
});

test('who has nothing left gets half of what another has', async t => {
  const { cluster, node } = await network('ab', { spaces: [{ prefix: '10.1.0.0/28' }] });
  const taken: string[] = [];
  for (let count = 0; count < 7; count++) {
    for (const name of 'ab') taken.push(await claim(cluster, node(name), `${name}${count}`, 4));
  }
  t.is(new Set(taken).size, 14);
  t.regex(await claim(cluster, node('a'), 'more', 4), /unavailable: no address of 10.1.0.0\/28/);
  void node('b').release('b3');
  await cluster.run(4000);
  t.is(await claim(cluster, node('a'), 'more', 4), taken[7] ?? 'none');
  t.deepEqual(cluster.breaches, []);
});

test('what is forgotten: only what is silent, and it comes back as somebody else', async t => {
  const { cluster, node } = await network('abc', { lease: 1_000_000 });
  const address = await claim(cluster, node('c'), 'c1', 4);
  t.is(await forget(cluster, node('a'), 'c'), 'conflict: c is alive');
  t.regex(await forget(cluster, node('a'), 'z'), /not_found/);
  t.regex(await forget(cluster, node('a'), 'a'), /invalid_argument/);
  node('c').crash();
  await cluster.run(10_000);
  t.is(await forget(cluster, node('a'), 'c'), 'conflict: c was alive just now');
  await cluster.run(25_000);
  t.is(await forget(cluster, node('a'), 'c'), 'forgotten');
  t.deepEqual(node('b').ipam?.view().voters.length, 1, 'two would stop as soon as one does');
  node('c').start();
  t.true(node('c').ipam?.isFenced);
  await cluster.run(5000);
  t.deepEqual(node('c').events.at(-2), { type: 'forgotten', addresses: [parseIp(address)] });
  t.deepEqual(node('c').events.at(-1), { type: 'unfenced' });
  t.deepEqual(node('c').ipam?.claims, []);
  t.deepEqual(cluster.breaches, []);
});

test('without a majority nobody is forgotten, and it is said who is missing', async t => {
  const { cluster, node } = await network('abc', { lease: 1_000_000 });
  node('b').crash();
  node('c').crash();
  await cluster.run(40_000);
  t.regex(
    await forget(cluster, node('a'), 'c'),
    /unavailable: c cannot be forgotten now: 2 of a, b, c .* b, c cannot be reached/,
  );
});

test('a node that runs where no voter hears it fences itself before others get what was its own', async t => {
  const { cluster, node } = await network('abcd', { spaces: [{ prefix: '10.1.0.0/26' }] });
  const address = await claim(cluster, node('d'), 'd1', 4);
  cutOff(cluster, 'd');
  let count = 0;
  const taken = async (): Promise<boolean> => (await claim(cluster, node('a'), `a${++count}`, 4)) === address;
  for (let isTaken = false; !isTaken && count < 80; ) isTaken = await taken();
  t.true(
    cluster.nodes.some(({ ipam }) =>
      ipam?.claims.some(one => one.address === address && one.owner.startsWith('a')),
    ),
  );
  t.deepEqual(
    node('d').events.map(({ type }) => type),
    ['unfenced', 'fenced'],
  );
  t.regex(await claim(cluster, node('d'), 'd2', 4), /unavailable: no address can be given out before/);
  cluster.heal();
  await cluster.run(5000);
  t.deepEqual(
    node('d').events.map(({ type }) => type),
    ['unfenced', 'fenced', 'forgotten', 'unfenced'],
  );
  t.deepEqual(cluster.breaches, []);
});

test('after a suspension no address is given out before it was looked, though no timer has fired', async t => {
  const { cluster, node } = await network('a');
  node('a').clock.suspend(LEASE);
  void node('a').claim('a1', 4);
  t.true(node('a').ipam?.isFenced);
  await cluster.run(5000);
  t.false(node('a').ipam?.isFenced, 'alone it confirms itself');
  t.deepEqual(cluster.breaches, []);
});

test('a node that starts is fenced until a majority has confirmed it', async t => {
  const { cluster, node } = await network('abc');
  const address = await claim(cluster, node('c'), 'c1', 4);
  node('c').crash();
  const heal = cutOff(cluster, 'c');
  node('c').start();
  await cluster.run(10_000);
  t.true(node('c').ipam?.isFenced);
  t.deepEqual(node('c').ipam?.claims, [{ owner: 'c1', address: parseIp(address) }]);
  heal();
  await cluster.run(3000);
  t.false(node('c').ipam?.isFenced);
  t.deepEqual(node('c').ipam?.claims, [{ owner: 'c1', address: parseIp(address) }]);
});

test('who leaves gives up what it had, and its vote', async t => {
  const { cluster, node } = await network('abcd');
  const { ipam } = node('c');
  await claim(cluster, node('c'), 'c1', 4);
  await t.throwsAsync(async () => ipam?.leave(), { code: 'conflict' });
  void node('c').release('c1');
  let hasLeft = false;
  void ipam?.leave().then(() => {
    hasLeft = true;
  });
  t.not(await cluster.runUntil(() => hasLeft, 30_000), undefined);
  await cluster.run(3000);
  const view = node('a').ipam?.view();
  t.false(view?.voters.includes('c'));
  t.false(view?.spaces[0]?.ranges.some(({ owner }) => owner === 'c'));
  t.deepEqual(cluster.breaches, []);
});

test('what a collector finds dead is released', async t => {
  const { cluster, node } = await network('a');
  await claim(cluster, node('a'), 'c1', 4);
  await claim(cluster, node('a'), 'c2', 4);
  t.deepEqual(node('a').ipam?.reconcile(new Set(['c2'])), [parseIp('10.1.0.2')]);
  t.deepEqual(node('a').ipam?.claims, [{ owner: 'c2', address: parseIp('10.1.0.3') }]);
});

test('nonsense on the board is counted, and changes nothing', async t => {
  const { cluster, node } = await network('ab');
  const { ipam } = node('a');
  for (const key of ['v', 'p', 'r', 'x', 'y', 'a', 'f', 'd3', 's0', 'd99', 'toString', '']) {
    ipam?.take('z', key, Uint8Array.of(1, 2, 3));
  }
  t.is(ipam?.view().malformed, 12);
  t.regex(await claim(cluster, node('b'), 'b1', 4), /^10\.1/);
});

test('posts with bytes changed do not stop the machine', async t => {
  const { cluster, node } = await network('abc');
  const real: [string, string, Uint8Array][] = [];
  const { board } = cluster;
  const post = board.post.bind(board);
  board.post = (origin, key, body) => {
    if (body !== undefined) real.push([origin, key, body]);
    post(origin, key, body);
  };
  for (let count = 0; count < 60; count++) await claim(cluster, node('b'), `b${count}`, 4);
  await claim(cluster, node('c'), 'c', parseIp('10.1.0.77'));
  const { ipam } = node('a');
  t.true(real.length > 20);
  const { random } = cluster;
  for (let round = 0; round < 2000; round++) {
    const [origin, key, body] = real[Math.floor(random.next() * real.length)] ?? ['b', 'v', Uint8Array.of()];
    const changed = Uint8Array.from(body);
    const at = 4 + Math.floor(random.next() * (body.length - 4));
    changed[at] = Math.floor(random.next() * 256);
    t.notThrows(() => ipam?.take(origin, key, changed.subarray(0, random.next() < 0.2 ? at : undefined)));
  }
});

for (const [what, days] of [
  ['ahead', 1],
  ['back', -1],
] as const) {
  test(`a clock that is set a day ${what} stops nobody, and what rests goes on to rest`, async t => {
    // A lease of a day, as it is by default: the step is longer than what the fence bears.
    const { cluster, node } = await network('abc', { lease: 86_400_000, rest: 300_000 });
    const b = node('b');
    for (const owner of ['c1', 'c2']) await claim(cluster, b, owner, 4);
    const before = b.events.length;
    for (const step of [days, -days]) {
      const { decided = 0 } = b.ipam?.view() ?? {};
      void b.release(step === days ? 'c1' : 'c2');
      b.clock.stepWall(step * 86_400_000);
      // A voter looks every ten seconds.
      await cluster.run(295_000);
      const view = b.ipam?.view();
      t.like(view, { isFenced: false, spaces: [{ resting: 1 }] });
      t.is(
        (view?.decided ?? 0) > decided,
        step > 0,
        'it asks for a confirmation where it may have been stopped',
      );
      await cluster.run(10_000);
      t.is(b.ipam?.view().spaces[0]?.resting, 0);
    }
    t.deepEqual(b.events.slice(before), [], 'it was never fenced');
    t.deepEqual(cluster.breaches, []);
  });
}
