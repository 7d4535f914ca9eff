/**
 * What this node says of its own containers, and how it contests an address that another node claims too (RFC 7432
 * section 7.7 and 15): whoever has it now, by evidence of his own, counts higher; who has counted too often holds still.
 */
import type { IpAddress, MacAddress, Vni } from '../../dataplane/address.ts';
import { isMulticastMac } from '../../dataplane/address.ts';
import type { Clock } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import type { ClaimView } from './claim-view.ts';
import {
  CONTAINER_MAX_BYTES,
  DUPLICATE_MOVES,
  DUPLICATE_WINDOW,
  ENDPOINT_MAX_IPS,
  ENDPOINT_MAX_NAMES,
  FREEZE_MAX,
  INTERFACE_MAX_BYTES,
  NAME_MAX_BYTES,
  NAMES_MAX_BYTES,
} from './limits.ts';
import type { OwnRecords } from './own-records.ts';
import {
  decodeEndpoint,
  type EndpointRecord,
  encodeEndpoint,
  encodeGone,
  MAX_MOBILITY,
  macKey,
  RECORD_KIND,
} from './record.ts';

export interface OwnEndpoint {
  readonly mac: MacAddress;
  readonly ips: readonly IpAddress[];
  readonly interface: string;
  readonly containerId: string;
  /** Must not move. Default: false. */
  readonly sticky?: boolean;
  /** The counter of an earlier life, if it was kept. */
  readonly mobility?: number;
  /** As of {@link EndpointRecord}. Default: none. */
  readonly names?: readonly string[];
}

/**
 * - `held`: the address is ours, nothing had to be said. `reclaimed`: it is ours again.
 * - `frozen`, `sticky`: another node has it and keeps it. `absent`: we have no such endpoint.
 */
export type Assertion = 'held' | 'reclaimed' | 'frozen' | 'sticky' | 'absent';

interface Freeze {
  readonly vni: Vni;
  readonly mac: MacAddress;
  /** When it is released, and how long it was frozen. */
  readonly until: number;
  readonly length: number;
  isOver: boolean;
}

export class OwnEndpoints {
  private readonly modules: { readonly clock: Clock; readonly own: OwnRecords; readonly view: ClaimView };
  private readonly self: string;
  private readonly freezes = new Map<string, Freeze>();

  constructor(modules: OwnEndpoints['modules'], options: { readonly self: string }) {
    this.modules = modules;
    this.self = options.self;
  }

  /** Says that a container of ours has this address. Throws `invalid_argument`, and `unavailable` beyond our quota. */
  attach(vni: Vni, endpoint: OwnEndpoint): void {
    check(endpoint);
    const { mac, ips, containerId, names = [], sticky = false } = endpoint;
    const { own } = this.modules;
    const key = macKey(mac);
    const previous = own.find(vni, RECORD_KIND.endpoint, key);
    const before = previous === undefined ? undefined : decodeEndpoint(previous.body);
    const kept = Math.max(before?.mobility ?? 0, endpoint.mobility ?? 0);
    const mobility = this.nextMobility(vni, mac, ips, kept);
    const frozen = this.isFreezing(vni, mac) || (before?.frozen === true && previous?.deleted === false);
    const isSaid = previous?.deleted === false && before !== undefined;
    const record: EndpointRecord = {
      ips,
      interface: endpoint.interface,
      containerId,
      mobility,
      sticky,
      frozen,
      claimedAt: isSaid && before.mobility === mobility ? before.claimedAt : this.wallTime(),
      ...(names.length > 0 && { names }),
    };
    if (isSaid && Buffer.compare(encodeEndpoint(record), previous.body) === 0) return;
    this.write(vni, mac, record);
  }

  /** Says that it is gone. Returns whether there was one. */
  detach(vni: Vni, mac: MacAddress): boolean {
    const record = this.find(vni, mac);
    if (record === undefined) return false;
    const { own } = this.modules;
    const body = encodeGone(record.mobility);
    own.write(vni, { kind: RECORD_KIND.endpoint, key: macKey(mac), body, deleted: true });
    this.freezes.delete(freezeKey(vni, mac));
    return true;
  }

  /**
   * A frame has come from the container itself: if another node's claim stands before ours, ours is the truer one. To
   * be called on such evidence only. An address that has moved five times in 180 s stays where it is.
   */
  assert(vni: Vni, mac: MacAddress): Assertion {
    const record = this.find(vni, mac);
    if (record === undefined) return 'absent';
    const winner = this.modules.view.owner(vni, mac);
    if (winner === undefined || winner.origin === this.self) return 'held';
    if (winner.sticky && !record.sticky) return 'sticky';
    if (winner.frozen) return 'frozen';
    const mobility = this.nextMobility(vni, mac, record.ips, record.mobility);
    const claimedAt = this.wallTime();
    this.write(vni, mac, { ...record, mobility, frozen: this.isFreezing(vni, mac), claimedAt });
    return 'reclaimed';
  }

  /** Lets an address that is frozen with us move again. Returns whether it was. */
  release(vni: Vni, mac: MacAddress): boolean {
    const record = this.find(vni, mac);
    if (record?.frozen !== true) return false;
    const freeze = this.freezes.get(freezeKey(vni, mac));
    if (freeze !== undefined) freeze.isOver = true;
    this.write(vni, mac, { ...record, frozen: false });
    return true;
  }

  /** Releases what has been frozen long enough. */
  releaseDue(): void {
    const now = this.modules.clock.now();
    for (const [key, { vni, mac, until, isOver }] of this.freezes) {
      if (!isOver && until <= now) this.release(vni, mac);
      // Remembered for a while: who freezes again soon, freezes longer.
      else if (isOver && until + FREEZE_MAX <= now) this.freezes.delete(key);
    }
  }

  /** Of our claim of this address; undefined if we have none. */
  mobilityOf(vni: Vni, mac: MacAddress): number | undefined {
    return this.find(vni, mac)?.mobility;
  }

  /** How many of our addresses are frozen. */
  get frozen(): number {
    return [...this.freezes.values()].filter(({ isOver }) => !isOver).length;
  }

  private wallTime(): number {
    return Math.max(0, Math.round(this.modules.clock.wallTime()));
  }

  private find(vni: Vni, mac: MacAddress): EndpointRecord | undefined {
    const record = this.modules.own.find(vni, RECORD_KIND.endpoint, macKey(mac));
    return record === undefined || record.deleted ? undefined : decodeEndpoint(record.body);
  }

  /**
   * One more than anybody else has ever given this MAC address (RFC 7432 section 15), also whoever is hidden now or has taken it back:
   * his withdrawal may reach others later than our claim. And more than whoever has one of the IP addresses.
   */
  private nextMobility(vni: Vni, mac: MacAddress, ips: readonly IpAddress[], kept: number): number {
    const { view } = this.modules;
    let highest = view.highestMobility(vni, mac);
    for (const ip of ips) {
      const owner = view.ownerOfIp(vni, ip);
      if (owner !== undefined && owner.mac !== mac) highest = Math.max(highest, owner.mobility);
    }
    // Whoever holds a frozen or sticky address is not outbid: it would only count up.
    const owner = view.owner(vni, mac);
    if (owner !== undefined && owner.origin !== this.self && (owner.frozen || owner.sticky)) return kept;
    return Math.min(MAX_MOBILITY, highest >= kept ? highest + 1 : kept);
  }

  /** Whether to take the address now is the fifth contested move within the window. */
  private isFreezing(vni: Vni, mac: MacAddress): boolean {
    const { clock, view } = this.modules;
    const owner = view.owner(vni, mac);
    if (owner === undefined || owner.origin === this.self || owner.frozen || owner.sticky) return false;
    if (view.moves(vni, mac) + 1 < DUPLICATE_MOVES) return false;
    const key = freezeKey(vni, mac);
    const last = this.freezes.get(key);
    const length = last === undefined ? DUPLICATE_WINDOW : Math.min(FREEZE_MAX, 2 * last.length);
    this.freezes.set(key, { vni, mac, until: clock.now() + length, length, isOver: false });
    return true;
  }

  private write(vni: Vni, mac: MacAddress, record: EndpointRecord): void {
    const body = encodeEndpoint(record);
    this.modules.own.write(vni, { kind: RECORD_KIND.endpoint, key: macKey(mac), body, deleted: false });
  }
}

function freezeKey(vni: Vni, mac: MacAddress): string {
  return `${vni}|${mac}`;
}

function check({ mac, ips, interface: name, containerId, names = [] }: OwnEndpoint): void {
  const isWrong =
    mac === 0 ||
    isMulticastMac(mac) ||
    ips.length > ENDPOINT_MAX_IPS ||
    Buffer.byteLength(name) > INTERFACE_MAX_BYTES ||
    Buffer.byteLength(containerId) > CONTAINER_MAX_BYTES ||
    !areShort(names);
  if (isWrong) {
    throw new WeftError('invalid_argument', 'this endpoint cannot be announced', {
      hint: `give it a unicast MAC address, at most ${ENDPOINT_MAX_IPS} addresses and short names`,
    });
  }
}

function areShort(names: readonly string[]): boolean {
  const sizes = names.map(name => Buffer.byteLength(name));
  const total = sizes.reduce((sum, size) => sum + size + 1, 0);
  return (
    names.length <= ENDPOINT_MAX_NAMES &&
    sizes.every(size => size >= 1 && size <= NAME_MAX_BYTES) &&
    total <= NAMES_MAX_BYTES
  );
}
