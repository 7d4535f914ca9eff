/** Names of containers, from the news of the record log to the answers inside of each container. */
import { Budget } from '../../control/budget.ts';
import type { RecordEvent } from '../../control/records/events.ts';
import type { RecordLog } from '../../control/records/record-log.ts';
import type { Clock } from '../../dataplane/clock.ts';
import type { EndpointWiring } from '../endpoints/endpoint-services.ts';
import type { Log } from '../log.ts';
import { NODE_BUDGET } from './container-resolver.ts';
import type { DnsConfig } from './dns-config.ts';
import { DnsCounters, type DnsDrop } from './dns-counters.ts';
import type { DnsReport, ResolveReport } from './dns-reports.ts';
import { socketExchange } from './exchange.ts';
import { Forwarder } from './forwarder.ts';
import { NameIndex, RecordDirectory } from './name-index.ts';
import { type ResolvableNetwork, resolution } from './resolution.ts';
import { openResolverSockets } from './resolver-sockets.ts';
import { Resolvers } from './resolvers.ts';
import { Responder } from './responder.ts';
import { UpstreamServers } from './upstream-servers.ts';

export interface DnsServiceModules {
  readonly clock: Clock;
  readonly log: Log;
  readonly records: Pick<RecordLog, 'ownerOfIp'>;
  /** CIDRs of a network that this VM carries. */
  readonly subnetsOf: (network: string) => readonly string[];
}

export class DnsService {
  readonly resolvers: Resolvers;
  private readonly config: DnsConfig;
  private readonly counters = new DnsCounters();
  private readonly index = new NameIndex();
  private readonly directory: RecordDirectory;

  constructor(modules: DnsServiceModules, config: DnsConfig) {
    const { counters, index } = this;
    const { clock, log, records } = modules;
    this.config = config;
    const forwarder = new Forwarder({
      servers: new UpstreamServers({ clock }, config),
      exchange: socketExchange({ clock }),
    });
    const directory = new RecordDirectory({ index, records });
    this.directory = directory;
    this.resolvers = new Resolvers(
      {
        ...modules,
        log,
        counters,
        budget: new Budget({ clock }, NODE_BUDGET),
        responder: new Responder({ directory, forwarder, counters }, config),
        openSockets: (netnsPath, handlers) => openResolverSockets(netnsPath, config.listen, handlers),
      },
      config,
    );
  }

  /** Takes an event of the record log; calls nothing of it. */
  onEvent(event: RecordEvent): void {
    this.index.onEvent(event);
  }

  /** Whatever is attached to the dataplane has names answered to it, and nothing else has. */
  wiring(inner: EndpointWiring): EndpointWiring {
    return {
      ...inner,
      attachMac: async endpoint => {
        await inner.attachMac(endpoint);
        await this.resolvers.serve(endpoint);
      },
      releaseMac: async endpoint => {
        this.resolvers.leave(endpoint);
        await inner.releaseMac(endpoint);
      },
      moved: async (before, now) => {
        this.resolvers.leave(before);
        await inner.moved(before, now);
        await this.resolvers.serve(now);
      },
    };
  }

  report(): DnsReport {
    const { config, counters, resolvers } = this;
    const { queries, answered, forwarded } = counters;
    return {
      address: config.enabled ? config.listen : null,
      ...resolvers.count(),
      queries,
      answered,
      forwarded,
    };
  }

  resolve(name: string, networks: readonly ResolvableNetwork[]): ResolveReport {
    const { config, directory, index } = this;
    return resolution(name, networks, {
      domain: config.domain,
      claimsOf: (vni, label) => index.claimsOf(vni, label)?.values(),
      isAnswered: (claim, ip) => directory.isHolder(claim, ip),
    });
  }

  drops(): Readonly<Partial<Record<DnsDrop, number>>> {
    return this.counters.drops;
  }
}
