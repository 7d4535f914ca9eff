/**
 * Puts back what somebody deletes or changes of weft's: devices of networks, interfaces of containers with their addresses and routes, rules.
 *
 *   news of the kernel ──► news-reader: whose is it? ──► repair-schedule: when? ──► menders: what is wrong, and right again
 *   look, every 2 s ─────► a few endpoints in turn, all networks ──┘                   └► log, counts
 *
 * While nothing changes it costs nothing but the look: a handful of questions to the kernel. What weft does itself is told too, and found to be as it
 * should be. All of it is done in the turn of the endpoints, so never in the middle of an attach or detach.
 */
import type { Clock } from '../../dataplane/clock.ts';
import { injectedErrno } from '../../dataplane/fault-injection.ts';
import { type KernelNews, watchKernel } from '../../dataplane/kernel-news.ts';
import { systemError } from '../../dataplane/native/system-error.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import { endpointFields } from '../endpoints/endpoint-fields.ts';
import type { EndpointWiring } from '../endpoints/endpoint-services.ts';
import type { EndpointStore } from '../endpoints/endpoint-store.ts';
import type { Endpoints } from '../endpoints/endpoints.ts';
import type { AttachableNetwork } from '../endpoints/plan.ts';
import type { Firewall } from '../firewall/firewall.ts';
import { errorFields, type Log } from '../log.ts';
import type { LogFields } from '../log-fields.ts';
import { nsidOf } from '../net/rtnetlink/nsid.ts';
import type { NetworkSet } from '../networks/network-set.ts';
import { ClockWatch } from './clock-watch.ts';
import { DriftCounts, type DriftObject } from './drift-counts.ts';
import { isAlive, mendEndpoint, remakeInterface } from './endpoint-mender.ts';
import { NamespaceNumbers } from './namespace-numbers.ts';
import { mendNetwork } from './network-mender.ts';
import { endpointKey, NewsReader, networkKey, RULES_KEY } from './news-reader.ts';
import { RepairSchedule } from './repair-schedule.ts';

/** Endpoints that are looked at every two seconds, one after the other: what no news was heard of is found in the end. */
const AUDITED_AT_ONCE = 8;

export interface DriftGuardModules {
  readonly clock: Clock;
  readonly log: Log;
  readonly endpoints: Pick<Endpoints, 'all' | 'exclusively' | 'isSuspended' | 'lookAt'>;
  readonly networks: Pick<NetworkSet, 'all' | 'find' | 'portLost' | 'repair'>;
  readonly wiring: Pick<EndpointWiring, 'addPort' | 'attachMac' | 'removePort'>;
  readonly firewall: Pick<Firewall, 'recheck'>;
  readonly store: Pick<EndpointStore, 'replace'>;
}

export class DriftGuard {
  readonly counts = new DriftCounts();
  private readonly modules: DriftGuardModules;
  private readonly clockWatch: ClockWatch;
  private readonly schedule: RepairSchedule;
  private readonly reader: NewsReader;
  private watch: { close(): void } | undefined;
  /** Host links of endpoints whose TAP or macvlan was deleted: that of a pair is seen, theirs may only have another name. */
  private readonly deleted = new Set<string>();
  private nextAudited = 0;
  /** Keys of what is being made again elsewhere: since when it was suspected. */
  private readonly underRepair = new Map<string, number>();

  constructor(modules: DriftGuardModules) {
    this.modules = modules;
    const { clock, endpoints, networks } = modules;
    this.clockWatch = new ClockWatch(modules);
    this.schedule = new RepairSchedule(modules, {
      look: (key, since) => this.look(key, since),
      onFailure: (key, error, retryMs) => this.tellFailure(key, error, retryMs),
    });
    this.reader = new NewsReader(
      {
        clock,
        endpoints: () => endpoints.all(),
        networks: () => networks.all(),
        isSuspended: endpoint => endpoints.isSuspended(endpoint),
        numbers: new NamespaceNumbers({ nsidOf }),
      },
      {
        suspect: (key, how) => this.schedule.suspect(key, how),
        clear: key => this.schedule.clear(key),
        deleted: hostLink => void this.deleted.add(hostLink),
        routesLeft: endpoint => this.leaveRoutes(endpoint),
      },
    );
  }

  /** Networks and endpoints are there. Without the right to listen, or on a kernel that cannot tell, the looks find it all later. */
  start(): void {
    this.reader.begin();
    try {
      this.watch = watchKernel((news: readonly KernelNews[]) => this.reader.read(news));
    } catch (error) {
      this.modules.log.warn(errorFields(error), 'changes of the host are not heard of: they are looked for');
    }
  }

  async stop(): Promise<void> {
    this.watch?.close();
    this.watch = undefined;
    this.schedule.stop();
  }

  /** To be called every two seconds. */
  audit(): void {
    this.clockWatch.look();
    const { endpoints, networks } = this.modules;
    for (const { name } of networks.all()) this.schedule.suspect(networkKey(name));
    const all = endpoints.all();
    this.reader.prune();
    for (const one of this.deleted)
      if (!all.some(({ hostLink }) => hostLink === one)) this.deleted.delete(one);
    for (let i = 0; i < Math.min(AUDITED_AT_ONCE, all.length); i++) {
      this.nextAudited = (this.nextAudited + 1) % all.length;
      const endpoint = all[this.nextAudited];
      if (endpoint !== undefined) this.schedule.suspect(endpointKey(endpoint.hostLink));
    }
  }

  /** A TAP is gone from the kernel: that of a bridge, or of an endpoint. */
  portLost(vni: number, port: string): void {
    this.modules.log.warn({ vni, ifname: port }, 'a TAP device was deleted');
    if (this.modules.networks.portLost(port)) return;
    this.deleted.add(port);
    this.schedule.suspect(endpointKey(port));
  }

  /** Whether its interface is made again, for its namespace lives. */
  async keeps(endpoint: Endpoint): Promise<boolean> {
    if (this.watch === undefined || endpoint.attach === 'host' || !(await isAlive(endpoint))) return false;
    this.schedule.suspect(endpointKey(endpoint.hostLink));
    return true;
  }

  /** Something was put back, or what was left of it removed. `since`: time of the clock at which that was first suspected. */
  note(objects: readonly DriftObject[], fields: LogFields, since: number | undefined): void {
    const { clock, log } = this.modules;
    for (const object of objects) this.counts.add(object);
    const took = since === undefined ? {} : { duration_ms: Math.round(clock.now() - since) };
    log.warn(
      { ...fields, ...took, reason: [...new Set(objects)].join(', ') },
      'put back what somebody had deleted or changed',
    );
  }

  rulesRemade(): void {
    this.noteOf(RULES_KEY, 'rules', {});
  }

  devicesRemade(network: string): void {
    this.noteOf(networkKey(network), 'device', { network });
  }

  private noteOf(key: string, object: DriftObject, fields: LogFields): void {
    this.note([object], fields, this.underRepair.get(key) ?? this.schedule.sinceOf(key));
  }

  private async look(key: string, since: number): Promise<boolean> {
    const refused = injectedErrno('repair');
    if (refused !== 0) throw systemError('cannot put it back', refused);
    if (key === RULES_KEY) return this.lookAtRules(since);
    const hostLink = this.reader.hostLinkOf(key);
    return hostLink === undefined ? this.lookAtNetwork(key, since) : this.lookAtEndpoint(hostLink, since);
  }

  /** True: a process was started, which is not to happen more than once a second. */
  private async lookAtRules(since: number): Promise<boolean> {
    this.underRepair.set(RULES_KEY, since);
    await this.modules.firewall.recheck().finally(() => this.underRepair.delete(RULES_KEY));
    return true;
  }

  private async lookAtNetwork(key: string, since: number): Promise<boolean> {
    const { endpoints, networks } = this.modules;
    const name = this.reader.networkOf(key);
    const found = await endpoints.exclusively(async () => {
      const network = networks.find(name);
      return network === undefined ? [] : await mendNetwork(network);
    });
    if (found === 'gone') {
      this.underRepair.set(key, since);
      await networks.repair(name).finally(() => this.underRepair.delete(key));
      return true;
    }
    if (found.length > 0) this.note(found, { network: name }, since);
    return found.length > 0;
  }

  private async lookAtEndpoint(hostLink: string, since: number): Promise<boolean> {
    let isMended = false;
    await this.modules.endpoints.lookAt(hostLink, async (endpoint, network) => {
      const found = await this.mend(endpoint, network);
      isMended = found.length > 0;
      if (isMended) this.note(found, endpointFields(endpoint), since);
    });
    return isMended;
  }

  private async mend(endpoint: Endpoint, network: AttachableNetwork): Promise<readonly DriftObject[]> {
    const { hostLink } = endpoint;
    const found = this.deleted.has(hostLink) ? 'gone' : await mendEndpoint(endpoint, network);
    if (found !== 'gone') return found;
    const isRemade = await remakeInterface(endpoint, network, this.modules.wiring);
    // What fails is tried again; a namespace that is gone is found to be so.
    this.deleted.delete(hostLink);
    return isRemade ? ['interface'] : [];
  }

  private leaveRoutes(endpoint: Endpoint): void {
    const { endpoints, log, store } = this.modules;
    endpoints
      .exclusively(async () => {
        const now = endpoints.all().find(({ hostLink }) => hostLink === endpoint.hostLink);
        if (now !== undefined && now.routesLeft !== true)
          await store.replace(now, { ...now, routesLeft: true });
      })
      .catch(error => log.debug(errorFields(error), 'cannot note whose the routes of a container are'));
  }

  private tellFailure(key: string, error: unknown, retryMs: number): void {
    const hostLink = this.reader.hostLinkOf(key);
    const endpoint = this.modules.endpoints.all().find(one => one.hostLink === hostLink);
    const what = endpoint === undefined ? { network: this.reader.networkOf(key) } : endpointFields(endpoint);
    this.modules.log.error(
      { ...what, retry_ms: retryMs, ...errorFields(error) },
      'cannot put back what somebody has deleted or changed',
    );
  }
}
