/**
 * What is to go to one peer. Not frames are queued but what the peer lacks, so that a slow peer costs no memory and gets,
 * when its turn comes, what is newest. Our own news goes before all else, then questions and answers, then what
 * others have said; one budget in bytes for all of it.
 */
import type { Vni } from '../../dataplane/address.ts';
import type { Clock, Timer } from '../../dataplane/clock.ts';
import type { DeltaSource, Job } from './delta-source.ts';
import { encodeFrame, type Frame } from './frame.ts';
import {
  PEER_BURST_BYTES,
  PEER_BYTES_PER_SECOND,
  PEER_MAX_CONTROL_FRAMES,
  RECORDS_VERSION,
} from './limits.ts';
import type { Link } from './link.ts';
import { SparseMap, SparseSet } from './sparse.ts';

export interface SessionModules {
  readonly clock: Clock;
  readonly deltas: DeltaSource;
}

export interface SessionOptions {
  /** Our own name. */
  readonly self: string;
  readonly onSent: (frame: Uint8Array) => void;
}

export class Session {
  readonly peer: string;
  /** Networks that the peer has said it does not carry. */
  readonly declined = new SparseSet<Vni>();
  lastUsed: number;
  private readonly clock: Clock;
  private readonly deltas: DeltaSource;
  private readonly options: SessionOptions;
  /** The first is the one we send on; a second one exists when both sides opened one at the same time, or one is broken unnoticed. */
  private links: readonly Link[] = [];
  private readonly full = new SparseSet<Link>();
  private readonly ownJobs = new SparseMap<string, Job>();
  private readonly otherJobs = new SparseMap<string, Job>();
  private control: Frame[] = [];
  private tokens = PEER_BURST_BYTES;
  private filledAt: number;
  private refill: Timer | undefined;

  /** `peer`: his name. */
  constructor(modules: SessionModules, peer: string, options: SessionOptions) {
    this.clock = modules.clock;
    this.deltas = modules.deltas;
    this.options = options;
    this.peer = peer;
    this.filledAt = modules.clock.now();
    this.lastUsed = this.filledAt;
  }

  get hasLink(): boolean {
    return this.links.length > 0;
  }

  /** Frames and jobs that wait. */
  get backlog(): number {
    return this.control.length + this.ownJobs.size + this.otherJobs.size;
  }

  /** `first`: from now on we send on this one. */
  addLink(link: Link, { first = false } = {}): void {
    this.links = first ? [link, ...this.links] : [...this.links, link];
    this.transmit(link, encodeFrame({ type: 'hello', version: RECORDS_VERSION, name: this.options.self }));
    this.pump();
  }

  /** Returns whether that was the last one. */
  removeLink(link: Link): boolean {
    const at = this.links.indexOf(link);
    if (at >= 0) this.links = this.links.toSpliced(at, 1);
    this.full.delete(link);
    if (this.links.length > 0) this.pump();
    return this.links.length === 0;
  }

  onWritable(link: Link): void {
    this.full.delete(link);
    this.pump();
  }

  /** A question or an answer. */
  say(frame: Frame): void {
    if (this.control.length >= PEER_MAX_CONTROL_FRAMES) this.control.shift();
    this.control.push(frame);
    this.pump();
  }

  /** The peer lacks this. */
  owe(job: Job): void {
    if (this.declined.has(job.vni)) return;
    const jobs = job.origin === this.options.self ? this.ownJobs : this.otherJobs;
    const key = `${job.vni}|${job.origin}`;
    const known = jobs.get(key);
    const isSame = known !== undefined && known.epoch === job.epoch;
    const from = isSame ? Math.min(known.from, job.from) : job.from;
    jobs.set(key, { ...job, from, relay: job.relay || (known?.relay ?? false) });
    this.pump();
  }

  /** The peer does not carry this network. */
  decline(vni: Vni): void {
    this.declined.add(vni);
    for (const jobs of [this.ownJobs, this.otherJobs]) {
      for (const [key, job] of jobs) if (job.vni === vni) jobs.delete(key);
    }
  }

  /** Sends what is owed, then closes. */
  close(): void {
    this.refill?.cancel();
    for (const link of this.links) link.close();
  }

  /** Forgets what is owed, and ends at once. */
  abort(): void {
    this.refill?.cancel();
    this.control = [];
    this.ownJobs.clear();
    this.otherJobs.clear();
    const { links } = this;
    this.links = [];
    for (const link of links) link.abort();
  }

  private pump(): void {
    const link = this.links[0];
    if (link === undefined) return;
    while (!this.full.has(link)) {
      const frame = this.nextFrame();
      if (frame === undefined) return;
      this.transmit(link, frame);
    }
  }

  private nextFrame(): Uint8Array | undefined {
    const own = this.nextDelta(this.ownJobs);
    if (own !== undefined) return own;
    const control = this.control.shift();
    if (control !== undefined && this.control.length === 0) this.control = [];
    return control === undefined ? this.nextDelta(this.otherJobs) : encodeFrame(control);
  }

  private nextDelta(jobs: SparseMap<string, Job>): Uint8Array | undefined {
    for (const [key, job] of jobs) {
      if (!this.hasTokens()) return undefined;
      const next = this.deltas.next(job, this.options.self);
      if (next?.rest === undefined) jobs.delete(key);
      else jobs.set(key, next.rest);
      if (next !== undefined) {
        this.tokens -= next.frame.length;
        return next.frame;
      }
    }
    return undefined;
  }

  private hasTokens(): boolean {
    const now = this.clock.now();
    this.tokens += ((now - this.filledAt) * PEER_BYTES_PER_SECOND) / 1000;
    this.tokens = Math.min(this.tokens, PEER_BURST_BYTES);
    this.filledAt = now;
    if (this.tokens > 0) return true;
    this.refill ??= this.clock.after(1 + (-this.tokens * 1000) / PEER_BYTES_PER_SECOND, () => {
      this.refill = undefined;
      this.pump();
    });
    return false;
  }

  private transmit(link: Link, frame: Uint8Array): void {
    this.lastUsed = this.clock.now();
    this.options.onSent(frame);
    if (!link.send(frame)) this.full.add(link);
  }
}
