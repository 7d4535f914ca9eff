/**
 * Descriptors that this process was started with: listening sockets of a socket unit, and what an earlier process has put into
 * the store of the service manager (sd_listen_fds(3)). They count from 3, and come with names.
 */
import { batchIo } from '../../dataplane/native/batch-io.ts';

/** SD_LISTEN_FDS_START of systemd/sd-daemon.h. */
const FIRST = 3;

/** What the manager calls those it has no name for. */
const UNNAMED = 'unknown';

export class PassedDescriptors {
  private readonly byName: Map<string, number[]>;

  constructor(byName: ReadonlyMap<string, readonly number[]>) {
    this.byName = new Map([...byName].map(([name, fds]) => [name, [...fds]]));
  }

  /** Those of this name, in the order in which they were given; they are the caller's now. Empty: there are none. */
  take(name: string): readonly number[] {
    const fds = this.byName.get(name) ?? [];
    this.byName.delete(name);
    return fds;
  }

  /** One of those whose names begin so; it stays where it is. */
  look(prefix: string): number | undefined {
    const name = this.names.find(candidate => candidate.startsWith(prefix));
    return name === undefined ? undefined : this.byName.get(name)?.[0];
  }

  /** Names whose descriptors nobody has taken. */
  get names(): readonly string[] {
    return [...this.byName.keys()];
  }

  /** Closes what nobody wanted. Returns the names. */
  closeRest(): readonly string[] {
    const { names } = this;
    for (const name of names) for (const fd of this.take(name)) batchIo.closeDescriptor(fd);
    return names;
  }
}

/**
 * Reads LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES and takes them away: what they name is ours alone. Descriptors that turn out not to
 * be open are left out. Call it once, before anything is started.
 */
export function takePassedDescriptors(
  environment: NodeJS.ProcessEnv,
  { pid, adopt = batchIo.adoptDescriptor }: { readonly pid: number; readonly adopt?: (fd: number) => number },
): PassedDescriptors {
  const { LISTEN_PID: forPid, LISTEN_FDS: count, LISTEN_FDNAMES: text = '' } = environment;
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) delete environment[name];
  const byName = new Map<string, number[]>();
  const passed = Number(count ?? '');
  if (Number(forPid) !== pid || !Number.isSafeInteger(passed)) return new PassedDescriptors(byName);
  const names = text.split(':');
  for (let index = 0; index < passed; index++) {
    const fd = FIRST + index;
    if (adopt(fd) !== 0) continue;
    const name = names[index] || UNNAMED;
    byName.set(name, [...(byName.get(name) ?? []), fd]);
  }
  return new PassedDescriptors(byName);
}
