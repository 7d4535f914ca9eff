/**
 * The address machines of this node, one for each network that gives its addresses itself (control/ipam/), on the board of the pool and on
 * the disk. A machine runs where it has something to do: on the maker of a network, where something was saved, and from the first
 * address that is asked for here.
 */
import type { Liveness } from '../../control/ipam/host.ts';
import { Ipam } from '../../control/ipam/ipam.ts';
import type { IpamEvent } from '../../control/ipam/options.ts';
import type { IpamView } from '../../control/ipam/view.ts';
import type { Random } from '../../control/random.ts';
import type { Post } from '../../control/records/board.ts';
import { parseIp } from '../../dataplane/address.ts';
import type { Clock } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { errorFields, type Log } from '../log.ts';
import type { AliveStamp } from './alive-stamp.ts';
import { IpamStore } from './ipam-store.ts';
import { type ManagedNetwork, withPrefix } from './managed-network.ts';

/** Keys on the board: `ip/ID/` and a key of the machine. */
const PREFIX = 'ip/';

/**
 * What the last life had may be used unconfirmed for so long, in milliseconds. A daemon that is restarted where it reaches no majority keeps its
 * containers connected as long; it cannot know for how long it had not reached one before.
 */
const TRUST = 3_600_000;

/** A machine that could not save is started again after so long. */
const RECOVERY = 10_000;

export interface IpamServiceModules {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** What peers would not take is left: the machine asks for less, not wrongly. */
  readonly board: { post(key: string, body: Uint8Array | undefined): void; posts(): Iterable<Post> };
  readonly liveness: Liveness;
  readonly alive: Pick<AliveStamp, 'isFresh' | 'start' | 'stop'>;
  /** All networks of the pool that give their addresses themselves. */
  readonly networks: () => readonly ManagedNetwork[];
  /** Whether a network was made once, and removed. */
  readonly isRemoved: (id: string) => boolean;
}

export interface IpamServiceOptions {
  readonly self: string;
  readonly stateDirectory: string;
  /** What may be used of a network has changed. */
  readonly onChange: (network: string) => void;
}

interface Machine {
  readonly network: ManagedNetwork;
  readonly ipam: Ipam;
  readonly store: IpamStore;
  /** Until it is confirmed, what the last life had may be used. */
  isTrusted: boolean;
  /** The network is not this node's any more, but for the addresses that containers have. */
  isLeaving: boolean;
}

export class IpamService {
  private readonly modules: IpamServiceModules;
  private readonly options: IpamServiceOptions;
  private readonly machines = new Map<string, Machine>();
  /** By the ids of networks whose machines could not save, and are to be started again: whether what they use was sure then. */
  private readonly recovering = new Map<string, boolean>();
  private wasAlive = false;
  private isRunning = false;

  constructor(modules: IpamServiceModules, options: IpamServiceOptions) {
    this.modules = modules;
    this.options = options;
  }

  /** The board can be read and written. Throws `system` for a state that cannot be read. */
  start(): void {
    const { alive, networks } = this.modules;
    this.isRunning = true;
    this.wasAlive = alive.isFresh();
    for (const network of networks()) this.resume(network);
  }

  /** Goes on where something was saved, and begins where the configuration names us. Throws `system` for a state that cannot be read. */
  resume(network: ManagedNetwork): void {
    const isFounder = network.founders.includes(this.options.self);
    if (isFounder || this.storeOf(network.id).load() !== undefined) this.machine(network).isLeaving = false;
  }

  /** The daemon has started: before it, one that is refused something leaves nothing behind. */
  begin(): void {
    this.modules.alive.start(() => this.isSure());
  }

  stop(): void {
    this.isRunning = false;
    this.modules.alive.stop();
    for (const { ipam } of this.machines.values()) ipam.stop();
  }

  /** We have just made this network: its addresses are ours to begin with. Resolves when that is saved. */
  async found(network: ManagedNetwork): Promise<void> {
    await this.storeOf(network.id).remove();
    const { ipam } = this.machine(network, { isNew: true });
    // A first decision rests on a save.
    await this.until(() => ipam.view().decided > 0 || !ipam.isFenced, network);
  }

  /** The network is no more. */
  async drop(id: string): Promise<void> {
    this.end(id);
    await this.storeOf(id).remove();
  }

  /**
   * This node has no part in it any more; what it has saved stays. As long as containers have addresses of it, these are still confirmed, and given up
   * where they are not.
   */
  leave(id: string): void {
    const machine = this.machines.get(id);
    if (machine === undefined) return;
    machine.isLeaving = true;
    this.endLeft(machine);
  }

  private endLeft({ network, ipam, isLeaving }: Machine): void {
    if (isLeaving && ipam.claims.length === 0) this.end(network.id);
  }

  private end(id: string): void {
    const machine = this.machines.get(id);
    this.machines.delete(id);
    machine?.ipam.stop(`this node has no part in network ${machine.network.name} any more`);
    for (const { origin, key } of [...this.modules.board.posts()]) {
      if (origin === this.options.self && key.startsWith(`${PREFIX}${id}/`))
        this.modules.board.post(key, undefined);
    }
  }

  /** Something on the board is new; undefined: it is gone. */
  onPost(origin: string, key: string, body: Uint8Array | undefined): void {
    if (!key.startsWith(PREFIX) || !this.isRunning) return;
    const [, id = '', ...rest] = key.split('/');
    this.machines.get(id)?.ipam.take(origin, rest.join('/'), body);
  }

  /** Drops the machines of networks that were removed. One that only stands against another may be good again. */
  async tidy(): Promise<void> {
    for (const id of [...this.machines.keys()]) if (this.modules.isRemoved(id)) await this.drop(id);
  }

  isManaged(network: string): boolean {
    return this.find(network) !== undefined;
  }

  /** Whether some of these addresses, with prefix lengths, are the network's to give. */
  gives(network: string, addresses: readonly string[]): boolean {
    const managed = this.find(network);
    return managed !== undefined && addresses.some(address => isInside(managed, address));
  }

  /**
   * The addresses that an endpoint gets, with prefix lengths: `auto` is one of each subnet; the others are as they were given, and held to be ours.
   * The same again for the same owner. Throws `unavailable`, `conflict`.
   */
  async take(network: string, owner: string, wanted: readonly string[]): Promise<readonly string[]> {
    const managed = this.require(network);
    const { ipam } = this.machine(managed);
    const taken: string[] = [];
    for (const address of wanted) {
      if (address !== 'auto') {
        const [host = ''] = address.split('/');
        if (isInside(managed, host)) await ipam.claimFixed(owner, parseIp(host));
        taken.push(address);
        continue;
      }
      for (const { prefix } of managed.spaces) {
        taken.push(withPrefix(await ipam.claim(owner, prefix.includes(':') ? 6 : 4), managed));
      }
    }
    return taken;
  }

  /** An address of this IP version, with its prefix length. Throws as {@link take}. */
  async takeOne(network: string, owner: string, family: 4 | 6): Promise<string> {
    const managed = this.require(network);
    return withPrefix(await this.machine(managed).ipam.claim(owner, family), managed);
  }

  /** Gives back all that an owner has. */
  async release(network: string, owner: string): Promise<void> {
    const managed = this.findUsed(network);
    const machine = managed && this.machines.get(managed.id);
    if (machine === undefined) return;
    const given = machine.ipam.claims.filter(claim => claim.owner === owner);
    for (const { address } of given) await machine.ipam.release(address);
    this.endLeft(machine);
  }

  /** Gives back what belongs to owners that are not there any more, in one network or in all. To be called while nobody attaches there. */
  reconcile(ownersIn: (network: string) => readonly string[], id?: string): void {
    for (const { ipam, network } of this.machines.values()) {
      if (id !== undefined && network.id !== id) continue;
      for (const address of ipam.reconcile(new Set(ownersIn(network.name)))) {
        const fields = { network: network.name, ip: address } as const;
        this.modules.log.warn(fields, 'an address of no container was given back');
      }
    }
  }

  /** Whether an owner may use its addresses now: they are still its own, and this node's. */
  isUsable(network: string, owner: string): boolean {
    const managed = this.findUsed(network);
    if (managed === undefined) return true;
    // One that is about to be started again has lost nothing by that.
    const wasSure = this.recovering.get(managed.id);
    if (wasSure !== undefined) return wasSure;
    const { ipam, isTrusted } = this.machine(managed);
    if (ipam.isFenced && !isTrusted) return false;
    return ipam.claims.some(claim => claim.owner === owner);
  }

  /** Of networks in which this node takes part: to look is no reason to begin. */
  views(): readonly { readonly network: string; readonly view: IpamView }[] {
    return Array.from(this.machines.values(), ({ network, ipam }) => ({
      network: network.name,
      view: ipam.view(),
    }));
  }

  /** Has every network forget a node that is gone for good. Returns the networks in which it owned something. Throws `conflict`, `unavailable`. */
  async forget(node: string): Promise<readonly string[]> {
    const forgotten: string[] = [];
    let first: unknown;
    for (const network of this.modules.networks()) {
      try {
        await this.machine(network).ipam.forget(node);
        forgotten.push(network.name);
      } catch (error) {
        if (!(error instanceof WeftError) || error.code !== 'not_found') first ??= error;
      }
    }
    if (first !== undefined) throw first;
    return forgotten;
  }

  private find(name: string): ManagedNetwork | undefined {
    return this.modules.networks().find(network => network.name === name);
  }

  /** Also one that is left as soon as its last address is given back. */
  private findUsed(name: string): ManagedNetwork | undefined {
    return (
      this.find(name) ?? [...this.machines.values()].find(({ network }) => network.name === name)?.network
    );
  }

  private require(name: string): ManagedNetwork {
    const found = this.find(name);
    if (found !== undefined) return found;
    throw new WeftError('invalid_argument', `network ${name} does not give addresses itself`, {
      hint: 'give an address, as in --address 198.18.0.2/24; or set ipam of the network',
    });
  }

  private machine(network: ManagedNetwork, { isNew = false, isTrusted = this.wasAlive } = {}): Machine {
    const known = this.machines.get(network.id);
    if (known !== undefined) return known;
    if (this.recovering.has(network.id)) {
      throw new WeftError('unavailable', `addresses of network ${network.name} cannot be kept on the disk`, {
        hint: 'make room in paths.state; it is tried again in seconds',
      });
    }
    const { clock, random, board, liveness } = this.modules;
    const store = this.storeOf(network.id);
    const key = (inner: string) => `${PREFIX}${network.id}/${inner}`;
    const saved = store.load();
    const ipam = new Ipam(
      { clock, random, liveness, journal: store, post: (inner, body) => board.post(key(inner), body) },
      {
        name: this.options.self,
        network: network.id,
        spaces: network.spaces,
        founders: network.founders,
        isNew,
        saved,
        onEvent: event => this.onEvent(network, event),
      },
    );
    const machine: Machine = {
      network,
      ipam,
      store,
      isTrusted: saved !== undefined && isTrusted,
      isLeaving: false,
    };
    this.machines.set(network.id, machine);
    if (machine.isTrusted) clock.after(TRUST, () => this.distrust(machine));
    ipam.start();
    for (const { origin, key: posted, body } of [...board.posts()]) {
      if (posted.startsWith(key(''))) ipam.take(origin, posted.slice(key('').length), body);
    }
    return machine;
  }

  /** All that is used here is confirmed, or was when this life began. */
  private isSure(): boolean {
    return [...this.machines.values()].every(
      ({ ipam, isTrusted }) => isTrusted || !ipam.isFenced || ipam.claims.length === 0,
    );
  }

  private distrust(machine: Machine): void {
    if (!machine.isTrusted || !this.isRunning) return;
    machine.isTrusted = false;
    if (machine.ipam.isFenced) this.options.onChange(machine.network.name);
  }

  /** It has stopped, for it could not save. Its containers go on meanwhile: nobody forgets a node that is heard. */
  private recover({ network, ipam, isTrusted: wasTrusted, isLeaving }: Machine): void {
    const isTrusted = wasTrusted || !ipam.isFenced;
    this.machines.delete(network.id);
    this.recovering.set(network.id, isTrusted);
    this.modules.clock.after(RECOVERY, () => {
      this.recovering.delete(network.id);
      const isOurs = isLeaving || this.modules.networks().some(({ id }) => id === network.id);
      if (!this.isRunning || !isOurs) return;
      try {
        this.machine(network, { isTrusted }).isLeaving = isLeaving;
      } catch (error) {
        this.modules.log.error(
          { network: network.name, ...errorFields(error) },
          'cannot give addresses again',
        );
      }
    });
  }

  private storeOf(id: string): IpamStore {
    return new IpamStore({ stateDirectory: this.options.stateDirectory, id });
  }

  /** Called from within the machine, which must not be called back. */
  private onEvent({ id, name }: ManagedNetwork, event: IpamEvent): void {
    const { log, clock } = this.modules;
    const machine = this.machines.get(id);
    switch (event.type) {
      case 'unfenced':
        log.info({ network: name }, 'the addresses of this node are confirmed');
        break;
      case 'fenced':
        if (machine !== undefined) machine.isTrusted = false;
        log.warn({ network: name, reason: event.reason }, 'the addresses of this node may not be used');
        break;
      case 'forgotten':
        log.error(
          { network: name, count: event.addresses.length },
          'this node was forgotten: others may have its addresses',
        );
        break;
      case 'failed':
        log.error(
          { network: name, ...errorFields(event.error) },
          'addresses cannot be kept on the disk: none is given',
        );
        if (machine !== undefined) this.recover(machine);
        return;
    }
    clock.after(0, () => {
      if (this.isRunning) this.options.onChange(name);
    });
  }

  /** Waits for what needs nobody else. */
  private async until(condition: () => boolean, { name }: ManagedNetwork): Promise<void> {
    const { clock } = this.modules;
    for (let tries = 0; !condition(); tries++) {
      if (tries >= 500)
        throw new WeftError('unavailable', `the addresses of network ${name} cannot be set up`);
      await new Promise<void>(resolve => clock.after(10, resolve));
    }
  }
}

function isInside({ spaces }: ManagedNetwork, host: string): boolean {
  return spaces.some(({ prefix }) => prefix.includes(':') === host.includes(':'));
}
