/**
 * The end of a daemon that the next one follows at once. It lets go of its API, its gossip and its files, so that the next can start; of
 * frames only when that is ready to carry them. Containers see no pause but the moment between the two.
 *
 *   systemctl restart ─► SIGUSR2 ─► `restart()`: the stream goes to systemd's store, and with it to the next process
 *   weft daemon --take-over ─► API ─► `offer()`: the next process, which runs already, takes copies of all descriptors
 *
 * Both then stop in order, and `linger()` is what comes before the dataplane is closed.
 */
import type { Clock } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { batchIo } from '../../dataplane/native/batch-io.ts';
import type { Log } from '../log.ts';
import type { DescriptorShelf } from './descriptor-shelf.ts';
import type { Relay } from './relay.ts';
import { HandOverStream, STREAM_NAME } from './stream.ts';

/** What a process has that would take over from this one. */
export interface HandOverOffer {
  readonly pid: number;
  /** Descriptors of that process, by what they are. */
  readonly descriptors: Readonly<Record<string, readonly number[]>>;
}

export interface HandOverModules {
  readonly clock: Clock;
  readonly shelf: DescriptorShelf;
  /** Undefined: the service manager, if there is one, sees this process itself. */
  readonly relay: Relay | undefined;
  readonly pid: number;
}

/** The next process is ready within this time, in milliseconds, or does not come: on a machine with a load of 13 a start took 4.8 s. */
const LINGER_MS = 10_000;

/** It copies the descriptors at once. */
const TAKE_MS = 5000;

export class HandOver {
  private readonly modules: HandOverModules;
  private readonly isManaged: boolean;
  private stream: HandOverStream | undefined;
  private agree: () => void = () => {};
  /** Resolves when another process has taken what it needs, and waits for this one to stop. */
  readonly agreed: Promise<'take-over'>;

  constructor(modules: HandOverModules) {
    this.modules = modules;
    this.isManaged = modules.shelf.keeps;
    this.agreed = new Promise(resolve => {
      this.agree = () => resolve('take-over');
    });
  }

  /** The service manager starts the next process as soon as it can. Does nothing where it waits for the end of this one. */
  restart(): void {
    const { shelf, relay } = this.modules;
    if (relay === undefined || !this.isManaged) return;
    const theirs = this.openStream();
    shelf.store(STREAM_NAME, [theirs]);
    batchIo.closeDescriptor(theirs);
  }

  /** Offers all to a process that asks for it. Throws `conflict` if the next one comes from elsewhere. */
  offer(): HandOverOffer {
    const { pid, shelf } = this.modules;
    if (this.isManaged) {
      throw new WeftError('conflict', 'this daemon is run by a service manager, which starts the next one', {
        hint: 'restart the service: systemctl restart weft',
      });
    }
    if (this.stream !== undefined) {
      throw new WeftError('conflict', 'another daemon is taking over from this one already', {
        hint: 'wait until it has',
      });
    }
    const theirs = this.openStream();
    void this.awaitTaken(theirs);
    return { pid, descriptors: Object.fromEntries([...shelf.contents, [STREAM_NAME, [theirs]]]) };
  }

  /** All but frames is let go of: returns when the next process carries them, or will not. */
  async linger(log: Log): Promise<void> {
    const { clock, relay } = this.modules;
    if (this.stream === undefined) return;
    const start = clock.now();
    this.stream.send('r');
    if (this.isManaged) relay?.release();
    log.info({ component: 'daemon' }, 'carrying frames until the next daemon does');
    const how = await this.stream.next('f', LINGER_MS);
    const fields = { component: 'daemon', duration_ms: Math.round(clock.now() - start) } as const;
    if (how === 'come') log.info(fields, 'the next daemon carries frames');
    else log.warn(fields, 'no next daemon has come to carry frames');
  }

  /** No frame is read any more. */
  done(): void {
    this.stream?.close();
  }

  private openStream(): number {
    const pair = batchIo.socketPair();
    if (typeof pair === 'number') throw new WeftError('system', `socketpair failed with errno ${-pair}`);
    const [fd, theirs] = pair;
    this.stream = new HandOverStream({ clock: this.modules.clock, fd });
    return theirs;
  }

  private async awaitTaken(theirs: number): Promise<void> {
    const how = await this.stream?.next('t', TAKE_MS);
    batchIo.closeDescriptor(theirs);
    if (how === 'come') {
      this.modules.shelf.awaited();
      this.agree();
      return;
    }
    this.stream?.close();
    this.stream = undefined;
  }
}
