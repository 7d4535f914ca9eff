/** One dataplane worker as the main thread sees it: a thread behind asynchronous commands. */
import { createRequire } from 'node:module';
import { type MessagePort, Worker } from 'node:worker_threads';
import type { Answers, Command, CommandName, Commands, FromWorker } from './commands.ts';
import { WeftError } from './errors.ts';

/** What a worker tells by itself. */
export type WorkerEvent = Extract<FromWorker, { type: 'portLost' | 'offloadLost' | 'probe' }>;

export interface WorkerData {
  /** One to each other worker (replicator.ts). */
  readonly channels: readonly MessagePort[];
}

export interface WorkerHandlers {
  readonly event: (event: WorkerEvent) => void;
  /** The worker ended: with what error, and whether `close` had been asked of it. */
  readonly ended: (error: Error) => void;
}

/** What dataplane.ts needs of a worker. */
export interface WorkerLink {
  /** Carries out one command. Rejects with the WeftError that it met there, or with why the worker has ended. */
  run<Name extends CommandName>(name: Name, args: Commands[Name]): Promise<Answers[Name]>;
  /** Ends the worker at once, whatever it does. */
  terminate(): void;
  /** Resolves when it has ended. */
  readonly exited: Promise<void>;
}

export type StartWorker = (index: number, data: WorkerData, handlers: WorkerHandlers) => WorkerLink;

/** The compiled worker.ts, wherever this file was bundled into. */
const WORKER = createRequire(import.meta.url).resolve('#worker');

interface Waiting {
  readonly resolve: (value: Answers[CommandName]) => void;
  readonly reject: (error: Error) => void;
}

class WorkerThread implements WorkerLink {
  readonly exited: Promise<void>;
  private readonly worker: Worker;
  private readonly handlers: WorkerHandlers;
  private readonly waiting = new Map<number, Waiting>();
  private nextId = 1;
  private error: Error | undefined;

  constructor(index: number, data: WorkerData, handlers: WorkerHandlers) {
    this.handlers = handlers;
    this.worker = new Worker(WORKER, {
      name: `weft-dataplane-${index}`,
      workerData: data,
      transferList: [...data.channels],
    });
    this.worker.on('message', (message: FromWorker) => this.onMessage(message));
    this.worker.on('error', error => this.end(error instanceof Error ? error : new Error(String(error))));
    this.exited = new Promise(resolve => {
      this.worker.on('exit', code => {
        this.end(new Error(`dataplane worker ${index} exited with code ${code}`));
        resolve();
      });
    });
  }

  run<Name extends CommandName>(name: Name, args: Commands[Name]): Promise<Answers[Name]> {
    return new Promise((resolve, reject) => {
      if (this.error !== undefined) {
        reject(this.error);
        return;
      }
      const id = this.nextId++;
      this.waiting.set(id, { resolve: value => resolve(value as Answers[Name]), reject });
      this.worker.postMessage({ id, name, args } as Command);
    });
  }

  terminate(): void {
    void this.worker.terminate();
  }

  private onMessage(message: FromWorker): void {
    if (message.type !== 'reply' && message.type !== 'failure') {
      this.handlers.event(message);
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
    if (this.error !== undefined) return;
    this.error = error;
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
    this.handlers.ended(error);
  }
}

export const startWorkerThread: StartWorker = (index, data, handlers) =>
  new WorkerThread(index, data, handlers);
