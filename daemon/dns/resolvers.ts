/**
 * The answerers of this VM, one in each network namespace that has an endpoint: opened with its first endpoint that wants one, closed
 * with its last. In its own namespace a container reaches it whatever its networks and their modes are, and nothing of it crosses a network
 * (ADR 26).
 */
import type { Vni } from '../../dataplane/address.ts';
import type { Clock, Timer } from '../../dataplane/clock.ts';
import { type Endpoint, netnsPathOf } from '../endpoints/endpoint.ts';
import { errorFields, type Log } from '../log.ts';
import { ContainerResolver, type ContainerResolverModules } from './container-resolver.ts';
import type { DnsConfig } from './dns-config.ts';
import type { ResolverState } from './dns-reports.ts';

/** How often the namespaces are looked for: as often as the endpoints (endpoints.ts). */
const REVIEW_MS = 2_000;

export interface ResolversModules extends ContainerResolverModules {
  readonly clock: Clock;
  readonly log: Log;
  /** CIDRs of a network that this VM carries. */
  readonly subnetsOf: (network: string) => readonly string[];
}

/** What a runtime writes into the resolv.conf of a container. */
export interface ResolverSettings {
  readonly nameservers: readonly string[];
  readonly search: readonly string[];
}

export class Resolvers {
  private readonly modules: ResolversModules;
  private readonly config: DnsConfig;
  /** By the inode of their namespace. */
  private readonly resolvers = new Map<number, ContainerResolver>();
  private timer: Timer | undefined;
  private isStopped = false;

  constructor(modules: ResolversModules, config: DnsConfig) {
    this.modules = modules;
    this.config = config;
  }

  start(): void {
    this.scheduleReview();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    this.timer?.cancel();
    for (const resolver of this.resolvers.values()) resolver.close();
    this.resolvers.clear();
  }

  /** The endpoint is there. Never rejects: no container is kept from its network by this. */
  async serve(endpoint: Endpoint): Promise<void> {
    if (!this.isWanted(endpoint) || this.isStopped) return;
    const { hostLink, netns, network, vni } = endpoint;
    const resolver = this.resolvers.get(netns.inode) ?? new ContainerResolver(this.modules, netns);
    this.resolvers.set(netns.inode, resolver);
    resolver.add(hostLink, { name: network, vni: vni as Vni, subnets: this.modules.subnetsOf(network) });
    await resolver.open();
  }

  /** It is gone, or cut off. */
  leave({ netns, hostLink }: Endpoint): void {
    const resolver = this.resolvers.get(netns.inode);
    resolver?.remove(hostLink);
    if (resolver?.isIdle !== true) return;
    resolver.close();
    this.resolvers.delete(netns.inode);
  }

  stateOf(endpoint: Endpoint): ResolverState {
    if (!this.isWanted(endpoint)) return 'off';
    return this.resolvers.get(endpoint.netns.inode)?.state ?? 'failed';
  }

  /** Undefined: names are not answered to it. */
  settingsFor(endpoint: Endpoint): ResolverSettings | undefined {
    const state = this.stateOf(endpoint);
    if (state !== 'serving' && state !== 'paused') return undefined;
    const { listen, domain } = this.config;
    return { nameservers: [listen], search: [`${endpoint.network}.${domain}`] };
  }

  /** How many namespaces there are, and in how many of them names are answered. */
  count(): { readonly containers: number; readonly serving: number } {
    const states = [...this.resolvers.values()].map(({ state }) => state);
    return { containers: states.length, serving: states.filter(state => state === 'serving').length };
  }

  private isWanted(endpoint: Endpoint): boolean {
    // One that its runtime has not taken into a container yet is in the namespace of the VM.
    return this.config.enabled && endpoint.resolver !== false && netnsPathOf(endpoint) !== undefined;
  }

  private scheduleReview(): void {
    if (this.isStopped || !this.config.enabled) return;
    this.timer = this.modules.clock.after(REVIEW_MS, () => {
      this.review()
        .catch(error => this.modules.log.error(errorFields(error), 'cannot look after the namespaces'))
        .finally(() => this.scheduleReview());
    });
  }

  private async review(): Promise<void> {
    for (const resolver of [...this.resolvers.values()]) await resolver.review();
  }
}
