/**
 * Anti-entropy: each second two nodes compare what they have of a network, by one hash, and if it differs find out where,
 * and send each other what is missing. No answer is waited for: each frame says all that is needed to act on it, so that a
 * lost or late one, or two rounds at a time, do no harm.
 *
 *   A: probe(hash) ──► B: the same: silence
 *                      B: few origins: digest of all ──► A: deltas that B lacks, want ──► B: deltas that A lacks
 *                      B: many: buckets ──► A: digest of those that differ ──► B: deltas, want ──► A: deltas
 *
 * Where B lacks more than a few logs, A only names them, in a digest that covers no bucket, and B wants what it has not asked somebody else
 * for: in a pool that starts as a whole everybody lacks everything, and all who are asked would send it. Two who have just learned of
 * each other name their own logs in the same way.
 */
import type { Vni } from '../../dataplane/address.ts';
import type { Clock } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { type Random, shuffle } from '../random.ts';
import { bucketOf, sameHash } from './digest-hash.ts';
import { type Epoch, NO_EPOCH } from './epoch.ts';
import type { Delta, DigestEntry, Frame, Hash } from './frame.ts';
import { decodeHint } from './hint.ts';
import type { Inquiries } from './inquiries.ts';
import { DIGEST_MAX_ENTRIES, HINT_PATIENCE, INTRODUCED_SCOPES, UNASKED_LOGS } from './limits.ts';
import type { Links } from './links.ts';
import type { OriginLog } from './origin-log.ts';
import type { OwnRecords } from './own-records.ts';
import type { Peers, RecordPeer } from './peers.ts';
import type { RecordCounters } from './record-counters.ts';
import type { Session } from './session.ts';
import type { Spreader } from './spreader.ts';
import type { Comparison, RecordStore } from './store.ts';

/** Peers probed in one round, for a node of many networks that nobody shares all of. */
const PROBES_PER_ROUND = 16;

export interface SynchronizerModules {
  readonly clock: Clock;
  readonly random: Random;
  readonly peers: Peers;
  readonly store: RecordStore;
  readonly own: OwnRecords;
  readonly links: Links;
  readonly spreader: Spreader;
  readonly counters: RecordCounters;
  readonly inquiries: Inquiries;
}

export interface SynchronizerOptions {
  readonly self: string;
  /** Whether to take what this peer says of others. */
  readonly admits: (delta: Delta, from: string) => boolean;
  /** Whether to tell this peer what we have of others. */
  readonly tells: (log: OriginLog, to: string) => boolean;
  /** Records have come. */
  readonly onApplied: (log: OriginLog) => void;
  readonly onEpochRaised: () => void;
}

export class Synchronizer {
  private readonly modules: SynchronizerModules;
  private readonly options: SynchronizerOptions;

  constructor(modules: SynchronizerModules, options: SynchronizerOptions) {
    this.modules = modules;
    this.options = options;
  }

  /** Compares every network with one random peer; networks that a peer shares go together. */
  round(): void {
    const { random, spreader, store } = this.modules;
    const left = new Set(shuffle(random, [...store.vnis()]));
    let probes = 0;
    for (const vni of left) {
      const [peer] = spreader.choose(vni, 1);
      if (peer !== undefined) {
        const shared = [...left].filter(other => other === vni || peer.vnis.has(other));
        for (const other of shared) left.delete(other);
        this.probe(peer, shared);
        probes += 1;
        if (probes >= PROBES_PER_ROUND) return;
      }
    }
  }

  /** Asks a peer whether it has the same of these networks. */
  probe(peer: RecordPeer, vnis: readonly Vni[]): void {
    const { links, store } = this.modules;
    const scopes = vnis.slice(0, DIGEST_MAX_ENTRIES).map(vni => ({ vni, hash: store.hash(vni) }));
    if (scopes.length > 0) links.say(peer, { type: 'probe', scopes });
  }

  /** To a peer that we have just learned of, as he has of us: names our own logs of these networks. What others say comes from themselves. */
  introduce(peer: RecordPeer, vnis: readonly Vni[]): void {
    const { links, own } = this.modules;
    if (vnis.length > INTRODUCED_SCOPES) this.probe(peer, vnis);
    else for (const vni of vnis) links.say(peer, offer(vni, [own.log(vni).entry()]));
  }

  /** Shows a peer what we have of his own log, of a life that he has forgotten. */
  remind(peer: RecordPeer, log: OriginLog): void {
    this.modules.links.say(peer, { type: 'want', vni: log.vni, entries: [log.entry()] });
  }

  onFrame(session: Session, frame: Frame): void {
    switch (frame.type) {
      case 'hello':
        return;
      case 'probe':
        for (const { vni, hash } of frame.scopes) this.onProbe(session, vni, hash);
        return;
      case 'buckets':
        if (this.isCarried(session, frame.vni)) this.onBuckets(session, frame.vni, frame.hashes);
        return;
      case 'digest':
        if (!this.isCarried(session, frame.vni)) return;
        this.answer(session, frame.vni, frame.entries, frame);
        return;
      case 'want':
        this.onWant(session, frame.vni, frame.entries);
        return;
      case 'delta':
        this.onDelta(session, frame);
        return;
      case 'bye':
        // Of what we do not carry we would say nothing anyway: whoever names all networks there could be is not remembered.
        if (!this.modules.store.carries(frame.vni)) return;
        session.decline(frame.vni);
        this.modules.spreader.unhear(frame.vni, session.peer);
    }
  }

  /** A datagram of a peer; never throws. */
  onHint(name: string, bytes: Uint8Array): void {
    const { clock, counters, links, peers, random, store } = this.modules;
    try {
      for (const { vni, epoch, seq } of decodeHint(bytes)) {
        const isBehind = (): boolean => {
          const log = store.log(vni, name);
          if (!store.carries(vni) || name === this.options.self) return false;
          return log === undefined || log.isBehind({ origin: name, epoch, seq, gc: 0 });
        };
        if (!isBehind()) continue;
        clock.after(HINT_PATIENCE * (1 + random.next()), () => {
          const peer = peers.find(name);
          if (peer === undefined || !isBehind()) return;
          links.say(peer, { type: 'want', vni, entries: [this.entryOf(vni, name)] });
        });
      }
    } catch (error) {
      if (!(error instanceof WeftError)) throw error;
      counters.count('malformed');
    }
  }

  private onProbe(session: Session, vni: Vni, hash: Hash): void {
    const { store } = this.modules;
    if (!this.isCarried(session, vni) || sameHash(hash, store.hash(vni))) return;
    const count = store.bucketCount(vni);
    if (count > 1) session.say({ type: 'buckets', vni, hashes: store.buckets(vni, count) });
    else this.sayDigest(session, vni, 1, [0]);
  }

  private onBuckets(session: Session, vni: Vni, hashes: readonly Hash[]): void {
    const ours = this.modules.store.buckets(vni, hashes.length);
    const differing = hashes.flatMap((hash, index) => {
      const own = ours[index];
      return own === undefined || sameHash(hash, own) ? [] : [index];
    });
    if (differing.length > 0) this.sayDigest(session, vni, hashes.length, differing);
  }

  /** In as many frames as it takes. */
  private sayDigest(session: Session, vni: Vni, bucketCount: number, buckets: readonly number[]): void {
    const entries = this.modules.store.digest(vni, bucketCount, new Set(buckets));
    const byBucket = new Map<number, DigestEntry[]>(buckets.map(bucket => [bucket, []]));
    for (const entry of entries) byBucket.get(bucketOf(entry.origin, bucketCount))?.push(entry);
    let part: { buckets: number[]; entries: DigestEntry[] } = { buckets: [], entries: [] };
    const send = (): void => {
      session.say({ type: 'digest', vni, bucketCount, ...part });
      part = { buckets: [], entries: [] };
    };
    for (const [bucket, inside] of byBucket) {
      if (part.entries.length + inside.length > DIGEST_MAX_ENTRIES && part.entries.length > 0) send();
      // More than a frame holds: named, but not as all there is.
      if (inside.length <= DIGEST_MAX_ENTRIES) part.buckets.push(bucket);
      part.entries.push(...inside.slice(0, DIGEST_MAX_ENTRIES));
    }
    send();
  }

  private answer(
    session: Session,
    vni: Vni,
    entries: readonly DigestEntry[],
    covered: { readonly bucketCount: number; readonly buckets: readonly number[] },
  ): void {
    const { inquiries, store } = this.modules;
    this.lookForOurselves(vni, entries);
    const { behind, want } = store.compare(vni, entries, {
      bucketCount: covered.bucketCount,
      buckets: new Set(covered.buckets),
    });
    if (behind.length <= UNASKED_LOGS) this.owe(session, vni, behind);
    else this.offer(session, vni, behind);
    const goals = new Map(entries.map(entry => [entry.origin, entry]));
    const unasked = want.filter(({ origin }) => {
      const goal = goals.get(origin);
      return goal !== undefined && inquiries.begin(vni, goal);
    });
    if (unasked.length > 0) session.say({ type: 'want', vni, entries: unasked });
  }

  private offer(session: Session, vni: Vni, behind: Comparison['behind']): void {
    const entries = behind.flatMap(({ origin }) => {
      const log = this.logOf(vni, origin);
      return log !== undefined && this.options.tells(log, session.peer) ? [log.entry()] : [];
    });
    for (let start = 0; start < entries.length; start += DIGEST_MAX_ENTRIES)
      session.say(offer(vni, entries.slice(start, start + DIGEST_MAX_ENTRIES)));
  }

  private onWant(session: Session, vni: Vni, entries: readonly DigestEntry[]): void {
    const { own, store } = this.modules;
    this.lookForOurselves(vni, entries);
    if (this.isShared(session, vni)) {
      this.owe(session, vni, store.compare(vni, entries).behind);
      return;
    }
    const asked = entries.find(({ origin }) => origin === this.options.self);
    if (asked === undefined) return;
    // Of a network that we have left there is still our farewell.
    const from = own.known(vni)?.missingFrom(asked);
    if (from !== undefined) this.owe(session, vni, [{ origin: this.options.self, from }]);
    // Of one that we know nothing of, that this life has nothing in it. A frame, not a debt: there are 16 million VNIs.
    else if (own.known(vni) === undefined && asked.epoch < own.epoch)
      session.say(emptyLife(vni, asked.origin, own.epoch));
  }

  private onDelta(session: Session, delta: Delta): void {
    const { counters, spreader, store } = this.modules;
    const { vni, origin, epoch } = delta;
    if (origin === this.options.self) {
      this.lookForOurselves(vni, [{ origin, epoch, seq: delta.to, gc: delta.gc }]);
      return;
    }
    if (!this.isCarried(session, vni)) {
      counters.count('notCarried');
      return;
    }
    const outcome = this.options.admits(delta, session.peer) ? store.apply(delta) : 'refused';
    const log = store.log(vni, origin);
    if (log !== undefined) this.options.onApplied(log);
    if (outcome === 'applied' && delta.relay) spreader.relay(delta, session.peer);
    if (outcome !== 'applied' && outcome !== 'known') counters.count(outcome);
    // Who is behind on his own log should learn of it: he has lost his state.
    if (outcome === 'gap' || (outcome === 'older' && session.peer === origin)) {
      session.say({ type: 'want', vni, entries: [this.entryOf(vni, origin)] });
    }
  }

  private owe(session: Session, vni: Vni, behind: Comparison['behind']): void {
    for (const { origin, from } of behind) {
      const log = this.logOf(vni, origin);
      if (log === undefined || !this.options.tells(log, session.peer)) continue;
      session.owe({ vni, origin, epoch: log.epoch, from, relay: false });
    }
  }

  /** As {@link isShared}; tells him if we do not carry it. */
  private isCarried(session: Session, vni: Vni): boolean {
    if (this.isShared(session, vni)) return true;
    session.say({ type: 'bye', vni });
    return false;
  }

  /**
   * Whoever speaks of a network carries it. Returns whether we do. Who speaks of another one is not remembered for it: if we join
   * that later, his tags tell of him by then, and a peer can name 16 million.
   */
  private isShared(session: Session, vni: Vni): boolean {
    session.declined.delete(vni);
    if (!this.modules.store.carries(vni)) return false;
    this.modules.spreader.hear(vni, session.peer);
    return true;
  }

  private logOf(vni: Vni, origin: string): OriginLog | undefined {
    const { own, store } = this.modules;
    return origin === this.options.self ? own.known(vni) : store.log(vni, origin);
  }

  private entryOf(vni: Vni, origin: string): DigestEntry {
    return this.modules.store.log(vni, origin)?.entry() ?? { origin, epoch: NO_EPOCH, seq: 0, gc: 0 };
  }

  /** A peer may know of a life of ours that we have forgotten. */
  private lookForOurselves(vni: Vni, entries: readonly DigestEntry[]): void {
    const { counters, own } = this.modules;
    for (const entry of entries) {
      if (entry.origin !== this.options.self) continue;
      try {
        if (own.shown(entry, vni)) this.options.onEpochRaised();
      } catch {
        counters.count('epochNotSaved');
      }
    }
  }
}

/** Names logs, as all there is of no bucket. */
function offer(vni: Vni, entries: readonly DigestEntry[]): Frame {
  return { type: 'digest', vni, bucketCount: 1, buckets: [], entries };
}

function emptyLife(vni: Vni, origin: string, epoch: Epoch): Frame {
  return { type: 'delta', vni, origin, epoch, from: 0, to: 0, head: 0, gc: 0, relay: false, records: [] };
}
