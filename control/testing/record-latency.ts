/**
 * How long it takes until a container is known everywhere, and what that costs on the wire: a measurement, no test. Time is
 * virtual, so it shows the protocol and the network, not the cost of computing (moby's caveat of their own simulator).
 *
 * All nodes carry one network. Ten of them have containers; the others listen, so that memory grows with the number of nodes and
 * not with its square. Membership is given; membership-figures.ts measures it.
 */
import { ipFromBytes, type Vni } from '../../dataplane/address.ts';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import type { Endpoint } from '../endpoint.ts';
import { type Random, randomInteger, seededRandom } from '../random.ts';
import { NO_EPOCH } from '../records/epoch.ts';
import { PeerTable, type RecordPeer } from '../records/peers.ts';
import { RecordLog } from '../records/record-log.ts';
import { SimulatedLinks } from './links.ts';
import { SimulatedNetwork } from './network.ts';
import { type Quantiles, quantilesOf } from './quantiles.ts';
import { stationOf } from './record-cluster.ts';

export interface SpreadOptions {
  readonly size: number;
  readonly seed?: number;
  /** Probability that a datagram or segment is lost. */
  readonly loss?: number;
  /** One-way delay in milliseconds, least and most. */
  readonly delay?: readonly [number, number];
  /** Claims whose spread is timed. */
  readonly claims?: number;
  /** Attachments and detachments a second, in the whole pool. */
  readonly churn?: number;
}

export interface SpreadFigures {
  readonly size: number;
  readonly loss: number;
  /** From `attach` to the event at each other node, in milliseconds. */
  readonly claimToUsable: Quantiles;
  /** Pairs of claim and node that had not heard within 30 s. */
  readonly missing: number;
  /** What a node sends of the record log, in bytes a second: frames with their lengths, and hints with their headers. */
  readonly idleBytes: number;
  readonly churnBytes: number;
  /** Streams that a node opens in a second when idle, each 0.3 kB of TCP headers at its beginning and end. */
  readonly idleStreams: number;
}

const VNI = 42 as Vni;
const WRITERS = 10;
const PORT = 7946;
const WINDOW = 10_000;
const CHURN_WINDOW = 3000;
const DEADLINE = 30_000;

/** One row for each size. */
export function measureSpread(options: readonly SpreadOptions[]): SpreadFigures[] {
  return options.map(option => new SpreadRun(option).figures());
}

class SpreadRun {
  private readonly options: Required<SpreadOptions>;
  private readonly clock = new ManualClock();
  private readonly random: Random;
  private readonly network: SimulatedNetwork;
  private readonly links: SimulatedLinks;
  private readonly peers = new PeerTable();
  private readonly logs: RecordLog[] = [];
  private readonly latencies: number[] = [];
  private hintBytes = 0;
  private attachedAt = Number.POSITIVE_INFINITY;
  private isTimed = false;
  private stations = 0;

  constructor(options: SpreadOptions) {
    this.options = {
      seed: 1,
      loss: 0,
      delay: [0.2, 1],
      claims: 5,
      churn: 20,
      ...options,
    };
    const { seed, loss, delay, size } = this.options;
    this.random = seededRandom(seed);
    const modules = { clock: this.clock, random: this.random };
    this.network = new SimulatedNetwork(modules, { loss, duplicate: 0, delay });
    this.links = new SimulatedLinks({ clock: this.clock, network: this.network });
    const vnis = new Set([VNI]);
    const peers = Array.from({ length: size }, (_, index): RecordPeer => {
      return { name: `n${index}`, endpoint: endpointOf(index), epoch: NO_EPOCH, vnis };
    });
    for (const peer of peers) this.peers.add(peer);
    for (const [index, peer] of peers.entries()) this.addNode(peer, index < WRITERS);
  }

  figures(): SpreadFigures {
    const { size, loss, claims, churn } = this.options;
    this.clock.advance(5000);
    const idleStart = { bytes: this.bytes(), opened: this.links.opened };
    this.clock.advance(WINDOW);
    const perNodeSecond = (size * WINDOW) / 1000;
    const idleBytes = (this.bytes() - idleStart.bytes) / perNodeSecond;
    const idleStreams = (this.links.opened - idleStart.opened) / perNodeSecond;
    for (let claim = 0; claim < claims; claim++) this.timeClaim();
    const churnStart = this.bytes();
    this.churn(churn);
    const churnBytes = (this.bytes() - churnStart) / ((size * CHURN_WINDOW) / 1000);
    return {
      size,
      loss,
      claimToUsable: quantilesOf(this.latencies),
      missing: claims * (size - 1) - this.latencies.length,
      idleBytes,
      churnBytes,
      idleStreams,
    };
  }

  private addNode(peer: RecordPeer, isWriter: boolean): void {
    const host = {
      accept: (...args: Parameters<RecordLog['accept']>) => log.accept(...args),
      gate: (callback: () => void) => callback(),
    };
    this.network.attach(peer.endpoint, {
      receivePacket: ({ address }, bytes) => log.receiveHint(nameOf(address), bytes),
      answerStream: () => undefined,
    });
    const log = new RecordLog(
      {
        clock: this.clock,
        random: this.random,
        peers: this.peers,
        epochs: { load: () => 0, save: () => {} },
        links: this.links.attach(peer, host),
        decode: this.network.shared.frame,
        hints: {
          sendHint: (to, bytes) => {
            this.hintBytes += bytes.length + 28;
            this.network.carry(peer.endpoint, to.endpoint, bytes);
          },
        },
      },
      {
        name: peer.name,
        onEvent: event => {
          if (
            this.isTimed &&
            event.type === 'claimWon' &&
            'mac' in event.subject &&
            event.claim.origin !== peer.name
          ) {
            this.latencies.push(this.clock.now() - this.attachedAt);
          }
        },
      },
    );
    this.logs.push(log);
    if (isWriter) log.join(VNI, { address: peer.endpoint.address, port: 4789 });
    else log.join(VNI);
    log.start();
  }

  /** One claim after the other, each until all have heard. */
  private timeClaim(): void {
    const before = this.latencies.length;
    // Not in step with anti-entropy, whose rounds are where the nodes were started.
    this.clock.advance(this.random.next() * 1000);
    this.isTimed = true;
    this.attachedAt = this.clock.now();
    this.attach();
    const all = before + this.options.size - 1;
    for (let waited = 0; waited < DEADLINE && this.latencies.length < all; waited += 50)
      this.clock.advance(50);
    this.isTimed = false;
  }

  private churn(rate: number): void {
    if (rate === 0) return;
    const attached: { readonly log: RecordLog; readonly station: number }[] = [];
    for (let passed = 0; passed < CHURN_WINDOW; passed += 1000 / rate) {
      const [oldest] = attached;
      if (oldest !== undefined && attached.length > 10) {
        oldest.log.detach(VNI, stationOf(oldest.station).mac);
        attached.shift();
      } else attached.push({ log: this.attach(), station: this.stations });
      this.clock.advance(1000 / rate);
    }
  }

  private attach(): RecordLog {
    const log = this.logs[randomInteger(this.random, Math.min(WRITERS, this.logs.length))] as RecordLog;
    this.stations += 1;
    const { mac, ip } = stationOf(this.stations);
    log.attach(VNI, { mac, ips: [ip], interface: 'eth0', containerId: `container-${this.stations}` });
    return log;
  }

  private bytes(): number {
    return this.links.bytes + this.hintBytes;
  }
}

function endpointOf(index: number): Endpoint {
  return { address: ipFromBytes(Uint8Array.of(10, 0, index >> 8, index & 0xff)), port: PORT };
}

function nameOf(address: string): string {
  const [, , high, low] = address.split('.').map(Number);
  return `n${(high ?? 0) * 256 + (low ?? 0)}`;
}
