import test, { type ExecutionContext } from 'ava';
import { parseIp, type Vni } from '../../dataplane/address.ts';
import { RecordCluster, type RecordNode, stationOf } from '../testing/record-cluster.ts';
import type { RecordEvent } from './events.ts';

const BLUE = 42 as Vni;
const { mac: MAC, ip: IP } = stationOf(1);

/** Three nodes that carry one network and know of each other. */
function threeNodes(
  t: ExecutionContext,
  seed = 1,
): readonly [RecordCluster, RecordNode, RecordNode, RecordNode] {
  const cluster = new RecordCluster({ seed });
  cluster.addNodes(3);
  for (const node of cluster.nodes) {
    node.join(BLUE);
    node.start();
  }
  t.not(
    cluster.runUntil(() => cluster.disagreements().length === 0, 20_000),
    undefined,
  );
  const [a, b, c] = cluster.nodes;
  if (a === undefined || b === undefined || c === undefined) throw new Error('three nodes');
  for (const node of cluster.nodes) node.events.length = 0;
  return [cluster, a, b, c];
}

/** Origin and counter of the winner, as each node sees it. */
function winners({ nodes }: RecordCluster): string[] {
  return nodes.map(({ log }) => {
    const owner = log?.owner(BLUE, MAC);
    return owner === undefined ? 'nobody' : `${owner.origin} ${owner.mobility}`;
  });
}

function told({ events }: RecordNode): string[] {
  return events.map(({ event }) => summary(event));
}

function summary(event: RecordEvent): string {
  const where = 'subject' in event ? ('mac' in event.subject ? ' mac' : ' ip') : '';
  return `${event.type}${where}${'reason' in event ? ` ${event.reason}` : ''}`;
}

test('a claim is known to all within a round trip, with the reason', t => {
  const [cluster, a, b] = threeNodes(t);
  a.attach(BLUE, MAC, [IP]);
  cluster.run(30);
  t.deepEqual(winners(cluster), ['n1 0', 'n1 0', 'n1 0']);
  t.deepEqual(told(b), ['claimWon mac announced', 'claimWon ip announced']);
  t.is(b.log?.ownerOfIp(BLUE, IP)?.origin, 'n1');
  a.detach(BLUE, MAC);
  cluster.run(30);
  t.deepEqual(told(b).slice(2), ['claimWithdrawn mac withdrawn', 'claimWithdrawn ip withdrawn']);
  t.is(b.log?.owner(BLUE, MAC), undefined);
});

test('who attaches an address that another node has counts one more, and the other is told that it lost', t => {
  const [cluster, a, b, c] = threeNodes(t);
  a.attach(BLUE, MAC, [IP]);
  cluster.run(30);
  b.attach(BLUE, MAC, [IP]);
  cluster.run(30);
  t.deepEqual(winners(cluster), ['n2 1', 'n2 1', 'n2 1']);
  t.deepEqual(told(a).slice(2), [
    'claimChanged mac mobility',
    'claimLost mac mobility',
    'claimChanged ip announced',
  ]);
  const explained = c.log?.explain(BLUE, MAC);
  t.deepEqual(
    explained?.claims.map(({ claim, standing, rule }) => [claim.origin, standing, rule]),
    [
      ['n1', 'outranked', 'mobility'],
      ['n2', 'winner', 'mobility'],
    ],
  );
  t.is(explained?.moves, 1);
  a.detach(BLUE, MAC);
  cluster.run(30);
  t.is(c.log?.explain(BLUE, MAC).moves, 0, 'it was a move in good order after all');
  t.deepEqual(
    c.log?.explain(BLUE, MAC).claims.map(({ standing }) => standing),
    ['deleted', 'winner'],
  );
  a.attach(BLUE, MAC, [IP]);
  cluster.run(30);
  t.deepEqual(winners(cluster), ['n1 2', 'n1 2', 'n1 2']);
});

test('at equal counters the lower VTEP address wins, on all nodes', t => {
  const [cluster, a, b] = threeNodes(t);
  cluster.pool.network.partition(new Set([a.address]));
  a.attach(BLUE, MAC, [IP]);
  b.attach(BLUE, MAC, [IP]);
  cluster.run(1000);
  cluster.pool.network.heal();
  t.not(
    cluster.runUntil(() => winners(cluster).every(winner => winner === 'n1 0'), 60_000),
    undefined,
  );
  t.is(b.log?.explain(BLUE, MAC).claims.find(({ standing }) => standing === 'outranked')?.rule, 'vtep');
  t.true(told(b).includes('claimLost mac vtep'));
});

test('a sticky address does not move', t => {
  const [cluster, a, b] = threeNodes(t);
  a.log?.attach(BLUE, { mac: MAC, ips: [IP], interface: 'eth0', containerId: 'c1', sticky: true });
  cluster.run(30);
  b.attach(BLUE, MAC, [IP]);
  cluster.run(30);
  t.deepEqual(winners(cluster), ['n1 0', 'n1 0', 'n1 0']);
  t.is(b.log?.assert(BLUE, MAC), 'sticky');
  t.true(told(b).includes('claimLost mac sticky'));
});

test('two containers with one address: frozen at the fifth contested move, where it is then', t => {
  const [cluster, a, b, c] = threeNodes(t);
  a.attach(BLUE, MAC, [IP]);
  cluster.run(30);
  b.attach(BLUE, MAC, [IP]);
  cluster.run(30);
  for (const [node, expected] of [
    [a, 'reclaimed'],
    [b, 'reclaimed'],
    [a, 'reclaimed'],
    [b, 'reclaimed'],
    [a, 'frozen'],
  ] as const) {
    t.is(node.log?.assert(BLUE, MAC), node === a && expected === 'frozen' ? 'reclaimed' : expected);
    cluster.run(30);
    if (node.log?.owner(BLUE, MAC)?.frozen) break;
  }
  const holder = c.log?.owner(BLUE, MAC);
  t.is(holder?.frozen, true);
  t.is(holder?.mobility, 5, 'four times asserted after the first move');
  t.deepEqual(new Set(winners(cluster)).size, 1);
  for (const node of cluster.nodes) t.true(told(node).includes('addressFrozen'), node.name);
  const [keeper, loser] = holder?.origin === 'n1' ? [a, b] : [b, a];
  t.is(loser.log?.assert(BLUE, MAC), 'frozen');
  t.is(keeper.log?.assert(BLUE, MAC), 'held');
  const frozen = () => [keeper, loser].map(node => node.log?.report().frozen);
  t.deepEqual(frozen(), [1, 0]);

  cluster.run(170_000);
  t.is(c.log?.owner(BLUE, MAC)?.frozen, true);
  cluster.run(20_000);
  t.is(c.log?.owner(BLUE, MAC)?.frozen, false, 'released by time');
  t.deepEqual(frozen(), [0, 0]);
  t.true(told(c).includes('addressReleased'));
  t.is(loser.log?.assert(BLUE, MAC), 'reclaimed', 'and may move again');
});

test('the operator releases a frozen address where it is held', t => {
  const [cluster, a, b, c] = threeNodes(t);
  a.attach(BLUE, MAC, [IP]);
  cluster.run(30);
  b.attach(BLUE, MAC, [IP]);
  for (let turn = 0; turn < 8; turn++) {
    cluster.run(30);
    (turn % 2 === 0 ? a : b).log?.assert(BLUE, MAC);
  }
  cluster.run(30);
  const holder = cluster.nodes.find(({ name }) => name === c.log?.owner(BLUE, MAC)?.origin);
  t.is(holder?.log?.owner(BLUE, MAC)?.frozen, true);
  t.is(c.log?.release(BLUE, MAC), false);
  for (const { log } of cluster.nodes) t.true((log?.explain(BLUE, MAC).moves ?? 0) > 0);
  t.is(holder?.log?.release(BLUE, MAC), true);
  cluster.run(30);
  t.is(c.log?.owner(BLUE, MAC)?.frozen, false);
  for (const { log, name } of cluster.nodes)
    t.is(log?.explain(BLUE, MAC).moves, 0, `${name} has forgotten the moves`);
});

test('moves in good order never freeze, however many there are', t => {
  const [cluster] = threeNodes(t);
  cluster.nodes[0]?.attach(BLUE, MAC, [IP]);
  for (let move = 1; move <= 30; move++) {
    cluster.run(100);
    const [from, to] = [cluster.nodes[(move - 1) % 3], cluster.nodes[move % 3]];
    // The new place may come up before the old one lets go.
    if (move % 2 === 0) from?.detach(BLUE, MAC);
    to?.attach(BLUE, MAC, [IP]);
    if (move % 2 === 1) from?.detach(BLUE, MAC);
  }
  cluster.run(100);
  t.deepEqual(winners(cluster), ['n1 30', 'n1 30', 'n1 30']);
  for (const node of cluster.nodes) t.false(told(node).includes('addressFrozen'));
});

test('an address that is used again with another MAC leads to the new one, on all nodes', t => {
  const [cluster, a, b] = threeNodes(t);
  const other = stationOf(2).mac;
  a.attach(BLUE, MAC, [IP]);
  cluster.run(30);
  b.attach(BLUE, other, [IP]);
  cluster.run(30);
  for (const { log } of cluster.nodes) t.is(log?.ownerOfIp(BLUE, IP)?.mac, other);
  a.detach(BLUE, MAC);
  cluster.run(30);
  for (const { log } of cluster.nodes) t.is(log?.ownerOfIp(BLUE, IP)?.mac, other);
});

test('an IP address goes with its MAC: what the loser says of it is not followed', t => {
  const [cluster, a, b, c] = threeNodes(t);
  const old = parseIp('198.18.9.9');
  a.attach(BLUE, MAC, [old]);
  cluster.run(30);
  b.attach(BLUE, MAC, [IP]);
  cluster.run(30);
  t.is(c.log?.ownerOfIp(BLUE, old), undefined);
  t.is(c.log?.ownerOfIp(BLUE, IP)?.origin, 'n2');
});
