/** How much a container may send to nobody in particular: VTEPs on fake ports. */
import test from 'ava';
import { pattern, station, vxlanPayload } from './testing/frames.ts';
import { superFrame } from './testing/super-frames.ts';
import { A, ADDRESSES, B, BLUE, broadcast, C, unicast, World } from './testing/three-vteps.ts';

const RATE = 20;

function attached(rules: ConstructorParameters<typeof World>[0] = {}): World {
  const world = new World({ bumRate: RATE, ...rules });
  const [{ network, container }] = world.hosts;
  network.attach(A.mac, container.port);
  return world;
}

function repeat(frame: Uint8Array, times: number): Uint8Array[] {
  return Array.from({ length: times }, () => frame);
}

test('broadcast beyond a second’s worth is dropped and counted; the next second brings more', t => {
  const { hosts, pump, clock } = attached();
  const [host, other] = hosts;
  host.container.send(repeat(broadcast(A), 50));
  pump.deliver();
  t.is(other.container.received.length, RATE);
  t.deepEqual(host.vtep.drops(), { bum_rate: 30 });
  clock.advance(1000);
  host.container.send(repeat(broadcast(A), 50));
  pump.deliver();
  t.is(other.container.received.length, 2 * RATE);
});

test('another limit holds at once, for the station and its port; what was spent counts', t => {
  const { hosts, pump, clock } = attached();
  const [host, other] = hosts;
  const passed = (): number => {
    host.container.send(repeat(broadcast(A), 50));
    pump.deliver();
    return other.container.received.splice(0).length;
  };
  t.is(passed(), RATE);
  host.network.setRules({ bumRate: 30 });
  t.is(passed(), 10);
  host.network.setRules({ bumRate: 0 });
  t.is(passed(), 50);
  clock.advance(10_000);
  host.network.setRules({ bumRate: 5 });
  t.is(passed(), 5);
});

test('what is over the limit does not reach local ports either', t => {
  const { hosts, pump } = attached();
  const [host] = hosts;
  const neighbour = host.vtep.addContainer(host.network, 'c1b');
  host.container.send(repeat(broadcast(A), 50));
  pump.deliver();
  t.is(neighbour.received.length, RATE);
});

test('known unicast is not limited, unknown unicast is', t => {
  const { hosts, pump } = attached();
  const [host, other] = hosts;
  host.container.send(repeat(unicast(A, B), 50));
  pump.deliver();
  t.is(other.container.received.length, RATE);
  host.network.claims.change({
    set: [{ mac: B.mac, vtep: ADDRESSES[1], addresses: [], mobility: 0 }],
    remove: [],
  });
  host.container.send(repeat(unicast(A, B), 50));
  pump.deliver();
  t.is(other.container.received.length, RATE + 50);
});

test('unknown unicast that is dropped anyhow costs nothing of it', t => {
  const { hosts, pump } = attached({ unknownUnicast: 'nobody' });
  const [host, other] = hosts;
  host.container.send(repeat(unicast(A, B), 50));
  host.container.send(repeat(broadcast(A), RATE));
  pump.deliver();
  t.is(other.container.received.length, RATE);
  t.deepEqual(host.vtep.drops(), { unknown_destination: 50 });
});

test('each container has its own limit, also behind one port; all other stations there share one', t => {
  const { hosts, pump } = attached();
  const [host, other] = hosts;
  host.network.attach(B.mac, host.container.port);
  host.container.send(repeat(broadcast(A), 50));
  host.container.send(repeat(broadcast(B), 50));
  pump.deliver();
  t.is(other.container.received.length, 2 * RATE);
  // A flood of addresses takes nothing from those that are attached.
  host.container.send(Array.from({ length: 100 }, (_, i) => broadcast(station(10 + i))));
  pump.deliver();
  t.is(other.container.received.length, 3 * RATE);
  host.network.release(B.mac);
  host.container.send([broadcast(B)]);
  pump.deliver();
  t.is(other.container.received.length, 3 * RATE, 'one of the others now');
});

test('a super-frame counts as its segments', t => {
  const { hosts, pump } = attached();
  const [host, other] = hosts;
  const frame = superFrame({ protocol: 'udp', from: A, to: C, payload: pattern(8 * 1000), gsoSize: 1000 });
  host.container.sendSuper([frame, frame, frame]);
  pump.deliver();
  t.is(other.container.received.length, 16);
  t.deepEqual(host.vtep.drops(), { bum_rate: 1 });
});

test('what comes from a tunnel is not limited, and a rate of 0 is no limit', t => {
  const inward = attached();
  for (let i = 0; i < 50; i++) inward.inject(vxlanPayload(BLUE, broadcast(B)));
  t.is(inward.hosts[0].container.received.length, 50);
  const { hosts, pump } = attached({ bumRate: 0 });
  hosts[0].container.send(repeat(broadcast(A), 5000));
  pump.deliver();
  t.is(hosts[1].container.received.length, 5000);
});
