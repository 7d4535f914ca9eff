/**
 * `node dist/daemon/lab/run-hardened.js [SELECTION]`: runs the tests, as run-tests.ts does, on a machine with a real systemd, where the daemons of the labs are
 * units that may do what weft.service may. What it selects by default are the end-to-end tests.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Lab } from './lab.ts';
import { SystemdHost } from './systemd-host.ts';

const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));

/** Runtimes of containers make cgroups, which systemd-nspawn shows for reading only. $1: repository; $2: this Node; $3: the selection. */
const RUN = `
for group in /sys/fs/cgroup/*/; do
  if mountpoint -q "$group"; then mount -o remount,rw,bind "$group"; fi
done
cd "$1"
WEFT_LAB_UNIT=1 exec "$2" dist/daemon/lab/run-tests.js "$3"
`;

async function main(selection = 'e2e'): Promise<number> {
  for (const name of Lab.sweep()) process.stdout.write(`removed what a crashed run left: ${name}\n`);
  const lab = await Lab.create({ name: 'hardened' });
  try {
    const vm = await lab.addVm('a', { underlay: '192.0.2.1/24' });
    const host = await SystemdHost.boot(vm, { hasWeft: false, isForTests: true });
    const args = ['-e', '-c', RUN, 'sh', REPOSITORY, process.execPath, selection];
    const [command, ...words] = host.inside('sh', args);
    const child = spawn(command, words, { stdio: 'inherit' });
    return await new Promise<number>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', code => resolve(code ?? 1));
    });
  } finally {
    await lab.destroy();
  }
}

process.exitCode = await main(process.argv[2]);
