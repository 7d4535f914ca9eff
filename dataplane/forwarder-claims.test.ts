/** Forwarding by what other nodes claim: three VTEPs on fake ports. */
import test from 'ava';
import { claimOf } from './testing/claims.ts';
import { vxlanPayload } from './testing/frames.ts';
import { A, ADDRESSES, B, BLUE, unicast, World } from './testing/three-vteps.ts';

function claim(world: World, ...claims: readonly ReturnType<typeof claimOf>[]): void {
  world.hosts[0].network.claims.change({ set: claims, remove: [] });
}

test('the first frame to a claimed station goes to its VTEP, and to no other', t => {
  const world = new World();
  const { hosts, pump } = world;
  claim(world, claimOf(B, ADDRESSES[1]));
  hosts[0].container.send([unicast(A, B)]);
  pump.deliver();
  t.deepEqual(hosts[1].container.received, [Buffer.from(unicast(A, B))]);
  t.deepEqual(hosts[2].container.received, []);
});

test('a frame from another VTEP with a claimed source moves nothing, and is dropped and counted', t => {
  const world = new World();
  const { hosts, pump } = world;
  claim(world, claimOf(B, ADDRESSES[1]));
  hosts[0].network.attach(A.mac, hosts[0].container.port);
  world.inject(vxlanPayload(BLUE, unicast(B, A)), ADDRESSES[2]);
  t.deepEqual(hosts[0].container.received, []);
  t.deepEqual(hosts[0].vtep.drops(), { source_claimed_elsewhere: 1 });
  hosts[0].container.send([unicast(A, B)]);
  pump.deliver();
  t.is(hosts[1].container.received.length, 1);
  t.is(hosts[2].container.received.length, 0);
  world.inject(vxlanPayload(BLUE, unicast(B, A)), ADDRESSES[1]);
  t.is(hosts[0].container.received.length, 1, 'from its own VTEP it passes');
});

test('while a station moves, its frames are dropped until its claim is here, and those of the old place from then on', t => {
  const world = new World();
  const [host] = world.hosts;
  host.network.attach(A.mac, host.container.port);
  claim(world, claimOf(B, ADDRESSES[1]));
  const frame = vxlanPayload(BLUE, unicast(B, A));
  world.inject(frame, ADDRESSES[2]);
  t.is(host.container.received.length, 0);
  claim(world, claimOf(B, ADDRESSES[2], { mobility: 1 }));
  world.inject(frame, ADDRESSES[2]);
  t.is(host.container.received.length, 1);
  world.inject(frame, ADDRESSES[1]);
  t.is(host.container.received.length, 1, 'what was on its way from the old place is late');
  t.deepEqual(host.vtep.drops(), { source_claimed_elsewhere: 2 });
});

test('a container that sends with a claimed source is dropped and counted as one with another’s', t => {
  const world = new World();
  const { hosts, pump } = world;
  claim(world, claimOf(B, ADDRESSES[1]));
  hosts[0].container.send([unicast(B, A)]);
  pump.deliver();
  t.deepEqual(hosts[0].vtep.drops(), { source_spoofed: 1 });
});
