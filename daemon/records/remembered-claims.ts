/**
 * Where containers of other nodes were when an earlier process of this node ended. Until the pool has told what is so now, frames go there:
 * a daemon that starts anew must not lose what it could deliver.
 *
 *   claims.json ─► remembered ─┐ only where nothing is known
 *   record log ────────────────────┴─► reconciler ─► dataplane
 *
 * Of an origin in a network it is forgotten when we know again all that it has there, when the pool says that it is dead or gone, and at the
 * latest after {@link HOLD_TIME}.
 */
import type { PlacedClaim } from '../../control/records/claim.ts';
import type { VtepRecord } from '../../control/records/record.ts';
import type { IpAddress, MacAddress, Vni } from '../../dataplane/address.ts';
import type { Clock, Timer } from '../../dataplane/clock.ts';
import type { VtepSpec } from '../../dataplane/commands.ts';
import type { ClaimSource, UsedClaim } from './reconciler.ts';

/** Milliseconds. To join a pool of thousands and to have its records takes seconds; whoever has told nothing by then tells us nothing. */
const HOLD_TIME = 15_000;

export type RememberedClaim = Pick<PlacedClaim, 'ips' | 'mac' | 'mobility'>;

export interface RememberedCarrier {
  readonly vni: Vni;
  readonly origin: string;
  readonly vtep: VtepRecord;
  /** Whether all that it had was known. */
  readonly tells: boolean;
  readonly claims: readonly RememberedClaim[];
}

export interface RememberedClaimsModules {
  readonly clock: Clock;
  readonly records: ClaimSource;
}

export interface RememberedClaimsOptions {
  readonly carriers: readonly RememberedCarrier[];
  /** It is not claimed any more, unless somebody else does. */
  readonly onForgotten: (vni: Vni, macs: readonly MacAddress[]) => void;
}

interface Held {
  readonly carrier: RememberedCarrier;
  readonly claims: ReadonlyMap<MacAddress, UsedClaim>;
  readonly byIp: ReadonlyMap<IpAddress, UsedClaim>;
}

export class RememberedClaims implements ClaimSource {
  private readonly modules: RememberedClaimsModules;
  private readonly options: RememberedClaimsOptions;
  private held: readonly Held[];
  private timer: Timer | undefined;

  constructor(modules: RememberedClaimsModules, options: RememberedClaimsOptions) {
    this.modules = modules;
    this.options = options;
    this.held = options.carriers.map(hold);
  }

  /** From now on others can tell. */
  start(): void {
    if (this.held.length > 0) this.timer = this.modules.clock.after(HOLD_TIME, () => this.forget(() => true));
  }

  stop(): void {
    this.timer?.cancel();
  }

  get carriers(): readonly RememberedCarrier[] {
    return this.held.map(({ carrier }) => carrier);
  }

  owner(vni: Vni, mac: MacAddress): UsedClaim | undefined {
    return this.modules.records.owner(vni, mac) ?? this.find(vni, ({ claims }) => claims.get(mac));
  }

  *owners(vni: Vni): Generator<UsedClaim> {
    const { records } = this.modules;
    yield* records.owners(vni);
    const seen = new Set<MacAddress>();
    for (const { claims } of this.heldOf(vni)) {
      for (const claim of claims.values()) {
        if (seen.has(claim.mac) || records.owner(vni, claim.mac) !== undefined) continue;
        seen.add(claim.mac);
        yield claim;
      }
    }
  }

  ownerOfIp(vni: Vni, ip: IpAddress): UsedClaim | undefined {
    return this.modules.records.ownerOfIp(vni, ip) ?? this.find(vni, ({ byIp }) => byIp.get(ip));
  }

  /** Those that carry a network, and those that did and have not been heard of yet. */
  withRemembered(vni: Vni, vteps: readonly VtepSpec[]): readonly VtepSpec[] {
    const known = new Set(vteps.map(({ address }) => address));
    const missing = this.heldOf(vni)
      .map(({ carrier }) => carrier)
      .filter(({ vtep }) => !known.has(vtep.address));
    return [...vteps, ...missing.map(({ vtep, tells }) => ({ ...vtep, tells }))];
  }

  /** All that it has there is known again. */
  originTells(vni: Vni, origin: string): void {
    this.forget(({ carrier }) => carrier.vni === vni && carrier.origin === origin);
  }

  /** The pool says that it is dead, or has left. */
  originGone(origin: string): void {
    this.forget(({ carrier }) => carrier.origin === origin);
  }

  private forget(isOver: (held: Held) => boolean): void {
    const over = this.held.filter(isOver);
    if (over.length === 0) return;
    this.held = this.held.filter(held => !over.includes(held));
    if (this.held.length === 0) this.timer?.cancel();
    for (const { carrier, claims } of over) this.options.onForgotten(carrier.vni, [...claims.keys()]);
  }

  private heldOf(vni: Vni): readonly Held[] {
    return this.held.filter(({ carrier }) => carrier.vni === vni);
  }

  private find(vni: Vni, search: (held: Held) => UsedClaim | undefined): UsedClaim | undefined {
    for (const held of this.heldOf(vni)) {
      const found = search(held);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

function hold(carrier: RememberedCarrier): Held {
  const { vni, origin, vtep } = carrier;
  const claims = carrier.claims.map(claim => ({ ...claim, vni, origin, vtep }));
  return {
    carrier,
    claims: new Map(claims.map(claim => [claim.mac, claim])),
    byIp: new Map(claims.flatMap(claim => claim.ips.map(ip => [ip, claim]))),
  };
}
