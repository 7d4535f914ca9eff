/**
 * From claims to the dataplane: what other nodes say of their containers, and who of several is right, becomes entries of the
 * forwarding tables.
 *
 *   record log ─ events ─► changed(vni, mac) ─► what should be ─► changeClaims
 *                                                  ▲
 *     every 30 s: readVteps, readClaims ─ differs? ┘   counted and mended
 *
 * It keeps no copy of what it has told: what should be is asked of the record log each time, what is of the dataplane. So nothing can
 * drift for longer than until the next audit, whatever went wrong between (lesson L13 of Docker's networkdb, ADR 16).
 */
import type { PlacedClaim } from '../../control/records/claim.ts';
import { type IpAddress, isMulticastMac, type MacAddress, type Vni } from '../../dataplane/address.ts';
import type { Claim, ClaimChanges } from '../../dataplane/claims.ts';
import type { Clock, Timer } from '../../dataplane/clock.ts';
import type { Dataplane } from '../../dataplane/dataplane.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { Turns } from '../../dataplane/turns.ts';
import { errorFields, type Log } from '../log.ts';

/** Between audits, in milliseconds. Each copies all claims once: 50,000 take some 100 ms of a core. */
const AUDIT_INTERVAL = 30_000;

/** Claims in one command: what a worker carries out before it looks at frames again. */
const CHANGES_PER_COMMAND = 512;

/** What is needed of a claim here. */
export type UsedClaim = Pick<
  PlacedClaim,
  'claimedAt' | 'ips' | 'mac' | 'mobility' | 'origin' | 'vni' | 'vtep'
>;

/** What the record log is asked, and what an earlier process has left (remembered-claims.ts). */
export interface ClaimSource {
  owner(vni: Vni, mac: MacAddress): UsedClaim | undefined;
  owners(vni: Vni): Iterable<UsedClaim>;
  ownerOfIp(vni: Vni, ip: IpAddress): UsedClaim | undefined;
}

export interface ReconcilerModules {
  readonly clock: Clock;
  readonly log: Log;
  readonly claims: ClaimSource;
  readonly dataplane: Pick<Dataplane, 'run'>;
}

export interface ReconcilerOptions {
  /** Our own name: our claims are attachments, and no entries. */
  readonly self: string;
  /** Those in the dataplane at present. */
  readonly vnis: () => readonly Vni[];
  /** Holds VTEPs against what they should be too, as {@link ClaimReconciler.audit} does claims: a claim is of use with its VTEP only. */
  readonly auditVteps?: () => Promise<number>;
  /** The dataplane has this claim now. */
  readonly onInstalled?: (claim: UsedClaim) => void;
}

export interface ReconcilerReport {
  readonly audits: number;
  /** Entries and VTEPs that were not as they should be, and were mended by an audit. */
  readonly repaired: number;
}

export class ClaimReconciler {
  private readonly modules: ReconcilerModules;
  private readonly options: ReconcilerOptions;
  private readonly changes = new Map<Vni, Set<MacAddress>>();
  private readonly turns = new Turns();
  private isScheduled = false;
  private isRunning = false;
  private timer: Timer | undefined;
  private audits = 0;
  private repaired = 0;

  constructor(modules: ReconcilerModules, options: ReconcilerOptions) {
    this.modules = modules;
    this.options = options;
  }

  /** The networks are in the dataplane. Resolves when all that is claimed is there too. */
  async start(): Promise<void> {
    this.isRunning = true;
    for (const vni of this.options.vnis()) {
      for (const { mac } of this.modules.claims.owners(vni)) this.changed(vni, mac);
    }
    await this.flush();
    this.scheduleAudit();
  }

  /** Waits for what is under way. */
  async stop(): Promise<void> {
    this.isRunning = false;
    this.timer?.cancel();
    await this.turns.done();
  }

  /** Something about this address is new. What changes in one go is told in one command. */
  changed(vni: Vni, mac: MacAddress): void {
    const macs = this.changes.get(vni) ?? new Set();
    this.changes.set(vni, macs.add(mac));
    if (!this.isRunning || this.isScheduled) return;
    this.isScheduled = true;
    queueMicrotask(() => {
      this.flush().catch(error =>
        this.modules.log.error(errorFields(error), 'cannot tell the dataplane of claims'),
      );
    });
  }

  /** Resolves when the dataplane has all that changed until now. */
  flush(): Promise<void> {
    this.isScheduled = false;
    return this.turns.take(() => this.tell());
  }

  /** Holds what is installed against what should be, and mends what differs. Returns how many entries and VTEPs did. */
  audit(): Promise<number> {
    return this.turns.take(async () => {
      await this.tell();
      const wrongVteps = (await this.options.auditVteps?.()) ?? 0;
      const installed = await this.modules.dataplane.run('readClaims', {});
      let differences = 0;
      for (const vni of this.options.vnis()) {
        const inside = new Map(installed.filter(claim => claim.vni === vni).map(claim => [claim.mac, claim]));
        const wrong = this.wrongOf(vni, inside);
        for (const mac of wrong) this.changed(vni, mac);
        differences += wrong.length;
      }
      await this.tell();
      this.audits += 1;
      this.repaired += differences + wrongVteps;
      if (differences > 0) {
        this.modules.log.warn(
          { component: 'dataplane', count: differences },
          'claims in the dataplane were mended',
        );
      }
      return differences + wrongVteps;
    });
  }

  report(): ReconcilerReport {
    return { audits: this.audits, repaired: this.repaired };
  }

  private async tell(): Promise<void> {
    for (const [vni, macs] of this.changes) {
      this.changes.delete(vni);
      // Of a network that is not carried any more there is nothing left to tell.
      if (!this.options.vnis().includes(vni)) continue;
      const all = [...macs];
      for (let from = 0; from < all.length; from += CHANGES_PER_COMMAND) {
        await this.tellOf(vni, all.slice(from, from + CHANGES_PER_COMMAND));
      }
    }
  }

  private async tellOf(vni: Vni, macs: readonly MacAddress[]): Promise<void> {
    const set: Claim[] = [];
    const remove: MacAddress[] = [];
    const told: UsedClaim[] = [];
    for (const mac of macs) {
      const owner = this.wanted(vni, mac);
      if (owner === undefined) remove.push(mac);
      else {
        set.push(this.claimOf(owner));
        told.push(owner);
      }
    }
    const changes: ClaimChanges = { set, remove };
    await this.modules.dataplane.run('changeClaims', { vni, ...changes });
    for (const claim of told) this.options.onInstalled?.(claim);
  }

  /** Of the addresses that changed meanwhile the next command tells. */
  private wrongOf(
    vni: Vni,
    installed: ReadonlyMap<MacAddress, Claim & { readonly state: string }>,
  ): MacAddress[] {
    const changing = this.changes.get(vni);
    const wrong: MacAddress[] = [];
    const wanted = new Set<MacAddress>();
    for (const owner of this.modules.claims.owners(vni)) {
      if (owner.origin === this.options.self || !isStation(owner.mac)) continue;
      wanted.add(owner.mac);
      const is = installed.get(owner.mac);
      if (changing?.has(owner.mac)) continue;
      if (is === undefined || is.state === 'missing' || !isSame(is, this.claimOf(owner)))
        wrong.push(owner.mac);
    }
    for (const mac of installed.keys()) if (!wanted.has(mac) && !changing?.has(mac)) wrong.push(mac);
    return wrong;
  }

  private wanted(vni: Vni, mac: MacAddress): UsedClaim | undefined {
    const owner = this.modules.claims.owner(vni, mac);
    return owner === undefined || owner.origin === this.options.self || !isStation(mac) ? undefined : owner;
  }

  /** With the IP addresses that nobody else has a better claim to. */
  private claimOf({ vni, mac, vtep, ips, mobility }: UsedClaim): Claim {
    const addresses = ips.filter(ip => this.modules.claims.ownerOfIp(vni, ip)?.mac === mac);
    return { mac, vtep: vtep.address, addresses, mobility };
  }

  private scheduleAudit(): void {
    if (!this.isRunning) return;
    this.timer = this.modules.clock.after(AUDIT_INTERVAL, () => {
      this.audit()
        .catch(error => {
          // At the end of the daemon the dataplane is gone before the last answer.
          const isLate = !this.isRunning && error instanceof WeftError && error.code === 'unavailable';
          if (!isLate) this.modules.log.error(errorFields(error), 'cannot audit the claims');
        })
        .finally(() => this.scheduleAudit());
    });
  }
}

function isSame(a: Claim, b: Claim): boolean {
  const { addresses } = b;
  const hasSame = a.addresses.length === addresses.length && a.addresses.every(ip => addresses.includes(ip));
  return hasSame && a.vtep === b.vtep && a.mobility === b.mobility;
}

/** What a peer claims is not believed blindly: no host has a group address. */
function isStation(mac: MacAddress): boolean {
  return mac !== 0 && !isMulticastMac(mac);
}
