/**
 * Decides by which VTEPs TCP leaves through an injector (dataplane/injector-device.ts) instead of by the sockets, and keeps
 * the dataplane told of the next hops. Userspace does here what the kernel does for a socket:
 *
 *   routes, neighbours, links ──► path to each VTEP ──► is its device one to inject into? ──► setNextHops
 *            ▲                                                                                    │
 *            └── looked at again when they change, and every 15 s                  stale neighbours: used
 *
 * A VTEP whose next hop is unknown, wrong or not to be injected to is reached by the sockets: they resolve it, and then it
 * is known here. So no frame waits for anything of this.
 */
import { constants } from 'node:os';
import { type IpAddress, parseMac, type VtepAddress } from '../../dataplane/address.ts';
import type { Clock, Timer } from '../../dataplane/clock.ts';
import type { NextHopSpec } from '../../dataplane/commands.ts';
import type { Dataplane } from '../../dataplane/dataplane.ts';
import { hasOutgoingIpsec } from '../../dataplane/host-network.ts';
import type { OffloadStates } from '../../dataplane/offload-states.ts';
import type { OffloadLost } from '../../dataplane/offloads.ts';
import type { Sender } from '../config/config.ts';
import { errorFields, type Log } from '../log.ts';
import type { Link } from '../net/ip.ts';
import { KernelTables } from '../net/kernel-tables.ts';
import { NetworkWatch } from '../net/network-watch.ts';
import type { StatusReport } from '../operations.ts';
import { type Path, pathTo } from './next-hop.ts';
import { pathReport } from './path-report.ts';
import { testTunnelSender } from './self-test.ts';
import { ToldHops } from './told-hops.ts';
import { UnderlayDevice } from './underlay-device.ts';

/** For what nobody tells: a path MTU learnt or forgotten, an IPsec policy, a filter that was removed. */
const REFRESH_MS = 15_000;

/** The least time between two looks; it doubles with each that finds nothing new, so that an idle node stays idle. */
const GAP_MIN_MS = 250;
const GAP_MAX_MS = 4000;

export interface TunnelSenderModules {
  readonly clock: Clock;
  readonly log: Log;
  readonly dataplane: Pick<Dataplane, 'run'>;
  readonly offloads: OffloadStates;
}

export interface TunnelSenderOptions {
  /** Address of this VTEP. */
  readonly underlay: IpAddress;
  readonly sender: Sender;
  /** The other VTEPs, as they are now. */
  readonly vteps: () => readonly VtepAddress[];
  /** An injector failed in a way that no write could tell. */
  readonly onLost: (event: OffloadLost) => void;
}

export class TunnelSender {
  private readonly modules: TunnelSenderModules;
  private readonly options: TunnelSenderOptions;
  private readonly watch: NetworkWatch;
  private readonly tables: KernelTables;
  private readonly forced: boolean;
  /** By the index of the device. */
  private readonly devices = new Map<number, UnderlayDevice>();
  private paths: readonly Path[] = [];
  private readonly told: ToldHops;
  /** What the operator was told of each device, by its name. */
  private readonly words = new Map<string, string>();
  private state: 'off' | 'running' | 'stopped' = 'off';
  /** Why the machine as a whole does without. */
  private reason: string | undefined = 'forbidden by the configuration';
  private gapMs = GAP_MIN_MS;
  private nextLookAt = 0;
  private planned: Timer | undefined;
  /** Whether a look waits for the one under way: that one is enough for whatever happens meanwhile. */
  private isDue = false;
  private refresh: Timer | undefined;
  private looking: Promise<void> = Promise.resolve();

  constructor(modules: TunnelSenderModules, options: TunnelSenderOptions) {
    this.modules = modules;
    this.options = options;
    this.forced = options.sender === 'tunnel-gso';
    this.told = new ToldHops(modules);
    this.watch = new NetworkWatch(modules, () => this.plan());
    this.tables = new KernelTables(modules);
  }

  /** Tests the machine, and begins if it passes. */
  async start(): Promise<void> {
    const { offloads } = this.modules;
    if (!offloads.isAllowed('tunnel-gso')) return;
    this.reason = await testTunnelSender(this.options.underlay);
    if (this.reason !== undefined) {
      offloads.missing('tunnel-gso');
      this.tell('', this.reason);
      return;
    }
    this.state = 'running';
    this.watch.start();
    // In the chain of looks: two at once would open one injector twice, and close what the dataplane still writes to.
    this.looking = this.looking.then(() => this.look());
    await this.looking;
  }

  /** The set of VTEPs has changed. */
  vtepsChanged(): void {
    this.gapMs = GAP_MIN_MS;
    this.nextLookAt = 0;
    this.plan();
  }

  /** The dataplane gave an injector up: its frames leave by the sockets already. */
  injectorLost(name: string): void {
    const device = [...this.devices.values()].find(({ injector }) => injector?.name === name);
    device?.fail(`its injector ${name} has failed`);
    this.vtepsChanged();
  }

  report(): Pick<StatusReport['dataplane'], 'sender' | 'paths'> {
    const sender = this.modules.offloads.report().udp_segment === 'on' ? 'udp-gso' : 'plain';
    const paths = this.options.vteps().map(vtep => {
      const path = this.paths.find(candidate => candidate.vtep === vtep);
      const device = path && this.devices.get(path.link.ifindex);
      return pathReport(vtep, path, {
        sender: this.told.hops.some(hop => hop.vtep === vtep) ? 'tunnel-gso' : sender,
        reason: this.reason ?? device?.reason,
      });
    });
    return { sender: this.told.hops.length > 0 ? 'tunnel-gso' : sender, paths };
  }

  async stop(): Promise<void> {
    const wasRunning = this.state === 'running';
    this.state = 'stopped';
    this.watch.stop();
    this.planned?.cancel();
    this.refresh?.cancel();
    await this.looking;
    this.tables.close();
    if (!wasRunning) return;
    // When that fails the descriptors stay open until the process ends: a worker may still write to them.
    await this.told.tell([]);
    for (const device of this.devices.values()) device.close();
  }

  private plan(): void {
    if (this.state !== 'running' || this.isDue) return;
    const { clock } = this.modules;
    // Anew: the next look may have become more urgent since.
    this.planned?.cancel();
    this.planned = clock.after(Math.max(0, this.nextLookAt - clock.now()), () => {
      this.isDue = true;
      this.looking = this.looking.then(() => {
        this.isDue = false;
        return this.look();
      });
    });
  }

  private isRunning(): boolean {
    return this.state === 'running';
  }

  private async look(): Promise<void> {
    if (!this.isRunning()) return;
    this.refresh?.cancel();
    try {
      const changed = await this.update();
      this.gapMs = changed ? GAP_MIN_MS : Math.min(GAP_MAX_MS, 2 * this.gapMs);
    } catch (error) {
      this.modules.log.warn(
        { component: 'dataplane', offload: 'tunnel-gso', ...errorFields(error) },
        'cannot look at the ways to other VTEPs',
      );
      this.gapMs = GAP_MAX_MS;
      await this.withdraw();
    }
    // Stopped meanwhile: nothing may be left that keeps the process alive.
    if (!this.isRunning()) return;
    this.nextLookAt = this.modules.clock.now() + this.gapMs;
    this.refresh = this.modules.clock.after(REFRESH_MS, () => this.plan());
  }

  /** Next hops that cannot be looked at may be wrong by now: the sockets follow the kernel by themselves. */
  private async withdraw(): Promise<void> {
    this.reason = 'the ways to other VTEPs cannot be looked at';
    this.noteAvailability();
    try {
      await this.told.tell([]);
    } catch (error) {
      this.modules.log.warn(
        { component: 'dataplane', offload: 'tunnel-gso', ...errorFields(error) },
        'cannot withdraw the next hops',
      );
    }
  }

  /** Returns whether the next hops have changed. */
  private async update(): Promise<boolean> {
    const vteps = this.options.vteps();
    const tables = await this.tables.read(vteps, this.options.underlay);
    const { links } = tables;
    this.paths = vteps.flatMap(vtep => pathTo(vtep, tables) ?? []);
    // What is sent past the stack is sent past IPsec too: never in the clear what was to be encrypted.
    this.reason = hasOutgoingIpsec() ? 'it would bypass the IPsec policies' : undefined;
    const judged = await this.judgeDevices(links);
    const hops = this.reason === undefined ? await this.nextHops() : [];
    const changed = await this.told.tell(hops);
    this.closeUnused(links, judged);
    this.noteAvailability();
    const stale = this.paths.flatMap(({ nextHop }) => (nextHop?.isStale === true ? [nextHop.neighbour] : []));
    if (stale.length > 0 && hops.length > 0) await this.tables.use(stale);
    return changed;
  }

  /** Returns the devices that matter now, by their index. */
  private async judgeDevices(links: readonly Link[]): Promise<ReadonlySet<number>> {
    // Also the device of our own address, so that it is known how it stands before there is any other VTEP.
    const own = links.filter(({ addr_info }) =>
      addr_info.some(({ local }) => local === this.options.underlay),
    );
    const relevant = new Set([...this.paths.map(path => path.link), ...own]);
    for (const link of relevant) {
      const device = this.devices.get(link.ifindex) ?? new UnderlayDevice(link);
      this.devices.set(link.ifindex, device);
      device.judge(link, { forced: this.forced });
      if (device.reason === undefined && !(await device.isSound({ tables: this.tables, links })))
        this.lose(device);
      this.tell(link.ifname, this.reason ?? device.reason);
    }
    return new Set([...relevant].map(({ ifindex }) => ifindex));
  }

  /** Somebody removed the device or its filter: what was written since then is lost, and nothing said so. */
  private lose(device: UnderlayDevice): void {
    const port = device.injector?.name ?? null;
    device.fail(`its injector ${port} was taken apart`);
    this.options.onLost({ offload: 'tunnel-gso', port, vni: null, errno: constants.errno.ENODEV ?? 0 });
  }

  private async nextHops(): Promise<readonly NextHopSpec[]> {
    const hops: NextHopSpec[] = [];
    for (const { vtep, link, mtu, nextHop } of this.paths) {
      const injector = nextHop && (await this.devices.get(link.ifindex)?.open());
      if (nextHop === undefined || injector === undefined) continue;
      const { fd, name } = injector;
      hops.push({ vtep, injector: name, fd, mtu, source: parseMac(link.address), destination: nextHop.mac });
    }
    return hops;
  }

  /** What is not to be used any more, once the dataplane knows nothing of it: it may fail while hops are told. */
  private closeUnused(links: readonly Link[], judged: ReadonlySet<number>): void {
    for (const [index, device] of this.devices) {
      const isGone = !links.some(({ ifindex }) => ifindex === index);
      if (judged.has(index) && device.reason === undefined && this.reason === undefined) continue;
      if (device.injector !== undefined && this.told.mayUse(device.injector.fd)) continue;
      device.close();
      // One that has failed is remembered for as long as it exists, for it is not tried again.
      if (isGone || (!judged.has(index) && !device.hasFailed)) this.devices.delete(index);
    }
  }

  private noteAvailability(): void {
    const { offloads } = this.modules;
    const usable = [...this.devices.values()].some(({ reason }) => reason === undefined);
    if (usable && this.reason === undefined) offloads.found('tunnel-gso');
    else offloads.missing('tunnel-gso');
  }

  /** One line for each device and each time that it changes; a warning when the configuration asked for it in vain. */
  private tell(ifname: string, reason: string | undefined): void {
    const { log } = this.modules;
    const words = reason ?? 'used';
    if (this.words.get(ifname) === words) return;
    this.words.set(ifname, words);
    const fields = {
      component: 'dataplane',
      offload: 'tunnel-gso',
      ifname: ifname || undefined,
      reason,
    } as const;
    if (reason === undefined) log.info(fields, 'TCP leaves this device through an injector');
    else if (this.forced) log.warn(fields, 'the sender tunnel-gso cannot be used: udp-gso is');
    else log.info(fields, 'TCP leaves by the sockets');
  }
}
