/**
 * What a node has on the board, under single letters. Each body begins with the fingerprint of the network (u32), so that what is
 * left of another network of the same number is not taken for this one's. Bodies may grow at their end.
 *
 *   v      vote      incarnation u48, instance, promised, accepted ballot (0: none), value
 *   p      proposal  incarnation u48, instance, ballot, phase u8 (1, 2), value
 *   d0…63  decision  number, chain 8 bytes, value               (its slot: number mod 64)
 *   s0…    snapshot  number, count of pages, page, hash 8 bytes, data
 *   r      request   incarnation u48, session, flags u8 (1: confirm), nonce u48, wishes, asks, forgets
 *   y      answers   count, (asker, session, ask, code u8) …
 *   x      silence   incarnation u48, count, (victim, incarnation u48, session) …
 *   a      advert    count, (free u8) …                          (per space: 1 + log2 of the free addresses)
 *   f      founding  incarnation u48, pledge u48 (0: none), count, (incarnation u48) …
 */
import { WeftError } from '../../dataplane/errors.ts';
import { malformed, WireReader, WireWriter } from '../records/wire.ts';
import type { Proposal, Vote } from './acceptor.ts';
import type { Block } from './block.ts';
import { MAX_COUNT, readBlock, readIncarnation, readList, readName, writeBlock } from './codec.ts';
import type { Actor } from './command.ts';
import type { Incarnation } from './incarnation.ts';
import {
  DECISIONS_KEPT,
  MAX_ANSWERS,
  MAX_ASKS,
  MAX_FORGETS,
  MAX_PAGES,
  MAX_VOTERS,
  MAX_WISHES,
  PAGE_BYTES,
  POST_MAX_BYTES,
  VALUE_MAX_BYTES,
} from './limits.ts';

export interface VotePost {
  readonly incarnation: Incarnation;
  readonly vote: Vote;
}

export interface ProposalPost {
  readonly incarnation: Incarnation;
  readonly instance: number;
  readonly ballot: number;
  /** Undefined in phase 1. */
  readonly value: Uint8Array | undefined;
}

export interface DecisionPost {
  readonly number: number;
  readonly chain: Uint8Array;
  readonly value: Uint8Array;
}

export interface PagePost {
  readonly number: number;
  readonly count: number;
  readonly page: number;
  /** Of the whole snapshot. */
  readonly hash: Uint8Array;
  readonly data: Uint8Array;
}

/** Something that a voter is to propose for us. */
export type Wish = { readonly id: number; readonly space: number } & (
  | { readonly kind: 'grant' }
  /** What is unowned around this address, see grants.ts. */
  | { readonly kind: 'fixed'; readonly offset: bigint }
  | { readonly kind: 'give'; readonly block: Block; readonly to: string }
  /** All that we own is given up, and our vote: we leave the network. */
  | { readonly kind: 'leave' }
);

/** Something that an owner is to give us: half of his largest free part, or this address. */
export interface Ask {
  readonly id: number;
  readonly space: number;
  readonly owner: string;
  readonly offset: bigint | undefined;
}

export interface RequestPost {
  readonly incarnation: Incarnation;
  /** Which wishes and asks belong to; of a confirmation: that which was before it. */
  readonly session: number;
  /** Undefined: nothing to confirm. */
  readonly confirm: number | undefined;
  readonly wishes: readonly Wish[];
  readonly asks: readonly Ask[];
  /** Of whom an operator has said here that they are gone. */
  readonly forgets: readonly Actor[];
}

/** `empty`: no room; `held`: the address is used here; `foreign`: it is not ours. */
export const ANSWER_CODES = ['empty', 'held', 'foreign'] as const;
export type AnswerCode = (typeof ANSWER_CODES)[number];

export interface Answer {
  readonly to: string;
  readonly session: number;
  readonly ask: number;
  readonly code: AnswerCode;
}

export interface SilencePost {
  readonly incarnation: Incarnation;
  /** Who was not heard for long enough to be forgotten. */
  readonly silent: readonly Actor[];
}

export interface FoundingPost {
  readonly incarnation: Incarnation;
  /** Whom it takes for the one who founds. */
  readonly pledge: Incarnation | 0;
  /** Incarnations of all founders, in order; empty: not founded. */
  readonly founded: readonly Incarnation[];
}

const WISH_KINDS = ['grant', 'fixed', 'give', 'leave'] as const;
const ADDRESS_BITS = 0;

/** Names the network in every post: others are ignored. */
export class Posts {
  private readonly fingerprint: number;

  constructor(fingerprint: number) {
    this.fingerprint = fingerprint;
  }

  vote({ incarnation, vote }: VotePost): Uint8Array {
    const writer = this.begin().unsigned(incarnation, 6).varint(vote.instance).varint(vote.promised);
    writer.varint(vote.accepted?.ballot ?? 0);
    return finish(writer.blob(vote.accepted?.value ?? new Uint8Array(0)));
  }

  readVote(body: Uint8Array): VotePost {
    const reader = this.open(body);
    const incarnation = readIncarnation(reader);
    const instance = reader.varint(MAX_COUNT);
    const promised = reader.varint(MAX_COUNT);
    const ballot = reader.varint(promised);
    const value = reader.blob(VALUE_MAX_BYTES);
    const accepted: Proposal | undefined = ballot === 0 ? undefined : { ballot, value };
    return { incarnation, vote: { instance, promised, accepted } };
  }

  proposal({ incarnation, instance, ballot, value }: ProposalPost): Uint8Array {
    const writer = this.begin().unsigned(incarnation, 6).varint(instance).varint(ballot);
    return finish(value === undefined ? writer.unsigned(1, 1) : writer.unsigned(2, 1).blob(value));
  }

  readProposal(body: Uint8Array): ProposalPost {
    const reader = this.open(body);
    const incarnation = readIncarnation(reader);
    const instance = reader.varint(MAX_COUNT);
    const ballot = reader.varint(MAX_COUNT);
    const phase = reader.unsigned(1);
    if (phase !== 1 && phase !== 2) throw malformed('an unknown phase');
    return {
      incarnation,
      instance,
      ballot,
      value: phase === 1 ? undefined : reader.blob(VALUE_MAX_BYTES),
    };
  }

  decision({ number, chain, value }: DecisionPost): Uint8Array {
    return finish(this.begin().varint(number).append(chain).blob(value));
  }

  readDecision(body: Uint8Array): DecisionPost {
    const reader = this.open(body);
    return { number: reader.varint(MAX_COUNT), chain: reader.take(8), value: reader.blob(VALUE_MAX_BYTES) };
  }

  page({ number, count, page, hash, data }: PagePost): Uint8Array {
    return finish(this.begin().varint(number).varint(count).varint(page).append(hash).blob(data));
  }

  readPage(body: Uint8Array): PagePost {
    const reader = this.open(body);
    const number = reader.varint(MAX_COUNT);
    const count = reader.varint(MAX_PAGES);
    const page = reader.varint(Math.max(0, count - 1));
    return { number, count, page, hash: reader.take(8), data: reader.blob(PAGE_BYTES) };
  }

  request(post: RequestPost): Uint8Array {
    const writer = this.begin().unsigned(post.incarnation, 6).varint(post.session);
    writer.unsigned(post.confirm === undefined ? 0 : 1, 1).unsigned(post.confirm ?? 0, 6);
    writer.varint(post.wishes.length);
    for (const wish of post.wishes) {
      writer.varint(wish.id).unsigned(wish.space, 1).unsigned(WISH_KINDS.indexOf(wish.kind), 1);
      if (wish.kind === 'fixed') writeBlock(writer, { offset: wish.offset, bits: ADDRESS_BITS });
      if (wish.kind === 'give') {
        writeBlock(writer, wish.block);
        writer.text(wish.to);
      }
    }
    writer.varint(post.asks.length);
    for (const { id, space, owner, offset } of post.asks) {
      writer
        .varint(id)
        .unsigned(space, 1)
        .text(owner)
        .unsigned(Number(offset !== undefined), 1);
      if (offset !== undefined) writeBlock(writer, { offset, bits: ADDRESS_BITS });
    }
    return finish(writeActors(writer, post.forgets));
  }

  readRequest(body: Uint8Array): RequestPost {
    const reader = this.open(body);
    const incarnation = readIncarnation(reader);
    const session = reader.varint(MAX_COUNT);
    const hasConfirm = reader.unsigned(1) === 1;
    const nonce = reader.unsigned(6);
    return {
      incarnation,
      session,
      confirm: hasConfirm ? nonce : undefined,
      wishes: readList(reader, MAX_WISHES, () => readWish(reader)),
      asks: readList(reader, MAX_ASKS, () => ({
        id: reader.varint(MAX_COUNT),
        space: reader.unsigned(1),
        owner: readName(reader),
        offset: reader.unsigned(1) === 1 ? readBlock(reader).offset : undefined,
      })),
      forgets: readActors(reader, MAX_FORGETS),
    };
  }

  answers(answers: readonly Answer[]): Uint8Array {
    const writer = this.begin().varint(answers.length);
    for (const { to, session, ask, code } of answers) {
      writer.text(to).varint(session).varint(ask).unsigned(ANSWER_CODES.indexOf(code), 1);
    }
    return finish(writer);
  }

  readAnswers(body: Uint8Array): Answer[] {
    const reader = this.open(body);
    return readList(reader, MAX_ANSWERS, () => {
      const [to, session, ask] = [readName(reader), reader.varint(MAX_COUNT), reader.varint(MAX_COUNT)];
      const code = ANSWER_CODES[reader.unsigned(1)];
      if (code === undefined) throw malformed('an unknown answer');
      return { to, session, ask, code };
    });
  }

  silence({ incarnation, silent }: SilencePost): Uint8Array {
    return finish(writeActors(this.begin().unsigned(incarnation, 6), silent));
  }

  readSilence(body: Uint8Array): SilencePost {
    const reader = this.open(body);
    return { incarnation: readIncarnation(reader), silent: readActors(reader, MAX_FORGETS) };
  }

  advert(free: readonly number[]): Uint8Array {
    const writer = this.begin().varint(free.length);
    for (const level of free) writer.unsigned(level, 1);
    return finish(writer);
  }

  readAdvert(body: Uint8Array): number[] {
    const reader = this.open(body);
    return readList(reader, 255, () => reader.unsigned(1));
  }

  founding({ incarnation, pledge, founded }: FoundingPost): Uint8Array {
    const writer = this.begin().unsigned(incarnation, 6).unsigned(pledge, 6).varint(founded.length);
    for (const one of founded) writer.unsigned(one, 6);
    return finish(writer);
  }

  readFounding(body: Uint8Array): FoundingPost {
    const reader = this.open(body);
    return {
      incarnation: readIncarnation(reader),
      pledge: readIncarnation(reader),
      founded: readList(reader, MAX_VOTERS, () => readIncarnation(reader)),
    };
  }

  private begin(): WireWriter {
    return new WireWriter().unsigned(this.fingerprint, 4);
  }

  private open(body: Uint8Array): WireReader {
    const reader = new WireReader(body);
    if (reader.unsigned(4) !== this.fingerprint) throw malformed('a post of another network');
    return reader;
  }
}

/** The key of a decision: so many are kept. */
export function slotKey(number: number): string {
  return `d${number % DECISIONS_KEPT}`;
}

function readWish(reader: WireReader): Wish {
  const head = { id: reader.varint(MAX_COUNT), space: reader.unsigned(1) };
  const kind = WISH_KINDS[reader.unsigned(1)];
  switch (kind) {
    case 'grant':
      return { ...head, kind };
    case 'fixed':
      return { ...head, kind, offset: readBlock(reader).offset };
    case 'give':
      return { ...head, kind, block: readBlock(reader), to: readName(reader) };
    case 'leave':
      return { ...head, kind };
    default:
      throw malformed('an unknown wish');
  }
}

function writeActors(writer: WireWriter, actors: readonly Actor[]): WireWriter {
  writer.varint(actors.length);
  for (const { node, incarnation, session } of actors) {
    writer.text(node).unsigned(incarnation, 6).varint(session);
  }
  return writer;
}

function readActors(reader: WireReader, max: number): Actor[] {
  return readList(reader, max, () => ({
    node: readName(reader),
    incarnation: readIncarnation(reader),
    session: reader.varint(MAX_COUNT),
  }));
}

function finish(writer: WireWriter): Uint8Array {
  if (writer.length > POST_MAX_BYTES) {
    throw new WeftError('invalid_argument', `a post of ${writer.length} bytes`, {
      hint: 'names of nodes are too long',
    });
  }
  return writer.bytes();
}
