/** A Debian 12 as it comes, with nothing of this machine: where packages are installed in tests. */
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runCommand } from './run-command.ts';

/** Where this machine gets its packages from: in the form of sources.list(5) that it has. */
const SOURCES = ['/etc/apt/sources.list.d/debian.sources', '/etc/apt/sources.list'];

/** What a VM has at the least. */
const PACKAGES = ['systemd', 'iproute2', 'iputils-ping', 'nftables', 'libstdc++6', 'man-db'];

/** mmdebstrap takes 70 s here, and fetches 60 MB. */
const TIMEOUT_MS = 600_000;

/** Makes it in a directory that is not there yet. */
export async function makeDebianRoot(directory: string): Promise<void> {
  const sources = SOURCES.find(file => existsSync(file));
  if (sources === undefined) throw new Error(`none of ${SOURCES.join(', ')} is there: no packages to be had`);
  const options = [
    '--variant=minbase',
    `--include=${PACKAGES.join(',')}`,
    '--aptopt=Acquire::Languages "none"',
    '--dpkgopt=force-unsafe-io',
  ];
  await runCommand('mmdebstrap', [...options, 'bookworm', directory, sources], { timeoutMs: TIMEOUT_MS });
}

/**
 * A package `nodejs` of this machine's Node and npm: Debian 12 has Node 18, and weft needs 20.19. Where operators get theirs from is their
 * business; the name is the same everywhere.
 */
export async function makeNodePackage(directory: string): Promise<string> {
  const root = join(directory, 'nodejs');
  const npm = join(dirname(dirname(process.execPath)), 'lib/node_modules/npm');
  mkdirSync(join(root, 'DEBIAN'), { recursive: true });
  mkdirSync(join(root, 'usr/bin'), { recursive: true });
  for (const part of ['', 'DEBIAN', 'usr', 'usr/bin']) chmodSync(join(root, part), 0o755);
  copyFileSync(process.execPath, join(root, 'usr/bin/node'));
  cpSync(npm, join(root, 'usr/lib/node_modules/npm'), { recursive: true });
  writeFileSync(
    join(root, 'usr/bin/npm'),
    '#!/bin/sh\nexec node /usr/lib/node_modules/npm/bin/npm-cli.js "$@"\n',
  );
  chmodSync(join(root, 'usr/bin/npm'), 0o755);
  const { stdout } = await runCommand('dpkg', ['--print-architecture']);
  const fields = [
    'Package: nodejs',
    `Version: ${process.versions.node}`,
    `Architecture: ${stdout.trim()}`,
    'Maintainer: weft tests <weft@localhost>',
    "Description: this machine's Node",
  ];
  writeFileSync(join(root, 'DEBIAN/control'), `${fields.join('\n')}\n`);
  const file = join(directory, 'nodejs.deb');
  // Not compressed: it is read once.
  await runCommand('dpkg-deb', ['--root-owner-group', '-Znone', '--build', root, file], {
    timeoutMs: 120_000,
  });
  return file;
}
