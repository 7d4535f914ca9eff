/**
 * Which networks there are in the pool: those that were made by command, and those that stand in somebody's configuration. What was made is
 * on the board (control/records/board.ts), posted by whoever made or changed it last. When nobody has it there any more, because that node
 * lost its disk or was gone for too long, another one posts it: every node keeps all of it.
 */
import type { Random } from '../../control/random.ts';
import type { Clock, Timer } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { parseSubnet } from '../cidr.ts';
import type { NetworkConfig } from '../config/config.ts';
import { errorFields, type Log } from '../log.ts';

import type { CatalogueStore } from './catalogue-store.ts';
import { type Occupied, sharedBy } from './collisions.ts';
import { decodeDefinition, encodeDefinition, type NetworkDefinition, supersedes } from './definition.ts';

/** Keys on the board: `net/ID` has a definition, `cfg/NAME` what a network of a configuration occupies. */
const MADE = 'net/';
const CONFIGURED = 'cfg/';

/** A removed network is remembered for so long, in milliseconds (90 days): whoever was away for less does not bring it back. */
const REMEMBER_REMOVED = 90 * 24 * 3_600_000;

/** A definition that nobody has posted is posted by us after this and as much again at random, in milliseconds. */
const ADOPT_AFTER = 5000;

export interface CatalogueModules {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly store: Pick<CatalogueStore, 'load' | 'save'>;
  /** What peers would not take is left, and known here all the same. */
  readonly board: { post(key: string, body: Uint8Array | undefined): void };
}

export interface CatalogueOptions {
  readonly self: string;
  readonly configured: readonly NetworkConfig[];
  /** Some network is there, or no longer, or has another standing. */
  readonly onChange: () => void;
}

/** A network that was made by command. */
export interface MadeNetwork {
  readonly definition: NetworkDefinition;
  /** Why it cannot be used: what another network has, and whose that is. Undefined: it can. */
  readonly conflict: string | undefined;
}

interface Holder extends Occupied {
  readonly holder: string;
}

export class Catalogue {
  private readonly modules: CatalogueModules;
  private readonly options: CatalogueOptions;
  /** By id; those that were removed too. */
  private readonly definitions = new Map<string, NetworkDefinition>();
  /** Ids of what we have on the board. */
  private readonly told = new Set<string>();
  /** What others have there: id to node to version. */
  private readonly posted = new Map<string, Map<string, number>>();
  /** Node to name to what it has in its configuration. */
  private readonly configured = new Map<string, Map<string, Holder>>();
  /** What {@link made} answers, until something changes. */
  private standing: readonly MadeNetwork[] | undefined;
  private timer: Timer | undefined;
  /** The disk has not all that we know. */
  private isBehind = false;
  private isStopped = false;

  /** Takes what an earlier run has kept. Throws what the store throws. */
  constructor(modules: CatalogueModules, options: CatalogueOptions) {
    this.modules = modules;
    this.options = options;
    const forgetBefore = modules.clock.wallTime() - REMEMBER_REMOVED;
    for (const { told, definition } of modules.store.load()) {
      if (definition.removedAt !== null && definition.removedAt < forgetBefore) continue;
      this.definitions.set(definition.id, definition);
      if (told) this.told.add(definition.id);
    }
    for (const network of options.configured) this.configure(options.self, holderOf(network, options.self));
  }

  /** The board can be written to. */
  start(): void {
    for (const network of this.options.configured) this.postConfigured(network);
    for (const id of this.told) this.post(id);
    this.schedule();
  }

  /** A network stands in our configuration from now on. */
  addConfigured(network: NetworkConfig): void {
    const { self, onChange } = this.options;
    this.configure(self, holderOf(network, self));
    this.standing = undefined;
    this.postConfigured(network);
    onChange();
  }

  removeConfigured(name: string): void {
    const { self, onChange } = this.options;
    this.configured.get(self)?.delete(name);
    this.standing = undefined;
    this.modules.board.post(CONFIGURED + name, undefined);
    onChange();
  }

  private postConfigured(network: NetworkConfig): void {
    const { name, vni, subnet, subnet6 } = holderOf(network, this.options.self);
    this.modules.board.post(CONFIGURED + name, Buffer.from(JSON.stringify({ vni, subnet, subnet6 })));
  }

  stop(): void {
    this.isStopped = true;
    this.timer?.cancel();
  }

  /** Those that were made and not removed, in the order in which they were made. */
  made(): readonly MadeNetwork[] {
    this.standing ??= this.judge();
    return this.standing;
  }

  private judge(): readonly MadeNetwork[] {
    const holders = [...this.configured.values()].flatMap(networks => [...networks.values()]);
    return [...this.definitions.values()]
      .filter(({ removedAt }) => removedAt === null)
      .sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1))
      .map(definition => {
        const conflict = collisionOf(definition, holders);
        if (conflict === undefined) holders.push({ ...definition, holder: holderText(definition) });
        return { definition, conflict };
      });
  }

  /** Whether a network was made once, and removed. */
  isRemoved(id: string): boolean {
    const definition = this.definitions.get(id);
    return definition !== undefined && definition.removedAt !== null;
  }

  /** The one of this name that can be used. */
  find(name: string): NetworkDefinition | undefined {
    return this.made().find(({ definition, conflict }) => definition.name === name && conflict === undefined)
      ?.definition;
  }

  /** VNIs that some network has. */
  vnis(): ReadonlySet<number> {
    const configured = [...this.configured.values()].flatMap(networks => [...networks.values()]);
    return new Set([...configured, ...this.made().map(({ definition }) => definition)].map(({ vni }) => vni));
  }

  /** Adds a network. Throws `conflict`, naming who holds what it would take, and what the store throws; then nothing has changed. */
  create(definition: NetworkDefinition): void {
    this.requireFree(definition);
    this.write(definition);
  }

  /** Throws `conflict` if somebody holds what this network would take. */
  requireFree(definition: NetworkDefinition): void {
    const holders = [...this.configured.values()].flatMap(networks => [...networks.values()]);
    const made = this.made().map(network => ({
      ...network.definition,
      holder: holderText(network.definition),
    }));
    const conflict = collisionOf(definition, [...holders, ...made]);
    if (conflict === undefined) return;
    throw new WeftError('conflict', `cannot make network "${definition.name}": ${conflict}`, {
      hint: 'choose another one; see weft network ls',
    });
  }

  /** Removes a network. Throws what the store throws. */
  remove(definition: NetworkDefinition): void {
    const removedAt = Math.max(0, Math.round(this.modules.clock.wallTime()));
    this.write({ ...definition, version: definition.version + 1, removedAt });
  }

  /** Something on the board is new; undefined: it is gone. Never throws. */
  onPost(origin: string, key: string, body: Uint8Array | undefined): void {
    try {
      if (key.startsWith(MADE)) this.onMade(origin, key.slice(MADE.length), body);
      else if (key.startsWith(CONFIGURED)) this.onConfigured(origin, key.slice(CONFIGURED.length), body);
    } catch (error) {
      this.modules.log.warn(
        { component: 'control', peer: origin, ...errorFields(error) },
        'a post is not understood',
      );
    }
  }

  private onMade(origin: string, id: string, body: Uint8Array | undefined): void {
    const versions = this.posted.get(id) ?? new Map<string, number>();
    this.posted.set(id, versions);
    if (body === undefined) {
      versions.delete(origin);
      if (versions.size === 0) this.posted.delete(id);
      return;
    }
    const definition = decodeDefinition(body);
    if (definition.id !== id) throw new WeftError('malformed', 'a network under the key of another');
    versions.set(origin, definition.version);
    if (origin === this.options.self || !supersedes(definition, this.definitions.get(id))) return;
    this.definitions.set(id, definition);
    this.standing = undefined;
    // What we said of it is out of date.
    if (this.told.delete(id)) this.modules.board.post(MADE + id, undefined);
    this.save();
    this.options.onChange();
  }

  private onConfigured(origin: string, name: string, body: Uint8Array | undefined): void {
    if (origin === this.options.self) return;
    this.standing = undefined;
    if (body === undefined) this.configured.get(origin)?.delete(name);
    else this.configure(origin, { ...decodeOccupied(body), name, holder: `the configuration of ${origin}` });
    this.options.onChange();
  }

  private configure(origin: string, holder: Holder): void {
    const networks = this.configured.get(origin) ?? new Map<string, Holder>();
    this.configured.set(origin, networks.set(holder.name, holder));
  }

  /** On the disk first: what the others hear of must not be lost here. */
  private write(definition: NetworkDefinition): void {
    const { id } = definition;
    const before = this.definitions.get(id);
    const wasTold = this.told.has(id);
    this.definitions.set(id, definition);
    this.standing = undefined;
    this.told.add(id);
    try {
      this.modules.store.save(this.stored());
    } catch (error) {
      if (before === undefined) this.definitions.delete(id);
      else this.definitions.set(id, before);
      if (!wasTold) this.told.delete(id);
      this.standing = undefined;
      throw error;
    }
    this.post(id);
    this.options.onChange();
  }

  /** Writes what could not be written before. */
  rewrite(): void {
    if (this.isBehind) this.save();
  }

  private save(): void {
    try {
      this.modules.store.save(this.stored());
      this.isBehind = false;
    } catch (error) {
      this.isBehind = true;
      this.modules.log.error(
        { component: 'control', ...errorFields(error) },
        'cannot keep the networks of the pool',
      );
    }
  }

  private stored() {
    return Array.from(this.definitions.values(), definition => ({
      told: this.told.has(definition.id),
      definition,
    }));
  }

  private post(id: string): void {
    const definition = this.definitions.get(id);
    if (definition !== undefined) this.modules.board.post(MADE + id, encodeDefinition(definition));
  }

  /** Posts what nobody has posted. */
  private schedule(): void {
    if (this.isStopped) return;
    const { clock, random } = this.modules;
    this.timer = clock.after(ADOPT_AFTER * (1 + random.next()), () => {
      const orphans = [...this.definitions.values()].filter(({ id, version }) => {
        const versions = [...(this.posted.get(id)?.values() ?? [])];
        return !this.told.has(id) && !versions.some(other => other >= version);
      });
      for (const { id } of orphans) {
        this.told.add(id);
        this.post(id);
      }
      if (orphans.length > 0) this.save();
      this.schedule();
    });
  }
}

function collisionOf(wanted: Occupied, holders: readonly Holder[]): string | undefined {
  for (const holder of holders) {
    const shared = sharedBy(wanted, holder);
    if (shared !== undefined) return `${shared} is held by network "${holder.name}" of ${holder.holder}`;
  }
  return undefined;
}

function holderOf({ name, vni, subnet, subnet6 }: NetworkConfig, node: string): Holder {
  return {
    name,
    vni,
    subnet: subnet ?? null,
    subnet6: subnet6 ?? null,
    holder: `the configuration of ${node}`,
  };
}

function holderText({ createdBy }: NetworkDefinition): string {
  return `the pool, made on ${createdBy}`;
}

/** Throws `malformed`. */
function decodeOccupied(body: Uint8Array): Omit<Occupied, 'name'> {
  const value: unknown = parseJson(body);
  if (typeof value !== 'object' || value === null)
    throw new WeftError('malformed', 'no network of a configuration');
  const { vni, subnet, subnet6 } = value as Record<string, unknown>;
  const isSubnet = (one: unknown): one is string | null => one === null || typeof one === 'string';
  if (typeof vni !== 'number' || !isSubnet(subnet) || !isSubnet(subnet6)) {
    throw new WeftError('malformed', 'no network of a configuration');
  }
  return { vni, subnet: subnet && parseSubnet(subnet), subnet6: subnet6 && parseSubnet(subnet6) };
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString('utf8'));
  } catch (cause) {
    throw new WeftError('malformed', 'not JSON', { cause });
  }
}
