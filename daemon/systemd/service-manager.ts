/**
 * What the daemon tells the service manager that runs it: sd_notify(3). Without one nothing is told, and all of this does nothing.
 */
import { batchIo } from '../../dataplane/native/batch-io.ts';
import { oneLine } from '../one-line.ts';

export interface ServiceManager {
  /** The start is over, and what was promised to others can be had. */
  ready(): void;
  /** The configuration is being loaded again; {@link ready} tells that this is over. */
  reloading(): void;
  /** One line for `systemctl status`. */
  status(text: string): void;
  /** An orderly stop has begun. */
  stopping(): void;
  /** Proof of life; without it for {@link watchdogMs} the manager ends this process. */
  alive(): void;
  /** How long it waits for the next proof, in milliseconds; undefined: it asks for none. */
  readonly watchdogMs: number | undefined;
  /** Whether it keeps descriptors for the next process. */
  readonly keeps: boolean;
  /** Keeps these descriptors for the next process, under a name; ours stay open. Returns whether it was told. */
  store(name: string, fds: readonly number[]): boolean;
  /** Forgets the descriptors of this name. */
  unstore(name: string): void;
}

/** Sends a message: 0, or a negative errno. */
export type Notify = (path: string, message: string, fds: readonly number[]) => number;

/** FDNAME of sd_pid_notify_with_fds(3): ASCII without control characters and colons, at most 255. */
const STORE_NAME = /^[!-9;-~]{1,255}$/;

/** Bytes of a status: systemctl shows one line of it. */
const STATUS_CHARACTERS = 500;

/** Reads what sd_notify(3) and sd_watchdog_enabled(3) say. Call it once, before anything is started: it takes them away, so that no child process speaks for us. */
export function takeServiceManager(
  environment: NodeJS.ProcessEnv,
  { pid, notify = batchIo.notifyService }: { readonly pid: number; readonly notify?: Notify },
): ServiceManager {
  const {
    FDSTORE: fdStore,
    NOTIFY_SOCKET: socket,
    WATCHDOG_USEC: microseconds,
    WATCHDOG_PID: forPid,
  } = environment;
  // systemd.exec(5): set where FileDescriptorStoreMax= is, from systemd 254 on; our unit sets it for those before.
  const keeps = socket !== undefined && Number(fdStore ?? '') > 0;
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID', 'FDSTORE']) delete environment[name];
  const isOurs = forPid === undefined || Number(forPid) === pid;
  const watchdogMs = isOurs ? watchdogOf(microseconds) : undefined;
  const send = (message: string, fds: readonly number[] = []): boolean =>
    socket !== undefined && socket !== '' && notify(socket, message, fds) === 0;
  return {
    watchdogMs: socket === undefined ? undefined : watchdogMs,
    ready: () => void send('READY=1'),
    // Type=notify-reload of systemd 253 and later wants the time, the others pass over it.
    reloading: () => void send(`RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`),
    status: text => void send(`STATUS=${oneLine(text).slice(0, STATUS_CHARACTERS)}`),
    stopping: () => void send('STOPPING=1'),
    alive: () => void send('WATCHDOG=1'),
    keeps,
    store: (name, fds) => keeps && send(`FDSTORE=1\nFDNAME=${checkName(name)}`, fds),
    unstore: name => void (keeps && send(`FDSTOREREMOVE=1\nFDNAME=${checkName(name)}`)),
  };
}

function watchdogOf(microseconds: string | undefined): number | undefined {
  const value = Number(microseconds ?? '');
  return Number.isSafeInteger(value) && value > 0 ? value / 1000 : undefined;
}

function checkName(name: string): string {
  if (!STORE_NAME.test(name)) throw new RangeError(`"${name}" cannot name a stored descriptor`);
  return name;
}
