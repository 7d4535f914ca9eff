/**
 * What other nodes say of the stations of one network: where each is, and which IP addresses it has. Who is right among
 * several nodes is decided before (control's record log, the daemon's reconciler); here is what that comes to:
 *
 *   a claim ──► an entry of the forwarding table, origin `gossip`      if its VTEP carries the network, and unless the
 *           └─► its IP addresses, for ARP and ND (neighbors.ts)        station is attached here
 *
 * Whenever one of the two conditions changes, the claim is looked at again: a claim that came before the news of its VTEP
 * waits for it, and one that a local attachment has covered is there again when that ends.
 */
import { type IpAddress, type MacAddress, macHigh, macLow, type VtepAddress } from './address.ts';
import { WeftError } from './errors.ts';
import type { FloodList } from './flood-list.ts';
import type { ForwardingTable } from './forwarding-table.ts';
import { isStation } from './headers/ethernet.ts';
import type { LocalPort } from './local-port.ts';
import { type Neighbor, type Neighbors, neighborOf } from './neighbors.ts';
import type { Vtep } from './vtep-table.ts';

export interface Claim {
  readonly mac: MacAddress;
  readonly vtep: VtepAddress;
  readonly addresses: readonly IpAddress[];
  /** How often the station has moved (RFC 7432 section 7.7). Kept for whoever compares; nothing is decided by it here. */
  readonly mobility: number;
}

/**
 * - `used`: frames for the station go to the VTEP.
 * - `attached_here`: it is attached to this node, which wins until it is released.
 * - `vtep_unknown`: no VTEP of that address carries the network, by what the dataplane was told.
 * - `missing`: it ought to be used, but is not: in the table of a worker, or as a whole.
 */
export type ClaimState = 'used' | 'attached_here' | 'vtep_unknown' | 'missing';

export type ClaimReport = Claim & { readonly state: ClaimState };

export interface ClaimChanges {
  /** Each takes the place of the former claim of its station. */
  readonly set: readonly Claim[];
  /** Stations that nobody claims any more. To remove what is not there is no error. */
  readonly remove: readonly MacAddress[];
}

interface Held {
  claim: Claim;
  readonly neighbor: Neighbor;
  /** Whose entry stands in the table, and whose addresses among the neighbors; undefined: neither does. */
  vtep: Vtep | undefined;
}

export interface ClaimsModules {
  readonly table: ForwardingTable<LocalPort, Vtep>;
  readonly flood: FloodList<Vtep>;
  readonly neighbors: Neighbors;
}

export class Claims {
  private readonly modules: ClaimsModules;
  private readonly held = new Map<MacAddress, Held>();

  /** How many of them have their entry in the table. */
  private used = 0;

  constructor(modules: ClaimsModules) {
    this.modules = modules;
  }

  get size(): number {
    return this.held.size;
  }

  /** Those that frames go by: their VTEP is known, and their station is not attached here. */
  get sizeUsed(): number {
    return this.used;
  }

  /** Removes, then sets. Throws `invalid_argument` when a MAC is no station's; then nothing has changed. */
  change({ set, remove }: ClaimChanges): void {
    for (const { mac } of set) requireStation(mac);
    for (const mac of remove) this.remove(mac);
    for (const claim of set) this.set(claim);
  }

  private set(claim: Claim): void {
    const { mac } = claim;
    const held = this.held.get(mac) ?? { claim, neighbor: neighborOf(mac, false), vtep: undefined };
    const former = held.claim;
    held.claim = claim;
    this.held.set(mac, held);
    if (held.vtep !== undefined) this.replaceAddresses(held.neighbor, former.addresses, claim.addresses);
    this.place(held);
  }

  private remove(mac: MacAddress): void {
    const held = this.held.get(mac);
    if (held === undefined) return;
    this.held.delete(mac);
    this.withdraw(held);
  }

  /** To be called when the VTEPs of the network have changed. */
  refresh(): void {
    for (const held of this.held.values()) this.place(held);
  }

  /** To be called when a station was attached here or released. */
  refreshStation(mac: MacAddress): void {
    const held = this.held.get(mac);
    if (held !== undefined) this.place(held);
  }

  *reports(): Generator<ClaimReport, void, undefined> {
    for (const { claim } of this.held.values()) yield { ...claim, state: this.stateOf(claim) };
  }

  private stateOf({ mac, vtep: address }: Claim): ClaimState {
    const entry = this.modules.table.fixedAt(mac);
    if (entry !== undefined && entry.origin !== 'gossip') return 'attached_here';
    const vtep = this.modules.flood.get(address);
    if (vtep === undefined) return 'vtep_unknown';
    return entry?.destination === vtep.destination ? 'used' : 'missing';
  }

  private place(held: Held): void {
    const { table, flood } = this.modules;
    const { claim, neighbor } = held;
    const state = this.stateOf(claim);
    const vtep = flood.get(claim.vtep);
    if (vtep === undefined || state === 'attached_here') {
      this.withdraw(held);
      return;
    }
    if (state !== 'used') table.setFixed(claim.mac, vtep.destination, 'gossip');
    if (held.vtep === undefined) {
      this.replaceAddresses(neighbor, [], claim.addresses);
      this.used += 1;
    }
    held.vtep = vtep;
  }

  private withdraw(held: Held): void {
    const { claim, neighbor, vtep } = held;
    if (vtep === undefined) return;
    held.vtep = undefined;
    this.used -= 1;
    this.modules.table.removeFixed(claim.mac, 'gossip');
    this.replaceAddresses(neighbor, claim.addresses, []);
  }

  private replaceAddresses(
    neighbor: Neighbor,
    former: readonly IpAddress[],
    addresses: readonly IpAddress[],
  ): void {
    const { neighbors } = this.modules;
    for (const address of former) if (!addresses.includes(address)) neighbors.remove(address, neighbor);
    for (const address of addresses) if (!former.includes(address)) neighbors.add(address, neighbor);
  }
}

function requireStation(mac: MacAddress): void {
  if (isStation(macHigh(mac), macLow(mac))) return;
  throw new WeftError('invalid_argument', `${mac} is the MAC address of no station`);
}
