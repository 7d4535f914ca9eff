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
  return made;
}

const cases: readonly (readonly [FloodScope, readonly (1 | 2)[], readonly [number, number, number]])[] = [
  // What the local neighbour, host 1 and host 2 get.
  ['nobody', [], [0, 0, 0]],
  ['nobody', [2], [0, 0, 0]],
  ['silent', [2], [1, 0, 1]],
  ['silent', [1, 2], [1, 1, 1]],
  ['silent', [], [1, 0, 0]],
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
    t.deepEqual(host.vtep.drops(), scope === 'nobody' ? { unknown_destination: 1 } : {});
  });
}

test('a static VTEP that gossips is no silent one', t => {
  const { hosts, pump } = world('silent', [2]);
  const [{ vtep, network, container }] = hosts;
  vtep.setPeers(network, ADDRESSES);
  container.send([unicast(A, B)]);
  pump.deliver();
  t.is(hosts[2].container.received.length, 0);
  t.deepEqual(vtep.drops(), { no_destination: 1 });
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

for (const scope of ['nobody', 'silent', 'everybody'] as const) {
  test(`unknown unicast from a tunnel, scope ${scope}`, t => {
    const made = world(scope);
    const [host] = made.hosts;
    made.inject(vxlanPayload(BLUE, unicast(B, A)));
    t.is(host.container.received.length, scope === 'nobody' ? 0 : 1);
    t.deepEqual(host.vtep.drops(), scope === 'nobody' ? { unknown_destination: 1 } : {});
  });
}
