/**
 * Who has which address, derived from the records that are shown: never from the order in which they came. Hidden origins
 * are left out of the choice, and their claims kept.
 */
import type { IpAddress, MacAddress, Vni } from '../../dataplane/address.ts';
import type { Clock } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { bestClaim, type Claim, decidingRule, type PlacedClaim, sameClaim } from './claim.ts';
import type { Cause, RecordEvent, Subject } from './events.ts';
import { type Explanation, explainClaims, type KnownClaim, placed } from './explain.ts';
import { Moves } from './moves.ts';
import {
  decodeEndpoint,
  decodeVtep,
  type EndpointRecord,
  type LogRecord,
  macOfKey,
  RECORD_KIND,
  type VtepRecord,
} from './record.ts';

interface OriginView {
  isShown: boolean;
  vtep: VtepRecord | undefined;
  isCarrier: boolean;
  readonly macs: Set<MacAddress>;
  /** What was last said of it with a carrier event. */
  toldVtep: VtepRecord | undefined;
}

interface MacView {
  readonly claims: Map<string, Claim>;
  readonly moves: Moves;
  winner: PlacedClaim | undefined;
  /** Our own claim was told to be lost. */
  isLost: boolean;
}

interface IpView {
  /** MAC addresses whose present owner claims this IP address. */
  readonly macs: Set<MacAddress>;
  winner: PlacedClaim | undefined;
  isLost: boolean;
}

interface ScopeView {
  readonly origins: Map<string, OriginView>;
  readonly macs: Map<MacAddress, MacView>;
  readonly ips: Map<IpAddress, IpView>;
}

export interface ClaimViewOptions {
  /** Our own name. */
  readonly self: string;
  readonly isShown: (vni: Vni, origin: string) => boolean;
  readonly onEvent: (event: RecordEvent) => void;
}

export class ClaimView {
  private readonly clock: Clock;
  private readonly options: ClaimViewOptions;
  private readonly scopes = new Map<Vni, ScopeView>();
  private unread = 0;

  constructor(modules: { readonly clock: Clock }, options: ClaimViewOptions) {
    this.clock = modules.clock;
    this.options = options;
  }

  /** Records of a known kind whose content could not be read; they are kept and passed on all the same. */
  get unreadable(): number {
    return this.unread;
  }

  /** A record is shown in this version; undefined: no longer. */
  update(vni: Vni, origin: string, id: string, record: LogRecord | undefined): void {
    const kind = id.charCodeAt(0);
    const cause: Cause = record === undefined || record.deleted ? 'withdrawn' : 'announced';
    try {
      switch (kind) {
        case RECORD_KIND.vtep:
          this.setVtep(
            vni,
            origin,
            record === undefined || record.deleted ? undefined : decodeVtep(record.body),
          );
          return;
        case RECORD_KIND.network:
          this.origin(vni, origin).isCarrier = cause === 'announced';
          this.tellCarrier(vni, origin);
          return;
        case RECORD_KIND.endpoint:
          this.setEndpoint(vni, origin, Buffer.from(id.slice(1), 'latin1'), record, cause);
      }
    } catch (error) {
      if (!(error instanceof WeftError)) throw error;
      this.unread += 1;
    }
  }

  /** Looks anew whether an origin is shown, in one network. */
  refresh(vni: Vni, origin: string, cause: Cause): void {
    const view = this.scopes.get(vni)?.origins.get(origin);
    if (view === undefined) return;
    const isShown = this.options.isShown(vni, origin);
    if (isShown === view.isShown) return;
    view.isShown = isShown;
    this.tellCarrier(vni, origin);
    for (const mac of view.macs) this.elect(vni, mac, cause);
  }

  /** Forgets an origin in one network. */
  forget(vni: Vni, origin: string, cause: Cause): void {
    const scope = this.scopes.get(vni);
    const view = scope?.origins.get(origin);
    if (scope === undefined || view === undefined) return;
    view.isShown = false;
    this.tellCarrier(vni, origin);
    for (const mac of view.macs) {
      scope.macs.get(mac)?.claims.delete(origin);
      this.elect(vni, mac, cause);
    }
    scope.origins.delete(origin);
  }

  /** Forgets a network, with an event for each address. */
  close(vni: Vni): void {
    for (const origin of [...(this.scopes.get(vni)?.origins.keys() ?? [])])
      this.forget(vni, origin, 'networkLeft');
    this.scopes.delete(vni);
  }

  owner(vni: Vni, mac: MacAddress): PlacedClaim | undefined {
    return this.scopes.get(vni)?.macs.get(mac)?.winner;
  }

  ownerOfIp(vni: Vni, ip: IpAddress): PlacedClaim | undefined {
    return this.scopes.get(vni)?.ips.get(ip)?.winner;
  }

  /** The present owner of each MAC address. */
  *owners(vni: Vni): Generator<PlacedClaim> {
    for (const { winner } of this.scopes.get(vni)?.macs.values() ?? [])
      if (winner !== undefined) yield winner;
  }

  /** The present owner of each IP address. */
  *ipOwners(vni: Vni): Generator<readonly [IpAddress, PlacedClaim]> {
    for (const [ip, { winner }] of this.scopes.get(vni)?.ips ?? [])
      if (winner !== undefined) yield [ip, winner];
  }

  /** The origins that want the broadcasts of a network, and where they are. */
  *carriers(vni: Vni): Generator<readonly [string, VtepRecord]> {
    for (const [origin, { toldVtep }] of this.scopes.get(vni)?.origins ?? []) {
      if (toldVtep !== undefined) yield [origin, toldVtep];
    }
  }

  /** The highest mobility counter that anybody else ever gave this MAC address, as far as is known; -1 if none has. */
  highestMobility(vni: Vni, mac: MacAddress): number {
    let highest = -1;
    for (const { origin, mobility } of this.scopes.get(vni)?.macs.get(mac)?.claims.values() ?? []) {
      if (origin !== this.options.self) highest = Math.max(highest, mobility);
    }
    return highest;
  }

  /** Contested moves of a MAC address within the last 180 s. */
  moves(vni: Vni, mac: MacAddress): number {
    return this.scopes.get(vni)?.macs.get(mac)?.moves.count(this.clock.now()) ?? 0;
  }

  explain(vni: Vni, mac: MacAddress): Explanation {
    const view = this.scopes.get(vni)?.macs.get(mac);
    if (view === undefined) return { claims: [], moves: 0 };
    const known = Array.from(view.claims.values(), (claim): KnownClaim => {
      const { vtep, isShown } = this.origin(vni, claim.origin);
      return { claim, vtep, isShown };
    });
    return { claims: explainClaims(known, view.winner), moves: this.moves(vni, mac) };
  }

  private setVtep(vni: Vni, origin: string, vtep: VtepRecord | undefined): void {
    const view = this.origin(vni, origin);
    view.vtep = vtep;
    this.tellCarrier(vni, origin);
    for (const mac of view.macs) this.elect(vni, mac, vtep === undefined ? 'withdrawn' : 'announced');
  }

  private setEndpoint(
    vni: Vni,
    origin: string,
    key: Uint8Array,
    record: LogRecord | undefined,
    cause: Cause,
  ): void {
    const mac = macOfKey(key);
    const view = this.mac(vni, mac);
    const known = view.claims.get(origin);
    const content = record === undefined ? undefined : this.tryDecode(record);
    if (record === undefined || content === undefined) {
      view.claims.delete(origin);
      this.origin(vni, origin).macs.delete(mac);
    } else {
      const { deleted } = record;
      const isContinued = known !== undefined && !known.deleted && !deleted;
      const since = isContinued ? known.since : this.clock.now();
      view.claims.set(origin, { ...content, vni, mac, origin, deleted, since });
      this.origin(vni, origin).macs.add(mac);
    }
    // Who takes his claim back did not contest it.
    if (cause === 'withdrawn') view.moves.settle(origin);
    this.elect(vni, mac, cause);
  }

  /** Undefined for content that cannot be read: then there is no claim, rather than that of the version before. */
  private tryDecode({ body }: LogRecord): EndpointRecord | undefined {
    try {
      return decodeEndpoint(body);
    } catch (error) {
      if (!(error instanceof WeftError)) throw error;
      this.unread += 1;
      return undefined;
    }
  }

  private tellCarrier(vni: Vni, origin: string): void {
    const view = this.origin(vni, origin);
    const vtep = view.isShown && view.isCarrier ? view.vtep : undefined;
    const told = view.toldVtep;
    if (vtep?.address === told?.address && vtep?.port === told?.port) return;
    view.toldVtep = vtep;
    if (told !== undefined) this.options.onEvent({ type: 'carrierDown', vni, origin, vtep: told });
    if (vtep !== undefined) this.options.onEvent({ type: 'carrierUp', vni, origin, vtep });
  }

  private candidates(vni: Vni, view: MacView): PlacedClaim[] {
    const candidates: PlacedClaim[] = [];
    for (const claim of view.claims.values()) {
      const { vtep, isShown } = this.origin(vni, claim.origin);
      const candidate = placed({ claim, vtep, isShown });
      if (candidate !== undefined) candidates.push(candidate);
    }
    return candidates;
  }

  private elect(vni: Vni, mac: MacAddress, cause: Cause): void {
    const view = this.mac(vni, mac);
    const previous = view.winner;
    const candidates = this.candidates(vni, view);
    const winner = bestClaim(candidates);
    const rival = candidates.find(({ origin }) => origin === previous?.origin);
    const isMove = winner !== undefined && previous !== undefined && winner.origin !== previous.origin;
    if (isMove && rival !== undefined) view.moves.add(this.clock.now(), previous.origin, winner.origin);
    if (winner === undefined || previous === undefined || !sameClaim(winner, previous)) view.winner = winner;
    this.tell(vni, { mac }, previous, view.winner, candidates, cause);
    if (winner?.frozen === true && previous?.frozen !== true) {
      this.options.onEvent({ type: 'addressFrozen', vni, mac, claim: winner });
    }
    if (winner !== undefined && !winner.frozen && previous?.frozen === true) {
      // What is let go starts afresh everywhere, or the node that counts highest would freeze it again at its next move.
      if (winner.origin === previous.origin) view.moves.clear();
      this.options.onEvent({ type: 'addressReleased', vni, mac, claim: winner });
    }
    view.isLost = this.tellLoss(vni, { mac }, view.isLost, view.winner, candidates);
    this.indexIps(vni, mac, previous, view.winner, cause);
    if (view.claims.size === 0) this.scopes.get(vni)?.macs.delete(mac);
  }

  private indexIps(
    vni: Vni,
    mac: MacAddress,
    previous: PlacedClaim | undefined,
    winner: PlacedClaim | undefined,
    cause: Cause,
  ): void {
    if (previous === winner) return;
    const { ips } = this.scope(vni);
    for (const ip of new Set([...(previous?.ips ?? []), ...(winner?.ips ?? [])])) {
      const view = ips.get(ip) ?? { macs: new Set(), winner: undefined, isLost: false };
      ips.set(ip, view);
      if (winner?.ips.includes(ip)) view.macs.add(mac);
      else view.macs.delete(mac);
      this.electIp(vni, ip, view, cause);
      if (view.macs.size === 0) ips.delete(ip);
    }
  }

  private electIp(vni: Vni, ip: IpAddress, view: IpView, cause: Cause): void {
    const candidates = [...view.macs].flatMap(mac => this.owner(vni, mac) ?? []);
    const previous = view.winner;
    const winner = bestClaim(candidates);
    view.winner = winner;
    this.tell(vni, { ip }, previous, winner, candidates, cause);
    view.isLost = this.tellLoss(vni, { ip }, view.isLost, winner, candidates);
  }

  private tell(
    vni: Vni,
    subject: Subject,
    previous: PlacedClaim | undefined,
    winner: PlacedClaim | undefined,
    candidates: readonly PlacedClaim[],
    cause: Cause,
  ): void {
    const { onEvent } = this.options;
    if (winner === undefined) {
      if (previous !== undefined) onEvent({ type: 'claimWithdrawn', vni, subject, previous, reason: cause });
    } else if (previous === undefined) {
      onEvent({ type: 'claimWon', vni, subject, claim: winner, reason: cause });
    } else if (!sameClaim(winner, previous)) {
      const beaten = candidates.find(({ origin, mac }) => origin === previous.origin && mac === previous.mac);
      const isSame = winner.origin === previous.origin && winner.mac === previous.mac;
      const reason = isSame || beaten === undefined ? cause : decidingRule(winner, beaten);
      onEvent({ type: 'claimChanged', vni, subject, claim: winner, previous, reason });
    }
  }

  /** Returns whether a claim of our own is lost now. */
  private tellLoss(
    vni: Vni,
    subject: Subject,
    wasLost: boolean,
    winner: PlacedClaim | undefined,
    candidates: readonly PlacedClaim[],
  ): boolean {
    const claim = candidates.find(({ origin }) => origin === this.options.self);
    if (claim === undefined || winner === undefined || winner.origin === this.options.self) return false;
    if (!wasLost) {
      const reason = decidingRule(winner, claim);
      this.options.onEvent({ type: 'claimLost', vni, subject, claim, winner, reason });
    }
    return true;
  }

  private scope(vni: Vni): ScopeView {
    const known = this.scopes.get(vni);
    if (known !== undefined) return known;
    const scope: ScopeView = { origins: new Map(), macs: new Map(), ips: new Map() };
    this.scopes.set(vni, scope);
    return scope;
  }

  private origin(vni: Vni, origin: string): OriginView {
    const { origins } = this.scope(vni);
    const known = origins.get(origin);
    if (known !== undefined) return known;
    const isShown = this.options.isShown(vni, origin);
    const view = {
      isShown,
      vtep: undefined,
      isCarrier: false,
      macs: new Set<MacAddress>(),
      toldVtep: undefined,
    };
    origins.set(origin, view);
    return view;
  }

  private mac(vni: Vni, mac: MacAddress): MacView {
    const { macs } = this.scope(vni);
    const known = macs.get(mac);
    if (known !== undefined) return known;
    const view: MacView = { claims: new Map(), moves: new Moves(), winner: undefined, isLost: false };
    macs.set(mac, view);
    return view;
  }
}
