/**
 * What a node knows of the decisions, and how it catches up: one by one from the decisions that voters have posted, or by a
 * snapshot when it is too far behind. A voter posts each decision that it knows, and sees to it that from some posted snapshot
 * the posted decisions lead up to now.
 */

import { isSameBytes } from './codec.ts';
import { CouncilState, type Voter } from './council-state.ts';
import type { PostToBoard } from './host.ts';
import { SNAPSHOT_INTERVAL } from './limits.ts';
import { type DecisionPost, type PagePost, type Posts, slotKey } from './posts.ts';
import { cutSnapshot, PageCollector } from './snapshot.ts';

export interface LedgerOptions {
  readonly name: string;
  /** Bits of each space. */
  readonly shape: readonly number[];
}

export class Ledger {
  /** Undefined: nothing is known yet. */
  state: CouncilState | undefined;
  /** Decisions that contradict ours, and snapshots that cannot be read: there should be none. */
  diverged = 0;
  private readonly posts: Posts;
  private readonly post: PostToBoard;
  private readonly options: LedgerOptions;
  /** By origin and key, ours included: what is on the board. */
  private readonly decisions = new Map<string, Map<string, DecisionPost>>();
  private readonly snapshots = new Map<string, PageCollector>();
  private ownPages = 0;

  constructor(modules: { readonly posts: Posts; readonly post: PostToBoard }, options: LedgerOptions) {
    this.posts = modules.posts;
    this.post = modules.post;
    this.options = options;
  }

  get number(): number {
    return this.state?.number ?? 0;
  }

  takeDecision(origin: string, key: string, post: DecisionPost | undefined): void {
    const posted = this.decisions.get(origin) ?? new Map<string, DecisionPost>();
    this.decisions.set(origin, posted);
    if (post === undefined) posted.delete(key);
    else if (key === slotKey(post.number)) posted.set(key, post);
  }

  takePage(origin: string, page: number, post: PagePost | undefined): void {
    const collector = this.snapshots.get(origin) ?? new PageCollector();
    this.snapshots.set(origin, collector);
    collector.put(page, post?.page === page ? post : undefined);
  }

  /** Applies what others have posted. Returns whether there was something. */
  learn(): boolean {
    let hasLearnt = this.adopt();
    for (;;) {
      const next = this.find(this.number + 1);
      if (this.state === undefined || next === undefined) return hasLearnt;
      if (!isSameBytes(this.state.chainAfter(next.value), next.chain)) {
        this.diverged += 1;
        return hasLearnt;
      }
      this.decided(next.value);
      hasLearnt = true;
    }
  }

  /** The next decision is known. */
  decided(value: Uint8Array): void {
    const { state } = this;
    if (state === undefined) return;
    const wasVoter = this.isOurs(state.voters);
    state.apply(value);
    if (wasVoter || this.isOurs(state.voters)) this.publish(state.number, state.chain, value);
  }

  /** Whether somebody who knows nothing can come to what we know from what is on the board. */
  get isCovered(): boolean {
    const newest = this.newestSnapshot();
    if (newest > this.number) return true;
    if (newest < 1 || this.number - newest > SNAPSHOT_INTERVAL) return this.number === 0;
    for (let number = newest + 1; number <= this.number; number++) {
      if (this.find(number) === undefined) return false;
    }
    return true;
  }

  publishSnapshot(): void {
    if (this.state === undefined) return;
    const pages = cutSnapshot(this.state.number, this.state.encode());
    for (const page of pages) {
      this.takePage(this.options.name, page.page, page);
      this.post(`s${page.page}`, this.posts.page(page));
    }
    this.withdrawPages(pages.length);
    this.ownPages = pages.length;
  }

  /** Takes our snapshot off the board when somebody has posted a newer one. */
  tidy(): void {
    const own = this.snapshots.get(this.options.name);
    if (this.ownPages === 0 || own === undefined || this.newestSnapshot() <= own.number) return;
    this.withdrawPages(0);
    this.ownPages = 0;
  }

  private withdrawPages(from: number): void {
    for (let page = from; page < this.ownPages; page++) {
      this.takePage(this.options.name, page, undefined);
      this.post(`s${page}`, undefined);
    }
  }

  private publish(number: number, chain: Uint8Array, value: Uint8Array): void {
    const decision = { number, chain, value };
    this.takeDecision(this.options.name, slotKey(number), decision);
    this.post(slotKey(number), this.posts.decision(decision));
  }

  private isOurs(voters: readonly Voter[]): boolean {
    return voters.some(({ name }) => name === this.options.name);
  }

  private find(number: number): DecisionPost | undefined {
    const key = slotKey(number);
    for (const posted of this.decisions.values()) {
      const decision = posted.get(key);
      if (decision?.number === number) return decision;
    }
    return undefined;
  }

  private newestSnapshot(): number {
    let newest = -1;
    for (const collector of this.snapshots.values()) newest = Math.max(newest, collector.number);
    return newest;
  }

  private adopt(): boolean {
    if (this.state !== undefined && this.find(this.number + 1) !== undefined) return false;
    const newest = this.newestSnapshot();
    if (newest <= this.number) return false;
    for (const collector of this.snapshots.values()) {
      if (collector.number !== newest) continue;
      const state = this.read(collector.assemble());
      if (state?.number === newest) {
        this.state = state;
        return true;
      }
      this.diverged += 1;
    }
    return false;
  }

  private read(bytes: Uint8Array | undefined): CouncilState | undefined {
    try {
      return bytes && CouncilState.decode(bytes, this.options.shape);
    } catch {
      return undefined;
    }
  }
}
