/**
 * Which origins are shown. Dead ones are hidden and come back as they were (a partition is no reason to forget), those that left are
 * erased, as is after 24 h whoever has not come back. Nobody but the origin ever writes a tombstone for him.
 *
 * A VM that restarts without its containers has nobody left who could take back what it said. Its tags tell which life
 * it is in and which networks it carries: what it said in an earlier life, and has not said again, is erased after a while; what it
 * said of a network that it does not carry is hidden. Who has forgotten a life of his own is shown it, and begins a later one; until
 * then those who still have it keep it to themselves.
 */
import type { Vni } from '../../dataplane/address.ts';
import type { Clock } from '../../dataplane/clock.ts';
import type { MemberEventType } from '../events.ts';
import type { Random } from '../random.ts';
import type { ClaimView } from './claim-view.ts';
import { type Epoch, NO_EPOCH } from './epoch.ts';
import type { Delta } from './frame.ts';
import { ERASE_AFTER, NOT_CARRIED_GRACE, OLD_LIFE_GRACE } from './limits.ts';
import type { OriginLog } from './origin-log.ts';
import type { Peers, RecordPeer } from './peers.ts';
import type { RecordStore } from './store.ts';

/** When an origin that has forgotten a life of its own is told, in milliseconds, and by which part of its peers each second. */
const REMIND_AFTER = 2000;
const REMIND_PROBABILITY = 0.2;

export interface PresenceModules {
  readonly clock: Clock;
  readonly random: Random;
  readonly peers: Peers;
  readonly store: RecordStore;
  readonly view: Pick<ClaimView, 'refresh' | 'forget'>;
}

/**
 * - `oldLife`: the tags tell of a later life. `notCarried`: the tags of this life do not name the network.
 * - `laterLife`: the log is of a later life than the one that the tags tell of, which has forgotten it.
 */
type DoubtKind = 'oldLife' | 'notCarried' | 'laterLife';

interface Doubt {
  readonly log: OriginLog;
  readonly kind: DoubtKind;
  readonly since: number;
  isDenied: boolean;
}

export interface PresenceOptions {
  readonly self: string;
  /** An origin that is up should be shown the log of a later life of its own. */
  readonly onForgetful: (log: OriginLog, peer: RecordPeer) => void;
  /** With time, what an origin says of a network has ceased to be shown, or is held no more. */
  readonly onDenied: (vni: Vni, origin: string) => void;
}

export class Presence {
  private readonly modules: PresenceModules;
  private readonly options: PresenceOptions;
  /** Origin to when it was hidden for not being up. */
  private readonly hidden = new Map<string, number>();
  /** Of origins that were up, what their tags said last. */
  private readonly lastEpochs = new Map<string, Epoch>();
  private readonly doubts = new Map<string, Doubt>();

  constructor(modules: PresenceModules, options: PresenceOptions) {
    this.modules = modules;
    this.options = options;
  }

  isShown(vni: Vni, origin: string): boolean {
    if (origin === this.options.self) return true;
    if (this.modules.peers.find(origin) === undefined) return false;
    return this.doubts.get(doubtKey(vni, origin))?.isDenied !== true;
  }

  /** Follows membership, after the table of peers has. */
  memberChanged(origin: string, type: MemberEventType): void {
    const { store } = this.modules;
    if (origin === this.options.self) return;
    const peer = this.modules.peers.find(origin);
    if (peer !== undefined) this.lastEpochs.set(origin, peer.epoch);
    if (type === 'memberReaped') this.lastEpochs.delete(origin);
    if (type === 'memberLeft') this.erase(origin, 'originLeft');
    else if (peer === undefined) this.hide(origin);
    else {
      this.hidden.delete(origin);
      store.welcome(origin, peer.epoch);
      for (const log of store.logsOf(origin)) this.judge(log);
      this.refresh(origin, 'originReturned');
    }
  }

  /**
   * Whether to take what a peer says of an origin: of the life that its tags tell of, and more of that which we hold. Of a life beyond
   * its tags only what the origin says itself, or has just said to whoever passes it on: the tags may be late, but who has it
   * from anywhere else may have kept what the origin has forgotten, which would come after what it says now. Of a life before
   * its tags nothing: if we hold another one, that may be the later of the two, whatever their epochs.
   */
  admits({ vni, origin, epoch, relay }: Delta, from: string): boolean {
    const held = this.modules.store.log(vni, origin);
    const told = this.epochOf(origin);
    if (told === NO_EPOCH || epoch === told || epoch === held?.epoch) return true;
    // What is older is answered with what we hold: it has forgotten that.
    if (from === origin) return epoch > told || held !== undefined;
    return epoch > told && relay;
  }

  /** Whether what we have of an origin is to be told to this peer: of the life that its tags tell of, or to the origin. */
  tells({ origin, epoch }: OriginLog, to: string): boolean {
    const told = this.epochOf(origin);
    return origin === this.options.self || to === origin || told === NO_EPOCH || epoch === told;
  }

  /** Records of this origin have come. */
  heard(log: OriginLog): void {
    const { clock, peers } = this.modules;
    if (peers.find(log.origin) === undefined) {
      if (!this.hidden.has(log.origin)) this.hidden.set(log.origin, clock.now());
    } else this.judge(log);
  }

  /** We have left a network. */
  close(vni: Vni): void {
    for (const [key, { log }] of this.doubts) if (log.vni === vni) this.doubts.delete(key);
  }

  /** Once a second. */
  tick(): void {
    const now = this.modules.clock.now();
    for (const doubt of [...this.doubts.values()]) {
      const age = now - doubt.since;
      if (doubt.kind === 'laterLife') this.remind(doubt.log, age);
      else if (!doubt.isDenied && age >= graceOf(doubt)) this.deny(doubt);
    }
    for (const [origin, since] of this.hidden) {
      if (now - since >= ERASE_AFTER) this.erase(origin, 'erased');
    }
  }

  private hide(origin: string): void {
    const { clock } = this.modules;
    if (!this.hidden.has(origin)) this.hidden.set(origin, clock.now());
    this.refresh(origin, 'originDead');
  }

  private refresh(origin: string, cause: 'originDead' | 'originReturned'): void {
    const { store, view } = this.modules;
    for (const { vni } of store.logsOf(origin)) view.refresh(vni, origin, cause);
  }

  private erase(origin: string, cause: 'originLeft' | 'erased'): void {
    const { store, view } = this.modules;
    this.hidden.delete(origin);
    for (const vni of store.refuse(origin)) {
      this.doubts.delete(doubtKey(vni, origin));
      view.forget(vni, origin, cause);
      this.options.onDenied(vni, origin);
    }
  }

  /** Tags and records take different ways, so either may be ahead for a while. */
  private judge(log: OriginLog): void {
    const { clock, view } = this.modules;
    const key = doubtKey(log.vni, log.origin);
    const known = this.doubts.get(key);
    const kind = this.doubtOf(log);
    if (kind === known?.kind && (kind === undefined || known?.log === log)) return;
    this.doubts.delete(key);
    if (kind !== undefined) this.doubts.set(key, { log, kind, since: clock.now(), isDenied: false });
    if (known?.isDenied === true) view.refresh(log.vni, log.origin, 'originReturned');
  }

  private doubtOf({ epoch, origin, vni }: OriginLog): DoubtKind | undefined {
    const peer = this.modules.peers.find(origin);
    if (peer === undefined || peer.epoch === NO_EPOCH) return undefined;
    if (epoch !== peer.epoch) return epoch < peer.epoch ? 'oldLife' : 'laterLife';
    return peer.vnis.has(vni) ? undefined : 'notCarried';
  }

  private deny(doubt: Doubt): void {
    const { store, view } = this.modules;
    const { vni, origin } = doubt.log;
    doubt.isDenied = true;
    if (doubt.kind === 'notCarried') {
      view.refresh(vni, origin, 'outdated');
      this.options.onDenied(vni, origin);
      return;
    }
    for (const dropped of store.refuse(origin, this.epochOf(origin))) {
      this.doubts.delete(doubtKey(dropped, origin));
      view.forget(dropped, origin, 'outdated');
      this.options.onDenied(dropped, origin);
    }
  }

  /** Everybody who holds it notices; a few are enough to tell. */
  private remind(log: OriginLog, age: number): void {
    const peer = this.modules.peers.find(log.origin);
    if (peer === undefined || age < REMIND_AFTER || this.modules.random.next() > REMIND_PROBABILITY) return;
    this.options.onForgetful(log, peer);
  }

  /** By its tags of now, or of when it was up last. */
  private epochOf(origin: string): Epoch {
    return this.modules.peers.find(origin)?.epoch ?? this.lastEpochs.get(origin) ?? NO_EPOCH;
  }
}

function graceOf({ kind }: Doubt): number {
  return kind === 'oldLife' ? OLD_LIFE_GRACE : NOT_CARRIED_GRACE;
}

function doubtKey(vni: Vni, origin: string): string {
  return `${vni}|${origin}`;
}
