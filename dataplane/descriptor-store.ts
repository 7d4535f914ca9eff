/**
 * Descriptors that are to outlive this process: a copy of each lies with somebody who hands it to the next one (daemon/systemd/), and
 * what comes meanwhile waits in the kernel.
 */
export interface DescriptorStore {
  /** Whether there is anybody who keeps them. */
  readonly keeps: boolean;
  /** Keeps copies under this name, beside those that lie there; ours stay open. Returns whether that was taken. */
  store(name: string, fds: readonly number[]): boolean;
  /** Forgets the copies of this name. */
  unstore(name: string): void;
}

/** For a process after which nothing is kept. */
export const NO_STORE: DescriptorStore = { keeps: false, store: () => false, unstore: () => {} };

/** The sockets of a worker, counted from 0: that which receives, then those that send. */
export function socketsName(worker: number): string {
  return `vxlan-${worker}`;
}

/** The queues of a TAP, by the name of its port. */
export function tapName(port: string): string {
  return `tap-${port}`;
}

/** What an earlier process has left, by the names that it gave; whoever takes it has to close it. */
export interface PassedOn {
  take(name: string): readonly number[];
}
