/**
 * Mutated frames and hints, made from what a pool has said (testing/record-cluster.ts), on links of members and strangers to a node
 * that lives: nothing throws, nothing that they can make it hold grows without bound, and afterwards it agrees with its peers.
 * WEFT_SEED runs a failure again.
 */
import { randomInt } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { parseIp, type Vni } from '../../dataplane/address.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import type { Endpoint } from '../endpoint.ts';
import { gossipKey } from '../gossip-key.ts';
import { Keyring } from '../keyring.ts';
import { type Random, randomInteger, seededRandom } from '../random.ts';
import { mutate } from '../testing/mutate.ts';
import { RecordCluster, type RecordNode, stationOf } from '../testing/record-cluster.ts';
import { POOL_SCOPE } from './board.ts';
import { decodeFrame, encodeFrame, type Frame } from './frame.ts';
import { keyringSealer } from './keyring-sealer.ts';
import {
  FRAME_MAX_BYTES,
  MAX_LINKS,
  MAX_LINKS_PER_ADDRESS,
  MAX_UNPROVEN_LINKS,
  PEER_MAX_CONTROL_FRAMES,
  SCOPE_MAX_ORIGINS,
} from './limits.ts';
import type { Link } from './link.ts';
import type { RecordLog } from './record-log.ts';
import { type LinkSealer, TcpLinks, UNSEALED } from './tcp-links.ts';

const { WEFT_SEED = randomInt(2 ** 31) } = process.env;
const SEED = Number(WEFT_SEED);
const FRAMES = 200_000;
const HINTS = 50_000;
const LINKS = 24;
const STREAMS = 100_000;

/** Frames between two looks at the clock: as many as come in 10 ms. */
const FRAMES_PER_STEP = 100;

/** What the node and its peers may hold beyond what they held, in bytes: origins that were made up, and the records said of them. */
const MEMORY = 64 * 1024 * 1024;

/** Origins that are made up, and VNIs. */
const NAMES = 100;
const VNIS = 2 ** 24;

const BLUE = 42 as Vni;
const RED = 43 as Vni;

/** Each kind of frame is kept so often. */
const CAPTURES_PER_TYPE = 300;

interface Captures {
  readonly frames: readonly Uint8Array[];
  readonly hints: readonly Uint8Array[];
}

/** What a pool says that comes together, changes, loses nodes and gets them back. Hints are sent where more than 64 carry a network. */
function capture(seed: number): Captures {
  const cluster = new RecordCluster({ seed, vnis: [BLUE, RED], forgetsEvents: true });
  const byType = new Map<number, Uint8Array[]>();
  const hints: Uint8Array[] = [];
  cluster.links.onFrame = frame => {
    const type = frame[0] ?? 0;
    const known = byType.get(type) ?? [];
    byType.set(type, known);
    if (known.length < CAPTURES_PER_TYPE) known.push(frame);
    else known[randomInteger(cluster.pool.random, 20 * CAPTURES_PER_TYPE)] &&= frame;
  };
  cluster.pool.network.onDatagram = (_from, _to, bytes) => {
    if (bytes[0] === 0xf0 && hints.length < CAPTURES_PER_TYPE) hints.push(bytes.subarray(1));
  };
  cluster.addNodes(66);
  for (const node of cluster.nodes) node.start().join(BLUE);
  const [first, second, third] = cluster.nodes;
  for (const node of cluster.nodes.slice(0, 20)) node.join(RED);
  cluster.run(6000);
  for (const [index, node] of cluster.nodes.slice(0, 12).entries()) {
    const { mac, ip } = stationOf(index);
    node.attach(index % 2 === 0 ? BLUE : RED, mac, [ip]);
    node.post(`key ${index}`, Uint8Array.of(index));
    cluster.run(300);
  }
  first?.detach(BLUE, stationOf(0).mac);
  second?.leaveNetwork(RED);
  third?.crash();
  cluster.run(2000);
  third?.start({ forgetful: true });
  cluster.run(6000);
  return { frames: [...byType.values()].flat(), hints };
}

const CAPTURES = capture(SEED);

/** The same frame about another network, about more than it was, or about somebody else. Not what is malformed: see `mutate`. */
function reword(random: Random, frame: Frame): Frame {
  const vni = (): Vni => {
    const known = [BLUE, RED, POOL_SCOPE][randomInteger(random, 6)];
    return known ?? ((1 + randomInteger(random, VNIS - 1)) as Vni);
  };
  const name = (): string => `made-up-${randomInteger(random, NAMES)}`;
  const grown = <T>(items: readonly T[], most: number, make: (item: T) => T): readonly T[] => {
    const length = 1 + randomInteger(random, randomInteger(random, 40) === 0 ? most : 8);
    return items.length === 0 ? [] : Array.from({ length }, (_, at) => make(items[at % items.length] as T));
  };
  switch (frame.type) {
    case 'hello':
      return frame;
    case 'probe':
      return { ...frame, scopes: grown(frame.scopes, 4096, scope => ({ ...scope, vni: vni() })) };
    case 'digest':
    case 'want':
      return {
        ...frame,
        vni: vni(),
        entries: grown(frame.entries, 400, entry => ({ ...entry, origin: name() })),
      };
    case 'delta':
      return { ...frame, vni: vni(), origin: name() };
    default:
      return { ...frame, vni: vni() };
  }
}

/** One that does not parse ends the link, with what was sent behind it: most are to be understood. */
function damaged(random: Random, seeds: readonly Uint8Array[]): Uint8Array {
  const bytes = seeds[randomInteger(random, seeds.length)] ?? new Uint8Array(0);
  const frame = decodeFrame(bytes);
  const kind = randomInteger(random, 4);
  // As it was, but at another time, in another order, and again.
  if (kind === 0 || frame === undefined) return bytes;
  if (kind === 1) return encodeFrame(reword(random, frame));
  for (let tries = 0; tries < 20; tries++) {
    const mutated = mutate(random, seeds);
    if (mutated.length > 0 && (decoded(mutated) !== undefined || randomInteger(random, 100) === 0))
      return mutated;
  }
  return bytes;
}

/** A host that opens links to a node, again and again, and throws frames at it. */
class Thrower {
  sent = 0;
  private readonly cluster: RecordCluster;
  private readonly target: RecordNode;
  private readonly options: { readonly name: string; readonly address: string; readonly port: number };
  private readonly open: ReturnType<RecordCluster['links']['attach']>['open'];
  private readonly self: { readonly endpoint: Endpoint };
  private link: Link | undefined;

  constructor(cluster: RecordCluster, target: RecordNode, options: Thrower['options']) {
    this.cluster = cluster;
    this.target = target;
    this.options = options;
    this.self = { endpoint: { address: parseIp(options.address), port: options.port } };
    const accept = () => ({ onFrame: () => {}, onWritable: () => {}, onClose: () => {} });
    this.open = cluster.links.attach(this.self, { accept, gate: callback => callback() }).open;
  }

  throw(frame: Uint8Array): void {
    this.sent += 1;
    this.link ??= this.connect();
    this.link.send(frame);
  }

  stop(): void {
    this.cluster.links.detach(this.self);
  }

  private connect(): Link {
    const { options, target } = this;
    const to = { name: target.name, endpoint: target.member.endpoint, epoch: 0, vnis: new Set() };
    const link = this.open(to as unknown as Parameters<typeof this.open>[0], {
      onFrame: () => {},
      onWritable: () => {},
      onClose: () => {
        if (this.link === link) this.link = undefined;
      },
    });
    link.send(encodeFrame({ type: 'hello', version: 1, name: options.name }));
    return link;
  }
}

/** What a peer could make grow. */
interface Inside {
  readonly links: {
    readonly sessions: Map<string, { readonly declined: { readonly set?: Set<Vni> } }>;
    readonly open: Set<Link>;
  };
  readonly spreader: { readonly heard: Map<Vni, Set<string>> };
  readonly inquiries: { readonly open: Map<string, unknown> };
  readonly own: { readonly ownLogs: Map<Vni, unknown> };
  readonly store: Record<'blocked' | 'erased' | 'usage', Map<string, unknown>>;
  readonly presence: Record<'hidden' | 'doubts', Map<string, unknown>>;
  readonly completeness: { readonly complete: Map<Vni, unknown> };
}

function largest(sets: Iterable<ReadonlySet<unknown> | undefined>): number {
  let most = 0;
  for (const set of sets) most = Math.max(most, set?.size ?? 0);
  return most;
}

/** What has come beyond its bound. */
function excesses(log: RecordLog, nodes: number): string[] {
  const inside = log as unknown as Inside;
  const scopes = 3;
  const origins = scopes * SCOPE_MAX_ORIGINS;
  const sessions = [...inside.links.sessions.values()];
  const bounds: readonly (readonly [string, number, number])[] = [
    ['links', inside.links.open.size, MAX_LINKS],
    ['sessions', sessions.length, inside.links.open.size],
    ['backlog', log.report().backlog, sessions.length * (PEER_MAX_CONTROL_FRAMES + scopes * (origins + 1))],
    ['networks that peers decline', largest(sessions.map(({ declined }) => declined.set)), scopes],
    ['networks heard of', inside.spreader.heard.size, scopes],
    ['peers heard', largest(inside.spreader.heard.values()), nodes],
    ['inquiries', inside.inquiries.open.size, SCOPE_MAX_ORIGINS],
    ['own logs', inside.own.ownLogs.size, scopes],
    ['origins blocked', inside.store.blocked.size, SCOPE_MAX_ORIGINS],
    ['origins erased', inside.store.erased.size, origins],
    ['origins held', inside.store.usage.size, origins],
    ['origins hidden', inside.presence.hidden.size, origins],
    ['doubts', inside.presence.doubts.size, scopes * origins],
    ['networks judged', inside.completeness.complete.size, scopes],
  ];
  return bounds.filter(([, size, most]) => size > most).map(bound => bound.join(' '));
}

function collectedHeap(): number {
  setFlagsFromString('--expose_gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}

function decoded(bytes: Uint8Array): Frame | undefined {
  try {
    return decodeFrame(bytes);
  } catch (error) {
    if (!(error instanceof WeftError)) throw error;
    return undefined;
  }
}

test(`fuzz: ${FRAMES} frames and ${HINTS} hints to a record log; seed ${SEED}`, t => {
  t.timeout(120_000);
  const random = seededRandom(SEED);
  const seeds = CAPTURES;
  t.is(new Set(seeds.frames.map(([type]) => type)).size, 7, 'each kind was captured');
  t.true(seeds.hints.length > 100, `${seeds.hints.length} hints`);
  const cluster = new RecordCluster({ seed: SEED, vnis: [BLUE, RED], forgetsEvents: true });
  cluster.addNodes(4);
  for (const [index, node] of cluster.nodes.entries()) {
    const { mac, ip } = stationOf(index);
    node.start().attach(index % 2 === 0 ? BLUE : RED, mac, [ip]);
    node.join(BLUE);
  }
  t.not(
    cluster.runUntil(() => cluster.disagreements().length === 0, 30_000),
    undefined,
  );
  const [target] = cluster.nodes;
  if (target === undefined) return t.fail();
  const throwers = Array.from({ length: LINKS }, (_, index) => {
    const port = 10 + index;
    // Members, who come from where they are; two who say that they are members; strangers.
    if (index < LINKS / 2) {
      const member = 2 + (index % 2);
      return new Thrower(cluster, target, { name: `n${member}`, address: `10.0.0.${member}`, port });
    }
    const name = index % 8 === 0 ? 'n4' : `stranger-${index}`;
    return new Thrower(cluster, target, { name, address: '10.0.9.9', port });
  });
  const before = collectedHeap();
  const found = new Set<string>();
  let valid = 0;
  for (let round = 0; round < FRAMES; round++) {
    const thrower = throwers[randomInteger(random, throwers.length)] ?? throwers[0];
    const bytes = damaged(random, seeds.frames);
    if (decoded(bytes) !== undefined) valid += 1;
    if (bytes.length > 0) thrower?.throw(bytes);
    if (round % 4 === 0) target.log?.receiveHint('n2', mutate(random, seeds.hints));
    if (round % FRAMES_PER_STEP === 0) cluster.run(10);
    if (round % 1000 === 0 && target.log !== undefined)
      for (const excess of excesses(target.log, 4)) found.add(excess);
  }
  t.deepEqual([...found], []);
  const grown = collectedHeap() - before;
  t.true(grown < MEMORY, `${grown} bytes`);
  const received = target.log?.report().framesReceived ?? 0;
  t.true(received > FRAMES * 0.9, `${received} of ${FRAMES} frames received`);
  t.true(valid > FRAMES * 0.9, `${valid} of ${FRAMES} frames could be read`);
  for (const thrower of throwers) thrower.stop();
  // What was believed of members is taken back, and news goes both ways.
  const { mac, ip } = stationOf(100);
  target.attach(BLUE, mac, [ip]);
  cluster.nodes[1]?.detach(RED, stationOf(1).mac);
  t.not(
    cluster.runUntil(() => cluster.disagreements().length === 0, 120_000),
    undefined,
    cluster.disagreements().slice(0, 6).join('; '),
  );
});

/** The end of a connection that somebody has opened to us, without a kernel below. */
class FakeSocket extends EventEmitter {
  readonly remoteAddress: string;
  readonly writableLength = 0;
  writable = true;
  destroyed = false;

  constructor(remoteAddress: string) {
    super();
    this.remoteAddress = remoteAddress;
  }

  write(): boolean {
    return true;
  }

  cork(): void {}

  uncork(): void {}

  end(): void {
    this.writable = false;
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.writable = false;
    this.emit('close');
  }
}

interface Connections {
  readonly links: { readonly size: number; [Symbol.iterator](): Iterator<{ readonly pending: Uint8Array }> };
  readonly accepted: Map<string, number>;
}

for (const [kind, sealer] of [
  ['plain', UNSEALED],
  ['sealed', keyringSealer(new Keyring([gossipKey(new Uint8Array(16).fill(7))]))],
] as const satisfies readonly (readonly [string, LinkSealer])[]) {
  test(`fuzz: ${STREAMS} ${kind} streams to TCP links; seed ${SEED}`, t => {
    t.timeout(120_000);
    const random = seededRandom(SEED + 1);
    const { frames } = CAPTURES;
    const streams = Array.from({ length: 200 }, () => {
      const parts: Uint8Array[] = [Buffer.from('776c6f6701', 'hex')];
      for (let count = 1 + randomInteger(random, 4); count > 0; count--) {
        const sealed = sealer.seal(frames[randomInteger(random, frames.length)] ?? new Uint8Array(1));
        const length = Buffer.alloc(4);
        length.writeUInt32BE(sealed.length);
        parts.push(length, sealed);
      }
      return Buffer.concat(parts);
    });
    const clock = new ManualClock();
    const links = new TcpLinks({ clock, sealer }, { from: parseIp('192.0.2.1'), connectTimeout: 5000 });
    const inside = links as unknown as Connections;
    let open: FakeSocket[] = [];
    let taken = 0;
    let received = 0;
    let most = 0;
    for (let round = 0; round < STREAMS; round++) {
      const bytes = mutate(random, streams);
      const at = 1 + randomInteger(random, bytes.length + 1);
      const socket = new FakeSocket(`192.0.2.${randomInteger(random, 32)}`);
      open.push(socket);
      links.take(socket as unknown as Socket, bytes.subarray(0, at), link => {
        taken += 1;
        return {
          onFrame: frame => {
            received += 1;
            t.true(frame.length >= 1 && frame.length <= FRAME_MAX_BYTES);
            if (received % 50 === 0) link.close();
          },
          onWritable: () => {},
          onClose: () => {},
        };
      });
      if (!socket.destroyed) socket.emit('data', bytes.subarray(at));
      // More than a frame, at once: what comes next in it is a length, or the rest of one frame and a length.
      if (randomInteger(random, 100) === 0 && !socket.destroyed) socket.emit('data', Buffer.alloc(80_000, 1));
      // Half of them go; those that stay have proved something, or are cut off in time.
      if (randomInteger(random, 2) === 0) socket.destroy();
      clock.advance(1);
      if (round % 20 === 0) for (const { pending } of inside.links) most = Math.max(most, pending.length);
      if (round % 200 !== 0) continue;
      t.true(inside.accepted.size <= 32 && inside.links.size <= 32 * MAX_LINKS_PER_ADDRESS);
      open = open.filter(({ destroyed }) => !destroyed);
      while (open.length > MAX_UNPROVEN_LINKS) open.shift()?.destroy();
    }
    t.true(most < FRAME_MAX_BYTES + 68, `${most} bytes of one link`);
    t.true(taken > STREAMS / 20 && received > STREAMS / 50, `${taken} taken, ${received} frames`);
    for (const socket of open) socket.destroy();
    t.is(inside.links.size, 0);
    t.is(inside.accepted.size, 0);
    const { wakeUps } = clock;
    clock.advance(10_000);
    t.is(clock.wakeUps, wakeUps, 'a timer of a link that is over');
  });
}
