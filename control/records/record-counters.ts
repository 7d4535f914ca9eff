/** What the record log sent, received and refused. */

/** Why something went no further. The keys are the contract, the values tell people. */
export const RECORD_DROPS = {
  malformed: 'a frame or hint that does not parse; a link that sent one is closed',
  unknownFrame: 'a frame of a type that this version does not know',
  badHello: 'a link that did not begin with a proper hello',
  foreignHello: 'a link in the name of a peer that came from another address than his',
  linkLimit: 'a link beyond the number that is open at one time',
  quota: 'records of an origin beyond what is kept of one',
  rate: 'records of an origin that writes faster than we take; they are fetched later',
  notCarried: 'records of a network that is not ours',
  refused: 'records of an origin that was erased, is over its quota, or has another life by its tags',
  older: 'records of a former life of their origin',
  gap: 'records with others missing before them; they were asked for',
  epochNotSaved: 'a new epoch that could not be saved',
} as const;

export type RecordDrop = keyof typeof RECORD_DROPS;

export interface RecordCounterReport {
  readonly framesSent: number;
  readonly framesReceived: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly hintsSent: number;
  readonly hintBytesSent: number;
  /** Only what has occurred is in here. */
  readonly drops: Readonly<Partial<Record<RecordDrop, number>>>;
}

export class RecordCounters {
  private readonly drops = new Map<RecordDrop, number>();
  private framesSent = 0;
  private framesReceived = 0;
  private bytesSent = 0;
  private bytesReceived = 0;
  private hintsSent = 0;
  private hintBytesSent = 0;

  count(reason: RecordDrop): void {
    this.drops.set(reason, (this.drops.get(reason) ?? 0) + 1);
  }

  countSent(bytes: number): void {
    this.framesSent += 1;
    this.bytesSent += bytes;
  }

  countReceived(bytes: number): void {
    this.framesReceived += 1;
    this.bytesReceived += bytes;
  }

  countHint(bytes: number): void {
    this.hintsSent += 1;
    this.hintBytesSent += bytes;
  }

  report(): RecordCounterReport {
    const { framesSent, framesReceived, bytesSent, bytesReceived, hintsSent, hintBytesSent } = this;
    const drops = Object.fromEntries(this.drops);
    return { framesSent, framesReceived, bytesSent, bytesReceived, hintsSent, hintBytesSent, drops };
  }
}
