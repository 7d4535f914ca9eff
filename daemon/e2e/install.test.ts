/**
 * The packages, on a Debian 12 that knows nothing of weft, of this machine and of any network.
 *
 *   [ Debian 12 under systemd-nspawn ]  dpkg -i, configure, attach, dpkg -i of the next version, dpkg -r, dpkg -P
 */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { makeDebianRoot, makeNodePackage } from '../lab/debian-root.ts';
import type { Lab } from '../lab/lab.ts';
import { notTested } from '../lab/not-tested.ts';
import { runCommand } from '../lab/run-command.ts';
import { SystemdHost } from '../lab/systemd-host.ts';
import { waitFor } from '../lab/wait-for.ts';
import { weftConfig } from '../lab/weft-config.ts';
import type { StatusReport } from '../operations.ts';
import { version } from '../package-info.ts';
import { makePackages, type Packages } from '../packaging/make-packages.ts';
import { inLab } from './in-lab.ts';
import { BLUE } from './overlay.ts';

type Status = Pick<StatusReport, 'node'>;

const NEXT = `${version}9`;
const UNIT = 'weft.service';

let directory = '';
let root = '';
let node = '';
let packages: Packages;
/** Why there is no Debian to install on. */
let noDebian: string | undefined;
let next: Packages;

test.before(async t => {
  t.timeout(900_000);
  directory = mkdtempSync(join(tmpdir(), 'weft-install-'));
  root = join(directory, 'root');
  const made = Promise.all([
    makePackages(join(directory, 'packages')),
    makePackages(join(directory, 'next'), { version: NEXT }),
    makeNodePackage(directory),
  ]);
  const debian = makeDebianRoot(root).catch((error: Error) => {
    noDebian = error.message;
  });
  [[packages, next, node]] = await Promise.all([made, debian]);
  if (noDebian !== undefined) return;
  // The machines are views of it that only add.
  mkdirSync(join(root, 'packages'));
  for (const file of [packages.archive, packages.debian, next.debian, node])
    copyFileSync(file, join(root, 'packages', basename(file)));
});

test.after.always(() => rmSync(directory, { recursive: true, force: true }));

/** Everything of the machine that has weft in its name, but what was there at first. */
async function traces(host: SystemdHost): Promise<string[]> {
  const where = ['/etc', '/usr', '/var', '/opt', '/run'];
  const find = [
    'find',
    ...where,
    '-xdev',
    '-iname',
    '*weft*',
    '-not',
    '-path',
    '/run/systemd/*',
    '-not',
    '-path',
    '/var/cache/man/*',
  ];
  const { stdout } = await host.exec('sh', [
    '-c',
    `${find.map(word => `'${word}'`).join(' ')} 2>/dev/null | sort`,
  ]);
  return stdout.split('\n').filter(Boolean);
}

async function boot(lab: Lab): Promise<{ host: SystemdHost; install(file: string): Promise<string> }> {
  const vm = await lab.addVm('a', { underlay: '192.0.2.1/24' });
  const host = await SystemdHost.boot(vm, { root });
  const install = async (file: string): Promise<string> => {
    const { stdout, stderr } = await host.exec('dpkg', ['-i', `/packages/${basename(file)}`], {
      timeoutMs: 120_000,
    });
    return stdout + stderr;
  };
  await install(node);
  return { host, install };
}

async function configure(t: ExecutionContext, host: SystemdHost): Promise<void> {
  const config = weftConfig(host.vm, { networks: [BLUE], override: { paths: {} } });
  await host.write('/etc/weft/weft.yaml', JSON.stringify(config));
  const { code } = await host.exec('systemctl', ['start', UNIT], { check: false });
  if (code !== 0) t.log(await host.journal(UNIT));
  t.is(await host.property(UNIT, 'ActiveState'), 'active');
}

test.serial(
  'install (Debian): a service that waits for its configuration, and then carries; an upgrade keeps all; nothing is left',
  async t => {
    t.timeout(600_000);
    if (noDebian !== undefined) {
      notTested(t, `the package of Debian: ${noDebian}`);
      t.pass();
      return;
    }
    await inLab(t, 'install-deb', async lab => {
      const { host, install } = await boot(lab);
      const clean = await traces(host);
      await install(packages.debian);
      const weft = async (...args: string[]) => (await host.exec('weft', args)).stdout;
      t.is((await weft('--version')).trim(), version);
      t.is(await host.property(UNIT, 'UnitFileState'), 'enabled');
      t.is(await host.property(UNIT, 'ActiveState'), 'inactive');
      const page = await host.exec('man', ['--warnings', '-P', 'cat', 'weft']);
      t.is(page.stderr, '');
      t.regex(page.stdout, /weft attach.*--network/s);
      t.is((await host.exec('systemd-analyze', ['verify', UNIT])).stderr, '');
      t.regex(await weft('config', 'check', '/usr/share/doc/weft/examples/weft.yaml'), /: ok/);
      const completed = `. /usr/share/bash-completion/completions/weft; COMP_WORDS=(weft network cr); COMP_CWORD=2; _weft; echo "\${COMPREPLY[@]}"`;
      t.is((await host.exec('bash', ['-c', completed])).stdout.trim(), 'create');

      await configure(t, host);
      t.is(await host.property(UNIT, 'NRestarts'), '0');
      const container = await host.vm.addContainer('c1');
      await weft('attach', container.netns, '--network', 'blue', '--address', '198.18.0.1/24');

      await install(next.debian);
      t.is((await weft('--version')).trim(), NEXT);
      const reported = JSON.parse(await weft('status', '--json')) as Status;
      t.is(reported.node.version, NEXT, 'the daemon that runs is the new one');
      t.is((JSON.parse(await weft('endpoints', '--json')) as unknown[]).length, 1);
      t.regex(await host.journal(UNIT), /the next daemon carries frames/);

      await host.exec('dpkg', ['-r', 'weft']);
      t.is(await host.property(UNIT, 'ActiveState'), 'inactive');
      await host.exec('test', ['-f', '/etc/weft/weft.yaml']);
      await host.exec('test', ['-d', '/var/lib/weft']);
      t.notRegex((await host.exec('ip', ['-o', 'link'])).stdout, /\bw[ftvxi]/);
      await host.exec('dpkg', ['-P', 'weft']);
      t.deepEqual(await traces(host), clean);
    });
  },
);

test.serial(
  'install (npm): one archive is all it takes, without a network and without a compiler',
  async t => {
    t.timeout(600_000);
    if (noDebian !== undefined) {
      notTested(t, `the archive of npm: ${noDebian}`);
      t.pass();
      return;
    }
    await inLab(t, 'install-npm', async lab => {
      const { host } = await boot(lab);
      const offline = ['--net', 'npm', 'install', '--global', '--offline', '--no-audit', '--no-fund'];
      await host.exec('unshare', [...offline, `/packages/${basename(packages.archive)}`], {
        timeoutMs: 120_000,
      });
      t.is((await host.exec('weft', ['--version'])).stdout.trim(), version);
      const { stdout: prefix } = await host.exec('npm', ['root', '--global']);
      const example = `${prefix.trim()}/weft/daemon/config/weft.example.yaml`;
      t.regex((await host.exec('weft', ['config', 'check', example])).stdout, /: ok/);
      // As docs/operations.md has it.
      const steps = `set -e
package=${prefix.trim()}/weft
mkdir -p /usr/lib/weft /etc/weft
ln -s "$package/daemon/systemd/native/build/weft-relay" /usr/lib/weft/
[ -e /usr/bin/weft ] || ln -s "$(command -v weft)" /usr/bin/weft
cp "$package/daemon/systemd/weft.service" /etc/systemd/system/
systemctl daemon-reload`;
      await host.exec('sh', ['-c', steps]);
      await configure(t, host);
      const { stdout } = await host.exec('weft', ['status', '--json']);
      t.is((JSON.parse(stdout) as Status).node.version, version);
      await waitFor(async () => (await host.journal(UNIT)).includes('ready'), { what: 'the log' });
    });
  },
);

test.serial('packages: what dpkg says of them', async t => {
  const { stdout: fields } = await runCommand('dpkg-deb', ['--info', packages.debian]);
  t.regex(fields, /Depends: nodejs \(>= 20\.19\)/);
  const { stdout: files } = await runCommand('dpkg-deb', ['--contents', packages.debian]);
  for (const line of files.trim().split('\n')) t.regex(line, / root\/root /);
  t.notRegex(files, /\.map$|\.test\.js$|\.ts$/m);
});
