/**
 * What this node wants of others, in one post: of the voters a confirmation, wishes, that somebody be forgotten; of owners, space.
 * Wishes are numbered within a session. The council keeps the number of the last that was done, and those up to it are over, done or void.
 */
import type { Block } from './block.ts';
import type { Actor } from './command.ts';
import type { Moment } from './fence.ts';
import type { Incarnation } from './incarnation.ts';
import { MAX_ASKS, MAX_FORGETS, MAX_WISHES, POST_MAX_BYTES } from './limits.ts';
import type { Ask, RequestPost, Wish } from './posts.ts';

/** Of the body, after its head; and what one item has at most besides names. */
const POST_ROOM = POST_MAX_BYTES - 32;
const ITEM_BYTES = 32;

type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;

export interface Confirmation {
  readonly nonce: number;
  /** When it was asked for. */
  readonly since: Moment;
}

export class Errands {
  incarnation: Incarnation;
  /** Confirmed starts so far, as the council knows it. */
  session = 0;
  confirmation: Confirmation | undefined;
  readonly forgets = new Map<string, Actor>();
  private readonly wishes = new Map<string, Wish>();
  private readonly asks = new Map<string, Ask>();
  private lastId = 0;

  constructor(incarnation: Incarnation) {
    this.incarnation = incarnation;
  }

  /** All that was wanted is void. */
  begin(session: number): void {
    this.session = session;
    this.lastId = 0;
    this.wishes.clear();
    this.asks.clear();
  }

  /** Wishes it, unless it is wished already. False: too much is. */
  wish(key: string, wish: WithoutId<Wish>): boolean {
    if (this.wishes.has(key)) return true;
    if (this.wishes.size >= MAX_WISHES) return false;
    this.wishes.set(key, { ...wish, id: ++this.lastId });
    return true;
  }

  unwish(key: string): void {
    this.wishes.delete(key);
  }

  /** Wishes up to this one are over. */
  settle(last: number): void {
    for (const [key, { id }] of this.wishes) if (id <= last) this.wishes.delete(key);
    this.lastId = Math.max(this.lastId, last);
  }

  ask(key: string, ask: Omit<Ask, 'id'>): boolean {
    const known = this.asks.get(key);
    if (known?.owner === ask.owner) return true;
    if (known === undefined && this.asks.size >= MAX_ASKS) return false;
    this.asks.set(key, { ...ask, id: ++this.lastId });
    return true;
  }

  unask(key: string): void {
    this.asks.delete(key);
  }

  asked(key: string): Ask | undefined {
    return this.asks.get(key);
  }

  /** Blocks of a space that are promised to others. */
  leaving(space: number): Block[] {
    return [...this.wishes.values()].flatMap(wish =>
      wish.kind === 'give' && wish.space === space ? [wish.block] : [],
    );
  }

  /** To whom something is promised. */
  get takers(): string[] {
    return [...this.wishes.values()].flatMap(wish => (wish.kind === 'give' ? [wish.to] : []));
  }

  /** What is being waited for, for people. */
  describe(): string[] {
    const wished = [...this.wishes.values()].map(({ kind }) => `${kind} from the voters`);
    const asked = [...this.asks.values()].map(({ owner }) => `space from ${owner}`);
    const confirming = this.confirmation === undefined ? [] : ['confirmation by the voters'];
    return [...confirming, ...wished, ...asked, ...[...this.forgets.keys()].map(node => `forget ${node}`)];
  }

  /** As much of it as fits. Undefined: nothing is wanted. */
  post(): RequestPost | undefined {
    const { incarnation, session, confirmation } = this;
    let room = POST_ROOM;
    const fits = (...names: readonly string[]): boolean => {
      room -= names.reduce((sum, name) => sum + Buffer.byteLength(name), ITEM_BYTES);
      return room >= 0;
    };
    const wishes = [...this.wishes.values()].filter(wish => fits(wish.kind === 'give' ? wish.to : ''));
    const asks = [...this.asks.values()].filter(({ owner }) => fits(owner));
    const forgets = [...this.forgets.values()].slice(0, MAX_FORGETS).filter(({ node }) => fits(node));
    if (confirmation === undefined && wishes.length + asks.length + forgets.length === 0) return undefined;
    return { incarnation, session, confirm: confirmation?.nonce, wishes, asks, forgets };
  }
}
