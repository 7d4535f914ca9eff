/** The answerer inside one network namespace: whether it can be reached there, and how much may be asked of it. */

import { stat } from 'node:fs/promises';
import { Budget } from '../../control/budget.ts';
import type { Clock, Timer } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { errorFields, type Log } from '../log.ts';
import { locateNetns, type Netns } from '../net/netns.ts';
import type { DnsCounters } from './dns-counters.ts';
import type { ResolverState } from './dns-reports.ts';
import type { Transport } from './exchange.ts';
import type { openResolverSockets, ResolverSockets } from './resolver-sockets.ts';
import type { Asker, Responder } from './responder.ts';
import type { ZoneNetwork } from './zone.ts';

/** Queries a second of one container, and at one time. What they cost the daemon is a tenth of a processor. */
const OWN_BUDGET = { perSecond: 1_000, burst: 2_000 };

/** All containers of the VM together. Beyond it those are not listened to that ask much; who asks little is answered all the same. */
export const NODE_BUDGET = { perSecond: 4_000, burst: 8_000 };

/** Who asks more often is not listened to for so long: what is not read costs nothing. Milliseconds. */
const PAUSE_MS = 1_000;

/** Where it could not be opened, it is tried again; in milliseconds. */
const RETRY_MS = 10_000;

export interface ContainerResolverModules {
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: DnsCounters;
  /** {@link NODE_BUDGET}. */
  readonly budget: Budget;
  readonly responder: Pick<Responder, 'answer'>;
  /** At the address that containers ask. */
  readonly openSockets: (
    netnsPath: string,
    handlers: Parameters<typeof openResolverSockets>[2],
  ) => Promise<ResolverSockets>;
}

export class ContainerResolver {
  state: ResolverState = 'failed';
  private readonly modules: ContainerResolverModules;
  private netns: Netns;
  private sockets: ResolverSockets | undefined;
  private isClosed = false;
  private timer: Timer | undefined;
  private opening: Promise<void> | undefined;
  private readonly budget: Budget;
  /** What the log was last told of it. */
  private told = '';
  /** Networks that the container is in, by the host links of its endpoints, in the order in which it came to them. */
  private readonly networks = new Map<string, ZoneNetwork>();
  private readonly asker: Asker;

  constructor(modules: ContainerResolverModules, netns: Netns) {
    this.modules = modules;
    this.netns = netns;
    this.budget = new Budget(modules, OWN_BUDGET);
    const { networks } = this;
    this.asker = {
      get networks() {
        return [...networks.values()];
      },
      pending: 0,
    };
  }

  get isIdle(): boolean {
    return this.networks.size === 0;
  }

  add(hostLink: string, network: ZoneNetwork): void {
    this.networks.set(hostLink, network);
  }

  remove(hostLink: string): void {
    this.networks.delete(hostLink);
  }

  /** Opens the sockets, if they are not open. Never rejects: what went wrong is the state, and a line in the log. */
  open(): Promise<void> {
    this.opening ??= this.openNow().finally(() => {
      this.opening = undefined;
    });
    return this.opening;
  }

  close(): void {
    this.isClosed = true;
    this.shut();
  }

  /**
   * Lets go of a namespace that nobody else has: our sockets must not be what keeps it alive, for as long as it is, its interfaces
   * are there, and the container seems to be.
   */
  async review(): Promise<void> {
    const { path: known, inode } = this.netns;
    // One question to the kernel; which other path leads there is asked when this one does not.
    const found = await stat(known).catch(() => undefined);
    if (found?.ino === inode) return;
    const path = await locateNetns(this.netns);
    if (path !== undefined) this.netns = { ...this.netns, path };
    else if (this.sockets !== undefined) this.fail('failed', 'its namespace is gone');
  }

  private async openNow(): Promise<void> {
    if (this.isClosed || this.sockets !== undefined) return;
    try {
      const path = await locateNetns(this.netns);
      if (path === undefined) throw new WeftError('not_found', 'its namespace is gone');
      const sockets = await this.modules.openSockets(path, {
        onQuery: (query, via) => this.answer(query, via),
        onRefused: () => this.modules.counters.drop('connections'),
        onLost: error => {
          this.sockets = undefined;
          this.fail('failed', error.message);
        },
      });
      if (this.isClosed) return sockets.close();
      this.sockets = sockets;
      this.state = 'serving';
      this.told = '';
    } catch (error) {
      this.state = error instanceof WeftError && error.code === 'conflict' ? 'taken' : 'failed';
      this.retry(RETRY_MS);
      this.warn(error, 'names cannot be answered inside a namespace');
    }
  }

  private fail(state: ResolverState, reason: string): void {
    this.shut();
    this.state = state;
    this.warn(new WeftError('unavailable', reason), 'names are not answered inside a namespace any more');
    this.retry(RETRY_MS);
  }

  /** Once, not at each try. */
  private warn(error: unknown, message: string): void {
    const reason = error instanceof Error ? error.message : String(error);
    if (reason === this.told) return;
    this.told = reason;
    const fields = { component: 'dns', netns: this.netns.name, ...errorFields(error) } as const;
    this.modules.log.warn(fields, message);
  }

  private retry(ms: number): void {
    if (this.isClosed) return;
    this.timer?.cancel();
    this.timer = this.modules.clock.after(ms, () => void this.open());
  }

  private shut(): void {
    this.timer?.cancel();
    this.sockets?.close();
    this.sockets = undefined;
  }

  /** Nothing that a container sends may end the daemon: what nobody has thought of is told in the log. */
  private async answer(query: Buffer, via: Transport): Promise<Buffer | undefined> {
    if (!this.take()) return undefined;
    try {
      return await this.modules.responder.answer(query, this.asker, via);
    } catch (error) {
      const fields = { component: 'dns', netns: this.netns.name, ...errorFields(error) } as const;
      this.modules.log.error(fields, 'a query met a defect');
      return undefined;
    }
  }

  /** Whether one more query may be answered. */
  private take(): boolean {
    const { budget, counters, log } = this.modules;
    const isOwn = this.budget.take();
    const isOfAll = budget.take();
    if (isOwn && (isOfAll || !this.budget.isStrained)) return true;
    // Of what was read already, nothing more is answered.
    if (this.state !== 'serving') return false;
    this.shut();
    this.state = 'paused';
    counters.drop('paused');
    log.debug({ component: 'dns', netns: this.netns.name }, 'a container asks too often');
    this.retry(PAUSE_MS);
    return false;
  }
}
