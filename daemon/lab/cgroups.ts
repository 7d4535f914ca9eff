/** Cgroups of machines that have a systemd of their own (systemd-host.ts), named as their namespaces are. */
import { readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { ownerOf } from './names.ts';

/** Of cgroup v1 in hybrid mode, as on the machines where the tests run; of these the second is that of v2. */
const HIERARCHIES = ['/sys/fs/cgroup/systemd', '/sys/fs/cgroup/unified'];

/** Directories of the cgroups that a machine of this name shall have. */
export function cgroupsOf(name: string): readonly string[] {
  return HIERARCHIES.flatMap(hierarchy => (list(hierarchy) === undefined ? [] : [join(hierarchy, name)]));
}

/** Removes the cgroups that machines of these labs, whose processes have ended, have left. */
export function removeCgroups(isOver: (owner: number) => boolean): void {
  for (const hierarchy of HIERARCHIES) {
    for (const name of list(hierarchy) ?? []) {
      const owner = ownerOf(name);
      if (owner !== undefined && isOver(owner)) removeTree(join(hierarchy, name));
    }
  }
}

/** A cgroup goes when nothing is in it: its files are no files. */
function removeTree(directory: string): void {
  try {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      if (entry.isDirectory()) removeTree(join(directory, entry.name));
    }
    rmdirSync(directory);
  } catch {
    // Its last process is still on its way out: the next sweep finds it.
  }
}

function list(directory: string): readonly string[] | undefined {
  try {
    return readdirSync(directory);
  } catch {
    return undefined;
  }
}
