/** Membership for the daemon: the SWIM core on real sockets. */
import type { Socket } from 'node:net';
import type { IpAddress } from '../dataplane/address.ts';
import type { Clock } from '../dataplane/clock.ts';
import { WeftError } from '../dataplane/errors.ts';
import {
  DEFAULT_GOSSIP_PORT,
  GOSSIP_PROFILES,
  type GossipProfile,
  type GossipProfileName,
} from './constants.ts';
import { type CounterReport, Counters } from './counters.ts';
import { type Endpoint, type JoinTarget, parseJoinTarget } from './endpoint.ts';
import type { GossipEvent, GossipMember } from './events.ts';
import { type GossipKey, parseGossipKey } from './gossip-key.ts';
import type { Keyring } from './keyring.ts';
import type { Log } from './log.ts';
import { EventLoopDelay } from './loop-delay.ts';
import { isUp } from './members.ts';
import { PeerMemory, type RememberedPeer } from './peer-memory.ts';
import type { Random } from './random.ts';
import { type KeyOperation, noKeyring } from './serf/key-agent.ts';
import type { KeyAnswer } from './serf/key-rotation.ts';
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
  /** Which timing; default lan. */
  readonly profileName?: GossipProfileName;
  /** Changes to it. */
  readonly profile?: Partial<GossipProfile>;
  /** Where members were in an earlier run, and who keeps it for the next. */
  readonly memory?: PeerKeeper;
  /** Everything is encrypted with it; without one, nothing is. */
  readonly keyring?: Keyring | undefined;
  /** Takes the links of the record log that peers open on our port, with what was read of them. Without it they are refused. */
  readonly takeLink?: (socket: Socket, head: Uint8Array) => void;
  /** Takes a hint of the record log from the member of this name. Must not throw. */
  readonly takeHint?: (from: string, hint: Uint8Array) => void;
}

export interface GossipReport {
  /** How far we trust our own judgement (health.ts): 0 is healthy, 7 the worst. */
  readonly healthScore: number;
  /** Whether what is said is sealed with a key of the pool. */
  readonly isEncrypted: boolean;
  /** News that waits to be spread: of members, and of serf's layer. */
  readonly queued: { readonly members: number; readonly user: number };
}

export interface PeerKeeper {
  readonly known: readonly RememberedPeer[];
  /** Must not throw. */
  save(peers: readonly RememberedPeer[]): void;
}

export class Gossip {
  private readonly modules: GossipModules;
  private readonly options: GossipOptions;
  private readonly profile: GossipProfile;
  private join: readonly JoinTarget[];
  private readonly listeners = new Set<(event: GossipEvent) => void>();
  private readonly counts = new Counters();
  private readonly transport: SocketTransport;
  private meta: Uint8Array;
  private readonly loopDelay = new EventLoopDelay();
  private readonly memory: PeerMemory;
  private swim: Swim | undefined;

  /** Throws `invalid_argument` for a name, join address or tags that cannot be used; opens nothing yet. */
  constructor(modules: GossipModules, options: GossipOptions) {
    this.modules = modules;
    this.options = options;
    const wire = new Wire({ keyring: options.keyring });
    const profile = { ...GOSSIP_PROFILES[options.profileName ?? 'lan'], ...options.profile };
    this.profile = { ...profile, packetBytes: profile.packetBytes - wire.packetOverhead };
    const { known = [], save = () => undefined } = options.memory ?? {};
    this.memory = new PeerMemory({ clock: modules.clock, save }, { known });
    this.meta = encodeTags(options.tags);
    const defaultPort = defaultPortOf(options);
    this.join = parseTargets(options);
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
        ...(options.takeLink !== undefined && { takeLink: options.takeLink }),
      },
    );
  }

  /** Binds, and begins to join. Throws `conflict` if the port is taken, and what else {@link SocketTransport.open} does. */
  async start(): Promise<void> {
    const endpoint = await this.transport.open();
    this.swim = new Swim(
      { ...this.modules, port: this.transport, counters: this.counts, loopDelay: this.loopDelay },
      {
        name: this.options.name,
        endpoint,
        join: this.join,
        meta: this.meta,
        profile: this.profile,
        keyring: this.options.keyring,
        remembered: () => this.memory.all(),
        onEvent: event => this.emit(event),
        ...(this.options.takeHint !== undefined && { onWeftMessage: this.options.takeHint }),
      },
    );
    this.loopDelay.start();
    this.swim.start();
  }

  /** Other addresses to join from now on; members stay members. Throws `invalid_argument` for one that cannot be used; then nothing has changed. */
  setJoin(join: readonly string[]): void {
    this.join = parseTargets({ ...this.options, join });
    this.swim?.setJoin(this.join);
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

  /** Sends a hint of the record log to a node whose tags say that it has one; best effort. */
  sendHint(to: Endpoint, hint: Uint8Array): void {
    this.swim?.sendWeftMessage(to, hint);
  }

  /** Calls the listener on each event, from now on. Returns what ends it. */
  onEvent(listener: (event: GossipEvent) => void): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  /**
   * Changes the keys of the whole pool, or lists them. `text`: the key in base64, or the fingerprint of one that we have.
   * Resolves with an answer of each member that is up. Throws, and nothing has been changed, `unavailable` without a
   * keyring, `invalid_argument` for what is no key, `not_found` and `conflict` as {@link Keyring} does; `conflict` if
   * a key is to be used that a member does not have, or removed that one still uses, `unavailable` if one that is up does
   * not say which it has: it would be cut off.
   */
  async changeKeys(operation: KeyOperation, text?: string): Promise<readonly KeyAnswer[]> {
    const key = operation === 'list' ? undefined : this.keyOf(text ?? '');
    if (key !== undefined && operation !== 'add') {
      const answers = await this.runKeys('list', undefined);
      const known = answers.filter(({ ok }) => ok);
      const refusal = operation === 'use' ? refuseUse(key, known) : refuseRemoval(key, known);
      if (refusal !== undefined) throw refusal;
      // Who is dead by now hears nothing anyway.
      const up = new Set(this.members().flatMap(({ name, state }) => (isUp(state) ? [name] : [])));
      const unknown = answers.filter(({ ok, node }) => !ok && up.has(node));
      if (unknown.length > 0) throw keysUnknown(unknown);
    }
    return this.runKeys(operation, key);
  }

  counters(): CounterReport {
    return this.counts.report();
  }

  report(): GossipReport {
    return {
      healthScore: this.swim?.health.score ?? 0,
      isEncrypted: this.options.keyring !== undefined,
      queued: this.swim?.queued() ?? { members: 0, user: 0 },
    };
  }

  /** Tells the pool that we leave: within a second at most. Then only `close` is of use. */
  leave(): Promise<void> {
    const { swim } = this;
    return swim === undefined ? Promise.resolve() : new Promise(resolve => swim.leave(resolve));
  }

  /** Closes the sockets. Without `leave` before it, the pool takes it for a crash. */
  async close(): Promise<void> {
    this.swim?.stop();
    this.loopDelay.stop();
    this.memory.close();
    await this.transport.close();
  }

  private keyOf(text: string): GossipKey {
    const { keyring } = this.options;
    if (keyring === undefined) throw noKeyring();
    if (!/^[0-9a-f]{16}$/.test(text)) return parseGossipKey(text);
    const key = keyring.find(text);
    if (key !== undefined) return key;
    throw new WeftError('not_found', `no key has the fingerprint ${text}`, {
      hint: 'see weft gossip keys list, or give the key itself',
    });
  }

  private runKeys(operation: KeyOperation, key: GossipKey | undefined): Promise<readonly KeyAnswer[]> {
    const { swim } = this;
    if (swim === undefined) throw new WeftError('unavailable', 'gossip does not run');
    return new Promise(resolve => swim.changeKeys(operation, key, resolve));
  }

  private emit(event: GossipEvent): void {
    this.memory.onEvent(event);
    for (const listener of this.listeners) {
      try {
        listener(event);
      } catch (error) {
        this.modules.log.error({ err: error, reason: event.type }, 'a listener failed');
      }
    }
  }
}

function refuseUse({ fingerprint }: GossipKey, answers: readonly KeyAnswer[]): WeftError | undefined {
  const without = answers.filter(({ keys }) => !keys.includes(fingerprint)).map(({ node }) => node);
  if (without.length === 0) return undefined;
  return new WeftError('conflict', `key ${fingerprint} is not on ${without.join(', ')}`, {
    hint: 'add it first: who does not have it would hear nothing any more',
  });
}

function refuseRemoval({ fingerprint }: GossipKey, answers: readonly KeyAnswer[]): WeftError | undefined {
  const users = answers.filter(({ primary }) => primary === fingerprint).map(({ node }) => node);
  if (users.length === 0) return undefined;
  return new WeftError('conflict', `key ${fingerprint} is in use on ${users.join(', ')}`, {
    hint: 'use another one first: who forgets it would not hear them any more',
  });
}

function keysUnknown(answers: readonly KeyAnswer[]): WeftError {
  const who = answers.map(({ node, message }) => `${node} (${message})`).join(', ');
  return new WeftError('unavailable', `it is not known which keys these have: ${who}`, {
    hint: 'mend them, stop them, or wait until they are dead to the pool, and do it again: who lacks the key would be cut off',
  });
}

function defaultPortOf({ port }: Pick<GossipOptions, 'port'>): number {
  return port === 0 ? DEFAULT_GOSSIP_PORT : port;
}

function parseTargets(options: Pick<GossipOptions, 'join' | 'port'>): readonly JoinTarget[] {
  return options.join.map(text => parseJoinTarget(text, defaultPortOf(options)));
}
