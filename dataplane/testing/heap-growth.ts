/**
 * `node --expose-gc --no-flush-bytecode --min-semi-space-size=16 heap-growth.js`: drives frames of all kinds through a real Forwarder whose ports
 * take everything, and prints as JSON how many bytes of heap a million of them took. The nursery is large enough for no
 * collection to come in between, so even what lives for one frame only is seen. What frames take they take every time;
 * what V8 takes to optimise a function once more, which on a busy machine it comes to late, is taken once: of a part that
 * grew the least of three tries counts.
 */
import { getHeapStatistics } from 'node:v8';
import { parseIp, parseVni } from '../address.ts';
import { Arena } from '../arena.ts';
import { checksumCompleter } from '../checksum-completer.ts';
import { systemClock } from '../clock.ts';
import { Forwarder } from '../forwarder.ts';
import { FrameBatch, GSO_TCPV4 } from '../frame-batch.ts';
import { VXLAN_HEADER_SIZE, writeVxlan } from '../headers/vxlan.ts';
import { LocalPort } from '../local-port.ts';
import { NativeCounters } from '../native/native-counters.ts';
import { Network } from '../network.ts';
import type { TapPort, UdpPort } from '../ports.ts';
import { VtepTable } from '../vtep-table.ts';
import { arpFrame, neighborSolicitationFrame, station, tcpFrame, udpFrame } from './frames.ts';
import { ndChecked } from './neighbor-frames.ts';

const BATCH = 64;
/** A million frames are measured in parts, each of which fits the nursery even if every frame took 100 bytes. */
const PARTS = 14;
const BATCHES_OF_PART = Math.ceil(1_000_000 / PARTS / BATCH);
/** Frames after which V8 has optimised everything. */
const WARM_UP_BATCHES = 10_000;
const TRIES = 3;
const STATIONS = 2000;
const VNI = parseVni(42);

/** Takes everything and keeps nothing. */
class SinkPort implements TapPort, UdpPort {
  readonly counters = new NativeCounters(() => undefined);
  readonly sourceSockets = 16;
  readonly sourcePorts = [];
  frames = 0;

  write(_batch: FrameBatch, _first: number, count: number): void {
    this.frames += count;
  }
  send(_batch: FrameBatch, _first: number, count: number): void {
    this.frames += count;
  }
  close(): void {
    // Nothing is open.
  }
}

const arena = new Arena();
const vteps = new VtepTable();
/** It stands still while frames are driven, as within one batch. */
const time = { ms: Float64Array.of(systemClock.now()) };
const forwarder = new Forwarder({
  arena: arena.view,
  answerArea: arena.scratchOffset,
  completeChecksum: checksumCompleter({ arena }),
  vteps,
  hashSeed: 0x7bad_5eed,
});
const own = parseIp('192.0.2.1');
const network = new Network(
  { clock: systemClock, time },
  { name: 'blue', vni: VNI, mtu: 1450, own, bumRate: 100_000_000 },
);
const peers = [2, 3, 4].map(n => vteps.intern(parseIp(`192.0.2.${n}`), 4789));
network.setVteps('static', peers);
forwarder.addNetwork(network);
/** IPv4 and IPv6 addresses whose words do not fit 31 bits. */
const CLAIMED = station(200);
network.claims.change({
  set: [
    { mac: CLAIMED.mac, vtep: parseIp('192.0.2.2'), addresses: [CLAIMED.ipv4, CLAIMED.ipv6], mobility: 0 },
  ],
  remove: [],
});
const underlay = new SinkPort();
forwarder.useUdp(underlay);
const taps = ['one', 'two'].map(id => {
  const port = new LocalPort(id);
  const sink = new SinkPort();
  port.use(sink);
  network.addPort(port);
  return { port, sink };
});
const [one, two] = taps as [(typeof taps)[0], (typeof taps)[0]];

/** The first two bytes of MAC addresses, both unicast and locally administered: stations behind either port, and behind
 * other VTEPs. */
const LOCAL = 0x0200;
const SECOND = 0x0600;
const REMOTE = 0xfe00;

/** One for all: an object that a collection takes makes V8 throw away the code that was optimised for it. */
const batch = new FrameBatch(BATCH);

/** Lays the same frame into every slot; `describe` fills in the rest of descriptor `i`. */
function lay({ frame, describe }: Kind): void {
  new Uint8Array(batch.memory).fill(0);
  for (let i = 0; i < BATCH; i++) {
    arena.bytes.set(frame, arena.slotOffset(i));
    batch.setOffset(i, arena.slotOffset(i));
    batch.setLength(i, frame.length);
    describe(batch, i);
  }
}

function fromPeer(batch: FrameBatch, i: number): void {
  batch.setEncapLength(i, VXLAN_HEADER_SIZE);
  peers[0]?.writeTo(batch, i);
}

let next = 0;

/** Writes a MAC address in numbers that need no heap, unlike a whole one. */
function writeStation(at: number, prefix: number, n: number): void {
  arena.view.setUint16(at, prefix);
  arena.view.setUint32(at + 2, n);
}

/** Gives every frame other stations: neither the table nor a cache may be spared. */
function address(batch: FrameBatch, from: number, to: number): void {
  for (let i = 0; i < BATCH; i++) {
    next = (next + 1) % STATIONS;
    const at = batch.offset(i);
    if (to !== 0) writeStation(at, to, (next * 7) % STATIONS);
    writeStation(at + 6, from, next);
  }
}

interface Kind {
  readonly frame: Uint8Array;
  readonly describe: (batch: FrameBatch, i: number) => void;
  readonly pass: (batch: FrameBatch) => void;
}

const nothing = (): void => undefined;

const KINDS: Kind[] = [
  {
    // From other VTEPs; IPv6, for its own way through the headers.
    frame: udpFrame({ family: 6 }),
    describe: fromPeer,
    pass(batch) {
      for (let i = 0; i < BATCH; i++) writeVxlan(arena.view, batch.offset(i) - VXLAN_HEADER_SIZE, VNI);
      address(batch, REMOTE, LOCAL);
      forwarder.onDatagrams(batch, BATCH);
    },
  },
  {
    // Bulk to other VTEPs, as super-frames.
    frame: tcpFrame({ payload: new Uint8Array(1400) }),
    describe(batch, i) {
      batch.setLength(i, 60_000);
      batch.setGsoType(i, GSO_TCPV4);
      batch.setGsoSize(i, 1400);
      batch.setHeaderLength(i, 54);
    },
    pass(batch) {
      address(batch, LOCAL, REMOTE);
      forwarder.onTapFrames(network, one.port, batch, BATCH);
    },
  },
  {
    // Small frames between two local ports.
    frame: udpFrame({}),
    describe: nothing,
    pass(batch) {
      address(batch, SECOND, LOCAL);
      forwarder.onTapFrames(network, two.port, batch, BATCH);
    },
  },
  {
    // Flooded, to the other port and all VTEPs.
    frame: arpFrame(1),
    describe: nothing,
    pass(batch) {
      address(batch, LOCAL, 0);
      forwarder.onTapFrames(network, one.port, batch, BATCH);
    },
  },
  {
    // From nobody we know.
    frame: udpFrame({}),
    describe(batch, i) {
      fromPeer(batch, i);
      batch.setAddressWord(i, 0, 0xffff_fff0);
    },
    pass(batch) {
      forwarder.onDatagrams(batch, BATCH);
    },
  },
];

/** Asks for an address that is claimed, from a station of its own each: the answer goes to the port. */
function ask(batch: FrameBatch, sender: number): void {
  for (let i = 0; i < BATCH; i++) {
    next = (next + 1) % STATIONS;
    const at = batch.offset(i);
    writeStation(at + 6, LOCAL, next);
    writeStation(at + sender, LOCAL, next);
  }
  forwarder.onTapFrames(network, one.port, batch, BATCH);
}

KINDS.push(
  {
    frame: arpFrame(1, { to: CLAIMED }),
    describe: nothing,
    pass: batch => ask(batch, 14 + 8),
  },
  {
    // Of an option of another type nobody reads an address, so that the checksum can stay.
    frame: withNonce(neighborSolicitationFrame({ to: CLAIMED })),
    describe: nothing,
    pass(batch) {
      for (let i = 0; i < BATCH; i++) {
        next = (next + 1) % STATIONS;
        writeStation(batch.offset(i) + 6, LOCAL, next);
      }
      forwarder.onTapFrames(network, one.port, batch, BATCH);
    },
  },
);

function withNonce(frame: Uint8Array<ArrayBuffer>): Uint8Array {
  frame[14 + 40 + 24] = 14;
  return ndChecked(frame);
}

/** Returns the bytes of heap that one part of a kind has taken. */
function measure(kind: Kind, batches: number): number {
  lay(kind);
  globalThis.gc?.();
  const before = getHeapStatistics().used_heap_size;
  for (let n = 0; n < batches; n++) kind.pass(batch);
  return getHeapStatistics().used_heap_size - before;
}

/** Returns the least that a part took, over again only while it took something. */
function leastOf(kind: Kind): number {
  let least = Number.POSITIVE_INFINITY;
  for (let n = 0; n < TRIES && least > 0; n++) least = Math.min(least, measure(kind, BATCHES_OF_PART));
  return least;
}

let frames = 0;
let bytes = 0;
// Twice, for what V8 has optimised for one kind it may have to do again for the next.
for (const kind of [...KINDS, ...KINDS]) {
  measure(kind, WARM_UP_BATCHES);
}
for (let part = 0; part < PARTS; part++) {
  const kind = KINDS[part % KINDS.length] as Kind;
  const grown = leastOf(kind);
  process.stderr.write(`part ${part}: ${grown} bytes\n`);
  bytes += grown;
  frames += BATCHES_OF_PART * BATCH;
}
const delivered = underlay.frames + one.sink.frames + two.sink.frames;
process.stdout.write(
  `${JSON.stringify({ frames, bytes, delivered, ...network.answered.snapshot(), drops: network.drops.snapshot() })}\n`,
);
