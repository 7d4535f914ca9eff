/**
 * serf's layer above membership, as far as weft has use for it: messages that every member passes on once, queries to the
 * whole pool, and intents to leave, by which serf tells a member that left from one that failed.
 *
 *   query ──► gossiped from member to member ──► each answers the asker, directly
 */
import type { Clock } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import type { BroadcastQueue } from '../broadcast-queue.ts';
import { COMPOUND_HEADER_BYTES, COMPOUND_PART_BYTES, type GossipProfile, MAX_MEMBERS } from '../constants.ts';
import type { Counters } from '../counters.ts';
import type { LocalNode } from '../local-node.ts';
import type { MemberTable } from '../member-table.ts';
import { isUp } from '../members.ts';
import { encodeMessage, type Message } from '../message.ts';
import type { Cause, Outbox } from '../outbox.ts';
import { type Random, randomInteger } from '../random.ts';
import { LamportClock } from './lamport.ts';
import { SeenMessages } from './seen-messages.ts';
import {
  decodeSerfMessage,
  encodeSerfMessage,
  FLAG_ACK,
  FLAG_NO_BROADCAST,
  type Intent,
  passesFilters,
  type Query,
  type QueryResponse,
  type SerfMessage,
} from './serf-message.ts';
import { decodeUserState, encodeUserState } from './user-state.ts';

/** A query may be gossiped for so many rounds: serf's QueryTimeoutMult, times the logarithm of the pool. */
const TIMEOUT_ROUNDS = 16;

/** Messages waiting to be passed on at one time; more are not. */
const MAX_QUEUED = 1024;

/** Questions of ours under way at one time. */
const MAX_QUESTIONS = 64;

export interface SerfModules {
  readonly clock: Clock;
  readonly random: Random;
  readonly counters: Counters;
  readonly table: MemberTable;
  readonly outbox: Outbox;
  readonly local: LocalNode;
  /** What serf's layer spreads; sent after the news of members. */
  readonly userQueue: BroadcastQueue;
}

export interface SerfOptions {
  readonly profile: GossipProfile;
  /** The answer to a query by its name; undefined if we have none. */
  readonly answer: (name: string, payload: Uint8Array) => Uint8Array | undefined;
}

export interface Question {
  readonly name: string;
  readonly payload: Uint8Array;
  /** Who is asked, each by a datagram; undefined: everybody, by gossip. */
  readonly to: readonly string[] | undefined;
  /** Called for the first answer of each member. */
  readonly onAnswer: (from: string, payload: Uint8Array) => void;
}

interface Asked {
  readonly onAnswer: Question['onAnswer'];
  readonly answered: Set<string>;
}

export class Serf {
  private readonly modules: SerfModules;
  private readonly options: SerfOptions;
  private readonly clocks = {
    member: new LamportClock(),
    event: new LamportClock(),
    query: new LamportClock(),
  };
  private readonly seenEvents = new SeenMessages();
  private readonly seenQueries = new SeenMessages();
  /** Name → time of the newest intent of that member. */
  private readonly intents = new Map<string, number>();
  private readonly asked = new Map<string, Asked>();

  constructor(modules: SerfModules, options: SerfOptions) {
    this.modules = modules;
    this.options = options;
  }

  /** Takes the body of a user message, which came in that datagram; never throws. */
  receive(body: Uint8Array, cause: Cause): void {
    const { counters } = this.modules;
    try {
      const message = decodeSerfMessage(body);
      if (message === undefined) counters.countDrop('userMessage');
      else this.take(message, body, cause);
    } catch (error) {
      if (!(error instanceof WeftError && error.code === 'malformed')) throw error;
      counters.countDrop('malformed');
    }
  }

  /** How long a query takes to reach everybody and come back, in milliseconds. */
  get queryTimeout(): number {
    const { profile } = this.options;
    const spread = Math.ceil(Math.log10(this.modules.table.poolSize + 1));
    return profile.gossipInterval * TIMEOUT_ROUNDS * spread;
  }

  /** Asks the others; ourselves not. Returns what ends it: nothing is called after that. */
  ask({ name, payload, to, onAnswer }: Question): () => void {
    const { local, outbox, random, table } = this.modules;
    const query: Query = {
      type: 'query',
      time: this.clocks.query.time,
      id: randomInteger(random, 0x8000_0000),
      asker: local.endpoint,
      askerName: local.name,
      filters: [],
      flags: to === undefined ? 0 : FLAG_NO_BROADCAST,
      name,
      payload,
      timeout: this.queryTimeout,
    };
    if (this.asked.size >= MAX_QUESTIONS)
      throw new WeftError('unavailable', 'too many questions are under way');
    const key = questionKey(query);
    this.asked.set(key, { onAnswer, answered: new Set() });
    this.clocks.query.witness(query.time);
    this.seenQueries.isNew(query.time, String(query.id), this.clocks.query.time);
    const body = encodeSerfMessage(query);
    if (to === undefined) this.spread(`query ${key}`, body);
    for (const member of to?.map(node => table.get(node)) ?? []) {
      if (member !== undefined) outbox.send(member, { type: 'user', body });
    }
    return () => {
      this.asked.delete(key);
    };
  }

  /** The message that tells serf agents that we leave, and do not fail. */
  farewell(): Uint8Array {
    const { local } = this.modules;
    const intent: Intent = { type: 'leave', time: this.clocks.member.increment(), node: local.name };
    const body = encodeSerfMessage(intent);
    this.spread(`intent ${local.name}`, body);
    return encodeMessage({ type: 'user', body });
  }

  /** Our part of a push/pull. */
  userState(): Uint8Array {
    const { member, event, query } = this.clocks;
    return encodeUserState({ member: member.time, event: event.time, query: query.time });
  }

  /** A peer's part of a push/pull. Its clocks show the next times, of which nothing has been said yet. */
  merge(userState: Uint8Array): void {
    const times = decodeUserState(userState);
    if (times === undefined) return;
    this.clocks.member.witness(times.member - 1);
    this.clocks.event.witness(times.event - 1);
    this.clocks.query.witness(times.query - 1);
  }

  private take(message: SerfMessage, body: Uint8Array, cause: Cause): void {
    switch (message.type) {
      case 'leave':
      case 'join':
        this.clocks.member.witness(message.time);
        if (this.isNewIntent(message)) this.spread(`intent ${message.node}`, body);
        break;
      case 'userEvent': {
        const { time, name, payload } = message;
        this.clocks.event.witness(time);
        const id = `${name} ${Buffer.from(payload).toString('latin1')}`;
        if (this.seenEvents.isNew(time, id, this.clocks.event.time)) this.spread(`event ${time} ${id}`, body);
        break;
      }
      case 'query':
        this.clocks.query.witness(message.time);
        if (this.seenQueries.isNew(message.time, String(message.id), this.clocks.query.time)) {
          if ((message.flags & FLAG_NO_BROADCAST) === 0) this.spread(`query ${questionKey(message)}`, body);
          this.answer(message, cause);
        }
        break;
      case 'queryResponse':
        this.takeAnswer(message);
        break;
    }
  }

  private isNewIntent({ node, time }: Intent): boolean {
    if (this.modules.table.get(node) === undefined || time <= (this.intents.get(node) ?? 0)) return false;
    // Members that were forgotten leave their intents behind.
    if (this.intents.size >= MAX_MEMBERS) this.intents.clear();
    this.intents.set(node, time);
    return true;
  }

  private answer(query: Query, cause: Cause): void {
    const { counters, local, outbox, table } = this.modules;
    const { asker, time, id, flags } = query;
    if (asker === undefined || !passesFilters(query.filters, local.name)) return;
    const member = table.at(asker);
    if (member === undefined || !isUp(member.state)) {
      // An answer to whatever address a query names would let anybody aim it.
      counters.countDrop('stranger');
      return;
    }
    const responses: Message[] = [];
    const respond = (payload: Uint8Array, answerFlags: number): void => {
      const response: QueryResponse = {
        type: 'queryResponse',
        time,
        id,
        from: local.name,
        flags: answerFlags,
        payload,
      };
      responses.push({ type: 'user', body: encodeSerfMessage(response) });
    };
    if ((flags & FLAG_ACK) !== 0) respond(new Uint8Array(0), FLAG_ACK);
    const payload = this.options.answer(query.name, query.payload);
    if (payload !== undefined) respond(payload, 0);
    if (responses.length > 0 && !outbox.answer(asker, cause, undefined, responses)) {
      counters.countDrop('overload');
    }
  }

  private takeAnswer(response: QueryResponse): void {
    const asked = this.asked.get(questionKey(response));
    if (asked === undefined) this.modules.counters.countDrop('lateAnswer');
    else if ((response.flags & FLAG_ACK) === 0 && !asked.answered.has(response.from)) {
      if (this.modules.table.get(response.from) === undefined) return;
      asked.answered.add(response.from);
      asked.onAnswer(response.from, response.payload);
    }
  }

  private spread(about: string, body: Uint8Array): void {
    const { counters, userQueue } = this.modules;
    const message = encodeMessage({ type: 'user', body });
    const room = this.options.profile.packetBytes - COMPOUND_HEADER_BYTES - COMPOUND_PART_BYTES;
    if (message.length > room || (userQueue.size >= MAX_QUEUED && !userQueue.has(about))) {
      counters.countDrop('overload');
    } else userQueue.push(about, message);
  }
}

function questionKey({ time, id }: { readonly time: number; readonly id: number }): string {
  return `${time} ${id}`;
}
