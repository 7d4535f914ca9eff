/**
 * `node dist/daemon/lab/run-hardened.js [PART-OF-A-PATH…]`: runs end-to-end tests, by default all, as run-tests.ts does, on a machine with a real systemd, where
 * the daemons of the labs are units that may do what weft.service may.
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Lab } from './lab.ts';
import { SystemdHost } from './systemd-host.ts';

const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));

/** What cannot be inside: with a systemd or mounts of its own, or with runtimes of containers, which systemd-nspawn gets in the way of. */
const OWN_RUNTIME = 'runc runs nothing in its containers here, whatever weft may do';
const OWN_SYSTEMD = 'it starts a systemd of its own, with weft.service';
const ELSEWHERE: Readonly<Record<string, string>> = {
  containerd: OWN_RUNTIME,
  docker: OWN_RUNTIME,
  podman: OWN_RUNTIME,
  continuity: OWN_SYSTEMD,
  install: OWN_SYSTEMD,
  systemd: OWN_SYSTEMD,
  underlay: OWN_SYSTEMD,
  upgrade: OWN_SYSTEMD,
  'disk-full': 'the daemon is to have a disk of its own',
  hardened: 'it starts this',
  'take-over': 'it is for hosts without a service manager',
};

function hosted(): string[] {
  const names = readdirSync(new URL('../e2e/', import.meta.url)).flatMap(
    file => /^(.*)\.test\.js$/.exec(file)?.[1] ?? [],
  );
  for (const name of names)
    if (name in ELSEWHERE) process.stdout.write(`not inside: ${name}: ${ELSEWHERE[name]}\n`);
  return names.filter(name => !(name in ELSEWHERE)).map(name => `e2e/${name}.test.js`);
}

/** Mounts are seen by everybody, as where systemd is not in a container; runtimes of containers make cgroups, which systemd-nspawn shows for reading only. $1: repository; $2: this Node; the rest: the selection. */
const RUN = `
mount --make-rshared /
for group in /sys/fs/cgroup/*/; do
  if mountpoint -q "$group"; then mount -o remount,rw,bind "$group"; fi
done
cd "$1"
node=$2; shift 2
WEFT_LAB_UNIT=1 exec "$node" dist/daemon/lab/run-tests.js "$@"
`;

async function main(parts: readonly string[]): Promise<number> {
  const selection = parts.length > 0 ? parts : hosted();
  for (const name of Lab.sweep()) process.stdout.write(`removed what a crashed run left: ${name}\n`);
  const lab = await Lab.create({ name: 'hardened' });
  try {
    const vm = await lab.addVm('a', { underlay: '192.0.2.1/24' });
    const host = await SystemdHost.boot(vm, { hasWeft: false, isForTests: true });
    const args = ['-e', '-c', RUN, 'sh', REPOSITORY, process.execPath, ...selection];
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

process.exitCode = await main(process.argv.slice(2));
