/**
 * The forwarding table (FDB) of one network: where the station with a MAC address is. Fixed entries come from control
 * (attached here, gossiped, static): they neither age nor yield to learning. Learned entries come from source addresses
 * of frames (IEEE 802.1Q section 8.7), are limited in number and age.
 */
import { randomInt } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { MacAddress } from './address.ts';
import type { Clock } from './clock.ts';
import { WeftError } from './errors.ts';
import { isStation } from './headers/ethernet.ts';
import { StationIndex } from './station-index.ts';
import type { Time } from './thread-time.ts';
import { WithdrawnStations } from './withdrawn-stations.ts';

/**
 * Where frames go: a local port or a remote VTEP. One object is made for each port and each VTEP and used for all
 * entries, for destinations are compared by identity and nothing is allocated per frame.
 */
export type Destination<P, V> =
  | { readonly kind: 'port'; readonly port: P }
  | { readonly kind: 'vtep'; readonly vtep: V };

/** Who made a fixed entry. */
export type FixedOrigin = 'attached' | 'static' | 'gossip';

export type Origin = FixedOrigin | 'learned';

/**
 * - `new`: the address was unknown.
 * - `refreshed`: it was there already.
 * - `moved`: it was elsewhere; the entry follows.
 * - `late`: gossip has just taken it away from there: the frame was under way, and nothing was changed.
 * - `refused`: a fixed entry says it is elsewhere, or it is no station's address; nothing was changed.
 */
export type LearnResult = 'new' | 'refreshed' | 'moved' | 'late' | 'refused';

/** A row for people. `ageMs`: time since the entry was set or last seen as a source. */
export interface ForwardingEntry<P, V> {
  readonly mac: MacAddress;
  readonly destination: Destination<P, V>;
  readonly origin: Origin;
  readonly ageMs: number;
}

export interface ForwardingTableOptions {
  /**
   * Learned entries at the most; beyond it the one least recently seen as a source goes. More costs about 100 bytes
   * each; fewer than there are stations makes frames flood.
   */
  readonly maxLearned: number;
  /**
   * Milliseconds without a frame from a station after which it is forgotten. Longer keeps sending to where a silent
   * station no longer is; shorter floods to silent ones.
   * @default 300_000 (IEEE 802.1Q table 8-6, and the kernel's vxlan)
   */
  readonly ageingMs?: number;
}

export interface ForwardingTableModules<P, V> {
  /** Asked where an entry is written; one for all tables that tell each other what they learned. */
  readonly clock: Pick<Clock, 'now'>;
  /** Read for each frame: the time of `clock`, as late as the thread has been at work since it was woken. */
  readonly time: Time;
  /**
   * Hears of each entry that was learned here, moved here, is still used after TELL_MS, or is better known here than to
   * whoever told of it, with the time of the frame: what other tables of the same network have to know.
   */
  readonly onLearned?: ((mac: MacAddress, destination: Destination<P, V>, seen: number) => void) | undefined;
}

/** IEEE 802.1Q table 8-6, "Ageing time parameter values": recommended default 300 s. */
const DEFAULT_AGEING_MS = 300_000;

/** How stale the time of the last frame of an entry may be: the price of no map write for each frame. */
const REFRESH_MS = 1000;

/**
 * How much earlier an entry may be forgotten where it was only told than where its frames come: 3 % of the ageing time
 * for one message in 10 s and address.
 */
const TELL_MS = 10_000;

interface Entry<P, V> {
  destination: Destination<P, V>;
  readonly origin: Origin;
  /** When it was set, or last seen as a source. */
  seen: number;
  /** When `onLearned` last heard of it, or when it was told by others. */
  told: number;
}

export class ForwardingTable<P, V> {
  private readonly clock: Pick<Clock, 'now'>;
  private readonly time: Time;
  private readonly ageingMs: number;
  private readonly onLearned: ForwardingTableModules<P, V>['onLearned'];
  private readonly fixed = new Map<MacAddress, Entry<P, V>>();
  /** What gossip no longer says. */
  private readonly withdrawn: WithdrawnStations<Destination<P, V>>;
  /** Which learned entries there are, and which of them goes first. */
  private readonly learned: LRUCache<MacAddress, Entry<P, V>>;
  /** All of both, for the frame path. */
  private readonly index = new StationIndex<Entry<P, V>>({ seed: randomInt(2 ** 32) });

  /** Throws `invalid_argument` unless `maxLearned` and `ageingMs` are positive integers. */
  constructor(modules: ForwardingTableModules<P, V>, options: ForwardingTableOptions) {
    const ageingMs = options.ageingMs ?? DEFAULT_AGEING_MS;
    requirePositive('limit of learned entries', options.maxLearned);
    requirePositive('ageing time in milliseconds', ageingMs);
    this.clock = modules.clock;
    this.time = modules.time;
    this.onLearned = modules.onLearned;
    this.ageingMs = ageingMs;
    this.withdrawn = new WithdrawnStations(modules);
    this.learned = new LRUCache({
      max: options.maxLearned,
      ttl: ageingMs,
      // Any other resolution makes lru-cache keep the time between calls, and start a timer of its own for it.
      ttlResolution: 0,
      // lru-cache takes a start time of 0 for "never expires", and our clock may begin at 0.
      perf: { now: () => modules.clock.now() + 1 },
      dispose: (_, mac) => this.index.delete(mac),
    });
  }

  /**
   * Where to send what is for this station, given as the halves of its address; undefined: nobody knows, flood it. A lookup
   * is no sign of life: only frames from a station keep its entry young. Allocates nothing.
   */
  lookup(high: number, low: number): Destination<P, V> | undefined {
    const entry = this.index.find(high, low);
    return entry === undefined || this.isExpired(entry) ? undefined : entry.destination;
  }

  /** Records that a frame from this station came from `destination`. Allocates nothing but once a second and station. */
  learn(high: number, low: number, destination: Destination<P, V>): LearnResult {
    const entry = this.index.find(high, low);
    if (entry === undefined || this.isExpired(entry)) return this.learnNew(high, low, destination);
    const moved = entry.destination !== destination;
    if (entry.origin !== 'learned') return moved ? 'refused' : 'refreshed';
    // Not by a function that returns the time: that might take a heap number for it.
    if (!moved && (this.time.ms[0] as number) - entry.seen < REFRESH_MS) return 'refreshed';
    const mac = macOf(high, low);
    if (moved && this.withdrawn.has(mac, destination)) return 'late';
    entry.destination = destination;
    entry.seen = this.clock.now();
    this.learned.set(mac, entry);
    if (moved || entry.seen - entry.told >= TELL_MS) this.tell(mac, entry);
    return moved ? 'moved' : 'refreshed';
  }

  private learnNew(high: number, low: number, destination: Destination<P, V>): LearnResult {
    if (!isStation(high, low)) return 'refused';
    const mac = macOf(high, low);
    if (this.withdrawn.has(mac, destination)) return 'late';
    const seen = this.clock.now();
    const entry: Entry<P, V> = { destination, origin: 'learned', seen, told: seen };
    this.put(mac, entry);
    this.tell(mac, entry);
    return 'new';
  }

  private put(mac: MacAddress, entry: Entry<P, V>): void {
    // Before the index: it disposes of what it puts this in the place of.
    this.learned.set(mac, entry);
    this.index.set(mac, entry);
  }

  private tell(mac: MacAddress, entry: Entry<P, V>): void {
    entry.told = entry.seen;
    this.onLearned?.(mac, entry.destination, entry.seen);
  }

  /**
   * Takes over what another table of this network has learned: a frame from `mac` came from `destination` at `seen`, by a
   * clock that both share. What is known better stays: a fixed entry, and a later frame from elsewhere. Returns whether
   * it was taken over.
   */
  adopt(mac: MacAddress, destination: Destination<P, V>, seen: number): boolean {
    if (this.fixed.has(mac) || this.withdrawn.hadAt(mac, destination, seen)) return false;
    const entry = this.learned.peek(mac);
    if (entry !== undefined && entry.seen >= seen) {
      // Whoever told this has not heard of the later frame.
      if (entry.destination !== destination) this.onLearned?.(mac, entry.destination, entry.seen);
      return false;
    }
    this.put(mac, { destination, origin: 'learned', seen, told: seen });
    return true;
  }

  /** The fixed entry of `mac`. */
  fixedAt(mac: MacAddress): Pick<ForwardingEntry<P, V>, 'destination' | 'origin'> | undefined {
    return this.fixed.get(mac);
  }

  /** Whether gossip says where this station is. Allocates nothing. */
  isClaimed(high: number, low: number): boolean {
    return this.index.find(high, low)?.origin === 'gossip';
  }

  private isExpired(entry: Entry<P, V>): boolean {
    return entry.origin === 'learned' && (this.time.ms[0] as number) - entry.seen > this.ageingMs;
  }

  /** Puts a fixed entry in place of any entry of `mac`, fixed or learned. */
  setFixed(mac: MacAddress, destination: Destination<P, V>, origin: FixedOrigin): void {
    this.learned.delete(mac);
    const seen = this.clock.now();
    const entry = { destination, origin, seen, told: seen };
    this.fixed.set(mac, entry);
    this.index.set(mac, entry);
  }

  /**
   * Removes the fixed entry of `mac`, if `origin` is given only when it has that origin: a late withdrawal by gossip must
   * not undo an attachment made here. What gossip said is not learned from frames that are still under way. Returns whether there was one.
   */
  removeFixed(mac: MacAddress, origin?: FixedOrigin): boolean {
    const entry = this.fixed.get(mac);
    if (origin !== undefined && entry?.origin !== origin) return false;
    if (entry?.origin === 'gossip') this.withdrawn.add(mac, entry.destination);
    return this.deleteFixed(mac);
  }

  private deleteFixed(mac: MacAddress): boolean {
    return this.fixed.delete(mac) && this.index.delete(mac);
  }

  /** Removes every entry that the predicate picks, as when a port or VTEP is gone. Returns how many those were. */
  forget(predicate: (destination: Destination<P, V>, mac: MacAddress, origin: Origin) => boolean): number {
    let forgotten = 0;
    for (const [mac, entry] of this.fixed) {
      if (predicate(entry.destination, mac, entry.origin) && this.deleteFixed(mac)) forgotten++;
    }
    // A copy, for lru-cache's iterators do not promise to survive a delete.
    for (const [mac, entry] of [...this.learned.entries()]) {
      if (predicate(entry.destination, mac, 'learned') && this.learned.delete(mac)) forgotten++;
    }
    return forgotten;
  }

  /** Every entry that a lookup would find: fixed ones first, then learned ones, the most recently refreshed first. */
  *entries(): Generator<ForwardingEntry<P, V>, void, undefined> {
    const now = this.clock.now();
    for (const [mac, { destination, origin, seen }] of this.fixed) {
      yield { mac, destination, origin, ageMs: now - seen };
    }
    for (const [mac, { destination, seen }] of this.learned.entries()) {
      yield { mac, destination, origin: 'learned', ageMs: now - seen };
    }
  }

  /** Entries that a lookup would find. Walks the whole table to drop expired ones: for people, not for frames. */
  get size(): number {
    this.learned.purgeStale();
    return this.fixed.size + this.learned.size;
  }
}

function macOf(high: number, low: number): MacAddress {
  return (high * 0x100_0000 + low) as MacAddress;
}

function requirePositive(what: string, value: number): void {
  if (Number.isInteger(value) && value > 0) return;
  throw new WeftError('invalid_argument', `the ${what} is ${value}`, { hint: 'give a positive integer' });
}
