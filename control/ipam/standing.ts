/**
 * Where this node stands with the council: who it is, whether this start of it has been confirmed, whether it was forgotten. Until the
 * confirmation it is fenced.
 */
import { type Random, randomInteger } from '../random.ts';
import type { CouncilState } from './council-state.ts';
import type { Errands } from './errands.ts';
import type { Fence, Moment } from './fence.ts';
import { generationOf, makeIncarnation } from './incarnation.ts';
import type { Saver } from './saver.ts';

export interface StandingModules {
  readonly random: Random;
  readonly errands: Errands;
  readonly fence: Fence;
  readonly saver: Pick<Saver, 'afterSave' | 'touch'>;
  /** We are safe, and it is saved. */
  readonly unfenced: () => void;
  readonly fenced: (reason: string) => void;
  /** We were forgotten: all that was ours is lost. We are somebody else now. */
  readonly forgotten: () => void;
}

export class Standing {
  /** To be saved. */
  isRegistered: boolean;
  isFenced = true;
  private isConfirmed = false;
  private readonly modules: StandingModules;
  private readonly name: string;

  constructor(modules: StandingModules, options: { readonly name: string; readonly isRegistered: boolean }) {
    this.modules = modules;
    this.name = options.name;
    this.isRegistered = options.isRegistered;
  }

  /** The state has changed, or is known for the first time. */
  learn(state: CouncilState): void {
    const { errands, saver } = this.modules;
    const entry = state.nodes.get(this.name);
    const isOurs = entry?.incarnation === errands.incarnation && !entry.isForgotten;
    if (!isOurs && this.isRegistered) this.lose();
    if (!isOurs) {
      const known = entry === undefined ? 0 : generationOf(entry.incarnation);
      if (known >= generationOf(errands.incarnation)) this.become(known + 1);
      errands.session = 0;
      this.renew();
      return;
    }
    if (!this.isRegistered) {
      this.isRegistered = true;
      saver.touch();
    }
    const { confirmation } = errands;
    if (confirmation !== undefined && entry.nonce === confirmation.nonce)
      this.confirm(confirmation.since, state);
    if (entry.session !== errands.session) errands.begin(entry.session);
    errands.settle(entry.wish);
    if (!this.isConfirmed) this.renew();
  }

  /** To be called now and then. */
  look(state: CouncilState): void {
    if (!this.isConfirmed) return;
    const safety = this.modules.fence.look(state.voters);
    if (safety === 'safe') return;
    if (safety === 'unsafe') {
      this.isConfirmed = false;
      // An earlier one may have been decided long ago without our knowing.
      this.modules.errands.confirmation = undefined;
      this.setFenced('a majority of the voters has not been heard for most of the lease');
    }
    this.renew();
  }

  /** Asks for a confirmation, unless it was already: a new session begins with it, and all that was wished in this one is void. */
  renew(): void {
    const { errands, fence, random } = this.modules;
    if (errands.confirmation !== undefined) return;
    const nonce = 1 + randomInteger(random, 2 ** 32) + 2 ** 32 * randomInteger(random, 2 ** 15);
    errands.confirmation = { nonce, since: fence.moment() };
  }

  /** What it says may be old: it was asked for long ago, or we have heard of it late, and nobody of us since. */
  private confirm(since: Moment, state: CouncilState): void {
    const { errands, fence, saver } = this.modules;
    errands.confirmation = undefined;
    fence.confirmed(since);
    this.isConfirmed = true;
    this.look(state);
    const { incarnation } = errands;
    saver.afterSave(() => {
      this.look(state);
      if (!this.isFenced || !this.isConfirmed || errands.incarnation !== incarnation) return;
      this.isFenced = false;
      this.modules.unfenced();
    });
  }

  private lose(): void {
    this.isRegistered = false;
    this.isConfirmed = false;
    this.modules.fence.lapse();
    this.modules.errands.confirmation = undefined;
    this.modules.errands.begin(0);
    this.setFenced('this node was forgotten');
    this.modules.forgotten();
  }

  private become(generation: number): void {
    const { errands, random, saver } = this.modules;
    errands.incarnation = makeIncarnation(generation, random);
    errands.confirmation = undefined;
    saver.touch();
  }

  private setFenced(reason: string): void {
    if (this.isFenced) return;
    this.isFenced = true;
    this.modules.fenced(reason);
  }
}
