/** ARP and ND of local containers, with fake claims: three VTEPs on fake ports, host 2 a static one. */
import test from 'ava';
import { parseIp, parseMac } from './address.ts';
import { isValidNeighborAdvertisement } from './headers/nd.ts';
import { claimOf } from './testing/claims.ts';
import {
  arpFrame,
  type Bytes,
  neighborAdvertisementFrame,
  neighborSolicitationFrame,
  station,
  viewOf,
} from './testing/frames.ts';
import {
  arpAnnouncement,
  arpProbe,
  inNameOf,
  ipHex,
  macHex,
  ndAnnouncement,
  ndProbe,
  readNeighborFrame,
} from './testing/neighbor-frames.ts';
import { A, ADDRESSES, B, C, World } from './testing/three-vteps.ts';
import type { NetworkRules, VirtualContainer } from './testing/virtual-vtep.ts';

/** Nobody is told of it. */
const STRANGER = station(77);
const ARP = 14;

/**
 * Host 0 with A behind `container`, C behind `neighbour`, both with their addresses; B is claimed by host 1. Host 1 gossips,
 * host 2 is a static VTEP.
 */
class Rig {
  readonly world: World;
  readonly container: VirtualContainer;
  readonly neighbour: VirtualContainer;

  constructor(rules: NetworkRules = {}) {
    this.world = new World(rules);
    const [{ vtep, network, container }] = this.world.hosts;
    this.container = container;
    this.neighbour = vtep.addContainer(network, 'c1b');
    vtep.setPeers(network, [ADDRESSES[1]]);
    vtep.setPeers(network, [ADDRESSES[2]], 'static');
    network.attach(A.mac, container.port, [A.ipv4, A.ipv6]);
    network.attach(C.mac, this.neighbour.port, [C.ipv4, C.ipv6]);
    network.claims.change({ set: [claimOf(B, ADDRESSES[1])], remove: [] });
    network.neighbors.takeMoved();
  }

  get network() {
    return this.world.hosts[0].network;
  }

  /** Sends from A's port. Returns what comes back to it. */
  send(...frames: readonly Uint8Array[]): readonly Buffer[] {
    this.container.send(frames);
    this.world.pump.deliver();
    return this.container.received.splice(0);
  }

  /** Frames that reached the other local port, the VTEP that gossips, and the static one. */
  get reached(): readonly number[] {
    const [, gossiping, silent] = this.world.hosts;
    return [this.neighbour, gossiping.container, silent.container].map(({ received }) => received.length);
  }

  get drops() {
    return this.world.hosts[0].vtep.drops();
  }
}

test('an ARP request for a claimed address is answered here, to the port that it came from, and goes nowhere', t => {
  const rig = new Rig();
  const answers = rig.send(arpFrame(1, { from: A, to: B }));
  t.deepEqual(answers.map(readNeighborFrame), [
    {
      to: macHex(A.mac),
      from: macHex(B.mac),
      operation: 2,
      senderMac: macHex(B.mac),
      senderIp: ipHex(B.ipv4),
      targetMac: macHex(A.mac),
      targetIp: ipHex(A.ipv4),
    },
  ]);
  t.is(answers[0]?.length, 42);
  t.deepEqual(rig.reached, [0, 0, 0]);
  t.deepEqual(rig.drops, {});
  t.deepEqual(rig.network.answered.snapshot(), { arp: 1, nd: 0 });
});

test('a solicitation for a claimed address is answered by a solicited advertisement that overrides', t => {
  const rig = new Rig();
  const [answer, ...others] = rig.send(neighborSolicitationFrame({ from: A, to: B }));
  t.deepEqual(others, []);
  t.deepEqual(answer && readNeighborFrame(answer), {
    to: macHex(A.mac),
    from: macHex(B.mac),
    source: ipHex(B.ipv6),
    destination: ipHex(A.ipv6),
    type: 136,
    flags: 0x60,
    target: ipHex(B.ipv6),
    option: `0201${macHex(B.mac)}`,
  });
  t.true(answer !== undefined && isValidNeighborAdvertisement(viewOf(answer), 14, 54, 32));
  t.deepEqual(rig.reached, [0, 0, 0]);
  t.deepEqual(rig.network.answered.snapshot(), { arp: 0, nd: 1 });
});

test('a probe for an address that somebody else claims is answered, so that the duplicate is found', t => {
  const rig = new Rig();
  const [arp] = rig.send(arpProbe(A, B));
  t.like(arp && readNeighborFrame(arp), {
    to: macHex(A.mac),
    operation: 2,
    senderMac: macHex(B.mac),
    senderIp: ipHex(B.ipv4),
    targetIp: '00000000',
  });
  const [nd] = rig.send(ndProbe(A, B));
  t.like(nd && readNeighborFrame(nd), {
    to: '333300000001',
    from: macHex(B.mac),
    destination: ipHex(parseIp('ff02::1')),
    // To all nodes it must not say that it was solicited (RFC 4861 section 7.2.4).
    flags: 0x20,
    target: ipHex(B.ipv6),
  });
  t.true(nd !== undefined && isValidNeighborAdvertisement(viewOf(nd), 14, 54, 32));
  t.deepEqual(rig.reached, [0, 0, 0]);
});

test('a container that has moved here ahead of the news is no duplicate of itself, and is not told of itself', t => {
  const rig = new Rig();
  rig.network.attach(B.mac, rig.container.port);
  t.deepEqual(rig.send(arpProbe(B, B), ndProbe(B, B), arpAnnouncement(B), ndAnnouncement(B)), []);
  const learned = new Rig();
  learned.network.claims.change({ set: [], remove: [B.mac] });
  learned.network.claims.change({ set: [claimOf(STRANGER, ADDRESSES[1])], remove: [] });
  learned.network.attach(STRANGER.mac, learned.container.port);
  t.deepEqual(learned.send(arpProbe(STRANGER, STRANGER), ndProbe(STRANGER, STRANGER)), []);
});

test('an address that is told of a container here and claimed by another: its probe is answered, requests are not', t => {
  const rig = new Rig();
  const twin = station(9);
  rig.network.claims.change({
    set: [claimOf(twin, ADDRESSES[1], { addresses: [A.ipv4, C.ipv4, C.ipv6] })],
    remove: [],
  });
  const [answer] = rig.send(arpProbe(A, A));
  t.like(answer && readNeighborFrame(answer), { senderMac: macHex(twin.mac), senderIp: ipHex(A.ipv4) });
  t.deepEqual(rig.send(arpFrame(1, { from: A, to: C })), [], 'C is here and answers for itself');
  t.deepEqual(rig.reached, [1, 0, 0]);
});

/** How far each goes: [other local port, VTEP that gossips, static VTEP]. */
const rows: readonly (readonly [string, Bytes, readonly [number, number, number], NetworkRules?])[] = [
  ['a request for an address that nobody has told of', arpFrame(1, { from: A, to: STRANGER }), [1, 1, 1]],
  [
    'a request for such an address, unknown_address: local',
    arpFrame(1, { from: A, to: STRANGER }),
    [1, 0, 1],
    { unknownAddress: 'silent' },
  ],
  ['a solicitation for such an address', neighborSolicitationFrame({ from: A, to: STRANGER }), [1, 1, 1]],
  [
    'a solicitation for such an address, unknown_address: local',
    neighborSolicitationFrame({ from: A, to: STRANGER }),
    [1, 0, 1],
    { unknownAddress: 'silent' },
  ],
  ['a request for an address of a container here', arpFrame(1, { from: A, to: C }), [1, 0, 0]],
  ['a solicitation for one', neighborSolicitationFrame({ from: A, to: C }), [1, 0, 0]],
  ['a probe for an address that nobody has', arpProbe(A, STRANGER), [1, 0, 1]],
  ['a probe for one’s own address', arpProbe(A, A), [1, 0, 1]],
  ['an IPv6 probe for an address that nobody has', ndProbe(A, STRANGER), [1, 0, 1]],
  ['an IPv6 probe for one’s own address', ndProbe(A, A), [1, 0, 1]],
  ['an announcement', arpAnnouncement(A), [1, 0, 1]],
  ['an announcement by a reply', arpAnnouncement(A, 2), [1, 0, 1]],
  ['an unsolicited advertisement', ndAnnouncement(A), [1, 0, 1]],
  [
    'an announcement of an address that nobody has told of',
    arpAnnouncement({ ...A, ipv4: STRANGER.ipv4 }),
    [1, 1, 1],
  ],
  [
    'an unsolicited advertisement of one',
    ndAnnouncement({ ...A, ipv6: STRANGER.ipv6 }),
    [1, 0, 1],
    { unknownAddress: 'silent' },
  ],
  ['a request in the name of another MAC', inNameOf(arpFrame(1, { from: A, to: B }), C.mac), [1, 1, 1]],
  [
    'a solicitation in the name of another MAC',
    inNameOf(neighborSolicitationFrame({ from: A, to: B }), C.mac),
    [1, 1, 1],
  ],
  ['a probe in the name of another MAC', inNameOf(arpProbe(A, B), C.mac), [1, 0, 1]],
];

for (const [title, frame, expected, rules] of rows) {
  test(`${title} is not answered, and reaches ${expected}`, t => {
    const rig = new Rig(rules);
    t.deepEqual(rig.send(frame), []);
    t.deepEqual(rig.reached, [...expected]);
    t.deepEqual(rig.drops, {});
    for (const { received } of [
      rig.neighbour,
      ...rig.world.hosts.slice(1).map(({ container }) => container),
    ]) {
      for (const copy of received) t.deepEqual(copy, Buffer.from(frame));
    }
  });
}

test('a message that nobody needs to hear is accounted for', t => {
  const world = new World();
  const [{ vtep, network, container }] = world.hosts;
  network.attach(A.mac, container.port, [A.ipv4]);
  container.send([
    arpAnnouncement(A),
    arpProbe(A, STRANGER),
    ndProbe(A, STRANGER),
    arpFrame(1, { from: B, to: A }),
  ]);
  world.pump.deliver();
  t.deepEqual(vtep.drops(), { neighbor_suppressed: 4 });
});

test('unicast ARP and ND are carried to the station itself: they show whether it is alive', t => {
  const rig = new Rig();
  const request = arpFrame(1, { from: A, to: B });
  Buffer.from(request.buffer, request.byteOffset).writeUIntBE(B.mac, 0, 6);
  const frames = [request, arpFrame(2, { from: A, to: B }), neighborAdvertisementFrame({ from: A, to: B })];
  t.deepEqual(rig.send(...frames), []);
  t.deepEqual(rig.reached, [0, 3, 0]);
});

test('nothing that comes from a tunnel is answered', t => {
  const rig = new Rig();
  const asked = { from: STRANGER, to: B };
  rig.world.hosts[2].container.send([arpFrame(1, asked), neighborSolicitationFrame(asked)]);
  rig.world.pump.deliver();
  t.is(rig.container.received.length, 2);
  t.deepEqual(rig.network.answered.snapshot(), { arp: 0, nd: 0 });
});

test('a claim that waits for its VTEP, or is gone, answers nothing', t => {
  const rig = new Rig();
  rig.world.hosts[0].vtep.setPeers(rig.network, []);
  t.deepEqual(rig.send(arpFrame(1, { from: A, to: B })), []);
  rig.world.hosts[0].vtep.setPeers(rig.network, [ADDRESSES[1]]);
  t.is(rig.send(arpFrame(1, { from: A, to: B })).length, 1);
  rig.network.claims.change({ set: [], remove: [B.mac] });
  t.deepEqual(rig.send(arpFrame(1, { from: A, to: B })), []);
});

test('many requests in one batch get an answer each, in order', t => {
  const rig = new Rig({ bumRate: 0 });
  const stations = Array.from({ length: 200 }, (_, i) => station(20 + i));
  rig.network.claims.change({ set: stations.map(to => claimOf(to, ADDRESSES[1])), remove: [] });
  const answers = rig.send(
    ...stations.flatMap(to => [arpFrame(1, { from: A, to }), neighborSolicitationFrame({ from: A, to })]),
  );
  t.deepEqual(
    answers.map(frame =>
      macHex(
        parseMac(
          frame
            .subarray(6, 12)
            .toString('hex')
            .replace(/(..)(?!$)/g, '$1:'),
        ),
      ),
    ),
    stations.flatMap(({ mac }) => [macHex(mac), macHex(mac)]),
  );
});

test('answers count against bum_rate like any other broadcast', t => {
  const rig = new Rig({ bumRate: 10 });
  const asked = Array.from({ length: 25 }, () => arpFrame(1, { from: A, to: B }));
  t.is(rig.send(...asked).length, 10);
  t.deepEqual(rig.drops, { bum_rate: 15 });
});

// ── Announcements ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** What the datapath does after a change of claims. */
function announce(rig: Rig): { readonly a: readonly Buffer[]; readonly c: readonly Buffer[] } {
  rig.world.hosts[0].vtep.forwarder.announce(rig.network, rig.network.neighbors.takeMoved());
  rig.world.pump.deliver();
  return { a: rig.container.received.splice(0), c: rig.neighbour.received.splice(0) };
}

const SUCCESSOR = { ...station(66), ipv4: B.ipv4, ipv6: B.ipv6 };

test('an address that another station has now is announced once, to every local port and to no VTEP', t => {
  const rig = new Rig();
  rig.network.claims.change({ set: [claimOf(SUCCESSOR, ADDRESSES[1])], remove: [B.mac] });
  const { a, c } = announce(rig);
  t.deepEqual(a, c);
  t.deepEqual(a.map(readNeighborFrame), [
    {
      to: 'ffffffffffff',
      from: macHex(SUCCESSOR.mac),
      operation: 1,
      senderMac: macHex(SUCCESSOR.mac),
      senderIp: ipHex(B.ipv4),
      targetMac: '000000000000',
      targetIp: ipHex(B.ipv4),
    },
    {
      to: '333300000001',
      from: macHex(SUCCESSOR.mac),
      source: ipHex(B.ipv6),
      destination: ipHex(parseIp('ff02::1')),
      type: 136,
      flags: 0x20,
      target: ipHex(B.ipv6),
      option: `0201${macHex(SUCCESSOR.mac)}`,
    },
  ]);
  t.true(isValidNeighborAdvertisement(viewOf(a[1] as Buffer), 14, 54, 32));
  t.deepEqual(rig.reached, [0, 0, 0]);
  t.deepEqual(announce(rig).a, []);
});

test('an address that was free for a while is announced when another station gets it', t => {
  const rig = new Rig();
  rig.network.claims.change({ set: [], remove: [B.mac] });
  t.deepEqual(announce(rig).a, []);
  rig.network.claims.change({ set: [claimOf(SUCCESSOR, ADDRESSES[1])], remove: [] });
  t.is(announce(rig).a.length, 2);
});

test('an address that leaves a container here for another VM is announced', t => {
  const rig = new Rig();
  rig.network.release(C.mac);
  rig.network.claims.change({
    set: [claimOf(SUCCESSOR, ADDRESSES[1], { addresses: [C.ipv4] })],
    remove: [],
  });
  const { a } = announce(rig);
  t.deepEqual(
    a.map(frame => readNeighborFrame(frame).senderIp),
    [ipHex(C.ipv4)],
  );
});

test('no announcement: a first claim, the same again, another VTEP with the same MAC, a VTEP that came back', t => {
  const rig = new Rig();
  const { vtep } = rig.world.hosts[0];
  rig.network.claims.change({ set: [claimOf(STRANGER, ADDRESSES[1])], remove: [] });
  t.deepEqual(announce(rig).a, []);
  rig.network.claims.change({ set: [claimOf(STRANGER, ADDRESSES[1])], remove: [] });
  rig.network.claims.change({ set: [claimOf(STRANGER, ADDRESSES[2], { mobility: 1 })], remove: [] });
  t.deepEqual(announce(rig).a, []);
  vtep.setPeers(rig.network, []);
  vtep.setPeers(rig.network, [ADDRESSES[1]]);
  t.deepEqual(announce(rig).a, []);
});

test('no announcement for what is attached here: the bridge would take it for remote', t => {
  const rig = new Rig();
  rig.network.claims.change({ set: [], remove: [B.mac] });
  rig.network.attach(SUCCESSOR.mac, rig.neighbour.port, [B.ipv4]);
  t.deepEqual(announce(rig).a, []);
});

// ── Malformed ───────────────────────────────────────────────────────────────────────────────────────────────────────────

test('a malformed ARP or ND is dropped and counted, and never answered', t => {
  const rig = new Rig();
  const arp = arpFrame(1, { from: A, to: B });
  const ns = neighborSolicitationFrame({ from: A, to: B });
  const changed = (frame: Bytes, at: number, value: number) => {
    const copy = Uint8Array.from(frame);
    copy[at] = value;
    return copy;
  };
  t.deepEqual(rig.send(arp.subarray(0, 41), changed(arp, ARP + 7, 3), changed(arp, ARP + 1, 6)), []);
  t.deepEqual(rig.send(changed(ns, 21, 254), changed(ns, 57, 9), changed(ns, 79, 0)), []);
  t.deepEqual(rig.reached, [0, 0, 0]);
  t.deepEqual(rig.drops, { arp_malformed: 3, nd_malformed: 3 });
});
