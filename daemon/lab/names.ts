/**
 * Everything a lab makes on the machine is named after the process that owns it, so that a later run can tell what a
 * crashed one left behind: network namespaces and directories `weft-PID-LAB[-HOST]`.
 */
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const NETNS_DIRECTORY = '/run/netns';
const OWNED = /^weft-(\d+)-/;
/** What may be part of a name: it ends up in interface names and in `ip -batch` lines, where quoting does not exist. */
const PART = /^[a-z0-9][a-z0-9.]*(-[a-z0-9.]+)*$/;

export function checkNamePart(part: string): void {
  if (!PART.test(part))
    throw new Error(`"${part}" is no name for a lab or a host: use a-z, 0-9, "." and "-"`);
}

export function labPrefix(pid: number, lab: string): string {
  return `weft-${pid}-${lab}`;
}

/** The pid that owns the namespace or directory of this name; undefined for names that are none of ours. */
export function ownerOf(name: string): number | undefined {
  const match = OWNED.exec(name);
  return match?.[1] === undefined ? undefined : Number(match[1]);
}

export function labDirectory(pid: number, lab: string): string {
  return join(tmpdir(), labPrefix(pid, lab));
}

/** The named network namespaces of labs, of any owner. */
export function listLabNamespaces(): string[] {
  return listDirectory(NETNS_DIRECTORY).filter(name => ownerOf(name) !== undefined);
}

/** Paths of the directories of labs, of any owner, and their owners. */
export function listLabDirectories(): { path: string; owner: number }[] {
  return listDirectory(tmpdir()).flatMap(name => {
    const owner = ownerOf(name);
    return owner === undefined ? [] : [{ path: join(tmpdir(), name), owner }];
  });
}

export function netnsPath(netns: string): string {
  return `${NETNS_DIRECTORY}/${netns}`;
}

function listDirectory(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return []; // No namespace was ever made on this machine.
  }
}
