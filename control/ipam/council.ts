/**
 * Deciding, over a board of registers: one instance of Paxos after the other. A voter answers what proposals it sees on the board;
 * its answer is its own post. What a majority of posts shows as accepted in one ballot is decided, for everybody who sees them.
 * As in Disk Paxos (Gafni and Lamport, 2003) nothing is ever sent to anyone, so nothing has to be sent again: a post
 * that was made during a partition is seen after it.
 *
 * Who of several voters proposes: the first that is alive; the others only when nothing has come of it for a while, at random.
 */
import type { Clock, Timer } from '../../dataplane/clock.ts';
import type { Random } from '../random.ts';
import {
  accept,
  boundValue,
  chosenValue,
  freshVote,
  makeBallot,
  promise,
  roundOf,
  type Vote,
} from './acceptor.ts';
import type { CouncilState } from './council-state.ts';
import type { Liveness } from './host.ts';
import type { Incarnation } from './incarnation.ts';
import type { Ledger } from './ledger.ts';
import type { Posts, ProposalPost, VotePost } from './posts.ts';
import type { Saver } from './saver.ts';

/** The first voter waits a moment, so that wishes which come together are decided together. */
const GATHER = 20;

/** Each voter after it waits so much longer for somebody to act, in milliseconds, and at random up to twice that. */
const TAKE_OVER = 1500;

/** After a ballot that somebody went over, the longest wait before the next. */
const MAX_BACK_OFF = 30_000;

/** How often it is looked whether enough voters are there, while something waits for them. */
const LOOK_AGAIN = 1000;

export interface CouncilModules {
  readonly clock: Clock;
  readonly random: Random;
  readonly liveness: Liveness;
  readonly saver: Saver;
  readonly posts: Posts;
  readonly ledger: Ledger;
  /** What there is to decide in this state; undefined: nothing. */
  readonly agenda: (state: CouncilState) => Uint8Array | undefined;
  /** A timer of ours has changed something. */
  readonly woken: () => void;
}

interface Ballot {
  readonly instance: number;
  readonly number: number;
  /** Undefined in phase 1. */
  readonly value: Uint8Array | undefined;
}

export class Council {
  /** To be saved. */
  vote: Vote;
  private readonly modules: CouncilModules;
  private readonly name: string;
  private readonly incarnation: () => Incarnation;
  private readonly votes = new Map<string, VotePost>();
  private readonly proposals = new Map<string, ProposalPost>();
  private ballot: Ballot | undefined;
  /** Ballots of this instance that came to nothing. */
  private attempts = 0;
  private proposing: Timer | undefined;
  private snapshot: Timer | undefined;

  constructor(
    modules: CouncilModules,
    options: {
      readonly name: string;
      readonly incarnation: () => Incarnation;
      /** What was saved. */
      readonly vote?: Vote | undefined;
    },
  ) {
    this.modules = modules;
    this.name = options.name;
    this.incarnation = options.incarnation;
    this.vote = options.vote ?? freshVote(0);
  }

  takeVote(origin: string, post: VotePost | undefined): void {
    if (post === undefined) this.votes.delete(origin);
    else this.votes.set(origin, post);
  }

  takeProposal(origin: string, post: ProposalPost | undefined): void {
    if (post === undefined) this.proposals.delete(origin);
    else this.proposals.set(origin, post);
  }

  /** Shows again what we have promised: the board may have lost it with our process. */
  restart(): void {
    if (this.vote.instance > 0) this.postVote();
  }

  /** Somebody else now: who has promised nothing. */
  forget(): void {
    this.vote = freshVote(0);
    this.ballot = undefined;
    this.modules.saver.touch();
    this.modules.saver.post('v', undefined);
    this.modules.saver.post('p', undefined);
  }

  stop(): void {
    this.proposing?.cancel();
    this.snapshot?.cancel();
  }

  get isVoter(): boolean {
    return this.place >= 0;
  }

  /** Voters that are alive as far as we know, we included. */
  get reachable(): string[] {
    const { liveness, ledger } = this.modules;
    const names = (ledger.state?.voters ?? []).map(({ name }) => name);
    return names.filter(name => name === this.name || liveness.silentFor(name) === 0);
  }

  /** Goes as far as what is on the board allows. Returns whether the state has changed. */
  step(): boolean {
    const { ledger } = this.modules;
    const before = ledger.state;
    const number = ledger.number;
    for (let isMoving = true; isMoving; ) {
      isMoving = ledger.learn() || this.close() || this.answer() || this.propose();
    }
    const hasChanged = ledger.number !== number || ledger.state !== before;
    this.plan();
    return hasChanged;
  }

  private get state(): CouncilState | undefined {
    return this.modules.ledger.state;
  }

  private get instance(): number {
    return this.modules.ledger.number + 1;
  }

  private get place(): number {
    const incarnation = this.incarnation();
    return (this.state?.voters ?? []).findIndex(
      voter => voter.name === this.name && voter.incarnation === incarnation,
    );
  }

  /** What the voters show of this instance. */
  private shown(): Vote[] {
    const { instance } = this;
    return (this.state?.voters ?? []).flatMap(({ name, incarnation }) => {
      const isOurs = name === this.name && incarnation === this.incarnation();
      const post = isOurs ? { incarnation, vote: this.vote } : this.votes.get(name);
      return post?.incarnation === incarnation && post.vote.instance === instance ? [post.vote] : [];
    });
  }

  /** A majority shows the same: it is decided. */
  private close(): boolean {
    const { ledger } = this.modules;
    if (this.state === undefined) return false;
    const value = chosenValue(this.shown(), this.state.majority);
    if (value === undefined) return false;
    ledger.decided(value);
    this.attempts = 0;
    return true;
  }

  private answer(): boolean {
    if (!this.isVoter) return false;
    const { instance } = this;
    let { vote } = this;
    for (const [place, { name, incarnation }] of (this.state?.voters ?? []).entries()) {
      const post = this.proposals.get(name);
      if (post?.incarnation !== incarnation || post.instance !== instance) continue;
      if (post.ballot % 8 !== place) continue;
      vote = this.respond(vote, post);
    }
    if (vote === this.vote) return false;
    this.setVote(vote);
    return true;
  }

  private respond(before: Vote, { instance, ballot, value }: ProposalPost): Vote {
    const vote = before.instance === instance ? before : freshVote(instance);
    const after = value === undefined ? promise(vote, ballot) : accept(vote, { ballot, value });
    return after ?? before;
  }

  /** Carries on the ballot of ours that is under way. */
  private propose(): boolean {
    const { ballot, state } = this;
    if (ballot === undefined || state === undefined) return false;
    if (ballot.instance !== this.instance || !this.isVoter) {
      this.ballot = undefined;
      return true;
    }
    const shown = this.shown();
    if (shown.some(({ promised }) => promised > ballot.number)) {
      this.ballot = undefined;
      this.attempts += 1;
      return true;
    }
    if (ballot.value !== undefined) return false;
    const promises = shown.filter(({ promised }) => promised === ballot.number);
    if (promises.length < state.majority) return false;
    const value = boundValue(promises) ?? this.modules.agenda(state);
    if (value === undefined) {
      // What there was to do is done. The ballot stays without a value, which is allowed.
      this.ballot = undefined;
      return false;
    }
    this.postProposal({ ...ballot, value });
    const vote = accept(this.vote, { ballot: ballot.number, value });
    if (vote !== undefined) this.setVote(vote);
    return true;
  }

  /** Sets the timers that what is to be done needs; none if nothing is. */
  private plan(): void {
    const { clock, ledger, woken } = this.modules;
    ledger.tidy();
    const { state } = this;
    if (state === undefined || !this.isVoter) return;
    if (this.proposing === undefined && this.ballot === undefined && this.hasAgenda(state)) {
      this.proposing = clock.after(this.turn(GATHER, TAKE_OVER), () => {
        this.proposing = undefined;
        this.begin();
        woken();
      });
    }
    if (this.snapshot === undefined && !ledger.isCovered) {
      this.snapshot = clock.after(this.turn(GATHER, TAKE_OVER), () => {
        this.snapshot = undefined;
        if (this.isVoter && !ledger.isCovered) ledger.publishSnapshot();
        woken();
      });
    }
  }

  private hasAgenda(state: CouncilState): boolean {
    return this.modules.agenda(state) !== undefined;
  }

  /** How long to leave it to others. */
  private turn(first: number, step: number): number {
    const { random } = this.modules;
    const { reachable, attempts } = this;
    if (this.state !== undefined && reachable.length < this.state.majority) return LOOK_AGAIN;
    const rank = reachable.indexOf(this.name);
    const backOff = attempts === 0 ? 0 : Math.min(MAX_BACK_OFF, 200 * 2 ** attempts) * random.next();
    return first + step * rank * (1 + random.next()) + backOff;
  }

  /** Phase 1 of a new ballot, if there is still something to do and somebody to do it with. */
  private begin(): void {
    const { state, instance, place } = this;
    if (state === undefined || place < 0 || this.ballot !== undefined) return;
    if (this.reachable.length < state.majority || !this.hasAgenda(state)) return;
    const shown = this.shown();
    const round = Math.max(0, ...shown.map(({ promised }) => roundOf(promised))) + 1;
    const number = makeBallot(round, place);
    this.postProposal({ instance, number, value: undefined });
    const own = this.vote.instance === instance ? this.vote : freshVote(instance);
    this.setVote(promise(own, number) ?? own);
  }

  private postProposal(ballot: Ballot): void {
    const { posts, saver } = this.modules;
    this.ballot = ballot;
    const { instance, number, value } = ballot;
    const post = { incarnation: this.incarnation(), instance, ballot: number, value };
    saver.post('p', posts.proposal(post));
  }

  private setVote(vote: Vote): void {
    this.vote = vote;
    this.modules.saver.touch();
    this.postVote();
  }

  private postVote(): void {
    const { posts, saver } = this.modules;
    saver.post('v', posts.vote({ incarnation: this.incarnation(), vote: this.vote }));
  }
}
