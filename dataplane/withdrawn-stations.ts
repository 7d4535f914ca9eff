/**
 * Stations that gossip has just taken away, while frames of theirs are still on their way: in a queue of a TAP, of a socket, in the network. What such
 * a frame taught would stay for the whole ageing time, and send to where nobody is.
 */
import type { MacAddress } from './address.ts';
import type { Clock } from './clock.ts';

/**
 * Milliseconds for which a frame may be under way. A queue of 500 frames of 64 KiB takes 0.3 s at 1 Gbit/s. Longer keeps a station unknown that speaks
 * again from the same place without a claim; shorter lets late frames teach.
 */
export const UNDER_WAY_MS = 2000;

interface Withdrawn<D> {
  readonly destination: D;
  readonly until: number;
}

export class WithdrawnStations<D> {
  private readonly clock: Pick<Clock, 'now'>;
  /** The oldest first. */
  private readonly all = new Map<MacAddress, Withdrawn<D>>();

  constructor(modules: { readonly clock: Pick<Clock, 'now'> }) {
    this.clock = modules.clock;
  }

  /** Gossip no longer says that the station is there. */
  add(mac: MacAddress, destination: D): void {
    const now = this.clock.now();
    for (const [old, { until }] of this.all) {
      if (until > now) break;
      this.all.delete(old);
    }
    this.all.delete(mac);
    this.all.set(mac, { destination, until: now + UNDER_WAY_MS });
  }

  /** Whether a frame of this station from there may have been on its way when it was taken away. Allocates nothing while nothing was. */
  has(mac: MacAddress, destination: D): boolean {
    if (this.all.size === 0) return false;
    const withdrawn = this.all.get(mac);
    return withdrawn?.destination === destination && withdrawn.until > this.clock.now();
  }

  /** The same of what another table learned at `seen`: that heard of it a moment before or after us, and waited as long. */
  hadAt(mac: MacAddress, destination: D, seen: number): boolean {
    return this.has(mac, destination) && seen < (this.all.get(mac)?.until ?? 0) - UNDER_WAY_MS / 2;
  }
}
