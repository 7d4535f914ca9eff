/** The dataplane as the rest of the daemon sees it: a worker thread behind asynchronous commands. */
import { Worker } from 'node:worker_threads';
import type { Answers, Command, CommandName, Commands, FromWorker } from './commands.ts';
import { WeftError } from './errors.ts';
import type { OffloadLost } from './offloads.ts';

type PortLost = Extract<FromWorker, { type: 'portLost' }>;

export interface DataplaneHandlers {
  /** The device of a port was deleted (its namespace is gone): the port is closed and forgotten already. */
  readonly portLost: (event: PortLost) => void;
  /** The kernel refused an offload, at most once for each port: traffic goes on at a higher cost, nothing is lost. */
  readonly offloadLost: (event: OffloadLost) => void;
  /** The worker ended by itself: no frame moves any more and every further command fails. */
  readonly died: (error: Error) => void;
}

interface Waiting {
  readonly resolve: (value: Answers[CommandName]) => void;
  readonly reject: (error: Error) => void;
}

export class Dataplane {
  private readonly worker: Worker;
  private readonly handlers: DataplaneHandlers;
  private readonly waiting = new Map<number, Waiting>();
  private readonly exited: Promise<void>;
  private nextId = 1;
  private ended: Error | undefined;

  constructor(handlers: DataplaneHandlers) {
    this.handlers = handlers;
    this.worker = new Worker(new URL('./worker.js', import.meta.url), { name: 'weft-dataplane' });
    this.worker.on('message', (message: FromWorker) => this.onMessage(message));
    this.worker.on('error', error => this.end(error instanceof Error ? error : new Error(String(error))));
    this.exited = new Promise(resolve => {
      this.worker.on('exit', code => {
        this.end(new Error(`the dataplane worker exited with code ${code}`));
        resolve();
      });
    });
  }

  /** Carries out one command in the worker. Rejects with the WeftError that it met there. */
  run<Name extends CommandName>(name: Name, args: Commands[Name]): Promise<Answers[Name]> {
    return new Promise((resolve, reject) => {
      if (this.ended !== undefined) {
        reject(this.ended);
        return;
      }
      const id = this.nextId++;
      this.waiting.set(id, { resolve: value => resolve(value as Answers[Name]), reject });
      this.worker.postMessage({ id, name, args } as Command);
    });
  }

  /** Closes every port and ends the worker. Persistent TAP devices stay. */
  async close(): Promise<void> {
    if (this.ended === undefined) {
      const closed = this.run('close', {});
      this.ended = new WeftError('unavailable', 'the dataplane is closed');
      await closed;
    }
    await this.exited;
  }

  private onMessage(message: FromWorker): void {
    if (message.type === 'portLost') {
      this.handlers.portLost(message);
      return;
    }
    if (message.type === 'offloadLost') {
      this.handlers.offloadLost(message);
      return;
    }
    const waiting = this.waiting.get(message.id);
    this.waiting.delete(message.id);
    if (message.type === 'reply') waiting?.resolve(message.value);
    else {
      const { code, message: text, hint } = message.error;
      waiting?.reject(new WeftError(code, text, hint === undefined ? {} : { hint }));
    }
  }

  private end(error: Error): void {
    const expected = this.ended !== undefined;
    this.ended ??= error;
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
    if (!expected) this.handlers.died(error);
  }
}
