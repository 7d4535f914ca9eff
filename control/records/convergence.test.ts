import test from 'ava';
import type { Vni } from '../../dataplane/address.ts';
import { RecordCluster, stationOf } from '../testing/record-cluster.ts';

const BLUE = 42 as Vni;

test('a pool of 12 nodes with 20 containers each agrees on all of them', t => {
  const cluster = new RecordCluster({ seed: 1 });
  cluster.addNodes(12);
  cluster.nodes.forEach((node, index) => {
    for (let number = 0; number < 20; number++) {
      const { mac, ip } = stationOf(index * 20 + number);
      node.attach(BLUE, mac, [ip]);
    }
    node.start();
  });
  const took = cluster.runUntil(() => cluster.disagreements().length === 0, 60_000);
  t.log(took, cluster.links.bytes, cluster.links.frames, cluster.links.opened);
  t.deepEqual(cluster.disagreements(), []);
  cluster.audit();
  t.deepEqual(cluster.history.breaches, []);
});
