/** Makes deltas out of logs: of our own, also of networks that we have just left, and of others. */
import type { Vni } from '../../dataplane/address.ts';
import { type Epoch, NO_EPOCH } from './epoch.ts';
import { encodeFrame } from './frame.ts';
import { DELTA_MAX_BYTES } from './limits.ts';
import type { OriginLog } from './origin-log.ts';
import type { OwnRecords } from './own-records.ts';
import type { RecordStore } from './store.ts';

/** Something that a peer lacks: the log of an origin from a sequence number on. */
export interface Job {
  readonly vni: Vni;
  readonly origin: string;
  readonly epoch: Epoch;
  readonly from: number;
  /** It is news that the peer should pass on. */
  readonly relay: boolean;
}

interface Encoded {
  readonly log: OriginLog;
  readonly job: Job;
  readonly seq: number;
  readonly to: number;
  readonly frame: Uint8Array;
}

export class DeltaSource {
  private readonly modules: { readonly store: RecordStore; readonly own: OwnRecords };
  /** The same news goes to many peers, one after the other. */
  private last: Encoded | undefined;

  constructor(modules: DeltaSource['modules']) {
    this.modules = modules;
  }

  /** The next frame of a job and what is left of it; undefined if there is nothing to send (any more). */
  next(job: Job, self: string): { readonly frame: Uint8Array; readonly rest: Job | undefined } | undefined {
    const { own, store } = this.modules;
    const log = job.origin === self ? own.known(job.vni) : store.log(job.vni, job.origin);
    if (log === undefined || log.epoch === NO_EPOCH) return undefined;
    const from = log.epoch === job.epoch ? job.from : 0;
    if (from > 0 && from >= log.seq) return undefined;
    const { frame, to } = this.encode(log, { ...job, epoch: log.epoch, from });
    return { frame, rest: to < log.seq ? { ...job, epoch: log.epoch, from: to } : undefined };
  }

  private encode(log: OriginLog, job: Job): Encoded {
    const { last } = this;
    if (
      last !== undefined &&
      last.log === log &&
      last.job.epoch === job.epoch &&
      last.seq === log.seq &&
      last.job.from === job.from &&
      last.job.relay === job.relay
    ) {
      return last;
    }
    const { records, to } = log.slice(job.from, DELTA_MAX_BYTES);
    const { vni, origin, epoch, from, relay } = job;
    const { head, gc } = log;
    const frame = encodeFrame({ type: 'delta', vni, origin, epoch, from, to, head, gc, relay, records });
    this.last = { log, job, seq: log.seq, to, frame };
    return this.last;
  }
}
