/**
 * Which origins are shown. Dead ones are hidden and come back as they were (a partition is no reason to forget), those that left are
 * erased, as is after 24 h whoever has not come back. Nobody but the origin ever writes a tombstone for him.
 *
 * An origin that is up is hidden in a network if his tags say, for ten seconds and no record answers it, that he has
 * begun a new life, or does not carry that network: a VM that restarts without its containers has nobody else who
 * could take back what it said.
 */
import type { Vni } from '../../dataplane/address.ts';
import type { Clock } from '../../dataplane/clock.ts';
import type { MemberEventType } from '../events.ts';
import type { ClaimView } from './claim-view.ts';
import { NO_EPOCH } from './epoch.ts';
import { DOUBT_GRACE, ERASE_AFTER } from './limits.ts';
import type { OriginLog } from './origin-log.ts';
import type { Peers } from './peers.ts';
import type { RecordStore } from './store.ts';

export interface PresenceModules {
  readonly clock: Clock;
  readonly peers: Peers;
  readonly store: RecordStore;
  readonly view: ClaimView;
}

interface Doubt {
  readonly log: OriginLog;
  readonly since: number;
  isDenied: boolean;
}

export class Presence {
  private readonly modules: PresenceModules;
  private readonly self: string;
  /** Origin to when it was hidden for not being up. */
  private readonly hidden = new Map<string, number>();
  private readonly doubts = new Map<string, Doubt>();

  constructor(modules: PresenceModules, options: { readonly self: string }) {
    this.modules = modules;
    this.self = options.self;
  }

  isShown(vni: Vni, origin: string): boolean {
    if (origin === this.self) return true;
    if (this.modules.peers.find(origin) === undefined) return false;
    return this.doubts.get(doubtKey(vni, origin))?.isDenied !== true;
  }

  /** Follows membership, after the table of peers has. */
  memberChanged(origin: string, type: MemberEventType): void {
    const { store } = this.modules;
    if (origin === this.self) return;
    if (type === 'memberLeft') this.erase(origin, 'originLeft');
    else if (this.modules.peers.find(origin) === undefined) this.hide(origin);
    else {
      this.hidden.delete(origin);
      store.welcome(origin);
      for (const log of store.logsOf(origin)) this.judge(log, false);
      this.refresh(origin, 'originReturned');
    }
  }

  /** Records of this origin have come. `isNew`: the first ones in this network. */
  heard(log: OriginLog, isNew: boolean): void {
    const { clock, peers } = this.modules;
    if (peers.find(log.origin) === undefined) {
      if (!this.hidden.has(log.origin)) this.hidden.set(log.origin, clock.now());
    } else if (isNew || this.doubts.has(doubtKey(log.vni, log.origin))) this.judge(log, isNew);
  }

  /** We have left a network. */
  close(vni: Vni): void {
    for (const [key, { log }] of this.doubts) if (log.vni === vni) this.doubts.delete(key);
  }

  /** Once a second. */
  tick(): void {
    const now = this.modules.clock.now();
    for (const doubt of this.doubts.values()) {
      if (doubt.isDenied || now - doubt.since < DOUBT_GRACE) continue;
      doubt.isDenied = true;
      this.modules.view.refresh(doubt.log.vni, doubt.log.origin, 'outdated');
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
    for (const { vni } of store.logsOf(origin)) {
      this.doubts.delete(doubtKey(vni, origin));
      view.forget(vni, origin, cause);
    }
    store.erase(origin);
  }

  private judge(log: OriginLog, isNew: boolean): void {
    const { clock, peers, view } = this.modules;
    const { origin, vni } = log;
    const peer = peers.find(origin);
    if (peer === undefined || peer.epoch === NO_EPOCH) return;
    const isOld = log.epoch < peer.epoch;
    const isOutdated = isOld || (log.epoch === peer.epoch && !peer.vnis.has(vni));
    const key = doubtKey(vni, origin);
    const known = this.doubts.get(key);
    if (isOutdated === (known !== undefined)) return;
    if (!isOutdated) {
      this.doubts.delete(key);
      view.refresh(vni, origin, 'originReturned');
      return;
    }
    // What we hear of a former life for the first time is not worth waiting for.
    const isDenied = isOld && isNew;
    this.doubts.set(key, { log, since: clock.now(), isDenied });
    if (isDenied) view.refresh(vni, origin, 'outdated');
  }
}

function doubtKey(vni: Vni, origin: string): string {
  return `${vni}|${origin}`;
}
