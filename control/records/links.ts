/** The sessions with peers, and the links under them: opened when there is something to say, closed when there is not. */
import type { IpAddress } from '../../dataplane/address.ts';
import type { Clock } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import type { DeltaSource, Job } from './delta-source.ts';
import { decodeFrame, type Frame } from './frame.ts';
import { LINK_IDLE, LINK_RESTS, LINKS_KEPT, MAX_LINKS, RECORDS_VERSION } from './limits.ts';
import type { Link, LinkHandler, LinkPort } from './link.ts';
import type { Peers, RecordPeer } from './peers.ts';
import type { RecordCounters } from './record-counters.ts';
import { Session, type SessionOptions } from './session.ts';

export interface LinksModules {
  readonly clock: Clock;
  readonly peers: Peers;
  readonly port: LinkPort;
  readonly deltas: DeltaSource;
  readonly counters: RecordCounters;
  /** @default decodeFrame */
  readonly decode?: typeof decodeFrame;
}

export interface LinksOptions {
  readonly self: string;
  readonly onFrame: (session: Session, frame: Frame) => void;
}

/** What is known of a link that a peer has opened, before he says who he is. */
export interface Caller {
  /** Where it comes from. */
  readonly from?: IpAddress | undefined;
  /** The name he has proved to have, where links can prove it. */
  readonly authenticated?: string | undefined;
}

export class Links {
  private readonly modules: LinksModules;
  private readonly options: LinksOptions;
  private readonly sessions = new Map<string, Session>();
  private readonly open = new Map<Link, Wire>();
  private readonly callbacks: WireCallbacks = {
    receive: (wire, bytes) => this.receive(wire, bytes),
    ended: wire => this.ended(wire),
  };
  private readonly sessionOptions: SessionOptions;

  constructor(modules: LinksModules, options: LinksOptions) {
    this.modules = modules;
    this.options = options;
    const { counters } = modules;
    this.sessionOptions = { self: options.self, onSent: frame => counters.countSent(frame.length) };
  }

  get size(): number {
    return this.open.size;
  }

  /** Frames and jobs that wait for a peer. */
  get backlog(): number {
    let backlog = 0;
    for (const session of this.sessions.values()) backlog += session.backlog;
    return backlog;
  }

  /** The session with a peer, opening a link if there is none; undefined if too many are open. */
  to(peer: RecordPeer): Session | undefined {
    const known = this.sessions.get(peer.name);
    if (known?.hasLink) return known;
    if (this.open.size >= MAX_LINKS) {
      this.modules.counters.count('linkLimit');
      return undefined;
    }
    const session = known ?? this.session(peer.name);
    const wire = new Wire(this.callbacks, { session });
    const link = this.modules.port.open(peer, wire);
    wire.link = link;
    this.open.set(link, wire);
    session.addLink(link);
    return session;
  }

  /** Takes a link that a peer has opened; who he is, he says in his first frame. */
  accept(link: Link, caller: Caller = {}): LinkHandler {
    const wire = new Wire(this.callbacks, { link, caller });
    if (this.open.size < MAX_LINKS) this.open.set(link, wire);
    else {
      this.modules.counters.count('linkLimit');
      link.abort();
    }
    return wire;
  }

  say(peer: RecordPeer, frame: Frame): void {
    this.to(peer)?.say(frame);
  }

  owe(peer: RecordPeer, job: Job): void {
    this.to(peer)?.owe(job);
  }

  /** To everybody that a link is open to. */
  sayAll(frame: Frame): void {
    for (const session of this.sessions.values()) if (session.hasLink) session.say(frame);
  }

  /** It is dead or gone: nothing more is sent. What TCP tries again by itself would stand in the way when it comes back. */
  drop(name: string): void {
    this.sessions.get(name)?.abort();
  }

  /** Membership tells where a peer is: links that were opened in his name from elsewhere, before that was known, are over. */
  located(name: string): void {
    if (!this.sessions.has(name)) return;
    for (const [link, wire] of this.open) {
      if (wire.session?.peer !== name || this.isAtHome(name, wire.caller)) continue;
      this.modules.counters.count('foreignHello');
      this.ended(wire);
      link.abort();
    }
  }

  /** To be called each second. */
  closeIdle(): void {
    const limit = this.modules.clock.now() - LINK_IDLE;
    for (const session of this.sessions.values()) {
      if (session.lastUsed < limit) session.close();
    }
    this.makeRoom();
  }

  private makeRoom(): void {
    const excess = this.open.size - LINKS_KEPT;
    if (excess <= 0) return;
    const limit = this.modules.clock.now() - LINK_RESTS;
    const atRest = [...this.sessions.values()].filter(
      ({ hasLink, backlog, lastUsed }) => hasLink && backlog === 0 && lastUsed <= limit,
    );
    atRest.sort((one, other) => one.lastUsed - other.lastUsed);
    for (const session of atRest.slice(0, excess)) {
      // Whoever has something to say before it has ended opens another one.
      this.sessions.delete(session.peer);
      session.close();
    }
  }

  close(): void {
    for (const link of this.open.keys()) link.close();
  }

  private receive(wire: Wire, bytes: Uint8Array): void {
    const { counters, clock, decode = decodeFrame } = this.modules;
    if (wire.link === undefined || !this.open.has(wire.link)) return;
    counters.countReceived(bytes.length);
    try {
      const frame = decode(bytes);
      if (!wire.isGreeted) this.greet(wire, wire.link, frame);
      else if (frame === undefined) counters.count('unknownFrame');
      else if (wire.session !== undefined) {
        wire.session.lastUsed = clock.now();
        this.options.onFrame(wire.session, frame);
      }
    } catch (error) {
      if (!(error instanceof WeftError)) throw error;
      counters.count('malformed');
      // Not `close`, which waits for the other side: what it says from now on is not listened to.
      wire.link.abort();
    }
  }

  private greet(wire: Wire, link: Link, frame: Frame | undefined): void {
    const isProper =
      frame?.type === 'hello' &&
      frame.version === RECORDS_VERSION &&
      frame.name !== this.options.self &&
      frame.name === (wire.session?.peer ?? wire.caller.authenticated ?? frame.name);
    if (!isProper) {
      this.modules.counters.count('badHello');
      link.abort();
      return;
    }
    if (!this.isAtHome(frame.name, wire.caller)) {
      this.modules.counters.count('foreignHello');
      link.abort();
      return;
    }
    wire.isGreeted = true;
    if (wire.session !== undefined) return;
    wire.session = this.session(frame.name);
    // Who opens one has none that works, or we both did so at the same moment: then either will do. That ours still works we
    // cannot know: it may lead to a machine that has started anew, or wait for TCP's next try after a cut.
    wire.session.addLink(link, { first: true });
  }

  /**
   * Whether a link comes from where membership has its peer: a hello that was recorded opens and proves nothing, and what is meant
   * for the peer would go to whoever repeats it. Of the port nothing is known; of who is no member yet, nothing at all.
   */
  private isAtHome(name: string, { from, authenticated }: Caller): boolean {
    const home = this.modules.peers.find(name)?.endpoint.address;
    return authenticated === name || from === undefined || home === undefined || from === home;
  }

  private ended(wire: Wire): void {
    const { link, session } = wire;
    if (link === undefined) return;
    this.open.delete(link);
    if (session?.removeLink(link) && this.sessions.get(session.peer) === session) {
      session.close();
      this.sessions.delete(session.peer);
    }
  }

  private session(name: string): Session {
    const known = this.sessions.get(name);
    if (known !== undefined) return known;
    const session = new Session(this.modules, name, this.sessionOptions);
    this.sessions.set(name, session);
    return session;
  }
}

interface WireCallbacks {
  receive(wire: Wire, bytes: Uint8Array): void;
  ended(wire: Wire): void;
}

/** Of a link that we have opened. */
const NO_CALLER: Caller = {};

/** One link and whom it is with. A node has hundreds, so what they have in common is held once. */
class Wire implements LinkHandler {
  link: Link | undefined;
  session: Session | undefined;
  isGreeted = false;
  readonly caller: Caller;
  private readonly callbacks: WireCallbacks;

  constructor(
    callbacks: WireCallbacks,
    known: {
      readonly link?: Link;
      readonly session?: Session;
      readonly caller?: Caller;
    },
  ) {
    this.callbacks = callbacks;
    this.link = known.link;
    this.session = known.session;
    this.caller = known.caller ?? NO_CALLER;
  }

  onFrame(bytes: Uint8Array): void {
    this.callbacks.receive(this, bytes);
  }

  onWritable(): void {
    if (this.link !== undefined) this.session?.onWritable(this.link);
  }

  onClose(): void {
    this.callbacks.ended(this);
  }
}
