/**
 * The packet filter of this VM as weft needs it: always told as a whole, so that nothing can be forgotten in it. Calls that come while nft runs are
 * answered together by one more run. Somebody else may flush it: it is looked at now and then.
 */
import { WeftError } from '../../dataplane/errors.ts';
import { errorFields, type Log } from '../log.ts';
import type { Nft, NftItem } from '../net/nft.ts';
import { droppingChains, isComplete, possibleChains, removal, renderForeign } from './foreign-chains.ts';
import type { Forwarding, NetSettings } from './forwarding.ts';
import {
  FAMILIES,
  type Family,
  type FirewallState,
  type PublishedPort,
  type RoutedNetwork,
  renderRules,
  TABLE,
} from './rules.ts';

/** Every so many looks at the links (2 s) the rules are looked at: a process each time. */
const AUDIT_EVERY = 5;

/** What is different each time that rules are listed, or made: libnftables-json(5). */
const CHANGING: ReadonlySet<string> = new Set(['handle', 'packets', 'bytes']);

export interface FirewallModules {
  readonly log: Log;
  readonly nft: Nft;
  readonly forwarding: Pick<Forwarding, 'enable'>;
  readonly settings: Pick<NetSettings, 'write'>;
  /** What endpoints publish at this moment. */
  readonly published: () => readonly PublishedPort[];
  /** Somebody had deleted or changed rules of weft, and they were made again. */
  readonly onRemade: () => void;
}

export class Firewall {
  private readonly modules: FirewallModules;
  private readonly networks = new Map<string, RoutedNetwork>();
  /** What is known to be in the kernel, and what it was last told. */
  private applied: string | undefined;
  private lastText: string | undefined;
  private lastListed = '';
  private hasBegun = false;
  private running: Promise<void> | undefined;
  private next: Promise<void> | undefined;
  private looks = 0;

  constructor(modules: FirewallModules) {
    this.modules = modules;
  }

  /** The network is routed from now on. Throws `unavailable` where there is no nft, `not_permitted`, `system`. */
  async add(network: RoutedNetwork): Promise<void> {
    this.networks.set(network.name, network);
    await this.sync();
  }

  async remove(name: string): Promise<void> {
    if (this.networks.delete(name)) await this.sync();
  }

  /** All networks of the start are known, and all endpoints. What an earlier run left beyond that goes. Throws as {@link add}. */
  async begin(): Promise<void> {
    this.hasBegun = true;
    await this.sync();
  }

  /** Has the kernel do what is wanted now. Before {@link begin}, nothing. Throws as {@link add}. */
  sync(): Promise<void> {
    if (!this.hasBegun) return Promise.resolve();
    if (this.running === undefined) return this.start();
    // One that has begun may have asked before: what is wanted now takes another.
    this.next ??= this.running.catch(() => {}).then(() => this.start());
    return this.next;
  }

  /** To be called every few seconds: what others have changed is put right. */
  async look(): Promise<void> {
    if (!this.hasBegun || this.networks.size === 0) return;
    this.looks += 1;
    if (this.looks % AUDIT_EVERY === 0) this.applied = undefined;
    await this.put();
  }

  /** Somebody has just changed the rules of others, as dockerd does when it starts. Never throws. */
  async recheck(): Promise<void> {
    if (!this.hasBegun || this.networks.size === 0) return;
    this.applied = undefined;
    await this.put();
  }

  private async put(): Promise<void> {
    await this.sync().catch(error =>
      this.modules.log.error(errorFields(error), 'cannot look after the packet filter'),
    );
  }

  private start(): Promise<void> {
    this.next = undefined;
    const running = this.apply().finally(() => {
      if (this.running === running) this.running = undefined;
    });
    this.running = running;
    return running;
  }

  private async apply(): Promise<void> {
    const { forwarding, published } = this.modules;
    const networks = [...this.networks.values()];
    const opened = await forwarding.enable(devicesOf(networks));
    const state: FirewallState = { networks, published: published(), opened };
    const wanted = renderRules(state, []);
    if (wanted === this.applied) return;
    if (wanted === '') await this.clear();
    else await this.replace(state, wanted);
    this.applied = wanted;
    await this.openLoopback(state);
  }

  private async replace(state: FirewallState, wanted: string): Promise<void> {
    const { nft, log, onRemade } = this.modules;
    const chains = await nft.list(['chains']);
    const present = presentIn(chains);
    const families = wantedFamilies(state);
    const foreign: string[] = [];
    for (const chain of droppingChains(chains)) {
      const rules = await nft.list(['chain', chain.family, chain.table, chain.chain]);
      if (isComplete(rules)) continue;
      foreign.push(renderForeign(chain, rules));
      log.info(
        { path: `${chain.family} ${chain.table} ${chain.chain}` },
        'letting our networks through a chain that drops',
      );
    }
    // Counters go on counting while nothing has changed.
    const isSame = wanted === this.lastText;
    const isThere = isSame && families.every(family => present.includes(family));
    const isKept = isThere && (await this.listed(families)) === this.lastListed;
    const script = (isKept ? '' : renderRules(state, present)) + foreign.join('');
    if (script !== '') await nft.apply(script);
    if (!isKept) this.lastListed = await this.listed(families);
    if (isSame && script !== '') onRemade();
    this.lastText = wanted;
  }

  /** Our tables as the kernel tells them, without what changes by itself. */
  private async listed(families: readonly Family[]): Promise<string> {
    const tables = [];
    for (const family of families) tables.push(await this.modules.nft.list(['table', family, TABLE]));
    return JSON.stringify(tables, (key, value) => (CHANGING.has(key) ? undefined : value));
  }

  /** Nothing is wanted. Where there is no nft, nothing is there either. */
  private async clear(): Promise<void> {
    const { nft } = this.modules;
    this.lastText = undefined;
    try {
      const chains = await nft.list(['chains']);
      let script = renderRules(
        { networks: [], published: [], opened: { v4: [], v6: [] } },
        presentIn(chains),
      );
      for (const chain of possibleChains(chains)) {
        script += removal(chain, await nft.list(['chain', chain.family, chain.table, chain.chain]));
      }
      if (script !== '') await nft.apply(script);
    } catch (error) {
      const isForgiven = error instanceof WeftError && ['unavailable', 'not_permitted'].includes(error.code);
      if (!isForgiven) throw error;
    }
  }

  /** Only once the rules keep containers from the loopback of the VM. */
  private async openLoopback({ networks, published }: FirewallState): Promise<void> {
    if (published.length === 0) return;
    for (const { device } of networks)
      await this.modules.settings.write(`ipv4/conf/${device}/route_localnet`, '1');
  }
}

function presentIn(chains: readonly NftItem[]): readonly Family[] {
  return FAMILIES.filter(family =>
    chains.some(({ chain }) => chain?.family === family && chain.table === TABLE),
  );
}

function wantedFamilies({ networks }: FirewallState): readonly Family[] {
  const subnets = networks.flatMap(network => network.subnets);
  return FAMILIES.filter(family => subnets.some(subnet => subnet.includes(':') === (family === 'ip6')));
}

function devicesOf(networks: readonly RoutedNetwork[]) {
  const of = (isV6: boolean) =>
    networks.flatMap(({ device, subnets }) =>
      subnets.some(subnet => subnet.includes(':') === isV6) ? [device] : [],
    );
  return { v4: of(false), v6: of(true) };
}
