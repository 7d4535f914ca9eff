/**
 * News goes out at once: to all peers of its network where they are few, else to six, who pass it on to six each, once
 * (infect and die), and as a hint by datagram to a few more. What nobody told is found by anti-entropy (synchronizer.ts).
 */
import type { Vni } from '../../dataplane/address.ts';
import type { Clock, Timer } from '../../dataplane/clock.ts';
import { type Random, randomInteger } from '../random.ts';
import { type Epoch, NO_EPOCH } from './epoch.ts';
import type { Delta } from './frame.ts';
import { encodeHint } from './hint.ts';
import { DIRECT_PUSH_PEERS, FANOUT, HINT_PEERS, PUSH_GATHERING } from './limits.ts';
import type { HintPort } from './link.ts';
import type { Links } from './links.ts';
import type { OwnRecords } from './own-records.ts';
import type { Peers, RecordPeer } from './peers.ts';
import type { RecordCounters } from './record-counters.ts';
import type { RecordStore } from './store.ts';

export interface SpreaderModules {
  readonly clock: Clock;
  readonly random: Random;
  readonly peers: Peers;
  readonly store: RecordStore;
  readonly own: OwnRecords;
  readonly links: Links;
  readonly hints: HintPort;
  readonly counters: RecordCounters;
}

export class Spreader {
  private readonly modules: SpreaderModules;
  private readonly self: string;
  /** What has gone out of our own logs. */
  private readonly told = new Map<Vni, { readonly epoch: Epoch; readonly seq: number }>();
  private readonly changed = new Set<Vni>();
  /** Members that were heard to carry a network of ours before their tags say so. */
  private readonly heard = new Map<Vni, Set<string>>();
  private timer: Timer | undefined;
  private lastFlush = Number.NEGATIVE_INFINITY;
  private isRunning = false;

  constructor(modules: SpreaderModules, options: { readonly self: string }) {
    this.modules = modules;
    this.self = options.self;
  }

  start(): void {
    this.isRunning = true;
    if (this.changed.size > 0) this.schedule();
  }

  stop(): void {
    this.isRunning = false;
    this.timer?.cancel();
    this.timer = undefined;
  }

  /** Our own log of this network has grown. */
  wrote(vni: Vni): void {
    this.changed.add(vni);
    if (this.isRunning) this.schedule();
  }

  /** Sends at once what is waiting. */
  flush(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.lastFlush = this.modules.clock.now();
    for (const vni of this.changed) this.tell(vni);
    this.changed.clear();
  }

  /** Passes on what was news to us. Not to be called for what we asked for. */
  relay(delta: Delta, from: string): void {
    const { origin, vni, epoch } = delta;
    for (const peer of this.choose(vni, FANOUT, [from, origin])) {
      this.modules.links.owe(peer, { vni, origin, epoch, from: delta.from, relay: true });
    }
  }

  /** Tells one peer all that is ours of a network. */
  introduce(vni: Vni, peer: RecordPeer): void {
    this.modules.links.owe(peer, {
      vni,
      origin: this.self,
      epoch: this.modules.own.epoch,
      from: 0,
      relay: false,
    });
  }

  /** A peer carries a network that we carry. A name that is no member's cannot be spoken to, and is not remembered. */
  hear(vni: Vni, name: string): void {
    const peer = this.modules.peers.find(name);
    if (peer === undefined || peer.vnis.has(vni)) return;
    const names = this.heard.get(vni) ?? new Set();
    this.heard.set(vni, names.add(name));
  }

  unhear(vni: Vni, name: string): void {
    const names = this.heard.get(vni);
    names?.delete(name);
    if (names?.size === 0) this.heard.delete(vni);
  }

  /** To be called each second: forgets what the tags say by now, members that are gone, and networks that we have left. */
  tidy(): void {
    const { peers, store } = this.modules;
    for (const [vni, names] of this.heard) {
      for (const name of names) {
        const peer = peers.find(name);
        if (peer === undefined || peer.vnis.has(vni) || !store.carries(vni)) this.unhear(vni, name);
      }
    }
  }

  /** All other nodes that carry a network, as far as we know. */
  peersOf(vni: Vni): readonly RecordPeer[] {
    const { peers } = this.modules;
    const others = peers.carriers(vni).filter(({ name }) => name !== this.self);
    const heard = this.heard.get(vni);
    if (heard === undefined) return others;
    const names = new Set(others.map(({ name }) => name));
    for (const name of heard) {
      const peer = peers.find(name);
      if (peer !== undefined && !names.has(name)) others.push(peer);
    }
    return others;
  }

  /** Up to so many random peers of a network. */
  choose(vni: Vni, count: number, except: readonly string[] = []): RecordPeer[] {
    const { random, peers } = this.modules;
    const carriers = peers.carriers(vni);
    const all = carriers.length > 4 * count ? carriers : this.peersOf(vni);
    const chosen = new Set<RecordPeer>();
    // Drawing beats shuffling: there may be ten thousand of them.
    for (let tries = 0; tries < 4 * count && chosen.size < Math.min(count, all.length); tries++) {
      const peer = all[randomInteger(random, all.length)];
      if (peer !== undefined && peer.name !== this.self && !except.includes(peer.name)) chosen.add(peer);
    }
    return [...chosen];
  }

  private schedule(): void {
    const { clock } = this.modules;
    const wait = Math.max(0, this.lastFlush + PUSH_GATHERING - clock.now());
    this.timer ??= clock.after(wait, () => this.flush());
  }

  private tell(vni: Vni): void {
    const { own, links, peers } = this.modules;
    const { epoch, seq } = own.log(vni).entry();
    const told = this.told.get(vni) ?? { epoch: NO_EPOCH, seq: 0 };
    const from = told.epoch === epoch ? told.seq : 0;
    this.told.set(vni, { epoch, seq });
    const isSmall = peers.carriers(vni).length <= DIRECT_PUSH_PEERS;
    const targets = isSmall ? this.peersOf(vni) : this.choose(vni, FANOUT);
    for (const peer of targets) {
      links.owe(peer, { vni, origin: this.self, epoch, from, relay: !isSmall });
    }
    if (!isSmall) this.hint(vni, epoch, seq);
  }

  private hint(vni: Vni, epoch: Epoch, seq: number): void {
    const { counters, hints, store } = this.modules;
    const bytes = encodeHint([{ vni, epoch, seq, hash: store.hash(vni) }]);
    for (const peer of this.choose(vni, HINT_PEERS)) {
      counters.countHint(bytes.length);
      hints.sendHint(peer, bytes);
    }
  }
}
