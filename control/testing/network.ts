/**
 * A network in memory for the simulator: datagrams are lost, delayed, doubled and overtake one another, streams are
 * slow under loss and hang across a partition, hosts disappear. All of it is drawn from one seed.
 */
import type { IpAddress } from '../../dataplane/address.ts';
import type { Clock } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { type Endpoint, endpointKey } from '../endpoint.ts';
import type { GossipPort, StreamOutcome } from '../port.ts';
import type { Random } from '../random.ts';
import { type StreamMessage, StreamReader } from '../stream.ts';
import { PLAIN_STREAM } from '../stream-seal.ts';
import type { Wire } from '../wire.ts';
import { SharedDecoding } from './shared-decoding.ts';

export interface NetworkConditions {
  /** Probability that a datagram is lost, for each direction. */
  readonly loss: number;
  /** A firewall that passes TCP only. */
  readonly dropAllDatagrams?: boolean;
  /** Probability that a datagram arrives twice. */
  readonly duplicate: number;
  /** One-way delay in milliseconds, uniform between the two: datagrams overtake one another. */
  readonly delay: readonly [number, number];
}

export interface SimulatedHost {
  receivePacket(from: Endpoint, bytes: Uint8Array): void;
  answerStream(from: IpAddress, message: StreamMessage): Uint8Array | undefined;
  /** Seals what it sends and opens what it gets. Without one bytes travel as they are. */
  readonly wire?: Wire | undefined;
}

/** A connection attempt into nothing ends after this, in milliseconds, as with the LAN profile. */
const STREAM_TIMEOUT = 10_000;

/** What TCP waits before it sends a lost segment again, in milliseconds (RFC 6298: at least 1 s at first; Linux 200 ms). */
const RETRANSMISSION = 200;

export class SimulatedNetwork {
  conditions: NetworkConditions;
  datagrams = 0;
  /** Called for each datagram that is sent. */
  onDatagram: (from: Endpoint, to: Endpoint, bytes: Uint8Array) => void = () => undefined;
  /** Sent, with 28 bytes of IP and UDP headers each. */
  datagramBytes = 0;
  /** What both ends of streams said to each other, without the headers of TCP. */
  streamBytes = 0;
  readonly shared = new SharedDecoding();
  private readonly clock: Clock;
  private readonly random: Random;
  private readonly hosts = new Map<string, SimulatedHost>();
  private readonly names = new Map<string, readonly IpAddress[]>();
  private isCut: (from: IpAddress, to: IpAddress) => boolean = () => false;

  constructor(modules: { readonly clock: Clock; readonly random: Random }, conditions: NetworkConditions) {
    this.clock = modules.clock;
    this.random = modules.random;
    this.conditions = conditions;
  }

  /** Cuts every path, in the given direction only, for which the predicate holds. */
  cut(isCut: (from: IpAddress, to: IpAddress) => boolean): void {
    this.isCut = isCut;
  }

  /** Cuts all paths, both ways, between these hosts and the others. */
  partition(island: ReadonlySet<IpAddress>): void {
    this.cut((from, to) => island.has(from) !== island.has(to));
  }

  heal(): void {
    this.cut(() => false);
  }

  /** What DNS says. */
  setName(name: string, addresses: readonly IpAddress[]): void {
    this.names.set(name, addresses);
  }

  attach(endpoint: Endpoint, host: SimulatedHost): void {
    this.hosts.set(endpointKey(endpoint), host);
  }

  /** Address translation: who reaches for `outside` gets whoever is `inside`. */
  forward(outside: Endpoint, inside: Endpoint): void {
    this.attach(outside, {
      receivePacket: (from, bytes) => this.hosts.get(endpointKey(inside))?.receivePacket(from, bytes),
      answerStream: (from, message) => this.hosts.get(endpointKey(inside))?.answerStream(from, message),
    });
  }

  detach(endpoint: Endpoint): void {
    this.hosts.delete(endpointKey(endpoint));
  }

  /** The port of the host at an endpoint; of no effect once another host, or none, is there. */
  portOf(endpoint: Endpoint, host: SimulatedHost): GossipPort {
    const isThere = (): boolean => this.hosts.get(endpointKey(endpoint)) === host;
    return {
      sendPacket: (to, bytes, options) => {
        if (isThere()) this.carry(endpoint, to, host.wire?.wrapPacket(bytes, options) ?? bytes);
      },
      exchange: (to, request, done) => {
        this.exchange(endpoint, host.wire, to, request, outcome => {
          if (isThere()) done(outcome);
        });
      },
      resolve: (name, done) => {
        this.clock.after(this.delay(), () => {
          if (isThere()) done(this.names.get(name) ?? []);
        });
      },
    };
  }

  /** A datagram as if from somebody: a source address is easily forged. It is not lost and not late. */
  inject(from: Endpoint, to: Endpoint, bytes: Uint8Array): void {
    this.deliver(from, to, bytes);
  }

  /** A datagram from anywhere to anywhere. */
  carry(from: Endpoint, to: Endpoint, bytes: Uint8Array): void {
    this.onDatagram(from, to, bytes);
    const { loss, duplicate, dropAllDatagrams } = this.conditions;
    this.datagramBytes += bytes.length + 28;
    if (dropAllDatagrams) return;
    const copies = this.random.next() < duplicate ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      if (this.random.next() < loss) continue;
      this.clock.after(this.delay(), () => {
        if (this.isCut(from.address, to.address)) return;
        this.deliver(from, to, bytes);
      });
    }
  }

  private deliver(from: Endpoint, to: Endpoint, bytes: Uint8Array): void {
    this.datagrams += 1;
    const host = this.hosts.get(endpointKey(to));
    const opened = host?.wire === undefined ? bytes : host.wire.unwrapPacket(bytes);
    if (typeof opened !== 'string') host?.receivePacket(from, opened);
  }

  private exchange(
    from: Endpoint,
    wire: Wire | undefined,
    to: Endpoint,
    request: Uint8Array,
    done: (outcome: StreamOutcome) => void,
  ): void {
    const isBroken = (): boolean => this.isBroken(from.address, to.address);
    const hang = (): void => {
      this.clock.after(STREAM_TIMEOUT, () => done({ ok: false, error: 'no answer in time' }));
    };
    this.clock.after(this.streamDelay(), () => {
      if (isBroken()) return hang();
      const host = this.hosts.get(endpointKey(to));
      const asked = host && this.read(wire?.wrapStream(request) ?? request, host.wire);
      const answer = asked && host.answerStream(from.address, asked);
      this.streamBytes += request.length + (answer?.length ?? 0);
      this.clock.after(this.streamDelay(), () => {
        if (isBroken()) return hang();
        const message = answer && this.read(host?.wire?.wrapStream(answer) ?? answer, wire);
        done(message === undefined ? { ok: false, error: 'connection refused' } : { ok: true, message });
      });
    });
  }

  /** Whether no stream gets through: one way is not enough for TCP. */
  isBroken(a: IpAddress, b: IpAddress): boolean {
    return this.isCut(a, b) || this.isCut(b, a);
  }

  /** One way, in milliseconds. */
  delay(): number {
    const [least, most] = this.conditions.delay;
    return least + this.random.next() * (most - least);
  }

  /** Half an exchange, with its share of the handshake. */
  private streamDelay(): number {
    return 2 * this.delay() + this.retransmissions();
  }

  /** What loss costs a stream, in milliseconds: each loss a retransmission, each later one twice that. */
  retransmissions(): number {
    let delay = 0;
    for (let wait = RETRANSMISSION; this.random.next() < this.conditions.loss; wait *= 2) delay += wait;
    return delay;
  }

  /** In two pieces, as TCP may deliver it. */
  private read(bytes: Uint8Array, wire: Wire | undefined): StreamMessage | undefined {
    const reader = new StreamReader(this.shared);
    const opener = wire?.streamOpener() ?? PLAIN_STREAM.opener();
    const middle = bytes.length >> 1;
    try {
      for (const half of [bytes.subarray(0, middle), bytes.subarray(middle)]) {
        for (const plain of opener.push(half)) {
          const message = reader.push(plain);
          if (message !== undefined) return message;
        }
      }
      return undefined;
    } catch (error) {
      // The server closes such a stream, and counts it.
      if (error instanceof WeftError) return undefined;
      throw error;
    }
  }
}
