/**
 * What every origin ever wrote, and what every node has shown: for the two things that must never happen, a record that its
 * origin did not write, and an older version after a newer one, of which a deleted record that reappears is the worst.
 */
import type { Vni } from '../../dataplane/address.ts';
import type { OriginLog } from '../records/origin-log.ts';
import { type LogRecord, recordId } from '../records/record.ts';

export class RecordHistory {
  /** What was wrong, at most a few lines. */
  readonly breaches: string[] = [];
  /** Origin, network, record, content: the numbers of the writes of it, for a tombstone may be as the one before. */
  private readonly written = new Map<string, number[]>();
  private readonly wroteUpTo = new Map<string, { readonly epoch: number; readonly seq: number }>();
  /** Observer and network to origin, network and record to the newest write that it has shown. */
  private readonly shown = new Map<string, Map<string, number>>();
  private writes = 0;

  /** Call it after each write of an origin, and before each check. */
  wrote(log: OriginLog): void {
    const scope = `${log.origin}|${log.vni}`;
    const known = this.wroteUpTo.get(scope);
    const from = known?.epoch === log.epoch ? known.seq : 0;
    for (const record of log.slice(from, Number.POSITIVE_INFINITY).records) {
      this.writes += 1;
      const content = contentOf(scope, record);
      const writes = this.written.get(content);
      if (writes === undefined) this.written.set(content, [this.writes]);
      else writes.push(this.writes);
    }
    this.wroteUpTo.set(scope, { epoch: log.epoch, seq: log.seq });
  }

  /** Looks at all that a node holds of one origin. */
  check(observer: string, log: OriginLog): void {
    const scope = `${log.origin}|${log.vni}`;
    const memory = `${observer}|${log.vni}`;
    const shown = this.shown.get(memory) ?? new Map<string, number>();
    this.shown.set(memory, shown);
    for (const record of log.all()) {
      const writes = this.written.get(contentOf(scope, record));
      const key = `${scope}|${recordId(record)}`;
      const newest = shown.get(key) ?? 0;
      const write = writes?.find(number => number >= newest);
      if (writes === undefined) this.note(`${observer} holds of ${scope} what was never written`);
      else if (write === undefined) this.note(`${observer} shows of ${scope} an older version again`);
      else shown.set(key, write);
    }
  }

  /** Its memory of a network is gone: it has left it, or its process has ended. */
  forgetObserver(observer: string, vnis: readonly Vni[]): void {
    for (const vni of vnis) this.shown.delete(`${observer}|${vni}`);
  }

  private note(what: string): void {
    if (this.breaches.length < 10) this.breaches.push(what);
  }
}

function contentOf(scope: string, record: LogRecord): string {
  const body = Buffer.from(record.body).toString('latin1');
  return `${scope}|${recordId(record)}|${record.deleted}|${body}`;
}
