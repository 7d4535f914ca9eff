/** Network namespaces as operators name them: a name (`ip netns`), a path, or a PID. */
import { readlinkSync, statfsSync, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { WeftError } from '../../dataplane/errors.ts';

export interface Netns {
  /** As the operator wrote it. */
  readonly name: string;
  /** A file that stands for the namespace as long as it exists. */
  readonly path: string;
  /** Inode on nsfs: the identity of the namespace, whichever path leads to it. */
  readonly inode: number;
}

/** NSFS_MAGIC of linux/magic.h: the file system of namespace files. */
const NSFS_MAGIC = 0x6e736673;
const RUN_NETNS = '/run/netns';

/** What `ip -batch` takes apart, ends a line at, or continues it for (getcmdline and makeargs of iproute2's lib/utils.c), as shells do. */
const UNSPEAKABLE = /[\s"'#\\]/;

/** Finds the namespace. Throws `not_found`, or `invalid_argument` when the file is no network namespace, or its name could not be said to `ip`, as errors and hints do. */
export async function resolveNetns(name: string): Promise<Netns> {
  const { netns, isOwn } = await findNetns(name);
  if (!isOwn) return netns;
  throw new WeftError('invalid_argument', `"${name}" is the namespace of the daemon itself`, {
    hint: 'name the namespace of a container',
  });
}

/** The same for a container that has the namespace of the VM. Throws `invalid_argument` for another one. */
export async function resolveOwnNetns(name: string): Promise<Netns> {
  const { netns, isOwn } = await findNetns(name);
  if (isOwn) return netns;
  throw new WeftError('invalid_argument', `"${name}" is not the namespace of the VM`, {
    hint: 'give the PID of a container that was started with the network of its host',
  });
}

async function findNetns(name: string): Promise<{ readonly netns: Netns; readonly isOwn: boolean }> {
  if (UNSPEAKABLE.test(name)) {
    throw new WeftError('invalid_argument', `${JSON.stringify(name)} cannot be the name of a namespace`, {
      hint: 'name it without blanks, quotes, "#" and backslashes, or give the PID of a process in it',
    });
  }
  const path = pathOf(name);
  const inode = await netnsInode(path);
  if (inode === undefined) {
    throw new WeftError('not_found', `there is no network namespace "${name}" (${path})`, {
      hint: 'name one that `ip netns list` shows, a path such as /run/netns/NAME, or the PID of a process in it',
    });
  }
  const isOwn = inode === (await netnsInode('/proc/self/ns/net'));
  return { netns: { name, path, inode }, isOwn };
}

function pathOf(name: string): string {
  if (/^\d+$/.test(name)) return `/proc/${name}/ns/net`;
  if (name.startsWith('/')) return name;
  if (name === '' || name.includes('/') || name === '.' || name === '..') {
    throw new WeftError('invalid_argument', `"${name}" is no namespace`, {
      hint: 'give a name, an absolute path or a PID',
    });
  }
  return `${RUN_NETNS}/${name}`;
}

/** Inode of the namespace behind a path; undefined if nothing is there. Throws if it is something else. */
export async function netnsInode(path: string): Promise<number | undefined> {
  try {
    // A look at the kernel's own memory: to have a thread do it takes longer, and the more so the busier the machine is.
    const { ino } = statSync(path);
    if (statfsSync(path).type !== NSFS_MAGIC || !isNetwork(path)) {
      // A file of /run/netns that is not mounted over is what remains of a deleted namespace.
      if (path.startsWith(`${RUN_NETNS}/`)) return undefined;
      throw new WeftError('invalid_argument', `${path} is not a network namespace`, {
        hint: 'give the path of a file such as /run/netns/NAME or /proc/PID/ns/net',
      });
    }
    return ino;
  } catch (error) {
    if (error instanceof WeftError) throw error;
    return undefined;
  }
}

/** /proc links name the kind of their namespace; bind mounts do not, and are believed. */
function isNetwork(path: string): boolean {
  try {
    return readlinkSync(path).startsWith('net:');
  } catch {
    return true;
  }
}

/**
 * A path at which the namespace can be entered now: the one it was known by, or, when that is gone (its process has
 * ended, its name was removed), another name or process of the same namespace. Undefined when nobody holds it any more.
 */
export async function locateNetns({
  path,
  inode,
}: Pick<Netns, 'path' | 'inode'>): Promise<string | undefined> {
  if (await leadsTo(path, inode)) return path;
  for (const name of await list(RUN_NETNS)) {
    if (UNSPEAKABLE.test(name)) continue;
    if (await leadsTo(`${RUN_NETNS}/${name}`, inode)) return `${RUN_NETNS}/${name}`;
  }
  for (const pid of (await list('/proc')).filter(name => /^\d+$/.test(name))) {
    if (await leadsTo(`/proc/${pid}/ns/net`, inode)) return `/proc/${pid}/ns/net`;
  }
  return undefined;
}

async function leadsTo(path: string, inode: number): Promise<boolean> {
  try {
    return (await netnsInode(path)) === inode;
  } catch {
    // A file of another kind is at that path now.
    return false;
  }
}

async function list(directory: string): Promise<string[]> {
  return readdir(directory).catch(() => []);
}
