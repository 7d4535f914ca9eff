import test from 'ava';
import { parseIp } from '../../dataplane/address.ts';
import { IpamCluster } from './testing/ipam-cluster.ts';

const SUBNET = { prefix: '10.1.0.0/24', gateway: parseIp('10.1.0.1') };

test('a lone founder gives out addresses at once', async t => {
  const cluster = new IpamCluster({ seed: 1, network: 'n', spaces: [SUBNET], founders: [] });
  const a = cluster.add('a');
  a.start({ isNew: true });
  const claim = a.claim('c1', 4);
  await cluster.run(500);
  t.is(await claim, parseIp('10.1.0.2'));
  t.false(a.ipam?.isFenced);
  t.deepEqual(cluster.breaches, []);
});

test('three nodes share a network', async t => {
  const cluster = new IpamCluster({ seed: 1, network: 'n', spaces: [SUBNET], founders: [] });
  const [a, b, c] = ['a', 'b', 'c'].map(name => cluster.add(name));
  a?.start({ isNew: true });
  b?.start();
  c?.start();
  const took = await cluster.runUntil(
    () => cluster.nodes.every(({ ipam }) => ipam?.isFenced === false),
    20_000,
  );
  t.log(took);
  t.not(took, undefined);
  await cluster.run(40_000);
  t.deepEqual(a?.ipam?.view().voters, ['a', 'b', 'c']);
  t.deepEqual(cluster.breaches, []);
  const posts = cluster.board.posts;
  await cluster.run(60_000);
  t.is(cluster.board.posts, posts, 'an idle network is silent');
});
