/** The gateway of a network: a station that every VM has, with the same MAC, and that no frame through the tunnel reaches or comes from. */
import test from 'ava';
import { claimOf } from './testing/claims.ts';
import { arpFrame, station } from './testing/frames.ts';
import { A, ADDRESSES, B, broadcast, C, unicast, World } from './testing/three-vteps.ts';
import type { VirtualContainer } from './testing/virtual-vtep.ts';

const STRANGER = station(77);

/** C is the gateway of hosts 0 and 1, each behind a port of its own. A is a container of host 0; B is claimed by host 1. Host 2 is a static VTEP. */
class Rig {
  readonly world = new World();
  readonly gateway: VirtualContainer;

  constructor() {
    const [zero, one] = this.world.hosts;
    const gateways = [zero, one].map(({ vtep, network, container }, index) => {
      const port = vtep.addContainer(network, `gw${index}`);
      vtep.setPeers(network, [ADDRESSES[1 - index] as (typeof ADDRESSES)[0]]);
      vtep.setPeers(network, [ADDRESSES[2]], 'static');
      const own = index === 0 ? A : B;
      network.attach(own.mac, container.port, [own.ipv4]);
      network.attach(C.mac, port.port, [C.ipv4]);
      network.setGateway(C.mac);
      network.claims.change({
        set: [claimOf(index === 0 ? B : A, ADDRESSES[1 - index] as (typeof ADDRESSES)[0])],
        remove: [],
      });
      network.neighbors.takeMoved();
      return port;
    });
    this.gateway = gateways[0] as VirtualContainer;
  }

  get drops() {
    return this.world.hosts[0].vtep.drops();
  }

  /** Frames that have reached the container of each host. */
  get reached(): readonly number[] {
    return this.world.hosts.map(({ container }) => container.received.length);
  }

  sendFromGateway(frame: Uint8Array): void {
    this.gateway.send([frame]);
    this.world.pump.deliver();
  }

  sendFromContainer(frame: Uint8Array): void {
    this.world.hosts[0].container.send([frame]);
    this.world.pump.deliver();
  }
}

test('a container and the gateway of its own VM reach each other', t => {
  const rig = new Rig();
  rig.sendFromContainer(unicast(A, C));
  t.is(rig.gateway.received.length, 1);
  rig.sendFromGateway(unicast(C, A));
  t.deepEqual(rig.reached, [1, 0, 0]);
  t.deepEqual(rig.drops, {});
});

test('the gateway reaches no container of another VM, known or unknown, and broadcasts on its own VM only', t => {
  const rig = new Rig();
  rig.sendFromGateway(unicast(C, B));
  t.deepEqual(rig.drops, { gateway_confined: 1 });
  rig.sendFromGateway(broadcast(C));
  // What asks for an address that another VM claims is not answered in its name: who asks could not be answered by it.
  rig.sendFromGateway(arpFrame(1, { from: C, to: B }));
  t.deepEqual(rig.gateway.received, []);
  t.deepEqual(rig.reached, [2, 0, 0]);
});

test('a request for the gateway stays on the VM', t => {
  const rig = new Rig();
  rig.sendFromContainer(arpFrame(1, { from: A, to: C }));
  t.is(rig.gateway.received.length, 1);
  t.deepEqual(rig.reached, [0, 0, 0]);
});

test('what comes through the tunnel for the gateway, or in its name, is dropped', t => {
  const rig = new Rig();
  const [, one, two] = rig.world.hosts;
  two.vtep.setPeers(two.network, [ADDRESSES[0]], 'static');
  two.container.send([unicast(STRANGER, C)]);
  rig.world.pump.deliver();
  one.network.release(C.mac);
  one.container.send([unicast(C, A)]);
  rig.world.pump.deliver();
  t.deepEqual(rig.gateway.received, []);
  t.deepEqual(rig.reached, [0, 0, 0]);
  t.deepEqual(rig.drops, { gateway_confined: 1, source_is_local: 1 });
});

test('a station that is released is no gateway any more', t => {
  const rig = new Rig();
  const [zero, one] = rig.world.hosts;
  for (const { network } of [zero, one]) network.release(C.mac);
  rig.sendFromGateway(unicast(C, B));
  t.deepEqual(rig.reached, [0, 1, 0]);
});
