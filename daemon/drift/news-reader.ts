/** Whose business a piece of news of the kernel is, and whether it is one: most of them tell of what weft does itself. */
import type { Clock } from '../../dataplane/clock.ts';
import type { KernelNews } from '../../dataplane/kernel-news.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import { bridgeTapName } from '../endpoints/names.ts';
import { TABLE } from '../firewall/rules.ts';
import type { CarriedNetwork } from '../networks/carried-network.ts';
import type { NamespaceNumbers } from './namespace-numbers.ts';

const ENDPOINT = 'endpoint ';
const NETWORK = 'network ';
export const RULES_KEY = 'rules';

export function endpointKey(hostLink: string): string {
  return ENDPOINT + hostLink;
}

export function networkKey(name: string): string {
  return NETWORK + name;
}

/** Later plugins of a CNI chain have done what they do to the routes of a container so long after the first one, in milliseconds. */
const CHAIN_TIME = 10_000;

export interface NewsReaderModules {
  readonly clock: Clock;
  readonly endpoints: () => readonly Endpoint[];
  readonly networks: () => readonly Pick<CarriedNetwork, 'devices' | 'mtu' | 'name'>[];
  readonly isSuspended: (endpoint: Endpoint) => boolean;
  readonly numbers: NamespaceNumbers;
}

export interface NewsReaderActions {
  /** `isSoft`: a link is not as it should be, and may be on its way. */
  suspect(key: string, how?: { readonly isSoft: boolean }): void;
  /** A link is as it should be. */
  clear(key: string): void;
  /** The TAP or macvlan of this host link was deleted. */
  deleted(hostLink: string): void;
  /** A runtime takes away routes of a container that it has just attached. */
  routesLeft(endpoint: Endpoint): void;
}

export class NewsReader {
  private readonly modules: NewsReaderModules;
  private readonly actions: NewsReaderActions;
  /** When an endpoint was first told of; those of before the start are not in it. */
  private readonly firstTold = new Map<string, number>();
  /** Host links of those that were there at the start. */
  private inherited: ReadonlySet<string> = new Set();
  /** By key, the links that were told of last as other than they should be. */
  private readonly wrong = new Map<string, Set<string>>();
  private waiting: KernelNews[] = [];
  private isLearning = false;

  constructor(modules: NewsReaderModules, actions: NewsReaderActions) {
    this.modules = modules;
    this.actions = actions;
  }

  /** Whoever is attached by now was attached long ago. */
  begin(): void {
    this.inherited = new Set(this.modules.endpoints().map(({ hostLink }) => hostLink));
  }

  /** Undefined: it is not the key of an endpoint. */
  hostLinkOf(key: string): string | undefined {
    return key.startsWith(ENDPOINT) ? key.slice(ENDPOINT.length) : undefined;
  }

  networkOf(key: string): string {
    return key.startsWith(NETWORK) ? key.slice(NETWORK.length) : '';
  }

  read(news: readonly KernelNews[]): void {
    for (const one of news) this.readOne(one);
  }

  /** Forgets what is no more. */
  prune(): void {
    const endpoints = this.modules.endpoints();
    this.modules.numbers.prune(endpoints);
    const present = new Set(endpoints.map(({ hostLink }) => hostLink));
    for (const hostLink of this.firstTold.keys()) if (!present.has(hostLink)) this.firstTold.delete(hostLink);
    const keys = new Set([
      ...endpoints.map(({ hostLink }) => endpointKey(hostLink)),
      ...this.modules.networks().map(({ name }) => networkKey(name)),
    ]);
    for (const key of this.wrong.keys()) if (!keys.has(key)) this.wrong.delete(key);
  }

  private readOne(news: KernelNews): void {
    if (news.kind === 'lost') this.suspectAll();
    else if (news.kind === 'rules') this.readRules(news);
    else if (news.kind === 'nsid') this.readEnd(news);
    else if (news.nsid === undefined) this.readOwn(news);
    else this.readForeign(news, news.nsid);
  }

  private suspectAll(): void {
    for (const { hostLink } of this.modules.endpoints()) this.actions.suspect(endpointKey(hostLink));
    for (const { name } of this.modules.networks()) this.actions.suspect(networkKey(name));
    this.actions.suspect(RULES_KEY);
  }

  /** Those of others matter where ours are among them (foreign-chains.ts): these are called filter everywhere. */
  private readRules({ name }: KernelNews): void {
    if (name === TABLE || name === 'filter') this.actions.suspect(RULES_KEY);
  }

  private readEnd({ nsid }: KernelNews): void {
    if (nsid === undefined) return;
    for (const { hostLink } of this.inNamespace(nsid)) this.actions.suspect(endpointKey(hostLink));
    this.modules.numbers.forget(nsid);
  }

  private readOwn(news: KernelNews): void {
    const { name } = news;
    const network = this.modules.networks().find(({ devices }) => devices.includes(name));
    if (network !== undefined) {
      const hasBridge = network.devices.length > 1 && name === bridgeTapName(network.name);
      this.judge(networkKey(network.name), news, network.mtu, hasBridge);
      return;
    }
    const endpoint = this.modules.endpoints().find(({ hostLink }) => hostLink === name);
    if (endpoint === undefined || this.modules.isSuspended(endpoint)) return;
    this.judge(endpointKey(name), news, endpoint.mtu, endpoint.attach === 'bridge');
  }

  private judge(key: string, news: KernelNews, mtu: number, hasBridge: boolean): void {
    if (news.kind !== 'link') {
      this.actions.suspect(key);
      return;
    }
    const isRight = news.isUp && news.mtu === mtu && (!hasBridge || news.master !== 0);
    if (!this.isAnyWrong(key, `${news.nsid ?? ''} ${news.name}`, isRight)) this.actions.clear(key);
    else if (!isRight) this.actions.suspect(key, { isSoft: true });
  }

  /** Of a pair that is set down on one end the kernel tells of the other end too, which is as it should be. */
  private isAnyWrong(key: string, link: string, isRight: boolean): boolean {
    const links = this.wrong.get(key) ?? new Set();
    if (isRight) links.delete(link);
    else links.add(link);
    if (links.size === 0) this.wrong.delete(key);
    else this.wrong.set(key, links);
    return links.size > 0;
  }

  private readForeign(news: KernelNews, nsid: number): void {
    const endpoints = this.inNamespace(nsid);
    if (endpoints.length === 0) this.wait(news);
    for (const endpoint of endpoints) this.readInside(news, endpoint);
  }

  private readInside(news: KernelNews, endpoint: Endpoint): void {
    const { attach, hostLink, ifname, mtu } = endpoint;
    if (!this.firstTold.has(hostLink)) this.firstTold.set(hostLink, this.modules.clock.now());
    if (endpoint.pending || this.modules.isSuspended(endpoint)) return;
    const key = endpointKey(hostLink);
    if (news.kind === 'link' || news.kind === 'no-link') {
      if (news.name !== ifname || endpoint.handover !== undefined) return;
      // A TAP is told of by who reads it.
      if (news.kind === 'no-link' && attach === 'macvlan') this.actions.deleted(hostLink);
      this.judge(key, news, mtu, false);
      return;
    }
    if (news.kind === 'route' && this.isOfChain(endpoint)) this.actions.routesLeft(endpoint);
    this.actions.suspect(key);
  }

  private isOfChain({ container, hostLink }: Endpoint): boolean {
    if (container?.runtime !== 'cni' || this.inherited.has(hostLink)) return false;
    return this.modules.clock.now() - (this.firstTold.get(hostLink) ?? 0) < CHAIN_TIME;
  }

  private inNamespace(nsid: number): readonly Endpoint[] {
    const inode = this.modules.numbers.inodeOf(nsid);
    if (inode === undefined) return [];
    return this.modules.endpoints().filter(({ netns }) => netns.inode === inode);
  }

  /** Read again once it is known whose namespace that is. */
  private wait(news: KernelNews): void {
    const { endpoints, numbers } = this.modules;
    if (!numbers.isIncomplete(endpoints())) return;
    this.waiting.push(news);
    if (this.isLearning) return;
    this.isLearning = true;
    // It does not fail: those that cannot be asked stay unknown.
    void numbers.learn(endpoints()).finally(() => {
      const waiting = this.waiting;
      this.waiting = [];
      this.isLearning = false;
      for (const one of waiting)
        if (one.nsid !== undefined)
          for (const endpoint of this.inNamespace(one.nsid)) this.readInside(one, endpoint);
    });
  }
}
