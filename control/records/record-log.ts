/**
 * The record log: who has which containers, known to every node that carries their network. It does no I/O: frames, time,
 * randomness and membership are given in; frames and events come out.
 *
 *   attach, join ─► ownEndpoints ─► ownRecords ──┬─► spreader ─► links ─► session ─► peers
 *                                                ▼
 *   links ─► synchronizer ─► store ─► originLog ─┴─► claimView ─► events
 *   membership ─► presence ──────────────────────────┘
 *   post ─► ownRecords … store … ─► board ─► events
 */
import type { IpAddress, MacAddress, Vni } from '../../dataplane/address.ts';
import type { Clock } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import type { MemberEvent } from '../events.ts';
import type { Random } from '../random.ts';
import { Repeater } from '../repeater.ts';
import { Board, POOL_SCOPE, type Post } from './board.ts';
import type { PlacedClaim } from './claim.ts';
import { ClaimView } from './claim-view.ts';
import { Completeness } from './completeness.ts';
import { DeltaSource } from './delta-source.ts';
import type { Epoch, EpochStore } from './epoch.ts';
import type { Cause, RecordEvent } from './events.ts';
import type { Explanation } from './explain.ts';
import type { decodeFrame } from './frame.ts';
import { Inquiries } from './inquiries.ts';
import { DIRECT_PUSH_PEERS, SYNC_INTERVAL } from './limits.ts';
import type { HintPort, Link, LinkHandler, LinkPort } from './link.ts';
import { type Caller, Links } from './links.ts';
import type { OriginLog } from './origin-log.ts';
import { type Assertion, type OwnEndpoint, OwnEndpoints } from './own-endpoints.ts';
import { OwnPosts } from './own-posts.ts';
import { OwnRecords } from './own-records.ts';
import type { Peers } from './peers.ts';
import { Presence } from './presence.ts';
import {
  encodeVtep,
  type LogRecord,
  macOfKey,
  NO_BODY,
  NO_KEY,
  RECORD_KIND,
  recordId,
  type VtepRecord,
} from './record.ts';
import { type RecordCounterReport, RecordCounters } from './record-counters.ts';
import { Spreader } from './spreader.ts';
import { RecordStore, STORE_LIMITS, type StoreLimits } from './store.ts';
import { Synchronizer } from './synchronizer.ts';

export interface RecordLogModules {
  readonly clock: Clock;
  readonly random: Random;
  readonly epochs: EpochStore;
  readonly peers: Peers;
  readonly links: LinkPort;
  readonly hints: HintPort;
  /** @default decodeFrame; a simulation of many nodes keeps what all of them hold once. */
  readonly decode?: typeof decodeFrame;
}

export interface RecordLogOptions {
  /** Our name in the pool. */
  readonly name: string;
  readonly limits?: Partial<StoreLimits>;
  /** Called while the log is changing: must not call it back. */
  readonly onEvent: (event: RecordEvent) => void;
}

export interface RecordLogReport extends RecordCounterReport {
  /** Open links, those that are being opened included. */
  readonly links: number;
  /** Frames and deltas that wait for a peer. */
  readonly backlog: number;
  /** All records, in bytes of key and content. */
  readonly bytesHeld: number;
  /** Records whose content could not be read. */
  readonly unreadable: number;
  /** Addresses of ours that are frozen. */
  readonly frozen: number;
}

export class RecordLog {
  private readonly modules: RecordLogModules;
  private readonly options: RecordLogOptions;
  private readonly counters = new RecordCounters();
  private readonly view: ClaimView;
  private readonly board: Board;
  private readonly store: RecordStore;
  private readonly own: OwnRecords;
  private readonly endpoints: OwnEndpoints;
  private readonly ownPosts: OwnPosts;
  private readonly presence: Presence;
  private readonly completeness: Completeness;
  private readonly links: Links;
  private readonly spreader: Spreader;
  private readonly synchronizer: Synchronizer;
  private readonly inquiries: Inquiries;
  private readonly ticker: Repeater;
  private isRunning = false;

  /** Begins a new epoch; says nothing to anybody before {@link start}. Throws what the store of epochs throws. */
  constructor(modules: RecordLogModules, options: RecordLogOptions) {
    this.modules = modules;
    this.options = options;
    const { clock } = modules;
    const self = options.name;
    const limits = { ...STORE_LIMITS, ...options.limits };
    const { counters } = this;
    this.view = new ClaimView(modules, {
      self,
      isShown: (vni, origin) => this.presence.isShown(vni, origin),
      onEvent: options.onEvent,
    });
    const { view } = this;
    this.board = new Board({
      onPost: (origin, key, body) => options.onEvent({ type: 'posted', origin, key, body }),
    });
    const store = new RecordStore(modules, {
      limits,
      onRecord: (log, id, record) => this.show(log, id, record),
      onQuota: origin => {
        counters.count('quota');
        options.onEvent({ type: 'quotaExceeded', origin });
      },
    });
    this.store = store;
    const own = new OwnRecords(
      { ...modules, store },
      {
        name: self,
        recordsPerOrigin: limits.recordsPerOrigin,
        onRecord: (log, id, record) => {
          if (store.carries(log.vni)) this.show(log, id, record);
        },
        onWrite: vni => this.spreader.wrote(vni),
      },
    );
    this.own = own;
    this.endpoints = new OwnEndpoints({ clock, own, view }, { self });
    this.ownPosts = new OwnPosts({ own });
    this.presence = new Presence(
      { ...modules, store, view: { refresh: view.refresh.bind(view), forget: this.forget.bind(this) } },
      {
        self,
        onForgetful: (log, peer) => this.synchronizer.remind(peer, log),
        onDenied: (vni, origin) => this.completeness.judge(vni, origin),
      },
    );
    this.completeness = new Completeness(
      { ...modules, store },
      {
        isShown: (vni, origin) => this.presence.isShown(vni, origin),
        onChange: (vni, origin, tells) => {
          if (vni === POOL_SCOPE) return;
          options.onEvent({ type: tells ? 'originTells' : 'originSilent', vni, origin });
        },
      },
    );
    const deltas = new DeltaSource({ store, own });
    this.links = new Links(
      { ...modules, port: modules.links, deltas, counters },
      { self, onFrame: (session, frame) => this.synchronizer.onFrame(session, frame) },
    );
    const all = { ...modules, store, own, links: this.links, counters };
    this.spreader = new Spreader(all, { self });
    this.inquiries = new Inquiries(modules);
    this.synchronizer = new Synchronizer(
      { ...all, spreader: this.spreader, inquiries: this.inquiries },
      {
        self,
        admits: (delta, from) => this.presence.admits(delta, from),
        tells: (log, to) => this.presence.tells(log, to),
        onApplied: log => {
          this.presence.heard(log);
          this.completeness.judge(log.vni, log.origin);
        },
        onEpochRaised: () => options.onEvent({ type: 'epochRaised' }),
      },
    );
    this.ticker = new Repeater(modules, { wait: () => SYNC_INTERVAL, action: () => this.tick() });
  }

  /** What was joined and attached before goes out with the first peer. */
  start(): void {
    if (this.isRunning) return;
    this.isRunning = true;
    this.spreader.start();
    // Nodes that start together should not all ask in the same moment.
    this.ticker.start(SYNC_INTERVAL * this.modules.random.next());
    for (const vni of this.store.vnis()) this.ask(vni);
  }

  /** Falls silent at once, as a crash would. */
  stop(): void {
    this.isRunning = false;
    this.ticker.stop();
    this.spreader.stop();
    this.links.close();
  }

  /** The epoch of our log, for our tags (peers.ts, recordTag). */
  get epoch(): Epoch {
    return this.own.epoch;
  }

  /**
   * Says that we carry a network and where its frames are to be sent; begins to hold what others say of it. Without a
   * VTEP it only listens: nobody is told.
   */
  join(vni: Vni, vtep?: VtepRecord): void {
    const isNew = !this.store.carries(vni);
    if (isNew) {
      const log = this.own.log(vni);
      this.store.open(vni, log);
      for (const record of log.all()) this.show(log, recordId(record), record);
    }
    if (vtep !== undefined) {
      this.set(vni, RECORD_KIND.vtep, encodeVtep(vtep));
      this.set(vni, RECORD_KIND.network, NO_BODY);
    }
    if (isNew && this.isRunning) this.ask(vni);
  }

  /** Begins to read and hold what the nodes of the pool post (board.ts). */
  joinPool(): void {
    this.join(POOL_SCOPE);
    this.set(POOL_SCOPE, RECORD_KIND.network, NO_BODY);
  }

  /** Posts something on the board: see {@link OwnPosts.post}. */
  post(key: string, body: Uint8Array | undefined): void {
    this.ownPosts.post(key, body);
  }

  /** What is on the board. */
  posts(): Iterable<Post> {
    return this.board.posts();
  }

  /** Takes back all that we said of a network, and forgets what others did. */
  leave(vni: Vni): void {
    if (!this.store.carries(vni)) return;
    for (const record of [...this.own.log(vni).all()]) {
      if (record.deleted) continue;
      if (record.kind === RECORD_KIND.endpoint) this.endpoints.detach(vni, macOfKey(record.key));
      else this.own.write(vni, { ...record, body: NO_BODY, deleted: true });
    }
    if (this.isRunning) this.spreader.flush();
    this.links.sayAll({ type: 'bye', vni });
    this.view.close(vni);
    this.presence.close(vni);
    this.completeness.close(vni);
    this.store.close(vni);
  }

  /**
   * Says that a container of ours has this address. Throws `invalid_argument`, `not_found` for a network that was not
   * joined, and `unavailable` beyond our quota.
   */
  attach(vni: Vni, endpoint: OwnEndpoint): void {
    if (!this.store.carries(vni)) throw new WeftError('not_found', `this node does not carry VNI ${vni}`);
    this.endpoints.attach(vni, endpoint);
  }

  /** Says that it is gone. Returns whether there was one. */
  detach(vni: Vni, mac: MacAddress): boolean {
    return this.endpoints.detach(vni, mac);
  }

  /** A frame has come from the container that has this address: see {@link OwnEndpoints.assert}. */
  assert(vni: Vni, mac: MacAddress): Assertion {
    return this.endpoints.assert(vni, mac);
  }

  /** Lets an address that is frozen with us move again. Returns whether it was; others' are released by their owner. */
  release(vni: Vni, mac: MacAddress): boolean {
    return this.endpoints.release(vni, mac);
  }

  /** Follows membership: call it after the table of peers has followed (peers.ts). */
  memberChanged({ type, member: { name } }: MemberEvent): void {
    this.presence.memberChanged(name, type);
    for (const vni of this.store.vnis()) this.completeness.judge(vni, name);
    if (type === 'memberDown' || type === 'memberLeft') this.links.drop(name);
    const peer = this.modules.peers.find(name);
    if (peer === undefined || !this.isRunning || name === this.options.name) return;
    if (type !== 'memberUp' && type !== 'memberUpdated') return;
    this.links.located(name);
    const { peers } = this.modules;
    const shared = [...this.store.vnis()].filter(
      vni => peer.vnis.has(vni) && peers.carriers(vni).length <= DIRECT_PUSH_PEERS,
    );
    this.synchronizer.introduce(peer, shared);
  }

  /** Takes a link that a peer has opened. */
  accept(link: Link, caller?: Caller): LinkHandler {
    return this.links.accept(link, caller);
  }

  /** Takes a hint from the member of this name; never throws. */
  receiveHint(name: string, bytes: Uint8Array): void {
    if (this.isRunning) this.synchronizer.onHint(name, bytes);
  }

  /** Who has a MAC address. */
  owner(vni: Vni, mac: MacAddress): PlacedClaim | undefined {
    return this.view.owner(vni, mac);
  }

  ownerOfIp(vni: Vni, ip: IpAddress): PlacedClaim | undefined {
    return this.view.ownerOfIp(vni, ip);
  }

  owners(vni: Vni): Iterable<PlacedClaim> {
    return this.view.owners(vni);
  }

  ipOwners(vni: Vni): Iterable<readonly [IpAddress, PlacedClaim]> {
    return this.view.ipOwners(vni);
  }

  /** The origins that carry a network, ourselves included, and where its frames are to be sent. */
  carriers(vni: Vni): Iterable<readonly [string, VtepRecord]> {
    return this.view.carriers(vni);
  }

  /** Whether all that an origin has in a network is known, so that what it does not claim it does not have. */
  tells(vni: Vni, origin: string): boolean {
    return this.completeness.tells(vni, origin);
  }

  /** The mobility counter of our own claim of this address, to be kept for a later life; undefined if we have none. */
  mobilityOf(vni: Vni, mac: MacAddress): number | undefined {
    return this.endpoints.mobilityOf(vni, mac);
  }

  /** All claims of a MAC address: from whom, since when, and why one won. */
  explain(vni: Vni, mac: MacAddress): Explanation {
    return this.view.explain(vni, mac);
  }

  report(): RecordLogReport {
    const { links, store, view } = this;
    const { unreadable } = view;
    return {
      ...this.counters.report(),
      links: links.size,
      backlog: links.backlog,
      bytesHeld: store.bytes,
      unreadable,
      frozen: this.endpoints.frozen,
    };
  }

  /** The logs that are held of a network; for tests and audits, to be read only. */
  logs(vni: Vni): ReturnType<RecordStore['logs']> {
    return this.store.logs(vni);
  }

  /** What we have written of a network; for tests and audits, to be read only. */
  ownLog(vni: Vni): ReturnType<OwnRecords['log']> {
    return this.own.log(vni);
  }

  private show({ vni, origin }: OriginLog, id: string, record: LogRecord | undefined): void {
    if (vni === POOL_SCOPE) this.board.update(origin, id, record);
    else this.view.update(vni, origin, id, record);
  }

  private forget(vni: Vni, origin: string, cause: Cause): void {
    if (vni === POOL_SCOPE) this.board.forget(origin);
    else this.view.forget(vni, origin, cause);
  }

  private tick(): void {
    this.own.collect();
    this.endpoints.releaseDue();
    this.presence.tick();
    this.store.tidy();
    this.inquiries.tidy();
    this.spreader.tidy();
    this.links.closeIdle();
    this.synchronizer.round();
  }

  /** Asks a few peers what there is. */
  private ask(vni: Vni): void {
    for (const peer of this.spreader.choose(vni, 2)) this.synchronizer.probe(peer, [vni]);
  }

  private set(vni: Vni, kind: number, body: Uint8Array): void {
    const known = this.own.find(vni, kind, NO_KEY);
    if (known !== undefined && !known.deleted && Buffer.compare(known.body, body) === 0) return;
    this.own.write(vni, { kind, key: NO_KEY, body, deleted: false });
  }
}
