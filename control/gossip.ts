/** Membership for the daemon: the SWIM core on real sockets. */
import type { IpAddress } from '../dataplane/address.ts';
import type { Clock } from '../dataplane/clock.ts';
import { DEFAULT_GOSSIP_PORT, type GossipProfile, LAN_PROFILE } from './constants.ts';
import { type CounterReport, Counters } from './counters.ts';
import { type JoinTarget, parseJoinTarget } from './endpoint.ts';
import type { GossipEvent, GossipMember } from './events.ts';
import type { Keyring } from './keyring.ts';
import type { Log } from './log.ts';
import type { Random } from './random.ts';
import { checkIdentity, Swim } from './swim.ts';
import { encodeTags, type Tags } from './tags.ts';
import { SocketTransport } from './transport.ts';
import { Wire } from './wire.ts';

export interface GossipModules {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface GossipOptions {
  /** Unique in the pool; 1 to 128 bytes. */
  readonly name: string;
  /** The underlay address to bind, and where peers reach us. */
  readonly address: IpAddress;
  /** UDP and TCP; 0 takes any free one. */
  readonly port: number;
  /** `ADDRESS`, `ADDRESS:PORT`, `[IPV6]:PORT`, `NAME` or `NAME:PORT`; the default port is our own. */
  readonly join: readonly string[];
  /** At most 512 bytes encoded. */
  readonly tags: Tags;
  readonly profile?: Partial<GossipProfile>;
  /** Everything is encrypted with it; without one, nothing is. */
  readonly keyring?: Keyring | undefined;
}

export class Gossip {
  private readonly modules: GossipModules;
  private readonly options: GossipOptions;
  private readonly profile: GossipProfile;
  private readonly join: readonly JoinTarget[];
  private readonly listeners = new Set<(event: GossipEvent) => void>();
  private readonly counts = new Counters();
  private readonly transport: SocketTransport;
  private meta: Uint8Array;
  private swim: Swim | undefined;

  /** Throws `invalid_argument` for a name, join address or tags that cannot be used; opens nothing yet. */
  constructor(modules: GossipModules, options: GossipOptions) {
    this.modules = modules;
    this.options = options;
    const wire = new Wire({ keyring: options.keyring });
    const profile = { ...LAN_PROFILE, ...options.profile };
    this.profile = { ...profile, packetBytes: profile.packetBytes - wire.packetOverhead };
    this.meta = encodeTags(options.tags);
    const defaultPort = options.port === 0 ? DEFAULT_GOSSIP_PORT : options.port;
    this.join = options.join.map(text => parseJoinTarget(text, defaultPort));
    checkIdentity(options.name, { address: options.address, port: defaultPort });
    this.transport = new SocketTransport(
      { clock: modules.clock, counters: this.counts, wire },
      {
        endpoint: { address: options.address, port: options.port },
        streamTimeout: this.profile.streamTimeout,
      },
      {
        receivePacket: (from, bytes) => this.swim?.receivePacket(from, bytes),
        answerStream: (from, message) => this.swim?.answerStream(from, message),
      },
    );
  }

  /** Binds, and begins to join. Throws `conflict` if the port is taken, and what else {@link SocketTransport.open} does. */
  async start(): Promise<void> {
    const endpoint = await this.transport.open();
    this.swim = new Swim(
      { ...this.modules, port: this.transport, counters: this.counts },
      {
        name: this.options.name,
        endpoint,
        join: this.join,
        meta: this.meta,
        profile: this.profile,
        onEvent: event => this.emit(event),
      },
    );
    this.swim.start();
  }

  /** The other members of the pool, the dead and departed included until they are forgotten. */
  members(): readonly GossipMember[] {
    return this.swim?.members() ?? [];
  }

  /** Ourselves; undefined before `start`. */
  self(): GossipMember | undefined {
    return this.swim?.self();
  }

  /** Tells the pool our new tags. Throws `invalid_argument`, and changes nothing, if they exceed 512 bytes. */
  setTags(tags: Tags): void {
    this.meta = encodeTags(tags);
    this.swim?.setMeta(this.meta);
  }

  /** Calls the listener on each event, from now on. Returns what ends it. */
  onEvent(listener: (event: GossipEvent) => void): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  counters(): CounterReport {
    return this.counts.report();
  }

  /** Tells the pool that we leave: within a second at most. Then only `close` is of use. */
  leave(): Promise<void> {
    const { swim } = this;
    return swim === undefined ? Promise.resolve() : new Promise(resolve => swim.leave(resolve));
  }

  /** Closes the sockets. Without `leave` before it, the pool takes it for a crash. */
  async close(): Promise<void> {
    this.swim?.stop();
    await this.transport.close();
  }

  private emit(event: GossipEvent): void {
    for (const listener of this.listeners) {
      try {
        listener(event);
      } catch (error) {
        this.modules.log.error({ err: error, reason: event.type }, 'a listener failed');
      }
    }
  }
}
