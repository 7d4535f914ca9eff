/** The plugin: its methods, and what becomes of what dockerd never gives back. */
import type { Clock, Timer } from '../../dataplane/clock.ts';
import { hostPart } from '../cidr.ts';
import { errorFields, type Log } from '../log.ts';
import { inTime } from './deadline.ts';
import type { DockerEndpoints } from './docker-endpoints.ts';
import type { DockerIpam } from './docker-ipam.ts';
import type { DockerNetworks } from './docker-networks.ts';
import type { DockerStore } from './docker-store.ts';
import { ADDRESS_SPACE } from './network-options.ts';
import {
  addressSchema,
  createEndpointSchema,
  createNetworkSchema,
  endpointSchema,
  joinSchema,
  networkSchema,
  parseBody,
  programSchema,
  requestPoolSchema,
} from './protocol.ts';

/** Between an address, its endpoint and the container dockerd needs moments. What it has not carried on after this, it has forgotten. */
const FORGOTTEN_AFTER_MS = 300_000;
const LOOK_INTERVAL_MS = 60_000;

/** Answers a method of the plugin API; undefined: it is not one that weft has. */
export type DockerHandler = (method: string, body: unknown) => Promise<object | undefined>;

/** What dockerd does not undo itself when it was told too late that it was done. An address that nobody uses is collected. */
const UNDONE_BY: ReadonlyMap<string, string> = new Map([
  ['NetworkDriver.CreateNetwork', 'NetworkDriver.DeleteNetwork'],
  ['NetworkDriver.CreateEndpoint', 'NetworkDriver.DeleteEndpoint'],
  ['NetworkDriver.Join', 'NetworkDriver.DeleteEndpoint'],
  ['NetworkDriver.ProgramExternalConnectivity', 'NetworkDriver.RevokeExternalConnectivity'],
]);

export interface DockerPluginModules {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: DockerStore;
  readonly networks: DockerNetworks;
  readonly endpoints: DockerEndpoints;
  readonly ipam: DockerIpam;
  /** dockerd has started: it has set up its firewall. */
  readonly onActivate: () => Promise<void>;
}

export class DockerPlugin {
  private readonly modules: DockerPluginModules;
  private readonly methods: ReadonlyMap<string, (body: unknown) => Promise<object>>;
  /** When it was first seen to be in no use, by the clock: owners of leases and ids of endpoints. */
  private readonly unused = new Map<string, number>();
  private timer: Timer | undefined;
  private isStopped = false;

  constructor(modules: DockerPluginModules) {
    this.modules = modules;
    this.methods = methodsOf(modules);
  }

  /** Reads what an earlier run left. Throws `system`. */
  async load(): Promise<void> {
    await this.modules.store.load();
  }

  start(): void {
    this.modules.networks.start();
    this.look();
  }

  stop(): void {
    this.isStopped = true;
    this.timer?.cancel();
    this.modules.networks.stop();
  }

  /** See {@link DockerHandler}. Throws what the method throws, and `unavailable` when it takes too long. */
  async handle(method: string, body: unknown): Promise<object | undefined> {
    const run = this.methods.get(method);
    if (run === undefined) return undefined;
    const undo = UNDONE_BY.get(method);
    return await inTime(this.modules, method, run(body), async () => {
      if (undo !== undefined) await this.methods.get(undo)?.(body);
    });
  }

  /** Names under which addresses of a network are held for Docker. */
  leaseOwners(network: string): readonly string[] {
    return this.modules.store.state.leases
      .filter(lease => lease.network === network)
      .map(({ owner }) => owner);
  }

  private look(): void {
    if (this.isStopped) return;
    this.timer = this.modules.clock.after(LOOK_INTERVAL_MS, () => {
      this.collect()
        .catch(error => this.modules.log.error(errorFields(error), 'cannot tidy up after Docker'))
        .finally(() => this.look());
    });
  }

  /** Ends what dockerd has begun and not carried on. */
  private async collect(): Promise<void> {
    const { endpoints, ipam, log, networks, store } = this.modules;
    const idle = store.state.endpoints.filter(({ id }) => endpoints.attached(id) === undefined);
    for (const { id } of this.forgotten(idle, ({ id }) => id)) {
      log.warn({ container: id }, 'an endpoint that Docker has not attached is forgotten');
      await endpoints.delete(id);
    }
    const strays = endpoints.strays();
    for (const id of this.forgotten(strays, id => id)) {
      log.warn({ container: id }, 'an interface that Docker knows nothing of is removed');
      await endpoints.delete(id);
    }
    const hosts = store.state.endpoints.flatMap(({ addresses }) => addresses.map(hostPart));
    const free = store.state.leases.filter(({ address }) => !hosts.includes(address));
    for (const lease of this.forgotten(free, ({ owner }) => owner)) {
      log.warn(
        { network: lease.network, ip: lease.address },
        'an address that Docker has not used is given back',
      );
      await ipam.end(lease);
    }
    const present = new Set([...idle.map(({ id }) => id), ...strays, ...free.map(({ owner }) => owner)]);
    networks.tidy();
    for (const key of this.unused.keys()) if (!present.has(key)) this.unused.delete(key);
  }

  private forgotten<T>(items: readonly T[], keyOf: (item: T) => string): readonly T[] {
    const now = this.modules.clock.now();
    return items.filter(item => {
      const since = this.unused.get(keyOf(item)) ?? now;
      this.unused.set(keyOf(item), since);
      return now - since >= FORGOTTEN_AFTER_MS;
    });
  }
}

function methodsOf({
  endpoints,
  ipam,
  networks,
  onActivate,
}: DockerPluginModules): ReadonlyMap<string, (body: unknown) => Promise<object>> {
  const nothing = async () => ({});
  const endpointOf = (method: string, body: unknown) => parseBody(method, endpointSchema, body).EndpointID;
  return new Map<string, (body: unknown) => Promise<object>>([
    [
      'Plugin.Activate',
      async () => {
        await onActivate();
        return { Implements: ['NetworkDriver', 'IpamDriver'] };
      },
    ],
    [
      'NetworkDriver.GetCapabilities',
      // Known to newer Dockers (moby: NetworkDriver.GwAllocCheck): they need no gateway address for us.
      async () => ({ Scope: 'local', ConnectivityScope: 'global', GwAllocChecker: true }),
    ],
    ['NetworkDriver.GwAllocCheck', async () => ({ SkipIPv4: true, SkipIPv6: true })],
    [
      'NetworkDriver.CreateNetwork',
      async body => {
        await networks.create(parseBody('CreateNetwork', createNetworkSchema, body));
        return {};
      },
    ],
    [
      'NetworkDriver.DeleteNetwork',
      async body => {
        await networks.delete(parseBody('DeleteNetwork', networkSchema, body).NetworkID);
        return {};
      },
    ],
    [
      'NetworkDriver.CreateEndpoint',
      async body => await endpoints.create(parseBody('CreateEndpoint', createEndpointSchema, body)),
    ],
    [
      'NetworkDriver.Join',
      async body => {
        const { EndpointID, SandboxKey } = parseBody('Join', joinSchema, body);
        return await endpoints.join(EndpointID, SandboxKey);
      },
    ],
    // Docker takes the interface out of the container after it, and then deletes the endpoint.
    ['NetworkDriver.Leave', nothing],
    [
      'NetworkDriver.DeleteEndpoint',
      async body => {
        await endpoints.delete(endpointOf('DeleteEndpoint', body));
        return {};
      },
    ],
    ['NetworkDriver.EndpointOperInfo', async () => ({ Value: {} })],
    [
      'NetworkDriver.ProgramExternalConnectivity',
      async body => {
        const { EndpointID, Options } = parseBody('ProgramExternalConnectivity', programSchema, body);
        await endpoints.publish(EndpointID, Options);
        return {};
      },
    ],
    [
      'NetworkDriver.RevokeExternalConnectivity',
      async body => {
        await endpoints.withdraw(endpointOf('RevokeExternalConnectivity', body));
        return {};
      },
    ],
    // Of other nodes weft hears by itself.
    ['NetworkDriver.DiscoverNew', nothing],
    ['NetworkDriver.DiscoverDelete', nothing],
    [
      'IpamDriver.GetCapabilities',
      // Leases are in weft's own state: dockerd need not repeat them.
      async () => ({ RequiresMACAddress: false, RequiresRequestReplay: false }),
    ],
    [
      'IpamDriver.GetDefaultAddressSpaces',
      async () => ({ LocalDefaultAddressSpace: ADDRESS_SPACE, GlobalDefaultAddressSpace: ADDRESS_SPACE }),
    ],
    [
      'IpamDriver.RequestPool',
      async body => await ipam.requestPool(parseBody('RequestPool', requestPoolSchema, body)),
    ],
    ['IpamDriver.ReleasePool', nothing],
    [
      'IpamDriver.RequestAddress',
      async body => await ipam.requestAddress(parseBody('RequestAddress', addressSchema, body)),
    ],
    [
      'IpamDriver.ReleaseAddress',
      async body => {
        await ipam.releaseAddress(parseBody('ReleaseAddress', addressSchema, body));
        return {};
      },
    ],
  ]);
}
