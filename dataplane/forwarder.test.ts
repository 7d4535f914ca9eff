import test from 'ava';
import { BROADCAST_MAC, type MacAddress, parseIp, parseMac } from './address.ts';
import type { DropReason } from './drop-reasons.ts';
import { FLAG_NEEDS_CSUM, FRAME_PIECE_COUNT, FrameBatch, GSO_TCPV4 } from './frame-batch.ts';
import { writeDestinationMac, writeSourceMac } from './headers/ethernet.ts';
import { concat, pattern, tcpFrame, udpFrame, viewOf, vxlanPayload } from './testing/frames.ts';
import { referenceSegments, type SuperFrame } from './testing/reference-segments.ts';
import { superFrame } from './testing/super-frames.ts';
import { A, ADDRESSES, B, BLUE, broadcast, C, RED, STRANGER, unicast, World } from './testing/three-vteps.ts';
import { Vtep } from './vtep-table.ts';

test('transmit: a broadcast is replicated at the head end to every VTEP of the network, once', t => {
  const { hosts, pump } = new World();
  const frame = broadcast(A);
  hosts[0].container.send([frame]);
  pump.deliver();
  t.deepEqual(hosts[1].container.received, [Buffer.from(frame)]);
  t.deepEqual(hosts[2].container.received, [Buffer.from(frame)]);
  t.deepEqual(hosts[0].container.received, []);
});

test('transmit: what was learned from a broadcast makes the answer a unicast to one VTEP', t => {
  const { hosts, pump } = new World();
  hosts[0].container.send([broadcast(A)]);
  pump.deliver();
  const answer = unicast(B, A);
  hosts[1].container.send([answer]);
  pump.deliver();
  t.deepEqual(hosts[0].container.received, [Buffer.from(answer)]);
  t.is(hosts[2].container.received.length, 1, 'only the broadcast');
});

test('transmit: unknown unicast is flooded until its destination is learned', t => {
  const { hosts, pump } = new World();
  hosts[0].container.send([unicast(A, B)]);
  pump.deliver();
  t.is(hosts[1].container.received.length, 1);
  t.is(hosts[2].container.received.length, 1);
  hosts[1].container.send([unicast(B, A)]);
  pump.deliver();
  hosts[0].container.send([unicast(A, B)]);
  pump.deliver();
  t.is(hosts[1].container.received.length, 2);
  t.is(hosts[2].container.received.length, 1);
});

test('transmit: containers of one VTEP are switched locally, and nothing reaches the underlay', t => {
  const { hosts, pump } = new World();
  const [host] = hosts;
  const second = host.vtep.addContainer(host.network, 'c1b');
  host.network.attach(A.mac, host.container.port);
  host.network.attach(B.mac, second.port);
  const frame = unicast(A, B);
  host.container.send([frame]);
  pump.deliver();
  t.deepEqual(second.received, [Buffer.from(frame)]);
  t.deepEqual(hosts[1].container.received, []);
});

test('receive: split horizon, a flooded frame from the tunnel goes to local ports only', t => {
  const { hosts, pump } = new World();
  const second = hosts[1].vtep.addContainer(hosts[1].network, 'c2b');
  hosts[0].container.send([broadcast(A)]);
  pump.deliver();
  t.is(hosts[1].container.received.length, 1);
  t.is(second.received.length, 1);
  t.is(hosts[2].container.received.length, 1, 'from VTEP 1 alone, not once more from VTEP 2');
});

test('receive: a MAC that moves from VTEP 2 to VTEP 3 is followed with the first frame it sends', t => {
  const { hosts, pump } = new World();
  hosts[1].container.send([broadcast(B)]);
  pump.deliver();
  hosts[2].container.send([broadcast(B)]);
  pump.deliver();
  const before = hosts[1].container.received.length;
  const frame = unicast(A, B);
  hosts[0].container.send([frame]);
  pump.deliver();
  t.is(hosts[1].container.received.length, before);
  t.deepEqual(hosts[2].container.received.at(-1), Buffer.from(frame));
});

test('networks with equal MACs and different VNIs never see each other’s frames', t => {
  const { hosts, pump } = new World();
  const red = hosts.map(({ vtep }) => {
    const network = vtep.addNetwork(RED, ADDRESSES);
    return vtep.addContainer(network, 'red');
  });
  hosts[0].container.send([broadcast(A), unicast(A, B)]);
  pump.deliver();
  t.deepEqual(
    red.flatMap(container => container.received),
    [],
  );
  red[0]?.send([unicast(A, B)]);
  pump.deliver();
  t.is(red[1]?.received.length, 1);
  t.is(hosts[1].container.received.length, 2);
});

test('the VXLAN header is sent with the I flag alone, and reserved bits are ignored on receipt', t => {
  const world = new World();
  const frame = unicast(B, A);
  t.deepEqual([...vxlanPayload(BLUE, frame).subarray(0, 8)], [0x08, 0, 0, 0, 0, 0, 42, 0]);
  const noisy = vxlanPayload(BLUE, frame);
  noisy.set([0xff, 0xff, 0xff, 0xff, 0, 0, 42, 0xff]);
  world.inject(noisy);
  t.deepEqual(world.hosts[0].container.received, [Buffer.from(frame)]);
});

test('one flow keeps one outer source port; 256 flows use them all', t => {
  const { hosts, underlay, pump } = new World();
  const seen: number[] = [];
  const sniffer = parseIp('192.0.2.9');
  const ports = underlay.open(
    (batch, count) => {
      for (let i = 0; i < count; i++) seen.push(batch.port(i));
    },
    { address: sniffer, port: 4789 },
  );
  hosts[0].vtep.setPeers(hosts[0].network, [sniffer]);
  for (let i = 0; i < 10; i++) hosts[0].container.send([unicast(A, B)]);
  pump.deliver();
  t.is(new Set(seen).size, 1);
  for (let i = 0; i < 256; i++) hosts[0].container.send([unicast(A, B, 20_000 + i)]);
  pump.deliver();
  t.is(new Set(seen).size, 16);
  t.is(ports.counters.rxFrames, 266);
});

test('a partial checksum is completed once, also for a frame that goes to several places', t => {
  const { hosts, pump } = new World();
  const second = hosts[0].vtep.addContainer(hosts[0].network, 'c1b');
  const whole = unicast(A, B);
  hosts[0].container.send([udpFrame({ from: A, to: B, checksum: 'partial' })], { start: 34, offset: 6 });
  pump.deliver();
  for (const { received } of [second, hosts[1].container, hosts[2].container]) {
    t.deepEqual(received, [Buffer.from(whole)]);
  }
});

test('a VTEP that leaves the network takes its entries along, and is no known sender any more', t => {
  const { hosts, pump } = new World();
  hosts[1].container.send([broadcast(B)]);
  pump.deliver();
  hosts[0].vtep.setPeers(hosts[0].network, [ADDRESSES[2]]);
  t.deepEqual([...hosts[0].network.table.entries()], []);
  const before = hosts[0].container.received.length;
  hosts[1].container.send([broadcast(B)]);
  pump.deliver();
  t.is(hosts[0].container.received.length, before);
  t.deepEqual(hosts[0].vtep.drops(), { vtep_not_in_network: 1 });
});

test('a VTEP that was started anew on another port is reached there, and heard, from every network', t => {
  const { hosts, pump } = new World();
  const red = hosts.map(({ vtep }) => {
    const network = vtep.addNetwork(RED, ADDRESSES);
    return { network, container: vtep.addContainer(network, 'red') };
  });
  hosts[1].container.send([broadcast(B)]);
  pump.deliver();
  hosts[0].vtep.moveVtep(ADDRESSES[1], 4790);
  t.deepEqual([...hosts[0].network.table.entries()], [], 'what led to the old port is forgotten');
  red[1]?.container.send([broadcast(B)]);
  pump.deliver();
  t.is(red[0]?.container.received.length, 1, 'its frames are still those of a known VTEP');
  t.deepEqual(hosts[0].vtep.drops(), {});
});

test('entries age: after 300 s without a frame the destination is unknown again', t => {
  const { hosts, pump, clock } = new World();
  hosts[1].container.send([broadcast(B)]);
  pump.deliver();
  clock.advance(301_000);
  const before = hosts[2].container.received.length;
  hosts[0].container.send([unicast(A, B)]);
  pump.deliver();
  t.is(hosts[2].container.received.length, before + 1, 'flooded');
});

test('a batch of more frames than one send holds arrives whole and in order', t => {
  const { hosts, pump } = new World();
  hosts[1].container.send([broadcast(B)]);
  pump.deliver();
  const frames = Array.from({ length: 1000 }, (_, i) => unicast(A, B, 10_000 + i));
  hosts[0].container.send(frames);
  pump.deliver();
  t.deepEqual(
    hosts[1].container.received,
    frames.map(frame => Buffer.from(frame)),
  );
});

function withMacs(frame: Uint8Array, source: number, destination?: number): Uint8Array {
  const copy = Uint8Array.from(frame);
  writeSourceMac(viewOf(copy), 0, source as MacAddress);
  if (destination !== undefined) writeDestinationMac(viewOf(copy), 0, destination as MacAddress);
  return copy;
}

const transmitDrops: Partial<Record<DropReason, (world: World) => void>> = {
  invalid_source_mac: ({ hosts }) => hosts[0].container.send([withMacs(unicast(A, B), BROADCAST_MAC)]),
  inner_vlan_tag: ({ hosts }) => hosts[0].container.send([udpFrame({ from: A, to: B, tags: [{ id: 7 }] })]),
  link_local_control: ({ hosts }) =>
    hosts[0].container.send([withMacs(unicast(A, B), A.mac, parseMac('01:80:c2:00:00:0e'))]),
  exceeds_mtu: ({ hosts }) =>
    hosts[0].container.send([udpFrame({ from: A, to: B, payload: new Uint8Array(1423) })]),
  hairpin: ({ hosts }) => {
    hosts[0].network.attach(B.mac, hosts[0].container.port);
    hosts[0].container.send([unicast(A, B)]);
  },
  no_destination: ({ hosts }) => {
    hosts[0].vtep.setPeers(hosts[0].network, []);
    hosts[0].container.send([broadcast(A)]);
  },
  source_spoofed: ({ hosts }) => {
    const other = hosts[0].vtep.addContainer(hosts[0].network, 'victim');
    hosts[0].network.attach(C.mac, other.port);
    hosts[0].container.send([unicast(C, B)]);
  },
  path_mtu: ({ hosts, underlay, pump }) => {
    hosts[1].container.send([broadcast(B)]);
    pump.deliver();
    underlay.mtu = 1400;
    hosts[0].container.send([udpFrame({ from: A, to: B, payload: new Uint8Array(1400) })]);
  },
  port_down: ({ hosts, pump }) => {
    hosts[0].container.link.setUp(false);
    hosts[1].container.send([broadcast(B)]);
    pump.deliver();
  },
};
for (const [reason, provoke] of Object.entries(transmitDrops)) {
  test(`a frame is dropped and counted: ${reason}`, t => {
    const world = new World();
    provoke(world);
    world.pump.deliver();
    t.deepEqual(world.hosts[0].vtep.drops(), { [reason]: 1 });
  });
}

const receiveDrops: [DropReason, Uint8Array, Parameters<World['inject']>[1]?, number?][] = [
  ['vxlan_truncated', vxlanPayload(BLUE, unicast(B, A)).subarray(0, 7)],
  ['vxlan_truncated', new Uint8Array(0)],
  ['unknown_vtep', vxlanPayload(BLUE, unicast(B, A)), STRANGER],
  ['vxlan_flags', concat(Uint8Array.of(0xf7), vxlanPayload(BLUE, unicast(B, A)).subarray(1))],
  ['unknown_vni', vxlanPayload(RED, unicast(B, A))],
  ['runt', vxlanPayload(BLUE, new Uint8Array(0))],
  ['runt', vxlanPayload(BLUE, unicast(B, A).subarray(0, 13))],
  ['invalid_source_mac', vxlanPayload(BLUE, withMacs(unicast(B, A), 0))],
  ['inner_vlan_tag', vxlanPayload(BLUE, udpFrame({ from: B, to: A, tags: [{ id: 7 }] }))],
  ['exceeds_mtu', vxlanPayload(BLUE, udpFrame({ from: B, to: A, payload: new Uint8Array(1423) }))],
  ['ecn_not_capable', vxlanPayload(BLUE, unicast(B, A)), ADDRESSES[1], 0b11],
  ['source_is_local', vxlanPayload(BLUE, unicast(A, B))],
];

for (const [reason, bytes, from, tos] of receiveDrops) {
  test(`a datagram of ${bytes.length} bytes is dropped and counted: ${reason}`, t => {
    const world = new World();
    const [host] = world.hosts;
    host.network.attach(A.mac, host.container.port);
    world.inject(bytes, from, tos);
    t.deepEqual(host.vtep.drops(), { [reason]: 1 });
    t.deepEqual(host.container.received, []);
  });
}

test('a frame from the tunnel for a MAC behind another VTEP is dropped and counted: split_horizon', t => {
  const world = new World();
  world.hosts[2].container.send([broadcast(C)]);
  world.pump.deliver();
  const before = world.hosts[0].container.received.length;
  world.inject(vxlanPayload(BLUE, unicast(B, C)));
  t.deepEqual(world.hosts[0].vtep.drops(), { split_horizon: 1 });
  t.is(world.hosts[0].container.received.length, before);
});

/** One received frame from VTEP 1 with what the UDP port says of it; `pieces` as if it had been merged. */
function received(world: World, frame: Uint8Array, vni = BLUE, pieces = 0): FrameBatch {
  const bytes = vxlanPayload(vni, frame);
  const at = world.arena.allocate(bytes.length);
  world.arena.bytes.set(bytes, at);
  const batch = new FrameBatch(1);
  new Vtep(ADDRESSES[1], 4789).writeTo(batch, 0);
  batch.setOffset(0, at + 8);
  batch.setLength(0, frame.length);
  batch.setEncapLength(0, 8);
  new DataView(batch.memory).setUint16(FRAME_PIECE_COUNT, pieces, true);
  return batch;
}

test('receive: a whole super-frame of a kernel on this machine is delivered as one', t => {
  const world = new World();
  const [host] = world.hosts;
  const frame = tcpFrame({ from: B, to: A, payload: new Uint8Array(9000), checksum: 'partial' });
  const batch = received(world, frame);
  batch.setFlags(0, FLAG_NEEDS_CSUM);
  batch.setCsumStart(0, 34);
  batch.setCsumOffset(0, 16);
  batch.setHeaderLength(0, 54);
  host.vtep.forwarder.onDatagrams(batch, 1);
  world.pump.deliver();
  t.deepEqual(host.vtep.drops(), {});
  t.deepEqual(host.container.received, [Buffer.from(frame)]);
  t.deepEqual([batch.gsoType(0), batch.gsoSize(0)], [GSO_TCPV4, host.network.maxFrame - 54]);
});

test('a merged frame that is dropped counts as each datagram that it was', t => {
  const world = new World();
  const { vtep } = world.hosts[0];
  vtep.forwarder.onDatagrams(received(world, unicast(B, A), RED, 43), 1);
  t.deepEqual(vtep.drops(), { unknown_vni: 44 });
  vtep.forwarder.onDatagrams(received(world, withMacs(unicast(B, A), 0), BLUE, 2), 1);
  t.deepEqual(vtep.drops(), { unknown_vni: 44, invalid_source_mac: 3 });
});

test('congestion marked on the underlay is carried into the inner header (RFC 6040)', t => {
  const world = new World();
  world.inject(vxlanPayload(BLUE, udpFrame({ from: B, to: A, tos: 0b10 })), ADDRESSES[1], 0b11);
  t.deepEqual(world.hosts[0].container.received, [Buffer.from(udpFrame({ from: B, to: A, tos: 0b11 }))]);
});

/** A TCP super-frame whose segments, headers included, are frames of `size` bytes. */
function tcpSuperFrame(size: number): SuperFrame {
  const headers = 14 + 20 + 20;
  return superFrame({ protocol: 'tcp', from: A, to: B, payload: pattern(10_000), gsoSize: size - headers });
}

test('transmit: a super-frame leaves as its segments, to every VTEP when it is flooded, and whole to a local port', t => {
  const { hosts, pump } = new World();
  const [host] = hosts;
  const neighbour = host.vtep.addContainer(host.network, 'c1b');
  const frame = tcpSuperFrame(1464);
  const expected = referenceSegments(frame).map(segment => Buffer.from(segment));
  host.container.sendSuper([frame]);
  pump.deliver();
  t.deepEqual(hosts[1].container.received, expected);
  t.deepEqual(hosts[2].container.received, expected);
  t.deepEqual(neighbour.received, [Buffer.from(frame.bytes)], 'its segments are for others to cut');
  t.deepEqual(host.vtep.drops(), {});

  hosts[1].container.send([unicast(B, A)]);
  pump.deliver();
  host.container.sendSuper([frame]);
  pump.deliver();
  t.is(hosts[1].container.received.length, 2 * expected.length);
  t.is(hosts[2].container.received.length, expected.length, 'known now: to one VTEP alone');
});

test('transmit: the segments of a super-frame must fit the MTU, whatever its own length', t => {
  const { hosts, pump } = new World();
  hosts[0].container.sendSuper([tcpSuperFrame(1465), tcpSuperFrame(1464)]);
  pump.deliver();
  t.is(hosts[1].container.received.length, referenceSegments(tcpSuperFrame(1464)).length);
  t.deepEqual(hosts[0].vtep.drops(), { exceeds_mtu: 1 });
});
