/** What the pool agrees on about networks: which there are, and who has which of their addresses. Both are on the board. */
import type { Gossip } from '../../control/gossip.ts';
import { isUp } from '../../control/members.ts';
import type { Random } from '../../control/random.ts';
import { BODY_MAX_BYTES } from '../../control/records/limits.ts';
import type { Clock } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import type { NetworkConfig } from '../config/config.ts';
import { AliveStamp } from '../ipam/alive-stamp.ts';
import { IpamService } from '../ipam/ipam-service.ts';
import { type ManagedNetwork, managedNetwork } from '../ipam/managed-network.ts';
import { errorFields, type Log } from '../log.ts';
import { Catalogue } from './catalogue.ts';
import { CatalogueStore } from './catalogue-store.ts';
import { configOf, encodeDefinition, type NetworkDefinition } from './definition.ts';
import { forgivingBoard, type PoolBoard } from './forgiving-board.ts';
import { NetworkUsers } from './network-users.ts';

export interface PoolNetworksModules {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly board: PoolBoard;
  readonly gossip: Pick<Gossip, 'members'>;
}

export interface PoolNetworksOptions {
  readonly self: string;
  readonly stateDirectory: string;
  readonly configured: () => readonly NetworkConfig[];
  /** Addresses of this network may be used now, or no longer. */
  readonly onUsable: (network: string) => void;
}

export class PoolNetworks {
  readonly catalogue: Catalogue;
  readonly ipam: IpamService;
  readonly users: NetworkUsers;
  private readonly modules: PoolNetworksModules;
  private readonly options: PoolNetworksOptions;
  private readonly alive: AliveStamp;

  /** Throws `system` for a state that cannot be read. */
  constructor(modules: PoolNetworksModules, options: PoolNetworksOptions) {
    this.modules = modules;
    this.options = options;
    const { self, stateDirectory, configured } = options;
    const board = forgivingBoard(modules);
    this.alive = new AliveStamp(modules, { stateDirectory });
    this.users = new NetworkUsers({ board }, { self });
    this.catalogue = new Catalogue(
      { ...modules, board, store: new CatalogueStore({ stateDirectory }) },
      { self, configured: configured(), onChange: () => this.changed() },
    );
    this.ipam = new IpamService(
      {
        ...modules,
        board,
        alive: this.alive,
        networks: () => this.managed(),
        isRemoved: id => this.catalogue.isRemoved(id),
        liveness: {
          silentFor: node => this.silentFor(node),
          lastTwoWay: node => this.member(node)?.contact.lastTwoWay ?? null,
        },
      },
      { self, stateDirectory, onChange: options.onUsable },
    );
  }

  /** Whether what the last life had of addresses may be used before anybody has confirmed it. Ask before {@link startAddresses}. */
  get wasAlive(): boolean {
    return this.alive.isFresh();
  }

  /** The board can be written to. */
  start(): void {
    this.catalogue.start();
  }

  /** Gossip runs. Throws `system` for a state that cannot be read. */
  startAddresses(): void {
    this.ipam.start();
  }

  /** The node has started. */
  begin(): void {
    this.ipam.begin();
  }

  stop(): void {
    this.ipam.stop();
    this.catalogue.stop();
  }

  /** Something on the board is new. The record log is still changing: what follows from it comes later. */
  onPost(origin: string, key: string, body: Uint8Array | undefined): void {
    queueMicrotask(() => {
      this.catalogue.onPost(origin, key, body);
      this.ipam.onPost(origin, key, body);
    });
  }

  /** Sets up the addresses of a network that is made here and now, and then makes it. Throws what {@link Catalogue.create} throws. */
  async create(definition: NetworkDefinition): Promise<void> {
    requireFits(definition);
    this.catalogue.requireFree(definition);
    const managed = managedNetwork(configOf(definition), definition.id);
    try {
      if (managed !== undefined) await this.ipam.found(managed);
      this.catalogue.create(definition);
    } catch (error) {
      await this.ipam.drop(definition.id);
      throw error;
    }
  }

  /**
   * A network stands in the configuration from now on; the options have it already. What it kept for others than these owners is given back: they went
   * while it did not stand there. Throws `system` for a state that cannot be read.
   */
  addConfigured(network: NetworkConfig, owners: readonly string[]): void {
    this.catalogue.addConfigured(network);
    const managed = managedNetwork(network);
    if (managed === undefined) return;
    this.ipam.resume(managed);
    this.ipam.reconcile(() => owners, managed.id);
  }

  /** It does no more. What this node has of its addresses stays on the disk, as it does for one that is not there at the next start. */
  removeConfigured(network: NetworkConfig): void {
    this.catalogue.removeConfigured(network.name);
    const managed = managedNetwork(network);
    if (managed !== undefined) this.ipam.leave(managed.id);
  }

  /** Networks that give out their addresses themselves. */
  private managed(): readonly ManagedNetwork[] {
    const made = this.catalogue
      .made()
      .filter(({ conflict }) => conflict === undefined)
      .map(({ definition }) => managedNetwork(configOf(definition), definition.id));
    const configured = this.options.configured().map(network => managedNetwork(network));
    return [...configured, ...made].filter(network => network !== undefined);
  }

  private changed(): void {
    this.ipam
      .tidy()
      .catch(error =>
        this.modules.log.error(errorFields(error), 'cannot give up the addresses of a network'),
      );
  }

  private member(name: string) {
    return this.modules.gossip.members().find(member => member.name === name);
  }

  private silentFor(name: string): number {
    const member = this.member(name);
    if (name === this.options.self || (member !== undefined && isUp(member.state))) return 0;
    const last = member?.lastSeen ?? null;
    return last === null ? Number.POSITIVE_INFINITY : this.modules.clock.now() - last;
  }
}

/** It has to fit a post, also when it is removed one day. Throws `invalid_argument`. */
function requireFits(definition: NetworkDefinition): void {
  const removed = { ...definition, version: Number.MAX_SAFE_INTEGER, removedAt: definition.createdAt };
  if (encodeDefinition(removed).length <= BODY_MAX_BYTES) return;
  throw new WeftError(
    'invalid_argument',
    `network "${definition.name}" has too many ranges to tell the pool of`,
    {
      hint: 'give fewer of --exclude and --static, or CIDRs in the place of FIRST-LAST',
    },
  );
}
