/**
 * Who was silent for so long that he may be forgotten, as a voter sees it. A voter says so on the board, of one session of the
 * victim. When a majority says the same, it is proposed; the decision is void if the victim's next start was confirmed
 * before it (council-state.ts), so that it does not matter how old what was said is.
 *
 * Silence counts from when we learnt of that session at the earliest: the victim counts from its confirmation (fence.ts).
 */
import type { Clock } from '../../dataplane/clock.ts';
import type { Actor } from './command.ts';
import type { CouncilState, NodeEntry } from './council-state.ts';
import type { Liveness } from './host.ts';
import { FORGET_GRACE, MAX_FORGETS } from './limits.ts';
import type { SilencePost } from './posts.ts';

export class Silence {
  private readonly clock: Clock;
  private readonly liveness: Liveness;
  private readonly name: string;
  private readonly lease: number;
  private readonly heard = new Map<string, SilencePost>();
  private readonly learnt = new Map<string, { readonly entry: NodeEntry; readonly at: number }>();
  private own: readonly Actor[] = [];

  constructor(
    modules: { readonly clock: Clock; readonly liveness: Liveness },
    options: { readonly name: string; readonly lease: number },
  ) {
    this.clock = modules.clock;
    this.liveness = modules.liveness;
    this.name = options.name;
    this.lease = options.lease;
  }

  take(origin: string, post: SilencePost | undefined): void {
    if (post === undefined) this.heard.delete(origin);
    else this.heard.set(origin, post);
  }

  /** The state has changed. */
  learn(state: CouncilState): void {
    const at = this.clock.now();
    for (const [name, entry] of state.nodes) {
      const known = this.learnt.get(name)?.entry;
      if (known?.incarnation !== entry.incarnation || known.session !== entry.session) {
        this.learnt.set(name, { entry, at });
      }
    }
    for (const name of this.learnt.keys()) if (!state.nodes.has(name)) this.learnt.delete(name);
  }

  /** For how long a node was not heard in this session, in milliseconds. */
  of(node: string): number {
    const since = this.learnt.get(node)?.at ?? this.clock.now();
    return Math.min(this.liveness.silentFor(node), this.clock.now() - since);
  }

  /** What we say now, of those whom an operator wants forgotten and of those whose lease is over. Undefined: as before. */
  look(state: CouncilState, wanted: readonly Actor[]): readonly Actor[] | undefined {
    const silent = wanted.filter(
      actor => isCurrent(state, actor) && actor.node !== this.name && this.of(actor.node) >= FORGET_GRACE,
    );
    for (const [node, { incarnation, session }] of state.nodes) {
      if (silent.length >= MAX_FORGETS) break;
      if (node === this.name || state.live(node) === undefined || this.of(node) <= this.lease) continue;
      if (!silent.some(actor => actor.node === node)) silent.push({ node, incarnation, session });
    }
    const next = silent.slice(0, MAX_FORGETS);
    if (keysOf(next) === keysOf(this.own)) return undefined;
    this.own = next;
    return next;
  }

  /** Whom a majority of the voters holds for silent. */
  condemned(state: CouncilState): Actor[] {
    const counts = new Map<string, { readonly actor: Actor; votes: number }>();
    for (const { name, incarnation } of state.voters) {
      const post = name === this.name ? { incarnation, silent: this.own } : this.heard.get(name);
      if (post?.incarnation !== incarnation) continue;
      for (const actor of post.silent) {
        const count = counts.get(keysOf([actor])) ?? { actor, votes: 0 };
        count.votes += 1;
        counts.set(keysOf([actor]), count);
      }
    }
    return [...counts.values()]
      .filter(({ actor, votes }) => votes >= state.majority && isCurrent(state, actor))
      .map(({ actor }) => actor);
  }
}

/** Whether this is the last session of a node that takes part. */
export function isCurrent(state: CouncilState, { node, incarnation, session }: Actor): boolean {
  const entry = state.live(node);
  return entry?.incarnation === incarnation && entry.session === session;
}

function keysOf(actors: readonly Actor[]): string {
  return JSON.stringify(actors.map(({ node, incarnation, session }) => [node, incarnation, session]));
}
