/**
 * What every origin ever wrote, and what every node has shown: for the two things that must never happen, a record that its
 * origin did not write, and an older version after a newer one, of which a deleted record that reappears is the worst.
 */
import type { Vni } from '../../dataplane/address.ts';
import type { OriginLog } from '../records/origin-log.ts';
import { type LogRecord, recordId } from '../records/record.ts';

/** One content that a record of an origin has had. */
interface Content {
  /** The record, numbered within its network. */
  readonly record: number;
  /** The numbers of the writes of it, ascending, for a tombstone may be as the one before. */
  readonly writes: number[];
}

/** What one node has shown of one network. */
interface Memory {
  /** By record, the newest write; 0 for none. */
  newest: Int32Array;
  /** By origin, a number that tells whether its log has changed since it was checked. */
  readonly checked: Map<string, number>;
}

export class RecordHistory {
  /** What was wrong, at most a few lines. */
  readonly breaches: string[] = [];
  private readonly written = new Map<string, Content>();
  /** The same by the record itself, which nodes may share. */
  private readonly contents = new WeakMap<LogRecord, Content>();
  private readonly recordNumbers = new Map<string, number>();
  private readonly recordCounts = new Map<Vni, number>();
  private readonly wroteUpTo = new Map<string, { readonly epoch: number; readonly seq: number }>();
  private readonly memories = new Map<string, Memory>();
  private writes = 0;

  /** Call it after each write of an origin, and before each check. */
  wrote(log: OriginLog): void {
    const scope = scopeOf(log);
    const known = this.wroteUpTo.get(scope);
    if (known?.epoch === log.epoch && known.seq === log.seq) return;
    const from = known?.epoch === log.epoch ? known.seq : 0;
    for (const record of log.slice(from, Number.POSITIVE_INFINITY).records) {
      this.writes += 1;
      const text = contentOf(scope, record);
      const content = this.written.get(text);
      if (content !== undefined) content.writes.push(this.writes);
      else this.written.set(text, { record: this.numberOf(log.vni, scope, record), writes: [this.writes] });
    }
    this.wroteUpTo.set(scope, { epoch: log.epoch, seq: log.seq });
  }

  /** Looks at all that a node holds of one origin, if that has changed. */
  check(observer: string, log: OriginLog): void {
    const key = `${observer}|${log.vni}`;
    const memory = this.memories.get(key) ?? {
      newest: new Int32Array(0),
      checked: new Map<string, number>(),
    };
    this.memories.set(key, memory);
    const state = stateOf(log);
    if (memory.checked.get(log.origin) === state) return;
    memory.checked.set(log.origin, state);
    const scope = scopeOf(log);
    for (const record of log.all()) {
      const content = this.find(scope, record);
      if (content === undefined) {
        this.note(`${observer} holds of ${scope} what was never written`);
        continue;
      }
      const newest = memory.newest[content.record] ?? 0;
      const write = content.writes.find(number => number >= newest);
      if (write === undefined) this.note(`${observer} shows of ${scope} an older version again`);
      else remember(memory, content.record, write);
    }
  }

  /** Its memory of a network is gone: it has left it, or its process has ended. */
  forgetObserver(observer: string, vnis: readonly Vni[]): void {
    for (const vni of vnis) this.memories.delete(`${observer}|${vni}`);
  }

  private find(scope: string, record: LogRecord): Content | undefined {
    const known = this.contents.get(record);
    if (known !== undefined) return known;
    const content = this.written.get(contentOf(scope, record));
    if (content !== undefined) this.contents.set(record, content);
    return content;
  }

  private numberOf(vni: Vni, scope: string, record: LogRecord): number {
    const name = `${scope}|${recordId(record)}`;
    const known = this.recordNumbers.get(name);
    if (known !== undefined) return known;
    const number = this.recordCounts.get(vni) ?? 0;
    this.recordCounts.set(vni, number + 1);
    this.recordNumbers.set(name, number);
    return number;
  }

  private note(what: string): void {
    if (this.breaches.length < 10) this.breaches.push(what);
  }
}

function remember(memory: Memory, record: number, write: number): void {
  if (record >= memory.newest.length) {
    const { newest } = memory;
    memory.newest = new Int32Array(2 * record + 16);
    memory.newest.set(newest);
  }
  memory.newest[record] = write;
}

function scopeOf({ origin, vni }: OriginLog): string {
  return `${origin}|${vni}`;
}

function contentOf(scope: string, record: LogRecord): string {
  const body = Buffer.from(record.body).toString('latin1');
  return `${scope}|${recordId(record)}|${record.deleted}|${body}`;
}

/** Another number whenever a log holds other records: each change of them is one of these. */
function stateOf({ epoch, seq, gc, head, size }: OriginLog): number {
  return [seq, gc, head, size].reduce((state, value) => state * 1009 + value, epoch % 2 ** 32);
}
