/**
 * Whether this VM still has the address that its VTEP is known by. A DHCP server gives another one, an operator renumbers: the sockets are bound to what is no more, and nobody
 * hears of it. If the configuration leaves the address to the machine (no node.underlay), the daemon ends, and the next one starts with the address that there is now: under
 * systemd half a second later, with all containers. An address that is configured is waited for.
 */
import { createSocket } from 'node:dgram';
import { type IpAddress, ipFamily } from '../dataplane/address.ts';
import type { Clock } from '../dataplane/clock.ts';
import { WeftError } from '../dataplane/errors.ts';
import type { Log } from './log.ts';
import { startRounds } from './systemd/rounds.ts';
import { findUnderlay } from './underlay.ts';

/** Milliseconds between two looks: peers are to follow within ten seconds. A look is one bind(2). */
const PERIOD = 1000;

export interface UnderlayWatchModules {
  readonly clock: Clock;
  readonly log: Log;
  /** Whether the machine has this address. @default {@link isOurs} */
  readonly has?: (address: IpAddress) => Promise<boolean>;
  /** The address that a start would take. Throws `unavailable` if there is none. @default that of findUnderlay() */
  readonly find?: () => Promise<IpAddress>;
}

export interface UnderlayWatchOptions {
  readonly address: IpAddress;
  /** Set in the configuration: it is the operator's, and no other is taken. */
  readonly isConfigured: boolean;
  /** The address is gone and another one has taken its place. */
  readonly onMoved: (error: WeftError) => void;
}

export class UnderlayWatch {
  private readonly modules: Required<UnderlayWatchModules>;
  private readonly options: UnderlayWatchOptions;
  private isGone = false;
  private isLooking = false;
  private end: (() => void) | undefined;

  constructor(modules: UnderlayWatchModules, options: UnderlayWatchOptions) {
    this.modules = { has: isOurs, find: async () => (await findUnderlay(undefined)).address, ...modules };
    this.options = options;
  }

  start(): void {
    this.end = startRounds(this.modules.clock, PERIOD, () => {
      if (this.isLooking) return;
      this.isLooking = true;
      void this.look().finally(() => {
        this.isLooking = false;
      });
    });
  }

  stop(): void {
    this.end?.();
    this.end = undefined;
  }

  private async look(): Promise<void> {
    const { has, log } = this.modules;
    const { address, isConfigured } = this.options;
    if (await has(address)) {
      if (this.isGone) log.info({ address }, 'the underlay address is back');
      this.isGone = false;
      return;
    }
    if (this.end === undefined) return;
    if (!this.isGone) log.warn({ address }, 'the underlay address is gone');
    this.isGone = true;
    if (!isConfigured) await this.lookForAnother();
  }

  private async lookForAnother(): Promise<void> {
    const { address, onMoved } = this.options;
    // None: the machine is without a network, and the same may come back.
    const now = await this.modules.find().catch(() => undefined);
    if (now === undefined || now === address || this.end === undefined) return;
    this.stop();
    onMoved(
      new WeftError(
        'unavailable',
        `the underlay address ${address} is gone, and this machine has ${now} now`,
        {
          hint: 'start weft again, as systemd does by itself: it takes the new address',
        },
      ),
    );
  }
}

/** One that is on no interface cannot be bound to (ip(7), EADDRNOTAVAIL). With net.ipv4.ip_nonlocal_bind every one can, and nothing is noticed. */
function isOurs(address: IpAddress): Promise<boolean> {
  return new Promise(resolve => {
    const socket = createSocket(ipFamily(address) === 4 ? 'udp4' : 'udp6');
    const finish = (has: boolean): void => {
      socket.close();
      resolve(has);
    };
    // Anything else, such as no descriptor left, says nothing of the address.
    socket.once('error', error => finish((error as NodeJS.ErrnoException).code !== 'EADDRNOTAVAIL'));
    socket.bind({ address, port: 0, exclusive: true }, () => finish(true));
  });
}
