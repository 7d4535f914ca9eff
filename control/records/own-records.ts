/** The only writer of our own logs: epoch, sequence, tombstones and their end. */
import type { Vni } from '../../dataplane/address.ts';
import type { Clock } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import type { Random } from '../random.ts';
import { type Epoch, type EpochStore, epochCounter, laterEpoch, makeEpoch } from './epoch.ts';
import type { DigestEntry } from './frame.ts';
import { MAX_EPOCH_COUNTER, MAX_SEQUENCE, TOMBSTONE_AGE } from './limits.ts';
import { OriginLog } from './origin-log.ts';
import { type LogRecord, recordId } from './record.ts';
import type { RecordStore } from './store.ts';

export interface OwnRecordsModules {
  readonly clock: Clock;
  readonly random: Random;
  readonly epochs: EpochStore;
  readonly store: RecordStore;
}

export interface OwnRecordsOptions {
  readonly name: string;
  readonly recordsPerOrigin: number;
  readonly onRecord: (log: OriginLog, id: string, record: LogRecord | undefined) => void;
  /** Something was written to the log of this network, or all of it anew. */
  readonly onWrite: (vni: Vni) => void;
}

export class OwnRecords {
  private readonly modules: OwnRecordsModules;
  private readonly options: OwnRecordsOptions;
  /** Also of networks that we have left: a sequence number is never used again in an epoch. */
  private readonly ownLogs = new Map<Vni, OriginLog>();
  private readonly tombstones: { readonly log: OriginLog; readonly seq: number; readonly at: number }[] = [];
  private counter: number;
  private currentEpoch: Epoch;

  /** Begins a new epoch. Throws what the store of epochs throws. */
  constructor(modules: OwnRecordsModules, options: OwnRecordsOptions) {
    this.modules = modules;
    this.options = options;
    this.counter = modules.epochs.load();
    this.currentEpoch = this.nextEpoch(this.counter);
  }

  get epoch(): Epoch {
    return this.currentEpoch;
  }

  /** What we have written, or begun to, of a network; does not begin it. */
  known(vni: Vni): OriginLog | undefined {
    return this.ownLogs.get(vni);
  }

  /** Begins it if need be: only for networks that we carry. */
  log(vni: Vni): OriginLog {
    const known = this.ownLogs.get(vni);
    if (known !== undefined) return known;
    const log = new OriginLog(this.options.name, vni);
    log.rewrite(this.currentEpoch, () => {});
    this.ownLogs.set(vni, log);
    return log;
  }

  find(vni: Vni, kind: number, key: Uint8Array): LogRecord | undefined {
    return this.ownLogs.get(vni)?.find(recordId({ kind, key }));
  }

  /** Writes one record. Throws `unavailable` if there are more than others would take of us. */
  write(vni: Vni, record: Omit<LogRecord, 'seq'>): LogRecord {
    const log = this.log(vni);
    const isNew = log.find(recordId(record)) === undefined;
    if (isNew && this.size() >= this.options.recordsPerOrigin) {
      throw new WeftError('unavailable', `this node has ${this.size()} records, more than peers accept`, {
        hint: 'detach containers, or wait ten minutes for the records of those that are gone',
      });
    }
    this.modules.store.hold(log);
    const written = this.modules.store.mutate(log, () =>
      log.write(record, (id, shown) => this.options.onRecord(log, id, shown)),
    );
    if (record.deleted) this.tombstones.push({ log, seq: written.seq, at: this.modules.clock.now() });
    this.options.onWrite(vni);
    return written;
  }

  /**
   * A peer shows what it has of ours. If that is of a life we do not remember, ours becomes the later one. Returns
   * whether it did. Throws what the store of epochs throws, and then changes nothing.
   */
  shown({ epoch, seq }: DigestEntry, vni: Vni): boolean {
    const isOurs = epoch === this.currentEpoch;
    const isLater = isOurs && seq !== MAX_SEQUENCE && seq > (this.ownLogs.get(vni)?.seq ?? 0);
    if (epoch < this.currentEpoch || (isOurs && !isLater)) return false;
    const next = this.epochAfter(epoch);
    if (next === undefined) return false;
    this.currentEpoch = next;
    this.tombstones.length = 0;
    for (const log of this.ownLogs.values()) {
      // Even if it is empty: it takes the place of what peers have.
      this.modules.store.hold(log);
      this.modules.store.mutate(log, () =>
        log.rewrite(this.currentEpoch, (id, shown) => this.options.onRecord(log, id, shown)),
      );
      this.options.onWrite(log.vni);
    }
    return true;
  }

  /** Gives up tombstones that are old enough. */
  collect(): void {
    const limit = this.modules.clock.now() - TOMBSTONE_AGE;
    for (
      let first = this.tombstones[0];
      first !== undefined && first.at <= limit;
      first = this.tombstones[0]
    ) {
      this.tombstones.shift();
      const { log, seq } = first;
      this.modules.store.mutate(log, () =>
        log.forgetTombstones(seq, (id, shown) => this.options.onRecord(log, id, shown)),
      );
    }
  }

  private size(): number {
    let size = 0;
    for (const log of this.ownLogs.values()) size += log.size;
    return size;
  }

  /** Undefined for a forgery: nobody starts so often, and nothing is later than the last. */
  private epochAfter(epoch: Epoch): Epoch | undefined {
    const counter = epochCounter(epoch);
    if (counter < MAX_EPOCH_COUNTER) return this.nextEpoch(Math.max(this.counter, counter));
    return this.counter < MAX_EPOCH_COUNTER ? undefined : laterEpoch(epoch, this.modules.random);
  }

  /**
   * Of the last counter, which a node comes to by a million starts, or by a forgery next to it, there are many lives: their random bits alone
   * tell them apart, and whoever has an earlier one that is the later by these shows it to us.
   */
  private nextEpoch(counter: number): Epoch {
    this.counter = Math.min(counter + 1, MAX_EPOCH_COUNTER);
    this.modules.epochs.save(this.counter);
    return makeEpoch(this.counter, this.modules.random);
  }
}
