/** Making and removing namespaces: those of labs synchronously, because that must also work while this process exits. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { removeCgroups } from './cgroups.ts';
import { listLabDirectories, listLabNamespaces, netnsPath, ownerOf } from './names.ts';
import { runCommand } from './run-command.ts';

/** Makes a named network namespace. Synchronous, so that no end of this process can come between it and its record. */
export function makeNamespace(name: string): void {
  const { status, stderr } = spawnSync('ip', ['netns', 'add', name], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`cannot make the network namespace ${name}: ${stderr.trim()}`);
}

/** Makes many at once, by one process. */
export function makeNamespaces(names: readonly string[]): void {
  const input = names.map(name => `netns add ${name}\n`).join('');
  const { status, stderr } = spawnSync('ip', ['-batch', '-'], { input, encoding: 'utf8' });
  if (status !== 0) throw new Error(`cannot make ${names.length} network namespaces: ${stderr.trim()}`);
}

/** Deletes a named network namespace, as its owner does: from here, for inside of `ip netns exec` a mount below the one that is seen may keep the file. */
export async function deleteNamespace(name: string): Promise<void> {
  await runCommand('ip', ['netns', 'del', name]);
}

/** Kills what runs in these named network namespaces and deletes them. Those that are gone already are passed over. */
export function removeNamespaces(names: readonly string[]): void {
  const present = names.flatMap(name => {
    const inode = inodeOf(netnsPath(name));
    return inode === undefined ? [] : [{ name, inode }];
  });
  if (present.length === 0) return;
  killAllIn(new Set(present.map(({ inode }) => inode)));
  const input = present.map(({ name }) => `netns del ${name}`).join('\n');
  spawnSync('ip', ['-force', '-batch', '-'], { input: `${input}\n` });
}

/**
 * Removes what labs of dead processes left: their processes, namespaces and directories.
 * Returns the names of what was removed.
 */
export function removeOrphans(): string[] {
  const namespaces = listLabNamespaces().filter(name => !isAlive(ownerOf(name) ?? 0));
  const directories = listLabDirectories().filter(({ owner }) => !isAlive(owner));
  removeNamespaces(namespaces);
  removeCgroups(owner => !isAlive(owner));
  for (const { path } of directories) rmSync(path, { recursive: true, force: true });
  return [...namespaces, ...directories.map(({ path }) => path)];
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: there is one, of somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function killAllIn(namespaces: ReadonlySet<number>): void {
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    try {
      // The link reads "net:[4026531840]"; the number is the inode of the namespace.
      const inode = Number(/\d+/.exec(readlinkSync(`/proc/${pid}/ns/net`))?.[0]);
      if (namespaces.has(inode)) process.kill(pid, 'SIGKILL');
    } catch {
      // It ended while we looked, or it is a kernel thread.
    }
  }
}

function inodeOf(path: string): number | undefined {
  try {
    return statSync(path).ino;
  } catch {
    return undefined;
  }
}
