/** Who is called what, kept from the news of the record log: names are found without a look at all containers of a network. */
import type { PlacedClaim } from '../../control/records/claim.ts';
import type { RecordEvent } from '../../control/records/events.ts';
import type { RecordLog } from '../../control/records/record-log.ts';
import type { IpAddress, MacAddress, Vni } from '../../dataplane/address.ts';
import { isContainerName } from '../names.ts';
import type { NameDirectory } from './zone.ts';

type Claims = ReadonlyMap<MacAddress, PlacedClaim>;

export class NameIndex {
  private readonly networks = new Map<Vni, Map<string, Map<MacAddress, PlacedClaim>>>();

  /** Takes an event of the record log; calls nothing of it. */
  onEvent(event: RecordEvent): void {
    switch (event.type) {
      case 'claimWon':
      case 'claimChanged':
      case 'claimWithdrawn':
        // The same claims come once for the MAC address and once for each IP address.
        if (!('mac' in event.subject)) return;
        if (event.type !== 'claimWon') this.remove(event.previous);
        if (event.type !== 'claimWithdrawn') this.add(event.claim);
        return;
      default:
    }
  }

  /** All that have this name. */
  claimsOf(vni: Vni, name: string): Claims | undefined {
    return this.networks.get(vni)?.get(name);
  }

  private add(claim: PlacedClaim): void {
    for (const name of claim.names ?? []) {
      // What another node says is not believed to be a name.
      if (!isContainerName(name)) continue;
      const names = this.networks.get(claim.vni) ?? new Map<string, Map<MacAddress, PlacedClaim>>();
      const claims = names.get(name) ?? new Map<MacAddress, PlacedClaim>();
      this.networks.set(claim.vni, names.set(name, claims.set(claim.mac, claim)));
    }
  }

  private remove({ vni, mac, names: given = [] }: PlacedClaim): void {
    const names = this.networks.get(vni);
    for (const name of given) {
      const claims = names?.get(name);
      claims?.delete(mac);
      if (claims?.size === 0) names?.delete(name);
    }
    if (names?.size === 0) this.networks.delete(vni);
  }
}

export interface RecordDirectoryModules {
  readonly index: Pick<NameIndex, 'claimsOf'>;
  readonly records: Pick<RecordLog, 'ownerOfIp'>;
}

/** What the index and the log say together: an address that another container has now is not answered. */
export class RecordDirectory implements NameDirectory {
  private readonly modules: RecordDirectoryModules;

  constructor(modules: RecordDirectoryModules) {
    this.modules = modules;
  }

  addressesOf(vni: Vni, name: string): readonly IpAddress[] | undefined {
    const claims = this.modules.index.claimsOf(vni, name);
    if (claims === undefined) return undefined;
    return [...claims.values()].flatMap(claim => claim.ips.filter(ip => this.isHolder(claim, ip)));
  }

  /** Whether nobody else has an address of the claim. */
  isHolder({ vni, mac }: PlacedClaim, ip: IpAddress): boolean {
    return this.modules.records.ownerOfIp(vni, ip)?.mac === mac;
  }

  nameOf(vni: Vni, address: IpAddress): string | undefined {
    return this.modules.records.ownerOfIp(vni, address)?.names?.find(isContainerName);
  }
}
