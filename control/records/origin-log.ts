/**
 * What one origin says of one network: the newest version of each of its records, in the order in which they were
 * written (van Renesse, Dumitriu, Gough, Thomas: Efficient Reconciliation and Flow Control for Anti-Entropy Protocols,
 * LADIS 2008, "Scuttlebutt"). The log is the state, so it never needs to be compacted.
 *
 * A replica has a log up to `seq`, without gaps: a delta that begins later is refused, one that is cut short is complete as far
 * as it goes. When the log begins anew, because its origin has or because tombstones are gone that we never saw, what
 * is held becomes `stale`: still shown, each record until its new version comes, all that is left when the log is complete.
 */
import type { Vni } from '../../dataplane/address.ts';
import { type Epoch, NO_EPOCH } from './epoch.ts';
import { type Delta, type DigestEntry, recordBytes } from './frame.ts';
import { type LogRecord, recordId } from './record.ts';

/** Called for each record that is shown in another version than before; undefined: no longer. */
export type OnRecord = (id: string, record: LogRecord | undefined) => void;

/**
 * - `applied`: there was something new in it.
 * - `known`: nothing was.
 * - `gap`: what lies before it is missing.
 * - `older`: of a former life of the origin, or from somebody who may still have what is deleted.
 */
export type Outcome = 'applied' | 'known' | 'gap' | 'older';

export interface LogSlice {
  readonly records: readonly LogRecord[];
  readonly to: number;
}

/** Of most logs nothing ever is, and a node has thousands of logs. */
const NOTHING_STALE = new Map<string, LogRecord>();

export class OriginLog {
  readonly origin: string;
  readonly vni: Vni;
  /** Sizes of all records held, stale ones and tombstones included. */
  bytes = 0;
  private currentEpoch: Epoch = NO_EPOCH;
  private currentSeq = 0;
  private currentHead = 0;
  private currentGc = 0;
  private collectedTo = 0;
  private readonly records = new Map<string, LogRecord>();
  private stale = NOTHING_STALE;
  /** By seq; versions that were replaced stay until they are the majority. */
  private order: LogRecord[] = [];

  constructor(origin: string, vni: Vni) {
    this.origin = origin;
    this.vni = vni;
  }

  get epoch(): Epoch {
    return this.currentEpoch;
  }

  /** We have everything up to here. */
  get seq(): number {
    return this.currentSeq;
  }

  /** The newest that anybody told us of. */
  get head(): number {
    return this.currentHead;
  }

  get gc(): number {
    return this.currentGc;
  }

  /** Records held, tombstones and stale ones included. */
  get size(): number {
    return this.records.size + this.stale.size;
  }

  entry(): DigestEntry {
    return { origin: this.origin, epoch: this.currentEpoch, seq: this.currentSeq, gc: this.currentGc };
  }

  find(id: string): LogRecord | undefined {
    return this.records.get(id) ?? this.stale.get(id);
  }

  /** What is shown: the newest version that we have of each record, tombstones included. */
  *all(): Generator<LogRecord> {
    yield* this.records.values();
    for (const [id, record] of this.stale) if (!this.records.has(id)) yield record;
  }

  /** Records in (from, …], as many as fit, at least one if there is one. */
  slice(from: number, maxBytes: number): LogSlice {
    const records: LogRecord[] = [];
    let bytes = 0;
    for (let index = this.firstAfter(from); index < this.order.length; index++) {
      const record = this.order[index] as LogRecord;
      if (this.records.get(recordId(record)) !== record) continue;
      bytes += recordBytes(record);
      if (bytes > maxBytes && records.length > 0) return { records, to: record.seq - 1 };
      records.push(record);
    }
    return { records, to: this.currentSeq };
  }

  /** Where a delta to somebody has to begin; undefined if there is nothing to tell. That a new life is empty is something. */
  missingFrom(known: DigestEntry | undefined): number | undefined {
    if (known === undefined || known.epoch < this.currentEpoch) return 0;
    if (known.epoch > this.currentEpoch || known.seq >= this.currentSeq) return undefined;
    // Of what has been deleted since we may know no more: from the beginning.
    return known.seq < this.currentGc && known.gc < this.currentGc ? 0 : known.seq;
  }

  /** Whether somebody who has the log so far can tell us something. */
  isBehind(other: DigestEntry): boolean {
    return (
      other.epoch > this.currentEpoch || (other.epoch === this.currentEpoch && other.seq > this.currentSeq)
    );
  }

  /** How many records of a delta are new to us, if it can be taken. */
  newIn({ epoch, from, records }: Delta): number {
    if (epoch !== this.currentEpoch) return epoch > this.currentEpoch && from === 0 ? records.length : 0;
    if (from > this.currentSeq) return 0;
    return records.reduce((count, { seq }) => count + Number(seq > this.currentSeq), 0);
  }

  /** Takes what a peer sends. */
  apply(delta: Delta, changed: OnRecord): Outcome {
    if (delta.epoch < this.currentEpoch) return 'older';
    if (delta.epoch > this.currentEpoch) {
      if (delta.from > 0) return 'gap';
      this.beginAnew(delta.epoch);
    } else {
      if (delta.gc < this.currentGc && delta.from < this.currentGc) return 'older';
      if (this.currentSeq < delta.gc && this.currentGc < delta.gc) {
        if (delta.from > 0) return 'gap';
        this.beginAnew(delta.epoch);
      }
    }
    this.currentHead = Math.max(this.currentHead, delta.head);
    if (delta.from > this.currentSeq) return 'gap';
    const before = this.currentSeq;
    this.currentGc = Math.max(this.currentGc, delta.gc);
    for (const record of delta.records) {
      if (record.seq > this.currentSeq) this.put(record, changed);
    }
    this.currentSeq = Math.max(this.currentSeq, delta.to);
    if (this.currentSeq >= this.currentHead) this.dropStale(changed);
    this.collect(changed);
    return this.currentSeq > before ? 'applied' : 'known';
  }

  /** For the origin itself: writes the next record. */
  write(record: Omit<LogRecord, 'seq'>, changed: OnRecord): LogRecord {
    const written = { ...record, seq: this.currentSeq + 1 };
    this.put(written, changed);
    this.currentSeq = written.seq;
    this.currentHead = written.seq;
    return written;
  }

  /** For the origin itself: a new life, in which all records that are not deleted are written again. */
  rewrite(epoch: Epoch, changed: OnRecord): void {
    const live: LogRecord[] = [];
    for (const [id, record] of this.records) {
      if (record.deleted) changed(id, undefined);
      else live.push(record);
    }
    this.records.clear();
    this.order = [];
    this.bytes = 0;
    this.currentEpoch = epoch;
    this.currentSeq = 0;
    this.currentGc = 0;
    this.collectedTo = 0;
    this.currentHead = 0;
    for (const record of live) this.write(record, changed);
  }

  /** For the origin itself: forgets tombstones up to `seq`. */
  forgetTombstones(seq: number, changed: OnRecord): void {
    this.currentGc = Math.max(this.currentGc, seq);
    this.collect(changed);
  }

  private beginAnew(epoch: Epoch): void {
    if (this.stale === NOTHING_STALE) this.stale = new Map();
    for (const [id, record] of this.records) {
      const known = this.stale.get(id);
      if (known !== undefined) this.bytes -= recordBytes(known);
      this.stale.set(id, record);
    }
    this.records.clear();
    this.order = [];
    this.currentEpoch = epoch;
    this.currentSeq = 0;
    this.currentHead = 0;
    this.currentGc = 0;
    this.collectedTo = 0;
  }

  private put(record: LogRecord, changed: OnRecord): void {
    const id = recordId(record);
    for (const held of [this.records, this.stale]) {
      const old = held.get(id);
      if (old === undefined) continue;
      held.delete(id);
      this.bytes -= recordBytes(old);
    }
    this.records.set(id, record);
    this.order.push(record);
    this.bytes += recordBytes(record);
    if (this.order.length > 2 * this.records.size + 16) this.tidy();
    changed(id, record);
  }

  private dropStale(changed: OnRecord): void {
    for (const [id, record] of this.stale) {
      this.stale.delete(id);
      this.bytes -= recordBytes(record);
      changed(id, undefined);
    }
    this.stale = NOTHING_STALE;
  }

  /** Drops the tombstones that the origin has given up, once all of them have been seen. */
  private collect(changed: OnRecord): void {
    if (this.currentSeq < this.currentGc || this.currentGc <= this.collectedTo) return;
    this.collectedTo = this.currentGc;
    for (const record of this.order) {
      if (record.seq > this.currentGc) break;
      const id = recordId(record);
      if (!record.deleted || this.records.get(id) !== record) continue;
      this.records.delete(id);
      this.bytes -= recordBytes(record);
      changed(id, undefined);
    }
  }

  private tidy(): void {
    this.order = this.order.filter(record => this.records.get(recordId(record)) === record);
  }

  private firstAfter(seq: number): number {
    let low = 0;
    let high = this.order.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.order[middle] as LogRecord).seq > seq) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
