/**
 * The dataplane as the rest of the daemon sees it: one, however many workers it has. Each worker is a thread with its own
 * sockets, queues, forwarder and tables (datapath.ts). What changes their state is told to all of them here, one command
 * after the other; what they have learned from frames they tell each other (replicator.ts).
 */
import { constants } from 'node:os';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { Vni } from './address.ts';
import type { Answers, CommandName, Commands, NextHopSpec } from './commands.ts';
import { type DescriptorStore, NO_STORE, socketsName, tapName } from './descriptor-store.ts';
import { WeftError } from './errors.ts';
import { mergeClaims, mergeCounters, mergeOpened, mergeTables, mergeVteps } from './merge-answers.ts';
import type { Offload, OffloadLost } from './offloads.ts';
import { type PortName, PortRegistry } from './port-registry.ts';
import type { ProbeArrival } from './probe-port.ts';
import { closeTap, shareTap } from './tap-device.ts';
import { BUCKET_BYTES } from './token-bucket.ts';
import { Turns } from './turns.ts';
import { type StartWorker, startWorkerThread, type WorkerEvent, type WorkerLink } from './worker-thread.ts';

type PortLost = Extract<WorkerEvent, { type: 'portLost' }>;

export interface DataplaneHandlers {
  /** The device of a port was deleted (its namespace is gone): the port is closed and forgotten already. */
  readonly portLost: (event: PortLost) => void;
  /** The kernel refused an offload, at most once for each port: traffic goes on at a higher cost, nothing is lost. */
  readonly offloadLost: (event: OffloadLost) => void;
  /** A probe of the path has come, of a session that `setProbes` has opened. */
  readonly probe?: (arrival: ProbeArrival) => void;
  /** A worker ended by itself: no frame moves any more and every further command fails. */
  readonly died: (error: Error) => void;
}

/** What the daemon asks of the dataplane: the commands of one worker (commands.ts), for all. */
export type DataplaneCommands = Omit<
  Commands,
  'open' | 'closeUnderlay' | 'addPort' | 'attachMac' | 'close'
> & {
  readonly attachMac: Omit<Commands['attachMac'], 'bucket'>;
  /** `passed`: of each worker of an earlier process the sockets; they belong to the dataplane, also if the command fails. */
  readonly open: Omit<Commands['open'], 'passed' | 'share'> & {
    readonly passed?: readonly (readonly number[])[];
  };
  /**
   * Hands over the open descriptors of a TAP, which from now on belong to the dataplane, also if the command fails: one
   * for each worker, or a single one, which one worker reads and all write to.
   */
  readonly addPort: PortName & { readonly fds: readonly number[] };
};

type Performers = {
  readonly [Name in keyof DataplaneCommands]: (args: DataplaneCommands[Name]) => Promise<Answers[Name]>;
};

export class Dataplane {
  private readonly handlers: DataplaneHandlers;
  private readonly workers: readonly WorkerLink[];
  private readonly ports: PortRegistry;
  private readonly store: DescriptorStore;
  private keepsAll = false;
  /** Offloads that are known to be lost: each worker finds out by itself. */
  private readonly lostOffloads = new Set<string>();
  /** The last that all workers took. */
  private nextHops: readonly NextHopSpec[] = [];
  private readonly turns = new Turns();
  private ended: Error | undefined;

  constructor(
    modules: {
      readonly startWorker?: StartWorker;
      /** Where sockets and TAPs outlive this process. @default nowhere */
      readonly store?: DescriptorStore;
    },
    /** `workers`: how many threads, from 1 on. */
    options: { readonly workers: number },
    handlers: DataplaneHandlers,
  ) {
    const { startWorker = startWorkerThread, store = NO_STORE } = modules;
    this.store = store;
    this.handlers = handlers;
    this.ports = new PortRegistry(options);
    this.workers = channelsBetween(options.workers).map((channels, index) =>
      startWorker(
        index,
        { channels },
        { event: event => this.onEvent(index, event), ended: error => this.end(error) },
      ),
    );
  }

  get workerCount(): number {
    return this.workers.length;
  }

  /**
   * Carries out one command in all workers, after those before it. Rejects with the WeftError that one of them met. Then
   * what adds something (`open`, `addNetwork`, `addPort`, `attachMac`) and `setNextHops` is undone in the others; `setVteps`,
   * `changeClaims` and what takes something away stay done there.
   */
  run<Name extends keyof DataplaneCommands>(
    name: Name,
    args: DataplaneCommands[Name],
  ): Promise<Answers[Name]> {
    const perform: Performers[Name] = this.performers[name];
    return this.inTurn(() => perform(args));
  }

  /** From now on what is taken out of the dataplane is not taken out of the store: it is for the next process. */
  keepForNext(): void {
    this.keepsAll = true;
  }

  /** Closes every port and ends the workers. Persistent TAP devices stay, and all that lies in the store. */
  async close(): Promise<void> {
    if (this.ended === undefined) {
      const closed = this.inTurn(() => this.everywhere('close', {}));
      this.ended = new WeftError('unavailable', 'the dataplane is closed');
      await closed;
    }
    await Promise.all(this.workers.map(({ exited }) => exited));
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.ended !== undefined) return Promise.reject(this.ended);
    return this.turns.take(work);
  }

  // ── Commands ────────────────────────────────────────────────────────────────────────────────────────────────────

  private readonly performers: Performers = {
    open: args => this.open(args),
    begin: async args => {
      await this.everywhere('begin', args);
    },
    addNetwork: async args => {
      const undo = (worker: WorkerLink) => worker.run('removeNetwork', { vni: args.vni });
      await this.everywhere('addNetwork', args, undo);
    },
    setRules: async args => {
      await this.everywhere('setRules', args);
    },
    removeNetwork: async args => {
      for (const { port } of this.ports.removeNetwork(args.vni)) this.unstore(port);
      await this.everywhere('removeNetwork', args);
    },
    addPort: args => this.addPort(args),
    removePort: async args => {
      if (this.ports.remove(args)) this.unstore(args.port);
      await this.removePort(args, this.workers);
    },
    setVteps: async args => {
      await this.everywhere('setVteps', args);
    },
    attachMac: async args => {
      const undo = (worker: WorkerLink) => worker.run('releaseMac', { vni: args.vni, mac: args.mac });
      await this.everywhere('attachMac', { ...args, bucket: new SharedArrayBuffer(BUCKET_BYTES) }, undo);
    },
    releaseMac: async args => {
      await this.everywhere('releaseMac', args);
    },
    changeClaims: async args => {
      await this.everywhere('changeClaims', args);
    },
    readClaims: async args => mergeClaims(await this.everywhere('readClaims', args)),
    readVteps: async args => mergeVteps(await this.everywhere('readVteps', args)),
    setNextHops: async args => {
      // An injector that is taken up again can be lost again.
      for (const { injector } of args.hops) this.lostOffloads.delete(lossKey('tunnel-gso', injector, null));
      // Their descriptors are open still: those of a list stay so until another has taken its place everywhere.
      const former = { hops: this.nextHops };
      await this.everywhere('setNextHops', args, worker => worker.run('setNextHops', former));
      this.nextHops = args.hops;
    },
    setProbes: async args => {
      await this.everywhere('setProbes', args);
    },
    // One of them is as good as any other: all send from ports of their own.
    sendProbe: async args => (await this.workers[0]?.run('sendProbe', args)) ?? constants.errno.ENOTCONN,
    readTable: async args => mergeTables(await this.everywhere('readTable', args)),
    readCounters: async args => mergeCounters(await this.everywhere('readCounters', args)),
  };

  private everywhere<Name extends CommandName>(
    name: Name,
    args: Commands[Name],
    undo?: (worker: WorkerLink) => Promise<unknown>,
  ): Promise<Answers[Name][]> {
    return this.inAll(worker => worker.run(name, args), undo);
  }

  /** All at once. If one fails, `undo` in those that did not, and the first error. */
  private async inAll<T>(
    work: (worker: WorkerLink, index: number) => Promise<T>,
    undo?: (worker: WorkerLink) => Promise<unknown>,
  ): Promise<T[]> {
    const results = await Promise.allSettled(this.workers.map(work));
    const failure = results.find(({ status }) => status === 'rejected') as PromiseRejectedResult | undefined;
    if (failure === undefined) return results.map(result => (result as PromiseFulfilledResult<T>).value);
    const done = this.workers.filter((_, index) => results[index]?.status === 'fulfilled');
    // What cannot be undone is gone already: the port or the worker.
    if (undo !== undefined) await Promise.allSettled(done.map(undo));
    throw failure.reason;
  }

  /** One after the other: the first meets whoever has the port, the others join it. */
  private async open({ passed = [], ...args }: DataplaneCommands['open']): Promise<Answers['open']> {
    const alone = this.workers.length === 1;
    const opened: Answers['open'][] = [];
    // Of workers that there are no more: the kernel would go on to give them their share.
    for (const [index, fds] of passed.entries()) if (index >= this.workers.length) this.discard(index, fds);
    try {
      for (const [index, worker] of this.workers.entries()) {
        const share = opened.length === 0 ? 'founds' : 'joins';
        const own = { share: alone ? undefined : share, passed: passed[index] ?? [] } as const;
        opened.push(await worker.run('open', { ...args, ...own }));
      }
    } catch (error) {
      const done = this.workers.slice(0, opened.length);
      await Promise.allSettled(done.map(worker => worker.run('closeUnderlay', {})));
      for (const fds of passed.slice(opened.length + 1, this.workers.length)) closeTap({ fds });
      throw error;
    }
    for (const [index, { descriptors }] of opened.entries())
      this.store.store(socketsName(index), descriptors);
    return mergeOpened(opened);
  }

  private discard(worker: number, fds: readonly number[]): void {
    this.store.unstore(socketsName(worker));
    closeTap({ fds });
  }

  private unstore(port: string): void {
    if (!this.keepsAll) this.store.unstore(tapName(port));
  }

  private async addPort({ vni, port, fds }: DataplaneCommands['addPort']): Promise<undefined> {
    const workers = this.workers.length;
    const queues = shareTap({ fds }, workers);
    this.store.store(tapName(port), fds);
    for (const key of this.lostOffloads) if (key.startsWith(`${vni} ${port} `)) this.lostOffloads.delete(key);
    const reader =
      fds.length === workers ? this.ports.addShared({ vni, port }) : this.ports.addSingle({ vni, port });
    const bucket = new SharedArrayBuffer(BUCKET_BYTES);
    try {
      await this.inAll(
        (worker, i) =>
          worker.run('addPort', {
            vni,
            port,
            fd: queues[i] ?? -1,
            reads: reader === undefined || reader === i,
            bucket,
          }),
        worker => worker.run('removePort', { vni, port }),
      );
    } catch (error) {
      this.ports.remove({ vni, port });
      this.unstore(port);
      throw error;
    }
    return undefined;
  }

  /** A worker that has lost it by itself does not have it any more; `not_found` only if that is so for all. */
  private async removePort({ vni, port }: PortName, workers: readonly WorkerLink[]): Promise<void> {
    const results = await Promise.allSettled(workers.map(worker => worker.run('removePort', { vni, port })));
    const refused = results.filter(result => result.status === 'rejected');
    const isGone = (error: unknown) => error instanceof WeftError && error.code === 'not_found';
    const trouble = refused.find(({ reason }) => !isGone(reason));
    if (trouble !== undefined) throw trouble.reason;
    const [first] = refused;
    if (first !== undefined && refused.length === results.length) throw first.reason;
  }

  // ── Events ──────────────────────────────────────────────────────────────────────────────────────────────────────

  private onEvent(index: number, event: WorkerEvent): void {
    if (event.type === 'portLost') this.onPortLost(index, event);
    else if (event.type === 'probe') this.handlers.probe?.(event);
    else this.onOffloadLost(event);
  }

  /** The first worker that hears of it: the others forget the port before anybody else is told, for it may come anew. */
  private onPortLost(index: number, event: PortLost): void {
    if (this.ended !== undefined || !this.ports.remove(event)) return;
    this.unstore(event.port);
    const others = this.workers.filter((_, i) => i !== index);
    this.inTurn(async () => {
      await this.removePort(event, others).catch(error => {
        if (!(error instanceof WeftError) || error.code !== 'not_found') throw error;
      });
      this.handlers.portLost(event);
    }).catch(error => this.end(error));
  }

  private onOffloadLost({ offload, port, vni, errno }: OffloadLost): void {
    const key = lossKey(offload, port, vni);
    if (this.lostOffloads.has(key)) return;
    this.lostOffloads.add(key);
    this.handlers.offloadLost({ offload, port, vni, errno });
  }

  private end(error: Error): void {
    if (this.ended !== undefined) return;
    this.ended = error;
    // A flow that one worker carried must not fall silent while others go on.
    for (const worker of this.workers) worker.terminate();
    this.handlers.died(error);
  }
}

function lossKey(offload: Offload, port: string | null, vni: Vni | null): string {
  return `${vni} ${port} ${offload}`;
}

/** For each worker its ends of the channels to all others. */
function channelsBetween(workers: number): MessagePort[][] {
  const ends: MessagePort[][] = Array.from({ length: workers }, () => []);
  ends.forEach((mine, i) => {
    for (const theirs of ends.slice(i + 1)) {
      const { port1, port2 } = new MessageChannel();
      mine.push(port1);
      theirs.push(port2);
    }
  });
  return ends;
}
