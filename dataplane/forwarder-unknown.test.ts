/** Unicast to a MAC that nobody has told of: three VTEPs on fake ports. */
import test from 'ava';
import type { FloodScope } from './network.ts';
import { vxlanPayload } from './testing/frames.ts';
import { A, ADDRESSES, B, BLUE, broadcast, unicast, World } from './testing/three-vteps.ts';

/** Hosts 1 and 2 gossip with host 0, or are static VTEPs of it. */
function world(unknownUnicast: FloodScope, statics: readonly (1 | 2)[] = []): World {
  const made = new World({ unknownUnicast });
  const [{ vtep, network }] = made.hosts;
  const isStatic = (i: number) => statics.some(other => other === i);
  vtep.setPeers(
    network,
    ADDRESSES.filter((_, i) => !isStatic(i)),
  );
  vtep.setPeers(
    network,
    ADDRESSES.filter((_, i) => isStatic(i)),
    'static',
  );
  // To the others nobody has told anything yet: they pass on whatever comes.
  for (const other of made.hosts.slice(1)) other.vtep.setPeers(other.network, ADDRESSES, 'gossip', []);
  return made;
}

const cases: readonly (readonly [FloodScope, readonly (1 | 2)[], readonly [number, number, number]])[] = [
  // What the local neighbour, host 1 and host 2 get.
  ['nobody', [], [0, 0, 0]],
  ['nobody', [2], [0, 0, 0]],
  ['silent', [2], [1, 0, 1]],
  ['silent', [1, 2], [1, 1, 1]],
  ['silent', [], [0, 0, 0]],
  ['everybody', [], [1, 1, 1]],
  ['everybody', [2], [1, 1, 1]],
];

for (const [scope, statics, expected] of cases) {
  test(`unknown unicast to ${scope}, static VTEPs: [${statics}]: ${expected} copies`, t => {
    const { hosts, pump } = world(scope, statics);
    const [host, one, two] = hosts;
    const neighbour = host.vtep.addContainer(host.network, 'c1b');
    host.container.send([unicast(A, B)]);
    pump.deliver();
    const copies = [neighbour, one.container, two.container].map(({ received }) => received.length);
    t.deepEqual(copies, [...expected]);
    const isDropped = scope === 'nobody' || (scope === 'silent' && statics.length === 0);
    t.deepEqual(host.vtep.drops(), isDropped ? { unknown_destination: 1 } : {});
  });
}

test('a VTEP that gossips and does not tell yet what it has is flooded as a static one is', t => {
  const { hosts, pump } = world('silent');
  const [{ vtep, network, container }] = hosts;
  vtep.setPeers(network, ADDRESSES, 'gossip', [ADDRESSES[2]]);
  container.send([unicast(A, B)]);
  pump.deliver();
  t.is(hosts[1].container.received.length, 1);
  t.is(hosts[2].container.received.length, 0);
  t.deepEqual(vtep.drops(), {});
});

test('a static VTEP that tells by gossip what it has is no silent one', t => {
  const { hosts, pump } = world('silent', [2]);
  const [{ vtep, network, container }] = hosts;
  vtep.setPeers(network, ADDRESSES);
  container.send([unicast(A, B)]);
  pump.deliver();
  t.is(hosts[2].container.received.length, 0);
  t.deepEqual(vtep.drops(), { unknown_destination: 1 });
});

test('broadcast goes everywhere, however unknown unicast goes', t => {
  const { hosts, pump } = world('nobody');
  hosts[0].container.send([broadcast(A)]);
  pump.deliver();
  for (const { container } of hosts.slice(1)) t.is(container.received.length, 1);
});

test('what has been learned is not unknown', t => {
  const { hosts, pump } = world('nobody');
  hosts[1].container.send([broadcast(B)]);
  pump.deliver();
  hosts[0].container.send([unicast(A, B)]);
  pump.deliver();
  t.is(hosts[1].container.received.length, 1);
  t.is(hosts[2].container.received.length, 1, 'the broadcast');
});

const inward: readonly (readonly [FloodScope, readonly (1 | 2)[], boolean])[] = [
  ['nobody', [2], false],
  ['silent', [], false],
  ['silent', [2], true],
  ['everybody', [], true],
];

for (const [scope, statics, isDelivered] of inward) {
  test(`unknown unicast from a tunnel, scope ${scope}, static VTEPs: [${statics}]: ${isDelivered}`, t => {
    const made = world(scope, statics);
    const [host] = made.hosts;
    made.inject(vxlanPayload(BLUE, unicast(B, A)));
    t.is(host.container.received.length, isDelivered ? 1 : 0);
    t.deepEqual(host.vtep.drops(), isDelivered ? {} : { unknown_destination: 1 });
  });
}
