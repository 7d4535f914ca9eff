/** What a voter proposes: what nodes wish, who is to be forgotten, who should vote. Many commands make one decision. */
import type { Clock } from '../../dataplane/clock.ts';
import type { Block } from './block.ts';
import { BlockMap } from './block-map.ts';
import { type Actor, type Command, encodeCommand } from './command.ts';
import { type CouncilState, RESTING } from './council-state.ts';
import { nextVoters } from './electorate.ts';
import { chooseBlock, fixedBlock } from './grants.ts';
import { generationOf } from './incarnation.ts';
import { VALUE_MAX_BYTES, VOTER_PATIENCE } from './limits.ts';
import type { RequestPost, Wish } from './posts.ts';
import type { Silence } from './silence.ts';
import type { Space } from './space.ts';

/** Between two elections, in milliseconds: who was elected has to have heard of it. */
const ELECTION_PAUSE = 5000;

export class Agenda {
  private readonly clock: Clock;
  private readonly silence: Silence;
  private readonly spaces: readonly Space[];
  private readonly rest: number;
  private readonly isAlive: (node: string) => boolean;
  private readonly requests = new Map<string, RequestPost>();
  /** Nodes whose request may have something left to do. */
  private readonly open = new Set<string>();
  /** Per space, since when what rests has been seen to rest. */
  private resting: BlockMap<number>[];
  private electedAt = Number.NEGATIVE_INFINITY;
  private votersSince = -1;
  /** The last answer, and what it was made of. */
  private cache = { key: '', value: undefined as Uint8Array | undefined };
  private version = 0;

  constructor(
    modules: {
      readonly clock: Clock;
      readonly silence: Silence;
      readonly isAlive: (node: string) => boolean;
    },
    options: { readonly spaces: readonly Space[]; readonly rest: number },
  ) {
    this.clock = modules.clock;
    this.silence = modules.silence;
    this.isAlive = modules.isAlive;
    this.spaces = options.spaces;
    this.rest = options.rest;
    this.resting = options.spaces.map(({ bits }) => new BlockMap<number>(bits));
  }

  take(origin: string, request: RequestPost | undefined): void {
    this.version += 1;
    if (request === undefined) {
      this.requests.delete(origin);
      this.open.delete(origin);
    } else {
      this.requests.set(origin, request);
      this.open.add(origin);
    }
  }

  /** Something waits that time may make possible. */
  get isBusy(): boolean {
    return this.open.size > 0 || !this.wantedGone().next().done;
  }

  /** Whom operators want forgotten. What was said on a node that is gone itself is not held against anybody. */
  *wantedGone(): Generator<Actor> {
    for (const [origin, { forgets }] of this.requests) if (this.isAlive(origin)) yield* forgets;
  }

  /** Something else has changed that decides: what voters say of silent nodes. */
  changed(): void {
    this.version += 1;
  }

  /** The state has changed. */
  learn(state: CouncilState): void {
    this.version += 1;
    const now = this.clock.now();
    this.resting = state.spaces.map((map, space) => {
      let resting = new BlockMap<number>(map.bits);
      for (const [block, owner] of map.entries()) {
        if (owner !== RESTING) continue;
        for (const [part, since] of this.resting[space]?.within(block) ?? []) {
          resting = resting.with(part, since ?? now);
        }
      }
      return resting;
    });
    if (state.votersSince !== this.votersSince) this.electedAt = now;
    this.votersSince = state.votersSince;
  }

  /** What there is to decide; undefined: nothing. */
  build(state: CouncilState): Uint8Array | undefined {
    // What rests and who is alive changes with time.
    const key = `${state.number} ${this.version} ${Math.floor(this.clock.now() / 500)}`;
    if (this.cache.key !== key) this.cache = { key, value: this.collect(state) };
    return this.cache.value;
  }

  private collect(state: CouncilState): Uint8Array | undefined {
    const draft = state.clone();
    draft.number += 1;
    const parts: Uint8Array[] = [];
    let bytes = 0;
    const add = (command: Command): void => {
      const part = encodeCommand(command);
      if (bytes + part.length > VALUE_MAX_BYTES || !draft.execute(command)) return;
      bytes += part.length;
      parts.push(part);
    };
    for (const origin of this.open) {
      if (bytes > VALUE_MAX_BYTES / 2) break;
      for (const command of this.wanted(origin, draft)) add(command);
    }
    for (const victim of this.silence.condemned(draft)) add({ kind: 'forget', ...victim });
    const names = this.election(draft);
    if (names !== undefined) add({ kind: 'voters', basis: draft.votersSince, names });
    return parts.length === 0 ? undefined : Buffer.concat(parts);
  }

  private *wanted(origin: string, draft: CouncilState): Generator<Command> {
    const request = this.requests.get(origin);
    if (request === undefined) return;
    const actor = { node: origin, incarnation: request.incarnation, session: request.session };
    const entry = draft.nodes.get(origin);
    if (request.confirm !== undefined) {
      if (isSettled(origin, request, draft)) this.open.delete(origin);
      else yield { kind: 'confirm', ...actor, nonce: request.confirm };
      return;
    }
    const isOurs = entry?.incarnation === request.incarnation && entry.session === request.session;
    const wishes = request.wishes.filter(({ id }) => id > (entry?.wish ?? 0));
    if (isOurs && wishes.length > 0) {
      for (const wish of wishes) yield* this.fulfil(wish, actor, draft);
    } else if (isOurs || isSettled(origin, request, draft)) this.open.delete(origin);
  }

  private *fulfil(wish: Wish, actor: Actor, draft: CouncilState): Generator<Command> {
    const { id, space } = wish;
    const map = draft.spaces[space];
    const options = this.spaces[space];
    if (map === undefined || options === undefined) return;
    if (wish.kind === 'give')
      yield { ...actor, kind: 'give', wish: id, space, block: wish.block, to: wish.to };
    else if (wish.kind === 'leave') yield { ...actor, kind: 'forget' };
    else {
      const block =
        wish.kind === 'fixed'
          ? fixedBlock(options, map, wish.offset)
          : chooseBlock(options, map, resting => this.isRested(space, resting));
      if (block !== undefined) yield { ...actor, kind: 'grant', wish: id, space, block };
    }
  }

  private isRested(space: number, block: Block): boolean {
    const limit = this.clock.now() - this.rest;
    return this.resting[space]?.every(block, since => since !== undefined && since <= limit) === true;
  }

  private election(draft: CouncilState): string[] | undefined {
    if (this.clock.now() - this.electedAt < ELECTION_PAUSE) return undefined;
    const isLeaving = (node: string): boolean =>
      this.requests.get(node)?.wishes.some(({ kind }) => kind === 'leave') === true;
    return nextVoters(draft, {
      isAlive: node => this.isAlive(node) && !isLeaving(node),
      isLost: node => isLeaving(node) || (!this.isAlive(node) && this.silence.of(node) > VOTER_PATIENCE),
    });
  }
}

/** Whether a request can never be fulfilled any more: its node was forgotten, or has confirmed a later start. */
function isSettled(origin: string, { incarnation, session }: RequestPost, state: CouncilState): boolean {
  const entry = state.nodes.get(origin);
  if (entry === undefined) return false;
  if (entry.incarnation === incarnation) return entry.isForgotten || entry.session > session;
  return generationOf(entry.incarnation) >= generationOf(incarnation);
}
