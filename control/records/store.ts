/**
 * The logs of all origins, by network. Only the networks that this node carries are held; what is said of others is
 * refused. A reducer: one delta at a time, no waiting, nothing to race with.
 */
import type { Vni } from '../../dataplane/address.ts';
import type { Clock } from '../../dataplane/clock.ts';
import { bucketOf, DigestHash } from './digest-hash.ts';
import { type Epoch, NO_EPOCH } from './epoch.ts';
import { type Delta, type DigestEntry, type Hash, recordBytes } from './frame.ts';
import {
  BLOCK_TIME,
  DIGEST_MAX_ENTRIES,
  ERASE_AFTER,
  HASH_BUCKETS,
  MAX_SEQUENCE,
  ORIGIN_BURST_RECORDS,
  ORIGIN_MAX_RECORD_BYTES,
  ORIGIN_MAX_RECORDS,
  ORIGIN_RECORDS_PER_SECOND,
  ORIGINS_PER_BUCKET,
  RATE_PAUSE,
  SCOPE_MAX_ORIGINS,
  STORE_MAX_BYTES,
} from './limits.ts';
import { OriginLog, type Outcome } from './origin-log.ts';
import { RateQuota } from './rate-quota.ts';
import { type LogRecord, recordId } from './record.ts';

/**
 * - `notCarried`: a network that is not ours.
 * - `refused`: beyond a quota, or of an origin that has been erased. `rate`: of one that writes too fast.
 */
export type StoreOutcome = Outcome | 'notCarried' | 'refused' | 'rate';

export interface StoreLimits {
  readonly recordsPerOrigin: number;
  readonly bytesPerOrigin: number;
  readonly recordsPerSecond: number;
  /** At one time. */
  readonly burstRecords: number;
  readonly originsPerScope: number;
  readonly bytes: number;
}

export const STORE_LIMITS: StoreLimits = {
  recordsPerOrigin: ORIGIN_MAX_RECORDS,
  bytesPerOrigin: ORIGIN_MAX_RECORD_BYTES,
  recordsPerSecond: ORIGIN_RECORDS_PER_SECOND,
  burstRecords: ORIGIN_BURST_RECORDS,
  originsPerScope: SCOPE_MAX_ORIGINS,
  bytes: STORE_MAX_BYTES,
};

export interface StoreOptions {
  readonly limits: StoreLimits;
  /** A record is shown in another version, or no longer. */
  readonly onRecord: (log: OriginLog, id: string, record: LogRecord | undefined) => void;
  /** An origin has more to say than we hold of one. */
  readonly onQuota: (origin: string) => void;
}

interface Scope {
  readonly vni: Vni;
  readonly logs: Map<string, OriginLog>;
  readonly hash: DigestHash;
}

/** What a peer's digest asks for: deltas to send, and what to ask for in return. */
export interface Comparison {
  readonly behind: readonly { readonly origin: string; readonly from: number }[];
  readonly want: readonly DigestEntry[];
}

interface Usage {
  records: number;
  bytes: number;
}

/** Of an origin that is not to be sent to us: everything up to this epoch, until then. */
interface Refusal {
  readonly epoch: Epoch;
  readonly until: number;
  readonly outcome: 'refused' | 'rate';
}

export class RecordStore {
  private readonly clock: Clock;
  private readonly options: StoreOptions;
  private readonly rate: RateQuota;
  private readonly scopes = new Map<Vni, Scope>();
  private readonly usage = new Map<string, Usage>();
  private readonly erased = new Map<string, Refusal>();
  private readonly blocked = new Map<string, Refusal>();
  private totalBytes = 0;

  constructor(modules: { readonly clock: Clock }, options: StoreOptions) {
    this.clock = modules.clock;
    this.options = options;
    const { recordsPerSecond, burstRecords } = options.limits;
    this.rate = new RateQuota(modules, { perSecond: recordsPerSecond, burst: burstRecords });
  }

  get bytes(): number {
    return this.totalBytes;
  }

  vnis(): Iterable<Vni> {
    return this.scopes.keys();
  }

  carries(vni: Vni): boolean {
    return this.scopes.has(vni);
  }

  /** Begins to hold a network, with our own log of it if there is something in it. */
  open(vni: Vni, own: OriginLog): void {
    this.scopes.set(vni, { vni, logs: new Map(), hash: new DigestHash() });
    if (own.seq > 0) this.hold(own);
  }

  /** Holds our own log too, if its network is held: from now on it is compared with what peers have of it. */
  hold(own: OriginLog): void {
    const scope = this.scopes.get(own.vni);
    if (scope === undefined || scope.logs.has(own.origin)) return;
    scope.logs.set(own.origin, own);
    scope.hash.toggle(own);
    this.account(own.origin, own.size, own.bytes);
  }

  /** Forgets all that is held of a network. The view forgets by itself. */
  close(vni: Vni): void {
    for (const log of this.logs(vni)) this.account(log.origin, -log.size, -log.bytes);
    this.scopes.delete(vni);
  }

  log(vni: Vni, origin: string): OriginLog | undefined {
    return this.scopes.get(vni)?.logs.get(origin);
  }

  logs(vni: Vni): Iterable<OriginLog> {
    return this.scopes.get(vni)?.logs.values() ?? [];
  }

  /** The logs of one origin, in all networks. */
  *logsOf(origin: string): Generator<OriginLog> {
    for (const { logs } of this.scopes.values()) {
      const log = logs.get(origin);
      if (log !== undefined) yield log;
    }
  }

  hash(vni: Vni): Hash {
    return this.scopes.get(vni)?.hash.whole() ?? [0, 0];
  }

  apply(delta: Delta): StoreOutcome {
    const scope = this.scopes.get(delta.vni);
    if (scope === undefined) return 'notCarried';
    const refusal = this.refusal(delta.origin, delta.epoch);
    if (refusal !== undefined) return refusal.outcome;
    const known = scope.logs.get(delta.origin);
    const log = known ?? new OriginLog(delta.origin, delta.vni);
    if (!this.rate.take(delta.origin, log.newIn(delta))) return this.block(delta, RATE_PAUSE, 'rate');
    if (this.exceedsQuota(scope, log, delta)) {
      this.options.onQuota(delta.origin);
      return this.block(delta, BLOCK_TIME, 'refused');
    }
    if (known === undefined) {
      // Not kept unless it takes something: a gap at the very beginning would leave an empty log.
      if (delta.from > 0) return 'gap';
      scope.logs.set(delta.origin, log);
      scope.hash.toggle(log);
    }
    return this.mutate(log, () => log.apply(delta, (id, record) => this.options.onRecord(log, id, record)));
  }

  /** All changes of a log that is held go through here: hash and usage follow. */
  mutate<T>(log: OriginLog, action: () => T): T {
    const scope = this.scopes.get(log.vni);
    if (scope?.logs.get(log.origin) !== log) return action();
    const { size, bytes } = log;
    scope.hash.toggle(log);
    try {
      return action();
    } finally {
      scope.hash.toggle(log);
      this.account(log.origin, log.size - size, log.bytes - bytes);
    }
  }

  /**
   * Drops what an origin said in lives before `epoch`, default: in all that we know of, and takes none of it back from
   * others. Returns the networks in which there was something.
   */
  refuse(origin: string, epoch = this.afterLatest(origin)): Vni[] {
    const dropped: Vni[] = [];
    for (const log of this.logsOf(origin)) {
      if (log.epoch >= epoch) continue;
      const scope = this.scopes.get(log.vni);
      scope?.hash.toggle(log);
      scope?.logs.delete(origin);
      this.account(origin, -log.size, -log.bytes);
      dropped.push(log.vni);
    }
    const last = (epoch - 1) as Epoch;
    if (last > Math.max(NO_EPOCH, this.erased.get(origin)?.epoch ?? NO_EPOCH)) {
      this.erased.set(origin, { epoch: last, until: this.clock.now() + ERASE_AFTER, outcome: 'refused' });
    }
    return dropped;
  }

  /** It lives, in this epoch: what was erased of it may be said again. Of an earlier one it may not. */
  welcome(origin: string, epoch: Epoch): void {
    if (epoch === NO_EPOCH || this.erased.get(origin)?.epoch === epoch) this.erased.delete(origin);
  }

  /** Forgets refusals that are over. */
  tidy(): void {
    this.rate.tidy();
    for (const refusals of [this.erased, this.blocked]) {
      for (const [origin, { until }] of refusals) {
        if (until <= this.clock.now()) refusals.delete(origin);
      }
    }
  }

  /** In how many buckets the origins of a network are compared. */
  bucketCount(vni: Vni): number {
    const origins = this.scopes.get(vni)?.logs.size ?? 0;
    let count = 1;
    while (count * ORIGINS_PER_BUCKET < origins && count < HASH_BUCKETS) count *= 2;
    return count;
  }

  buckets(vni: Vni, count: number): readonly Hash[] {
    return this.scopes.get(vni)?.hash.folded(count) ?? [];
  }

  /** What we have in some buckets; also what we do not want to be sent, as if we had all of it. */
  digest(vni: Vni, bucketCount: number, buckets: ReadonlySet<number>): DigestEntry[] {
    const isIn = (origin: string): boolean => bucketCount === 1 || buckets.has(bucketOf(origin, bucketCount));
    const entries: DigestEntry[] = [];
    for (const log of this.logs(vni)) {
      if (isIn(log.origin) && !this.blocked.has(log.origin)) entries.push(log.entry());
    }
    for (const refusals of [this.erased, this.blocked]) {
      for (const [origin, { epoch }] of refusals) {
        const isNamed = refusals === this.erased && this.log(vni, origin) !== undefined;
        if (isIn(origin) && !isNamed) entries.push({ origin, epoch, seq: MAX_SEQUENCE, gc: 0 });
      }
    }
    return entries;
  }

  /** Compares with what a peer has: all of the given buckets if there are any, else only of those that it names. */
  compare(
    vni: Vni,
    entries: readonly DigestEntry[],
    covered?: { readonly bucketCount: number; readonly buckets: ReadonlySet<number> },
  ): Comparison {
    const behind: { origin: string; from: number }[] = [];
    const want: DigestEntry[] = [];
    const named = new Map(entries.map(entry => [entry.origin, entry]));
    const offer = (log: OriginLog): void => {
      const from = log.missingFrom(named.get(log.origin));
      if (from !== undefined) behind.push({ origin: log.origin, from });
    };
    for (const entry of entries) {
      const log = this.log(vni, entry.origin);
      if (log !== undefined) offer(log);
      const isMore = log === undefined ? entry.epoch > NO_EPOCH : log.isBehind(entry);
      if (!isMore || entry.seq === MAX_SEQUENCE || want.length >= DIGEST_MAX_ENTRIES) continue;
      if (this.refusal(entry.origin, entry.epoch) !== undefined) continue;
      want.push(log?.entry() ?? { origin: entry.origin, epoch: NO_EPOCH, seq: 0, gc: 0 });
    }
    if (covered === undefined) return { behind, want };
    for (const log of this.logs(vni)) {
      if (!named.has(log.origin) && covered.buckets.has(bucketOf(log.origin, covered.bucketCount)))
        offer(log);
    }
    return { behind, want };
  }

  private afterLatest(origin: string): Epoch {
    let latest = NO_EPOCH;
    for (const { epoch } of this.logsOf(origin)) if (epoch > latest) latest = epoch;
    return (latest + 1) as Epoch;
  }

  private refusal(origin: string, epoch: Epoch): Refusal | undefined {
    for (const refusals of [this.erased, this.blocked]) {
      const refusal = refusals.get(origin);
      if (refusal === undefined) continue;
      if (epoch <= refusal.epoch && refusal.until > this.clock.now()) return refusal;
    }
    return undefined;
  }

  /** Takes no more of an origin for so long, and asks nobody for it. */
  private block({ origin, epoch }: Delta, ms: number, outcome: Refusal['outcome']): StoreOutcome {
    // Whoever makes up origins gets them refused, not remembered.
    if (!this.blocked.has(origin) && this.blocked.size >= SCOPE_MAX_ORIGINS) return outcome;
    this.blocked.set(origin, { epoch, until: this.clock.now() + ms, outcome });
    return outcome;
  }

  private exceedsQuota(scope: Scope, log: OriginLog, delta: Delta): boolean {
    const { limits } = this.options;
    if (!scope.logs.has(delta.origin) && scope.logs.size >= limits.originsPerScope) return true;
    const usage = this.usage.get(delta.origin);
    let { records, bytes } = usage ?? { records: 0, bytes: 0 };
    let added = 0;
    for (const record of delta.records) {
      const held = log.find(recordId(record));
      if (held === undefined) records += 1;
      added += recordBytes(record) - (held === undefined ? 0 : recordBytes(held));
    }
    bytes += added;
    // What makes less is always taken: tombstones are the way out of a quota.
    if (added <= 0) return false;
    return (
      records > limits.recordsPerOrigin ||
      bytes > limits.bytesPerOrigin ||
      this.totalBytes + added > limits.bytes
    );
  }

  private account(origin: string, records: number, bytes: number): void {
    const usage = this.usage.get(origin) ?? { records: 0, bytes: 0 };
    usage.records += records;
    usage.bytes += bytes;
    this.totalBytes += bytes;
    if (usage.records === 0 && usage.bytes === 0) this.usage.delete(origin);
    else this.usage.set(origin, usage);
  }
}
