/**
 * The core of the control plane: SWIM membership (Das, Gupta, Motivala: SWIM, DSN 2002) as memberlist speaks it.
 * It does no I/O: bytes, time and randomness are given in, bytes and events come out.
 *
 *   receivePacket ─► packet ─► responder     pings for us, pings for others
 *                          ├─► acks          answers to what we asked: probe, joiner, nameGuard
 *                          └─► membership    alive, suspect, dead ─► table, queue, events
 *   answerStream ──► exchanger ─► membership
 *   timers ────────► prober, disseminator, exchanger, joiner, reconnector, rejoiner, reaper ─► outbox, port
 */
import type { IpAddress } from '../dataplane/address.ts';
import type { Clock } from '../dataplane/clock.ts';
import { WeftError } from '../dataplane/errors.ts';
import { PendingAcks } from './acks.ts';
import { BroadcastQueue } from './broadcast-queue.ts';
import { type GossipProfile, WEFT_USER_MESSAGE } from './constants.ts';
import type { Counters } from './counters.ts';
import { Disseminator } from './disseminator.ts';
import { type Endpoint, formatEndpoint, isUsable, type JoinTarget } from './endpoint.ts';
import type { GossipEvent, GossipMember } from './events.ts';
import { Exchanger, Reconnector } from './exchanger.ts';
import type { GossipKey } from './gossip-key.ts';
import { Greeter } from './greeter.ts';
import { Health } from './health.ts';
import { Joiner } from './joiner.ts';
import type { Keyring } from './keyring.ts';
import { LocalNode } from './local-node.ts';
import type { Log } from './log.ts';
import { type LoopDelay, NO_LOOP_DELAY } from './loop-delay.ts';
import { MemberTable } from './member-table.ts';
import type { Member } from './members.ts';
import { Membership } from './membership.ts';
import { encodeMessage, type Message } from './message.ts';
import { NameGuard } from './name-guard.ts';
import { Cause, Outbox } from './outbox.ts';
import { decodePacket, type MessageDecoder } from './packet.ts';
import type { GossipPort } from './port.ts';
import { Prober } from './probe.ts';
import type { Random } from './random.ts';
import { Rejoiner } from './rejoiner.ts';
import { Repeater } from './repeater.ts';
import { Responder } from './responder.ts';
import { answerConflict, CONFLICT_QUERY } from './serf/conflict.ts';
import { KeyAgent, type KeyOperation } from './serf/key-agent.ts';
import { type KeyAnswer, KeyRotation } from './serf/key-rotation.ts';
import { Serf } from './serf/serf.ts';
import { encodeStreamError, type StreamMessage } from './stream.ts';
import { decodeTags, type Tags } from './tags.ts';
import { refuseName } from './validity.ts';

/** How often the table is searched for members to forget, in milliseconds. */
const REAP_INTERVAL = 10_000;

export interface SwimModules {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly counters: Counters;
  readonly port: GossipPort;
  /** How late we run; it feeds the health score. */
  readonly loopDelay?: LoopDelay;
  /** @default decodeMessage; a simulation of many nodes decodes what all of them hear once. */
  readonly decode?: MessageDecoder;
  /** @default an empty one; a simulation of many nodes may begin with a pool that is complete. */
  readonly table?: MemberTable;
}

export interface SwimOptions {
  readonly name: string;
  /** Where peers reach us. */
  readonly endpoint: Endpoint;
  readonly join: readonly JoinTarget[];
  /** At most 512 bytes. */
  readonly meta: Uint8Array;
  readonly profile: GossipProfile;
  readonly incarnation?: number;
  /** When the first push/pull comes, in milliseconds; default: soon. A simulation may begin amid the life of a pool. */
  readonly firstPushPull?: number | undefined;
  /** Where members once were. */
  readonly remembered?: () => readonly Endpoint[];
  /** What the port encrypts with; here its keys are changed. */
  readonly keyring?: Keyring | undefined;
  readonly onEvent: (event: GossipEvent) => void;
  /** A datagram's worth of something of weft's own has come from the member of this name. Must not throw. */
  readonly onWeftMessage?: (from: string, body: Uint8Array) => void;
}

type Phase = 'new' | 'running' | 'left' | 'stopped';

export class Swim {
  private readonly modules: SwimModules;
  private readonly options: SwimOptions;
  private readonly table: MemberTable;
  private readonly queue = new BroadcastQueue();
  private readonly userQueue = new BroadcastQueue();
  /** How far we trust our own judgement. */
  readonly health = new Health();
  private readonly acks: PendingAcks;
  private readonly outbox: Outbox;
  private readonly local: LocalNode;
  private readonly serf: Serf;
  private readonly keyRotation: KeyRotation;
  private readonly membership: Membership;
  private readonly responder: Responder;
  private readonly prober: Prober;
  private readonly disseminator: Disseminator;
  private readonly exchanger: Exchanger;
  private readonly nameGuard: NameGuard;
  private readonly greeter: Greeter;
  private readonly joiner: Joiner;
  private readonly reconnector: Reconnector;
  private readonly rejoiner: Rejoiner;
  private readonly reaper: Repeater;
  private phase: Phase = 'new';

  /** Throws `invalid_argument` for a name or an endpoint that peers would refuse. */
  constructor(modules: SwimModules, options: SwimOptions) {
    checkIdentity(options.name, options.endpoint);
    this.modules = modules;
    this.options = options;
    this.table = modules.table ?? new MemberTable();
    const { profile } = options;
    const { queue, table, userQueue } = this;
    const acks = new PendingAcks(modules);
    const local = new LocalNode({ ...modules, queue }, options);
    const outbox = new Outbox(
      { ...modules, queue, table, userQueue },
      { profile, isAuthenticated: options.keyring !== undefined },
    );
    const agent = new KeyAgent({ ...modules, keyring: options.keyring });
    const answer = (query: string, payload: Uint8Array): Uint8Array | undefined =>
      query === CONFLICT_QUERY ? answerConflict(table, options.name, payload) : agent.answer(query, payload);
    const serf = new Serf({ ...modules, table, local, outbox, userQueue }, { profile, answer });
    const { loopDelay = NO_LOOP_DELAY } = modules;
    const all = { ...modules, queue, table, acks, local, outbox, serf, health: this.health, loopDelay };
    this.serf = serf;
    this.keyRotation = new KeyRotation({ ...all, agent, keyring: options.keyring });
    this.acks = acks;
    this.outbox = outbox;
    this.local = local;
    this.nameGuard = new NameGuard(all, { profile, onYield: to => this.yieldName(to) });
    const onNamesake = (at: Endpoint, incarnation = 0): void => this.nameGuard.heard(at, incarnation);
    this.membership = new Membership(all, {
      profile,
      lastProbe: (member, done) => this.prober.probe(member, done),
      onEvent: (type, member) => this.onMemberEvent(type, member),
      onNamesake,
    });
    this.responder = new Responder(all, {
      profile,
      onNamesake,
      onPinged: (source, from) => this.greeter.heard(source, from),
    });
    this.prober = new Prober(all, { profile, onFailure: suspicion => this.membership.suspect(suspicion) });
    this.disseminator = new Disseminator({ ...all, userQueue }, { profile });
    const exchanger = new Exchanger({ ...all, membership: this.membership }, { profile });
    this.exchanger = exchanger;
    this.greeter = new Greeter({ ...all, exchanger });
    this.joiner = new Joiner({ ...all, exchanger }, { profile, join: options.join });
    this.reconnector = new Reconnector({ ...all, exchanger }, { profile });
    const { remembered = () => [] } = options;
    this.rejoiner = new Rejoiner({ ...all, exchanger, remembered }, { profile });
    this.reaper = new Repeater(modules, { wait: () => REAP_INTERVAL, action: () => this.membership.reap() });
  }

  start(): void {
    if (this.phase !== 'new') return;
    this.phase = 'running';
    this.local.announce();
    this.prober.start();
    this.disseminator.start();
    this.exchanger.start(this.options.firstPushPull);
    this.joiner.start();
    this.reconnector.start();
    this.rejoiner.start();
    this.reaper.start(REAP_INTERVAL);
  }

  /** As {@link Joiner.setTargets}. */
  setJoin(join: readonly JoinTarget[]): void {
    this.joiner.setTargets(join);
  }

  /** Falls silent at once, as a crash would. */
  stop(): void {
    this.phase = 'stopped';
    this.stopAsking();
    this.disseminator.stop();
    this.membership.close();
    this.acks.close();
  }

  /** Tells the pool that we leave; `done` is called once, at the latest after the profile's `leaveTimeout`. */
  leave(done: () => void): void {
    if (this.phase !== 'running') {
      this.modules.clock.after(0, done);
      return;
    }
    this.phase = 'left';
    this.stopAsking();
    this.disseminator.leave(done);
  }

  /** The other members, ourselves not among them. */
  members(): GossipMember[] {
    return Array.from(this.table.all(), member => this.describe(member));
  }

  /** News that waits to be spread: of members, and of serf's layer. */
  queued(): { readonly members: number; readonly user: number } {
    return { members: this.queue.size, user: this.userQueue.size };
  }

  self(): GossipMember {
    const { name, endpoint, incarnation, meta, leaving } = this.local;
    const state = leaving ? 'left' : 'alive';
    const contact = this.table.contact(name);
    const lastSeen = this.modules.clock.now();
    return { name, ...endpoint, state, incarnation, tags: tagsOf(meta), lastSeen, contact };
  }

  /** Takes a new metadata of at most 512 bytes and tells the pool. */
  setMeta(meta: Uint8Array): void {
    if (Buffer.compare(meta, this.local.meta) !== 0) this.local.setMeta(meta);
  }

  /** Changes the keys of the whole pool; as {@link KeyRotation.run}. */
  changeKeys(
    operation: KeyOperation,
    key: GossipKey | undefined,
    done: (answers: readonly KeyAnswer[]) => void,
  ): void {
    this.keyRotation.run(operation, key, done);
  }

  /** Sends one node something of weft's own, best effort; only to nodes whose tags say that they understand it. */
  sendWeftMessage(to: Endpoint, body: Uint8Array): void {
    if (!this.isListening) return;
    this.outbox.send(to, { type: 'user', body: Buffer.concat([Uint8Array.of(WEFT_USER_MESSAGE), body]) });
  }

  /** Takes any datagram; never throws. */
  receivePacket(from: Endpoint, bytes: Uint8Array): void {
    if (!this.isListening) return;
    const { clock, counters, decode } = this.modules;
    counters.countDatagramReceived();
    const { messages, drops } = decodePacket(bytes, decode);
    for (const reason of drops) counters.countDrop(reason);
    if (messages.length > 0) this.table.seenAt(from, clock.now());
    const cause = new Cause(bytes.length);
    const corrections: Message[] = [];
    for (const message of messages) {
      const correction = this.isListening ? this.receive(message, from, cause) : undefined;
      if (correction !== undefined) corrections.push(correction);
    }
    // To members only, as all that is larger than its cause.
    if (corrections.length > 0 && this.table.at(from) !== undefined)
      this.outbox.answer(from, cause, undefined, corrections);
  }

  /** The answer to what a peer has sent on a stream, or undefined to close it. */
  answerStream(from: IpAddress, message: StreamMessage): Uint8Array | undefined {
    if (!this.isListening) return undefined;
    const { counters, log } = this.modules;
    counters.countReceived(message.type);
    switch (message.type) {
      case 'pushPull':
        return this.exchanger.answer(from, message);
      case 'ping': {
        const ack = this.responder.answer(message, from);
        return ack === undefined ? undefined : encodeMessage(ack);
      }
      case 'unserved':
        counters.countDrop(message.reason);
        return encodeStreamError(`weft cannot serve this: ${message.reason}`);
      case 'err':
        log.debug({ address: from, reason: message.error.slice(0, 200) }, 'a peer reports an error');
        return undefined;
      default:
        counters.countDrop('datagramOnly');
        return undefined;
    }
  }

  private get isListening(): boolean {
    return this.phase === 'running' || this.phase === 'left';
  }

  /** Returns what the sender should know, if it is behind. */
  private receive(message: Message, from: Endpoint, cause: Cause): Message | undefined {
    const { counters } = this.modules;
    counters.countReceived(message.type);
    switch (message.type) {
      case 'ping':
        this.responder.ping(message, from, cause);
        return undefined;
      case 'indirectPing':
        this.responder.indirectPing(message, from, cause);
        return undefined;
      case 'ack':
        if (!this.acks.acked(message, from)) counters.countDrop('lateAck');
        return undefined;
      case 'nack':
        if (!this.acks.nacked(message)) counters.countDrop('lateAck');
        return undefined;
      case 'alive':
        this.membership.alive(message);
        return undefined;
      case 'suspect':
        return this.membership.suspect(message);
      case 'dead':
        return this.membership.dead(message);
      case 'user':
        if (message.body[0] === WEFT_USER_MESSAGE) this.receiveOwn(from, message.body.subarray(1));
        else this.serf.receive(message.body, cause);
        return undefined;
    }
  }

  private receiveOwn(from: Endpoint, body: Uint8Array): void {
    const member = this.table.at(from);
    if (member === undefined) this.modules.counters.countDrop('stranger');
    else this.options.onWeftMessage?.(member.name, body);
  }

  private onMemberEvent(type: Exclude<GossipEvent['type'], 'nameConflict'>, member: Member): void {
    if (type === 'memberUp') this.prober.order.add(member.name);
    this.disseminator.membersChanged();
    this.joiner.membersChanged();
    this.options.onEvent({ type, member: this.describe(member) });
  }

  private yieldName(to: Endpoint): void {
    this.stop();
    this.options.onEvent({ type: 'nameConflict', name: this.local.name, address: formatEndpoint(to) });
  }

  private stopAsking(): void {
    const { prober, exchanger, joiner, reconnector, rejoiner, reaper } = this;
    for (const part of [prober, exchanger, joiner, reconnector, rejoiner, reaper]) part.stop();
  }

  private describe({ name, address, port, state, incarnation, meta }: Member): GossipMember {
    return {
      name,
      address,
      port,
      state,
      incarnation,
      tags: tagsOf(meta),
      lastSeen: this.table.lastSeen(name),
      contact: this.table.contact(name),
    };
  }
}

/** Members are described far more often than their metadata changes. */
const tagsByMeta = new WeakMap<Uint8Array, Tags>();

function tagsOf(meta: Uint8Array): Tags {
  const known = tagsByMeta.get(meta) ?? readTags(meta);
  tagsByMeta.set(meta, known);
  return known;
}

function readTags(meta: Uint8Array): Tags {
  try {
    return decodeTags(meta);
  } catch (error) {
    if (error instanceof WeftError) return new Map();
    throw error;
  }
}

/** Throws `invalid_argument` for a name or an endpoint that peers would refuse. */
export function checkIdentity(name: string, endpoint: Endpoint): void {
  if (refuseName(name) !== undefined) {
    throw new WeftError('invalid_argument', `"${name}" cannot be a node name`, {
      hint: 'set node.name to 1 to 128 bytes of text without control characters',
    });
  }
  if (!isUsable(endpoint)) {
    throw new WeftError('invalid_argument', `peers cannot reach ${formatEndpoint(endpoint)}`, {
      hint: 'set node.underlay to a unicast address of this machine',
    });
  }
}
