/**
 * Space that goes from owner to owner, when nothing is unowned. Who runs short asks the owner that advertises most; who is asked
 * gives half of his largest free part, or the one address that was asked for, or says why not. He has promised it from the moment
 * at which he decides, and does not use it any more, whatever becomes of it (errands.ts).
 */
import type { Clock } from '../../dataplane/clock.ts';
import type { AddressPool } from './address-pool.ts';
import { type Block, blockAround } from './block.ts';
import type { CouncilState } from './council-state.ts';
import type { Errands } from './errands.ts';
import type { Liveness } from './host.ts';
import { LOW_WATER, MAX_ANSWERS } from './limits.ts';
import type { Answer, AnswerCode, Ask, RequestPost } from './posts.ts';

/** For how long an owner is not asked again who had nothing, in milliseconds, unless he advertises otherwise. */
const REFUSAL = 5000;

/** An owner that has not given anything by then is not waited for, if there are others. */
const ANSWER_TIME = 3000;

/** In the background only whoever has plenty is asked: so many times what we have, and at least so much. */
const PLENTY = 4;
const PLENTY_MIN = 16;

/** A small change of what is free is told no more often, in milliseconds. */
const ADVERT_PAUSE = 30_000;

export interface LendingModules {
  readonly clock: Clock;
  readonly liveness: Liveness;
  readonly errands: Errands;
  readonly pools: readonly AddressPool[];
  /** Gives the pools anew what is promised to others. */
  readonly refresh: () => void;
}

export class Lending {
  private readonly modules: LendingModules;
  private readonly name: string;
  private readonly adverts = new Map<string, readonly number[]>();
  private readonly answers = new Map<string, readonly Answer[]>();
  /** Requests that ask something of us. */
  private readonly requests = new Map<string, RequestPost>();
  private readonly handled = new Map<string, { readonly session: number; readonly id: number }>();
  private given: Answer[] = [];
  private advertised: readonly number[] | undefined;
  private advertisedAt = 0;
  /** By space and owner: what was advertised when he had nothing for us. */
  private readonly refusals = new Map<string, { readonly level: number; readonly at: number }>();
  private readonly askedAt = new Map<number, number>();

  constructor(modules: LendingModules, options: { readonly name: string }) {
    this.modules = modules;
    this.name = options.name;
  }

  takeAdvert(origin: string, levels: readonly number[] | undefined): void {
    if (levels === undefined) this.adverts.delete(origin);
    else this.adverts.set(origin, levels);
  }

  takeAnswers(origin: string, answers: readonly Answer[] | undefined): void {
    if (answers === undefined) this.answers.delete(origin);
    else this.answers.set(origin, answers);
  }

  takeRequest(origin: string, request: RequestPost | undefined): void {
    if (request?.asks.some(({ owner }) => owner === this.name) === true) this.requests.set(origin, request);
    else this.requests.delete(origin);
  }

  /** What was said to an ask of ours; undefined: nothing yet. */
  answerTo({ id, owner }: Ask): AnswerCode | undefined {
    const { session } = this.modules.errands;
    return this.answers
      .get(owner)
      ?.find(answer => answer.to === this.name && answer.session === session && answer.ask === id)?.code;
  }

  /** Somebody waits for what we asked, or for what he asked of us. */
  get isBusy(): boolean {
    return this.requests.size > 0 || this.askedAt.size > 0;
  }

  /** Sees to it that somebody is asked for space. `isUrgent`: a claim waits for it. */
  seek(space: number, isUrgent: boolean): void {
    const { clock, errands, liveness } = this.modules;
    const key = `space ${space}`;
    const asked = errands.asked(key);
    const now = clock.now();
    if (asked !== undefined) {
      const isOver =
        this.answerTo(asked) !== undefined ||
        liveness.silentFor(asked.owner) > 0 ||
        now - (this.askedAt.get(space) ?? now) > ANSWER_TIME;
      if (!isOver) return;
      this.refusals.set(`${space} ${asked.owner}`, { level: this.level(asked.owner, space), at: now });
      this.drop(space);
    }
    const owner = this.richest(space, isUrgent);
    if (owner === undefined) return;
    if (errands.ask(key, { space, owner, offset: undefined })) this.askedAt.set(space, now);
  }

  /** No more space is needed. */
  drop(space: number): void {
    this.askedAt.delete(space);
    this.modules.errands.unask(`space ${space}`);
  }

  /** Answers those who ask us. Returns the answers to post, if they have changed. */
  lend(state: CouncilState, hasWaiting: boolean): readonly Answer[] | undefined {
    const before = this.given;
    for (const [origin, request] of this.requests) {
      const entry = state.live(origin);
      if (entry?.incarnation !== request.incarnation || entry.session !== request.session) {
        // Of somebody who is gone, or of a start that we have not learnt of yet.
        if (entry === undefined || entry.session > request.session) this.requests.delete(origin);
        continue;
      }
      for (const ask of request.asks) {
        if (ask.owner === this.name && !this.isHandled(origin, request, ask)) {
          this.handle(origin, request, ask, state, hasWaiting);
        }
      }
      if (request.asks.every(ask => ask.owner !== this.name || this.isHandled(origin, request, ask))) {
        this.requests.delete(origin);
      }
    }
    return this.given === before ? undefined : this.given;
  }

  /** The advert to post, if it is to be changed: 1 + log2 of what is free in each space. */
  advert(): readonly number[] | undefined {
    const { clock, pools } = this.modules;
    const levels = pools.map(pool => levelOf(pool.free(clock.now())));
    const before = this.advertised;
    const isFresh = before !== undefined && clock.now() - this.advertisedAt < ADVERT_PAUSE;
    const isSame = levels.every((level, space) => {
      const known = before?.[space] ?? 0;
      return level === known || (isFresh && level > 0 && known > 0 && Math.abs(level - known) < 2);
    });
    if (isSame) return undefined;
    this.advertised = levels;
    this.advertisedAt = clock.now();
    return levels;
  }

  private handle(
    origin: string,
    request: RequestPost,
    ask: Ask,
    state: CouncilState,
    hasWaiting: boolean,
  ): void {
    const block = this.giftFor(ask, state, hasWaiting);
    if (typeof block === 'string') {
      this.handled.set(origin, { session: request.session, id: ask.id });
      const answer = { to: origin, session: request.session, ask: ask.id, code: block };
      this.given = [...this.given, answer].slice(-MAX_ANSWERS);
      return;
    }
    const { errands, refresh } = this.modules;
    const wish = { kind: 'give', space: ask.space, block, to: origin } as const;
    if (!errands.wish(`give ${origin} ${ask.id}`, wish)) return;
    this.handled.set(origin, { session: request.session, id: ask.id });
    refresh();
  }

  private giftFor({ space, offset }: Ask, state: CouncilState, hasWaiting: boolean): Block | AnswerCode {
    const { clock, pools } = this.modules;
    const pool = pools[space];
    const now = clock.now();
    if (pool === undefined) return 'foreign';
    if (offset !== undefined) {
      if (state.spaces[space]?.at(offset) !== this.name) return 'foreign';
      return pool.isSpare(offset) ? blockAround(offset, 0) : 'held';
    }
    if (hasWaiting && pool.free(now) <= LOW_WATER) return 'empty';
    return pool.spare(now) ?? 'empty';
  }

  private isHandled(origin: string, { session }: RequestPost, { id }: Ask): boolean {
    const last = this.handled.get(origin);
    return last !== undefined && last.session === session && id <= last.id;
  }

  private richest(space: number, isUrgent: boolean): string | undefined {
    const { clock, liveness, pools } = this.modules;
    const own = pools[space]?.free(clock.now()) ?? 0;
    let best: string | undefined;
    let most = 0;
    for (const owner of this.adverts.keys()) {
      const level = this.level(owner, space);
      const refusal = this.refusals.get(`${space} ${owner}`);
      const isRefused = refusal?.level === level && clock.now() - refusal.at < REFUSAL * (isUrgent ? 1 : 12);
      const isPlenty = 2 ** (level - 1) >= Math.max(PLENTY_MIN, PLENTY * own);
      if (level <= most || isRefused || !(isUrgent || isPlenty) || liveness.silentFor(owner) > 0) continue;
      most = level;
      best = owner;
    }
    return best;
  }

  private level(owner: string, space: number): number {
    return owner === this.name ? 0 : (this.adverts.get(owner)?.[space] ?? 0);
  }
}

function levelOf(free: number): number {
  return free < 1 ? 0 : 1 + Math.floor(Math.log2(free));
}
