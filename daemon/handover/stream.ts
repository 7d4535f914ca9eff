/**
 * The stream between a daemon that ends and the one after it. Each byte is a message:
 *
 *   next ── "t": I have the descriptors ──────────► former           (without a service manager only)
 *   next ◄─ "r": let go of all but the frames ───── former
 *   next ── "f": I am ready to carry them ────────► former
 *   next ◄─ end: none will be read here any more ── former
 *
 * The end of either process is the end of the stream: nothing has to be understood by two versions but this.
 */
import { Socket } from 'node:net';
import type { Clock } from '../../dataplane/clock.ts';

/** Its name among the descriptors that are passed on. */
export const STREAM_NAME = 'hand-over';

export type Message = 't' | 'r' | 'f';

export class HandOverStream {
  private readonly clock: Clock;
  private readonly socket: Socket;
  private readonly seen = new Set<string>();
  private readonly waiting = new Set<() => void>();
  private hasEnded = false;

  /** Owns the descriptor. */
  constructor({ clock, fd }: { readonly clock: Clock; readonly fd: number }) {
    this.clock = clock;
    this.socket = new Socket({ fd, readable: true, writable: true });
    this.socket.setEncoding('latin1');
    this.socket.on('data', (text: string) => {
      for (const message of text) this.seen.add(message);
      this.wake();
    });
    const end = (): void => {
      this.hasEnded = true;
      this.socket.destroy();
      this.wake();
    };
    this.socket.on('end', end);
    this.socket.on('close', end);
    this.socket.on('error', end);
  }

  /** Nothing happens if the other process has ended. */
  send(message: Message): void {
    if (!this.hasEnded) this.socket.write(message);
  }

  /** Resolves when that has come, when the other process has ended, or after `ms` milliseconds: with what was first. */
  async next(message: Message, ms: number): Promise<'come' | 'ended' | 'late'> {
    return await this.until(() => this.seen.has(message), ms);
  }

  /** Resolves when the other process has closed its end, or after `ms` milliseconds: whether it has. */
  async ended(ms: number): Promise<boolean> {
    return (await this.until(() => false, ms)) === 'ended';
  }

  close(): void {
    this.socket.destroy();
  }

  private until(isCome: () => boolean, ms: number): Promise<'come' | 'ended' | 'late'> {
    return new Promise(resolve => {
      const finish = (how: 'come' | 'ended' | 'late'): void => {
        this.waiting.delete(look);
        patience.cancel();
        resolve(how);
      };
      const look = (): void => {
        if (isCome()) finish('come');
        else if (this.hasEnded) finish('ended');
      };
      const patience = this.clock.after(ms, () => finish('late'));
      this.waiting.add(look);
      look();
    });
  }

  private wake(): void {
    for (const look of [...this.waiting]) look();
  }
}
