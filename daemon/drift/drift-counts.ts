/** How often weft has put something back, by what it was. */

/** What somebody may change or delete. */
export const DRIFT_OBJECTS = {
  device: 'bridge or TAP of a network',
  interface: 'interface of a container: veth pair, TAP or macvlan',
  port: 'place of an interface in its bridge',
  state: 'link that was set down',
  mtu: 'MTU of a link',
  address: 'address of a container or of a gateway',
  route: 'route of a container or of a gateway',
  rules: 'rules of weft in nftables',
  namespace: 'namespace of a container: what belonged to it is removed',
} as const;

export type DriftObject = keyof typeof DRIFT_OBJECTS;

export class DriftCounts {
  private readonly counts = new Map<DriftObject, number>(
    (Object.keys(DRIFT_OBJECTS) as DriftObject[]).map(object => [object, 0]),
  );

  add(object: DriftObject): void {
    this.counts.set(object, (this.counts.get(object) ?? 0) + 1);
  }

  all(): ReadonlyMap<DriftObject, number> {
    return this.counts;
  }
}
