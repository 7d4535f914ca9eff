/**
 * The endpoints of this VM: attach, detach, take-over after a restart, and the watch for namespaces that vanished.
 * Every change is one at a time (a queue), recorded on disk before it is answered, and undone whole if it fails.
 */
import type { Clock, Timer } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import type { TapDevice } from '../../dataplane/tap-device.ts';
import type { Log } from '../log.ts';
import { changeLinks, listLinks, ownLinkNames } from '../net/ip.ts';
import { netnsInode, resolveNetns } from '../net/netns.ts';
import type { AttachRequest, DetachRequest } from '../operations.ts';
import { attachByBridge, detachFromBridge, restoreOnBridge } from './bridge-attach.ts';
import { type Endpoint, isSameInterface } from './endpoint.ts';
import type { EndpointStore } from './endpoint-store.ts';
import { formatStableMac, hostLinkName, ORPHAN_LINK } from './names.ts';
import { requireInSubnet } from './subnet.ts';
import { attachByTap, detachTap, restoreTap } from './tap-attach.ts';

/** How often the namespaces of endpoints are looked at; a look is one stat for each, no process. */
const WATCH_INTERVAL_MS = 2_000;

/** What an attachment needs to know of its network. */
export interface AttachableNetwork {
  readonly name: string;
  readonly vni: number;
  readonly mtu: number;
  /** The most segments of a super-frame that its interfaces may send. */
  readonly gsoMaxSegs: number;
  readonly subnet: string | undefined;
  readonly attach: 'bridge' | 'tap';
}

/** How the dataplane is told. */
export interface EndpointWiring {
  /** tap mode: hands over the descriptor, whatever happens. */
  addPort(endpoint: Endpoint, fd: number): Promise<void>;
  removePort(endpoint: Endpoint): Promise<void>;
  attachMac(endpoint: Endpoint): Promise<void>;
  releaseMac(endpoint: Endpoint): Promise<void>;
}

export interface EndpointsModules {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: EndpointStore;
  readonly wiring: EndpointWiring;
  /** Hears of each TAP that was opened (tap mode). */
  readonly tapOpened: (device: TapDevice) => void;
  readonly networks: readonly AttachableNetwork[];
  readonly nodeName: string;
}

export class Endpoints {
  private readonly modules: EndpointsModules;
  private queue: Promise<unknown> = Promise.resolve();
  private watch: Timer | undefined;
  private stopped = false;

  constructor(modules: EndpointsModules) {
    this.modules = modules;
  }

  all(): readonly Endpoint[] {
    return this.modules.store.all();
  }

  ofNetwork(name: string): readonly Endpoint[] {
    return this.all().filter(endpoint => endpoint.network === name);
  }

  attach(request: AttachRequest): Promise<Endpoint> {
    return this.inTurn(() => this.attachNow(request));
  }

  detach(request: DetachRequest): Promise<{ removed: boolean }> {
    return this.inTurn(() => this.detachNow(request));
  }

  /** Takes over what an earlier run left, forgets what has vanished since, removes what it left half-made. */
  restore(): Promise<void> {
    return this.inTurn(async () => {
      for (const endpoint of this.all()) {
        if (!(await this.restoreOne(endpoint))) await this.forget(endpoint, 'gone while the daemon was down');
      }
      await this.removeOrphans();
      this.scheduleWatch();
    });
  }

  /** tap mode: the device of this endpoint was deleted, with its namespace or by somebody. */
  portLost(hostLink: string): Promise<void> {
    return this.inTurn(async () => {
      const endpoint = this.all().find(candidate => candidate.hostLink === hostLink);
      if (endpoint !== undefined) await this.forget(endpoint, 'its interface was deleted');
    });
  }

  /** Waits for what is under way; the interfaces stay. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.watch?.cancel();
    await this.queue;
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.queue.then(() => {
      if (this.stopped) throw new WeftError('unavailable', 'the daemon is stopping');
      return work();
    });
    this.queue = result.catch(() => {});
    return result;
  }

  private async attachNow(request: AttachRequest): Promise<Endpoint> {
    const endpoint = await this.plan(request);
    const { gsoMaxSegs } = this.networkOf(endpoint.network);
    await this.forgetVanished();
    const existing = this.all().find(other => isSameInterface(other, { ...endpoint, ...endpoint.netns }));
    if (existing !== undefined) return sameOrConflict(existing, endpoint, request);
    this.refuseDuplicates(endpoint);

    if (endpoint.attach === 'bridge') await attachByBridge(endpoint, gsoMaxSegs);
    else await this.addPort(endpoint, await attachByTap(endpoint, gsoMaxSegs));
    try {
      await this.modules.wiring.attachMac(endpoint);
      await this.modules.store.add(endpoint);
    } catch (error) {
      await this.dismantle(endpoint);
      throw error;
    }
    this.modules.log.info(logFields(endpoint), 'attached');
    return endpoint;
  }

  private async addPort(endpoint: Endpoint, device: TapDevice): Promise<void> {
    this.modules.tapOpened(device);
    await this.modules.wiring.addPort(endpoint, device.fd);
  }

  private async plan(request: AttachRequest): Promise<Endpoint> {
    const network = this.networkOf(request.network);
    const { ifname, addresses } = request;
    for (const address of addresses) requireInSubnet(address, network.subnet);
    const netns = await resolveNetns(request.netns);
    // With an address, the MAC follows the address: a container that moves takes its MAC along, and no neighbour's
    // cache goes stale. Without one, it follows the place.
    const identity = addresses[0]?.split('/')[0];
    const mac =
      request.mac !== undefined
        ? request.mac
        : identity !== undefined
          ? formatStableMac(String(network.vni), identity)
          : formatStableMac(this.modules.nodeName, String(network.vni), String(netns.inode), ifname);
    return {
      network: network.name,
      vni: network.vni,
      attach: network.attach,
      netns,
      ifname,
      mac,
      addresses: [...addresses],
      mtu: network.mtu,
      hostLink: hostLinkName(network.attach, netns.inode, ifname),
    };
  }

  private networkOf(name: string): AttachableNetwork {
    const network = this.modules.networks.find(candidate => candidate.name === name);
    if (network !== undefined) return network;
    const known = this.modules.networks.map(candidate => candidate.name).join(', ');
    throw new WeftError('not_found', `there is no network "${name}" on this node`, {
      hint: known === '' ? 'add it to the configuration' : `known ones: ${known}`,
    });
  }

  private refuseDuplicates(endpoint: Endpoint): void {
    for (const other of this.ofNetwork(endpoint.network)) {
      const hosts = other.addresses.map(hostPart);
      const taken = endpoint.addresses.map(hostPart).find(address => hosts.includes(address));
      const what = taken ?? (other.mac === endpoint.mac ? endpoint.mac : undefined);
      if (what !== undefined) {
        throw new WeftError(
          'conflict',
          `${what} is taken in network ${endpoint.network} by ${other.ifname} of ${other.netns.name}`,
          { hint: 'choose another one, or detach that interface first' },
        );
      }
    }
  }

  private async detachNow(request: DetachRequest): Promise<{ removed: boolean }> {
    const endpoint = await this.findForDetach(request);
    if (endpoint === undefined) return { removed: false };
    await this.dismantle(endpoint);
    await this.modules.store.remove(endpoint);
    this.modules.log.info(logFields(endpoint), 'detached');
    return { removed: true };
  }

  /** By identity if the namespace still exists, else by the name that was used to attach. */
  private async findForDetach({ netns, network, ifname }: DetachRequest): Promise<Endpoint | undefined> {
    const candidates = this.ofNetwork(network).filter(endpoint => endpoint.ifname === ifname);
    try {
      const { inode } = await resolveNetns(netns);
      return candidates.find(endpoint => endpoint.netns.inode === inode);
    } catch (error) {
      if (!(error instanceof WeftError) || error.code !== 'not_found') throw error;
      return candidates.find(endpoint => endpoint.netns.name === netns);
    }
  }

  /** Takes the interface away, whichever part of it exists. */
  private async dismantle(endpoint: Endpoint): Promise<void> {
    await ignoreMissing(this.modules.wiring.releaseMac(endpoint));
    if (endpoint.attach === 'bridge') await detachFromBridge(endpoint);
    else {
      await ignoreMissing(this.modules.wiring.removePort(endpoint));
      if (await exists(endpoint)) await detachTap(endpoint);
    }
  }

  private async restoreOne(endpoint: Endpoint): Promise<boolean> {
    const known = this.modules.networks.find(({ name }) => name === endpoint.network);
    if (known === undefined || known.vni !== endpoint.vni || known.attach !== endpoint.attach) {
      this.modules.log.warn(
        logFields(endpoint),
        'the network of this endpoint is no more as it was in the configuration: not served',
      );
      return exists(endpoint);
    }
    if (!(await exists(endpoint))) return false;
    try {
      if (endpoint.attach === 'bridge') {
        if (!(await restoreOnBridge(endpoint, known.gsoMaxSegs))) return false;
      } else {
        const device = await restoreTap(endpoint, known.gsoMaxSegs);
        if (device === undefined) return false;
        await this.addPort(endpoint, device);
      }
      await this.modules.wiring.attachMac(endpoint);
      this.modules.log.info(logFields(endpoint), 'taken over');
      return true;
    } catch (error) {
      // One container in trouble must not keep the others from the network; the record stays for `detach`.
      this.modules.log.error({ ...logFields(endpoint), err: error }, 'cannot be taken over');
      return true;
    }
  }

  private async removeOrphans(): Promise<void> {
    const known = new Set(this.all().map(endpoint => endpoint.hostLink));
    for (const { ifname } of await listLinks()) {
      if (!ORPHAN_LINK.test(ifname) || known.has(ifname)) continue;
      this.modules.log.warn({ ifname }, 'removing what an interrupted attach left');
      await changeLinks([`link del dev ${ifname}`]);
    }
  }

  private scheduleWatch(): void {
    if (this.stopped) return;
    this.watch = this.modules.clock.after(WATCH_INTERVAL_MS, () => {
      this.inTurn(() => this.forgetVanished())
        .catch(error => this.modules.log.error({ err: error }, 'cannot look after the endpoints'))
        .finally(() => this.scheduleWatch());
    });
  }

  /** Endpoints whose namespace or interface was deleted under us: their entries must not stay. */
  private async forgetVanished(): Promise<void> {
    const links = await ownLinkNames();
    for (const endpoint of this.all()) {
      // A new namespace can bear the inode of a deleted one: the host's end of the pair tells them apart.
      const paired = endpoint.attach === 'tap' || links.has(endpoint.hostLink);
      if (!paired) await this.forget(endpoint, 'its interface was deleted');
      else if (!(await exists(endpoint))) await this.forget(endpoint, 'its namespace is gone');
    }
  }

  private async forget(endpoint: Endpoint, reason: string): Promise<void> {
    await this.dismantle(endpoint);
    await this.modules.store.remove(endpoint);
    this.modules.log.warn({ ...logFields(endpoint), reason }, 'endpoint forgotten');
  }
}

async function exists(endpoint: Endpoint): Promise<boolean> {
  return (await netnsInode(endpoint.netns.path)) === endpoint.netns.inode;
}

async function ignoreMissing(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof WeftError) || error.code !== 'not_found') throw error;
  }
}

function hostPart(cidr: string): string {
  return cidr.split('/')[0] ?? cidr;
}

function sameOrConflict(existing: Endpoint, wanted: Endpoint, request: AttachRequest): Endpoint {
  const same =
    existing.network === wanted.network &&
    existing.addresses.join() === wanted.addresses.join() &&
    (request.mac === undefined || existing.mac === wanted.mac);
  if (same) return existing;
  throw new WeftError(
    'conflict',
    `${existing.ifname} of ${request.netns} is attached to network ${existing.network} with other parameters`,
    { hint: `detach it first: weft detach ${request.netns} --network ${existing.network}` },
  );
}

function logFields(endpoint: Endpoint): {
  network: string;
  netns: string;
  ifname: string;
  mac: string;
} {
  const { network, netns, ifname, mac } = endpoint;
  return { network, netns: netns.name, ifname, mac };
}
