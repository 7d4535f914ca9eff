/**
 * The endpoints of this VM: attach, detach, take-over after a restart, and the watch for what vanishes.
 * Every change is one at a time (a queue), recorded on disk before its links are made, and undone whole if it fails.
 */
import type { Timer } from '../../dataplane/clock.ts';
import { tapName } from '../../dataplane/descriptor-store.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { Turns } from '../../dataplane/turns.ts';
import { errorFields } from '../log.ts';
import { ownLinkNames } from '../net/ip.ts';
import type { AttachRequest, DetachRequest } from '../operations.ts';
import { attachmentOf } from './attachments.ts';
import { type Endpoint, isSameInterface } from './endpoint.ts';
import { endpointFields } from './endpoint-fields.ts';
import type { EndpointsModules, Look } from './endpoints-modules.ts';
import { findForDetach } from './find-for-detach.ts';
import { followGateways } from './gateway-routes.ts';
import type { HandoverRequest } from './handover.ts';
import { ignoreMissing } from './ignore-missing.ts';
import { removeOrphans } from './orphans.ts';
import {
  type AttachableNetwork,
  isStillOf,
  planEndpoint,
  refuseDuplicates,
  requireSame,
  rivalsOf,
} from './plan.ts';
import type { PortWish } from './port-choice.ts';
import { publishPorts, withdrawPorts } from './publishing.ts';
import { Suspension } from './suspension.ts';

/** How often the endpoints are looked at: one file read, in tap mode a stat for each, no process. */
const WATCH_INTERVAL_MS = 2_000;

export class Endpoints {
  private readonly modules: EndpointsModules;
  private readonly turns = new Turns();
  private watch: Timer | undefined;
  private readonly suspension: Suspension;
  private stopped = false;

  constructor(modules: EndpointsModules) {
    this.modules = modules;
    this.suspension = new Suspension(modules);
  }

  all(): readonly Endpoint[] {
    return this.modules.store.all();
  }

  ofNetwork(name: string): readonly Endpoint[] {
    return this.all().filter(endpoint => endpoint.network === name);
  }

  attach(request: AttachRequest | HandoverRequest): Promise<Endpoint> {
    return this.inTurn(() => this.attachNow(request));
  }

  detach(request: DetachRequest): Promise<{ removed: boolean }> {
    return this.inTurn(() => this.detachNow(request));
  }

  /** Detaches an endpoint; one that is not there any more is fine. */
  remove(endpoint: Endpoint): Promise<void> {
    return this.inTurn(async () => {
      const present = this.presentOf(endpoint);
      if (present !== undefined) await this.detachOne(present);
    });
  }

  /** Ports of this VM lead to it from now on, and none that did before. Throws `not_found`, and what {@link publishPorts} throws. */
  publish(endpoint: Endpoint, wishes: readonly PortWish[]): Promise<Endpoint> {
    return this.inTurn(async () => {
      const present = this.presentOf(endpoint);
      if (present !== undefined) return await publishPorts(this.modules, present, wishes);
      throw new WeftError('not_found', `${endpoint.ifname} of ${endpoint.netns.name} is not attached`);
    });
  }

  /** No ports lead to it any more; one that is not there any more is fine. */
  withdraw(endpoint: Endpoint): Promise<void> {
    return this.inTurn(async () => {
      const present = this.presentOf(endpoint);
      if (present !== undefined) await withdrawPorts(this.modules, present);
    });
  }

  /** As it is on record now. */
  private presentOf({ hostLink, network, container }: Endpoint): Endpoint | undefined {
    return this.all().find(
      known =>
        known.hostLink === hostLink && known.network === network && known.container?.id === container?.id,
    );
  }

  /** Takes over what an earlier run left, forgets what has vanished since, removes what it left half-made. */
  restore(): Promise<void> {
    return this.inTurn(async () => {
      await this.each(this.all(), 'cannot be taken over', endpoint => this.restoreOne(endpoint));
      await removeOrphans(this.modules.log, this.all());
      this.scheduleWatch();
    });
  }

  /** Has `work` look at one endpoint, if it is there and served. Throws what it throws. */
  lookAt(
    hostLink: string,
    work: (endpoint: Endpoint, network: AttachableNetwork) => Promise<void>,
  ): Promise<void> {
    return this.inTurn(async () => {
      const recorded = this.all().find(candidate => candidate.hostLink === hostLink);
      if (recorded === undefined || this.suspension.has(recorded)) return;
      const how = { keeps: this.modules.keeps, closely: true };
      const endpoint = await this.refresh(recorded, await ownLinkNames(), how);
      const network = endpoint && this.networkOf(endpoint);
      if (endpoint !== undefined && network !== undefined && isStillOf(endpoint, network))
        await work(endpoint, network);
    });
  }

  /** bridge mode: `make` makes the devices of the network anew; then its endpoints are joined to them again. */
  rebuild(network: string, make: () => Promise<void>): Promise<void> {
    return this.inTurn(async () => {
      await make();
      const limits = this.modules.networks.find(network);
      const links = await ownLinkNames();
      await this.each(this.ofNetwork(network), 'cannot be joined to its network again', async recorded => {
        const endpoint = await this.refresh(recorded, links);
        if (endpoint === undefined || this.suspension.has(endpoint)) return;
        if (endpoint.attach !== 'bridge') return;
        const restored = await attachmentOf(endpoint).restore(endpoint, limits);
        if (restored !== 'gone') await this.modules.wiring.attachMac(endpoint);
      });
    });
  }

  /** Addresses of a network may be used now, or no longer, or its gateways have changed: its endpoints follow. */
  reviewAddresses(network: string): Promise<void> {
    return this.inTurn(async () => {
      await this.each(this.ofNetwork(network), 'cannot follow its addresses', async endpoint => {
        const isDue = this.suspension.isDue(endpoint);
        const found = this.networkOf(endpoint);
        if (isDue === this.suspension.has(endpoint)) {
          if (!isDue && found !== undefined) await followGateways(this.modules, endpoint, found);
          return;
        }
        if (isDue) return await this.suspension.begin(endpoint);
        await this.restoreOne(endpoint);
        this.suspension.end(endpoint);
      });
    });
  }

  isSuspended(endpoint: Endpoint): boolean {
    return this.suspension.has(endpoint);
  }

  /** Its mobility counter has risen: for the next life of this node. */
  moved(hostLink: string, mobility: number): Promise<void> {
    return this.inTurn(async () => {
      const endpoint = this.all().find(candidate => candidate.hostLink === hostLink);
      if (endpoint !== undefined) await this.modules.store.replace(endpoint, { ...endpoint, mobility });
    });
  }

  /** While it runs nobody attaches or detaches. */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    return this.inTurn(work);
  }

  /** Waits for what is under way; the interfaces stay. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.watch?.cancel();
    await this.turns.done();
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    return this.turns.take(() => {
      if (this.stopped) throw new WeftError('unavailable', 'the daemon is stopping');
      return work();
    });
  }

  /** One endpoint in trouble must not keep the others from the network. */
  private async each(
    endpoints: readonly Endpoint[],
    trouble: string,
    work: (endpoint: Endpoint) => Promise<void>,
  ): Promise<void> {
    for (const endpoint of endpoints) {
      await work(endpoint).catch(error => {
        this.modules.log.error({ ...endpointFields(endpoint), ...errorFields(error) }, trouble);
      });
    }
  }

  private async attachNow(request: AttachRequest | HandoverRequest): Promise<Endpoint> {
    const { addresses, announcer, networks, nodeName, store, wiring, log } = this.modules;
    const network = networks.find(request.network);
    const isManaged = addresses.gives(network.name, request.addresses);
    const others = this.all();
    const wanted = await planEndpoint(request, network, { nodeName, isManaged, others });
    // Only what stands in the way: looking at all endpoints would make the thousandth attachment a slow one.
    const rivals = rivalsOf(wanted, this.all());
    if (rivals.length > 0) await this.forgetVanished(rivals, { closely: true });
    const existing = this.all().find(other => isSameInterface(other, wanted));
    if (existing !== undefined) return requireSame(existing, wanted, request);
    refuseDuplicates(wanted, this.all());

    // What stood in the way may have given back what was taken for this one.
    if (isManaged && wanted.leases === undefined)
      await addresses.take(network.name, wanted.hostLink, wanted.addresses);
    await networks.carry(network.name);
    await store.add(wanted);
    let hasLinks = false;
    try {
      const device = await attachmentOf(wanted).make(wanted, network);
      hasLinks = true;
      if (device !== undefined) await wiring.addPort(wanted, device);
      await wiring.attachMac(wanted);
      if (wanted.ports !== undefined) await this.modules.firewall.sync();
      const endpoint = { ...wanted, pending: false, mobility: announcer.announce(wanted) };
      await store.replace(wanted, endpoint);
      log.info(endpointFields(endpoint), 'attached');
      return endpoint;
    } catch (error) {
      await this.takeBack(wanted, hasLinks);
      throw error;
    }
  }

  /** The caller is told why the attachment failed; what cannot be taken back now stays on record as pending. */
  private async takeBack(endpoint: Endpoint, hasLinks: boolean): Promise<void> {
    try {
      if (hasLinks) await this.dismantle(endpoint);
      await this.strike(endpoint);
    } catch (error) {
      this.modules.log.error(
        { ...endpointFields(endpoint), ...errorFields(error) },
        'cannot be taken back yet',
      );
    }
  }

  private async detachNow(request: DetachRequest): Promise<{ removed: boolean }> {
    const endpoint = await findForDetach(request, this.ofNetwork(request.network));
    if (endpoint === undefined) return { removed: false };
    await this.detachOne(endpoint);
    return { removed: true };
  }

  private async detachOne(endpoint: Endpoint): Promise<void> {
    await this.dismantle(endpoint);
    await this.strike(endpoint);
    this.modules.log.info(endpointFields(endpoint), 'detached');
  }

  /** Off the record; then nobody here has its addresses any more. */
  private async strike(endpoint: Endpoint): Promise<void> {
    await this.modules.store.remove(endpoint);
    this.suspension.end(endpoint);
    const { addresses, firewall, log } = this.modules;
    if (endpoint.ports !== undefined) {
      // What fails is tried again when the rules are looked at next.
      await firewall
        .sync()
        .catch(error =>
          log.error({ ...endpointFields(endpoint), ...errorFields(error) }, 'cannot close its ports'),
        );
    }
    if (endpoint.managed === true && endpoint.leases === undefined)
      await addresses.release(endpoint.network, endpoint.hostLink);
  }

  /** Takes the interface away, whichever part of it exists; before it, the others are told to send nothing more here. */
  private async dismantle(endpoint: Endpoint): Promise<void> {
    const { announcer, wiring } = this.modules;
    const attachment = attachmentOf(endpoint);
    announcer.withdraw(endpoint);
    try {
      await ignoreMissing(wiring.releaseMac(endpoint));
      if (attachment.hasPort) await ignoreMissing(wiring.removePort(endpoint));
    } finally {
      await attachment.remove(endpoint);
    }
  }

  private async restoreOne(recorded: Endpoint): Promise<void> {
    const found = await this.refresh(recorded, await ownLinkNames());
    if (found === undefined) return;
    const network = this.networkOf(found);
    if (network === undefined || !isStillOf(found, network)) {
      this.modules.log.warn(
        endpointFields(found),
        'the network of this endpoint is no more as it was in the configuration: not served',
      );
      return;
    }
    // The configuration or the underlay may have another MTU by now: the interface follows.
    // The store knows an endpoint by identity: what has not changed is not copied.
    const isAsItWas = found.mtu === network.mtu || found.attach === 'macvlan';
    const endpoint = isAsItWas ? found : { ...found, mtu: network.mtu };
    if (endpoint !== found) await this.modules.store.replace(found, endpoint);
    if (this.suspension.isDue(endpoint)) await this.suspension.begin(endpoint);
    else await this.takeOver(endpoint, network);
  }

  private networkOf({ network }: Endpoint): AttachableNetwork | undefined {
    try {
      return this.modules.networks.find(network);
    } catch (error) {
      if (error instanceof WeftError) return undefined;
      throw error;
    }
  }

  private async takeOver(endpoint: Endpoint, network: AttachableNetwork): Promise<void> {
    const passed = this.modules.passed.take(tapName(endpoint.hostLink));
    const device = await attachmentOf(endpoint).restore(endpoint, { ...network, passed });
    if (device === 'gone') return this.forget(endpoint, 'its interface was deleted');
    if (device !== undefined) await this.modules.wiring.addPort(endpoint, device);
    await this.modules.wiring.attachMac(endpoint);
    this.modules.announcer.announce(endpoint);
    this.modules.log.info(endpointFields(endpoint), 'taken over');
    await followGateways(this.modules, endpoint, network);
  }

  private scheduleWatch(): void {
    if (this.stopped) return;
    this.watch = this.modules.clock.after(WATCH_INTERVAL_MS, () => {
      this.inTurn(async () => {
        await this.forgetVanished(this.all(), { keeps: this.modules.keeps, closely: false });
        await this.modules.onLook();
      })
        .catch(error => {
          if (!this.stopped) this.modules.log.error(errorFields(error), 'cannot look after the endpoints');
        })
        .finally(() => this.scheduleWatch());
    });
  }

  /** Endpoints whose namespace or interface was deleted under us: their entries must not stay. */
  private async forgetVanished(endpoints: readonly Endpoint[], how: Look): Promise<void> {
    const links = await ownLinkNames();
    const doubtful = endpoints.filter(
      endpoint => endpoint.pending || attachmentOf(endpoint).isThere(endpoint, links) !== true,
    );
    await this.each(doubtful, 'cannot be looked after', async endpoint => {
      await this.refresh(endpoint, links, how);
    });
  }

  /** The endpoint as it is now, with the path at which its namespace can be entered; undefined: gone, and forgotten. */
  private async refresh(
    endpoint: Endpoint,
    links: ReadonlySet<string>,
    how: Look = { closely: false },
  ): Promise<Endpoint | undefined> {
    // Every attachment has ended when it is looked at, for they take turns: this one without a result.
    if (endpoint.pending) {
      await this.forget(endpoint, 'its attachment was interrupted');
      return undefined;
    }
    const where = await attachmentOf(endpoint).locate(endpoint, links, how);
    if ('gone' in where) {
      if (await how.keeps?.(endpoint)) return endpoint;
      await this.forget(endpoint, where.gone);
      return undefined;
    }
    const { endpoint: found } = where;
    if (found === endpoint) return endpoint;
    await this.modules.store.replace(endpoint, found);
    if (found.netns.inode !== endpoint.netns.inode) await this.follow(endpoint, found);
    return found;
  }

  private async follow(before: Endpoint, now: Endpoint): Promise<void> {
    this.modules.log.debug(endpointFields(now), 'its runtime has moved the interface');
    if (!this.suspension.has(now)) await this.modules.wiring.moved(before, now);
  }

  private async forget(endpoint: Endpoint, reason: string): Promise<void> {
    await this.dismantle(endpoint);
    await this.strike(endpoint);
    this.modules.log.warn({ ...endpointFields(endpoint), reason }, 'endpoint forgotten');
    this.modules.onForgotten(endpoint);
  }
}
