/**
 * Where members of the pool were, for when nobody can tell: after a restart of all, or when the pool has split for so long
 * that the other side is forgotten. serf keeps a log of members for it; weft keeps a short list.
 */
import type { Clock, Timer } from '../dataplane/clock.ts';
import { type Endpoint, endpointKey } from './endpoint.ts';
import type { GossipEvent } from './events.ts';

export interface RememberedPeer extends Endpoint {
  /**
   * When it was last known to be up: wall-clock time, in milliseconds, and no earlier than that of any that was seen before. A clock that is
   * wrong spoils the distances, not the order.
   */
  readonly seen: number;
}

/** As many as are of use: each leads to a whole pool. */
const MAX_PEERS = 64;

/** A peer that was not up for so long while others were is forgotten, in milliseconds. */
const KEPT_FOR = 30 * 24 * 3_600_000;

/** Between two saves at least, in milliseconds: a pool that comes up is one change. */
const SAVE_INTERVAL = 30_000;

export class PeerMemory {
  private readonly clock: Clock;
  private readonly save: (peers: readonly RememberedPeer[]) => void;
  /** From the one that was up longest ago to the one that was up last. */
  private readonly peers = new Map<string, RememberedPeer>();
  /** Keys of those that are up. */
  private readonly up = new Set<string>();
  private newest = 0;
  private saving: Timer | undefined;

  /** `save` is called after changes, now and then. It must not throw. */
  constructor(
    modules: { readonly clock: Clock; readonly save: (peers: readonly RememberedPeer[]) => void },
    options: { readonly known: readonly RememberedPeer[] },
  ) {
    this.clock = modules.clock;
    this.save = modules.save;
    const known = options.known.toSorted((a, b) => a.seen - b.seen);
    this.newest = known.at(-1)?.seen ?? 0;
    // Either may be of a clock that is wrong; who was down for long has lost nobody.
    const last = Math.min(this.newest, this.clock.wallTime());
    for (const peer of known) if (last - peer.seen < KEPT_FOR) this.put(peer);
  }

  all(): readonly RememberedPeer[] {
    return [...this.peers.values()];
  }

  /** Takes note of what happens to members. */
  onEvent(event: GossipEvent): void {
    if (event.type === 'nameConflict') return;
    const { address, port } = event.member;
    const key = endpointKey(event.member);
    switch (event.type) {
      case 'memberUp':
        this.up.add(key);
        this.put({ address, port, seen: this.now() });
        break;
      case 'memberDown':
        this.up.delete(key);
        this.put({ address, port, seen: this.now() });
        break;
      case 'memberLeft':
        this.up.delete(key);
        this.peers.delete(key);
        break;
      default:
        return;
    }
    this.saving ??= this.clock.after(SAVE_INTERVAL, () => this.saveNow());
  }

  /** Saves what is not saved yet, for the last time. */
  close(): void {
    if (this.saving !== undefined) this.saveNow();
  }

  private saveNow(): void {
    this.saving?.cancel();
    this.saving = undefined;
    const seen = this.now();
    for (const peer of this.all()) if (this.up.has(endpointKey(peer))) this.put({ ...peer, seen });
    this.save(this.all());
  }

  private now(): number {
    this.newest = Math.max(this.newest, this.clock.wallTime());
    return this.newest;
  }

  private put(peer: RememberedPeer): void {
    const key = endpointKey(peer);
    this.peers.delete(key);
    this.peers.set(key, peer);
    const [oldest] = this.peers.keys();
    if (this.peers.size > MAX_PEERS && oldest !== undefined) this.peers.delete(oldest);
  }
}
