/**
 * Our record log among the rest of the daemon: its epoch on the disk, its links on the port of gossip, its peers from membership.
 * What follows from what it says is claim-keeper.ts.
 */
import type { Socket } from 'node:net';
import type { Endpoint as GossipEndpoint } from '../../control/endpoint.ts';
import type { MemberEvent } from '../../control/events.ts';
import type { Keyring } from '../../control/keyring.ts';
import type { Random } from '../../control/random.ts';
import type { RecordEvent } from '../../control/records/events.ts';
import { keyringSealer } from '../../control/records/keyring-sealer.ts';
import { PeerTable, recordTag } from '../../control/records/peers.ts';
import type { VtepRecord } from '../../control/records/record.ts';
import { RecordLog } from '../../control/records/record-log.ts';
import { TcpLinks, UNSEALED } from '../../control/records/tcp-links.ts';
import type { Tags } from '../../control/tags.ts';
import type { IpAddress, Vni } from '../../dataplane/address.ts';
import type { Clock } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import type { EndpointAnnouncer } from '../endpoints/endpoint-services.ts';
import { errorFields, type Log } from '../log.ts';
import type { NetworkLog } from '../vtep-directory.ts';
import { endpointAnnouncer } from './announcer.ts';
import { FileEpochStore } from './epoch-store.ts';

/**
 * How long it may take to open a link, in milliseconds. Two of TCP's retransmissions fit (after 1 and 3 s): whoever began to open one
 * while a network was cut is not long in the way when it is whole again.
 */
const CONNECT_TIMEOUT = 5000;

export interface RecordServiceModules {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Links are sealed with it; without one they are not. */
  readonly keyring: Keyring | undefined;
  readonly sendHint: (to: GossipEndpoint, hint: Uint8Array) => void;
}

export interface RecordServiceOptions {
  /** Our name in the pool. */
  readonly name: string;
  /** Where gossip is bound: peers know us by it. */
  readonly address: IpAddress;
  readonly stateDirectory: string;
  readonly vtep: VtepRecord;
  /** What nodes post on the board (control/records/board.ts). Must not call the log back. */
  readonly onPost: (origin: string, key: string, body: Uint8Array | undefined) => void;
  /** Everything else. Must not call the log back. */
  readonly onEvent: (event: Exclude<RecordEvent, { readonly type: 'posted' }>) => void;
}

export class RecordService {
  readonly records: RecordLog;
  readonly announcer: EndpointAnnouncer;
  private readonly modules: RecordServiceModules;
  private readonly options: RecordServiceOptions;
  private readonly peers = new PeerTable();
  private readonly links: TcpLinks;
  private readonly epochs: FileEpochStore;

  /** Begins a new life of the log, and says nothing yet. */
  constructor(modules: RecordServiceModules, options: RecordServiceOptions) {
    this.modules = modules;
    this.options = options;
    const { keyring, log, sendHint } = modules;
    const { address, name, stateDirectory } = options;
    this.epochs = new FileEpochStore({ log }, { stateDirectory, node: name });
    const sealer = keyring === undefined ? UNSEALED : keyringSealer(keyring);
    this.links = new TcpLinks({ ...modules, sealer }, { from: address, connectTimeout: CONNECT_TIMEOUT });
    this.records = new RecordLog(
      {
        ...modules,
        epochs: this.epochs,
        peers: this.peers,
        links: this.links,
        hints: { sendHint: (peer, hint) => sendHint(peer.endpoint, hint) },
      },
      {
        name,
        onEvent: event => {
          if (event.type === 'posted') options.onPost(event.origin, event.key, event.body);
          else options.onEvent(event);
        },
      },
    );
    this.announcer = endpointAnnouncer(this.records);
  }

  /** Our tags with that of the log, which tells the epoch of it. */
  tagged(tags: Tags): Tags {
    return new Map([...tags, recordTag(this.records.epoch)]);
  }

  /**
   * Says, before the first peer is there, what an earlier run has left, as if it were taken over already: the log of the life before
   * ends where this one's does, and containers that go on running must not vanish in between.
   */
  open(vnis: readonly Vni[], endpoints: readonly Endpoint[]): void {
    this.records.joinPool();
    for (const vni of vnis) this.carry(vni);
    for (const endpoint of endpoints) {
      if (endpoint.pending || !vnis.some(vni => vni === endpoint.vni)) continue;
      try {
        this.announcer.announce(endpoint);
      } catch (error) {
        // Of a file that somebody has changed. Who takes it over says more.
        if (!(error instanceof WeftError)) throw error;
        this.modules.log.warn(errorFields(error), 'an endpoint cannot be announced');
      }
    }
  }

  /** Says that we carry this network from now on. */
  carry(vni: Vni): void {
    this.records.join(vni, this.options.vtep);
  }

  /** Who carries a network, and tells what he has in it, as it stands now. */
  networkLog(vni: Vni): NetworkLog {
    const { records } = this;
    const carriers = new Set(Array.from(records.carriers(vni), ([origin]) => origin));
    return { carries: origin => carriers.has(origin), tells: origin => records.tells(vni, origin) };
  }

  start(): void {
    this.records.start();
  }

  /** The node has started: from now on its life counts. Throws `system`. */
  begin(): void {
    this.epochs.begin();
  }

  async stop(): Promise<void> {
    this.records.stop();
    this.links.close();
  }

  /** Follows membership. */
  memberChanged(event: MemberEvent): void {
    this.peers.take(event);
    this.records.memberChanged(event);
  }

  takeLink(socket: Socket, head: Uint8Array): void {
    this.links.take(socket, head, (link, from) => this.records.accept(link, { from }));
  }

  takeHint(from: string, hint: Uint8Array): void {
    this.records.receiveHint(from, hint);
  }
}
