/** weft_VERSION_ARCH.deb: deb-control(5), file-hierarchy(7); what debhelper would make of it, in the little that one package needs. */
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { runCommand } from '../lab/run-command.ts';
import { packageRoot } from '../package-info.ts';

const TEMPLATES = join(packageRoot, 'daemon/packaging/debian');
const LIBRARY = 'usr/lib/weft';
const UNITS = 'usr/lib/systemd/system';

export interface DebianOptions {
  /** What stagePackage() has filled. */
  readonly stage: string;
  /** An empty directory to build in. */
  readonly root: string;
  readonly outDirectory: string;
  readonly version: string;
  readonly manual: string;
  readonly completion: string;
}

/** Builds the package; returns its path. */
export async function buildDebianPackage(options: DebianOptions): Promise<string> {
  const { stage, root, outDirectory, version, manual, completion } = options;
  const { stdout } = await runCommand('dpkg', ['--print-architecture']);
  const architecture = stdout.trim();
  const put = (path: string, content: string | Buffer, mode = 0o644): void => {
    const target = join(root, path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, content);
    chmodSync(target, mode);
  };
  const template = (name: string): string => readFileSync(join(TEMPLATES, name), 'utf8');
  cpSync(stage, join(root, LIBRARY), { recursive: true });
  put(`${LIBRARY}/weft-relay`, readFileSync(join(stage, 'daemon/systemd/native/build/weft-relay')), 0o755);
  for (const unit of ['weft.service', 'weft-docker.socket'])
    put(`${UNITS}/${unit}`, readFileSync(join(stage, 'daemon/systemd', unit)));
  mkdirSync(join(root, 'usr/bin'));
  symlinkSync('../lib/weft/dist/daemon/main.js', join(root, 'usr/bin/weft'));
  mkdirSync(join(root, 'etc/weft'), { recursive: true });
  put('usr/lib/systemd/network/10-weft.network', template('weft.network'));
  put('usr/lib/NetworkManager/conf.d/weft.conf', template('network-manager.conf'));
  put('usr/share/man/man8/weft.8.gz', gzipSync(manual, { level: 9 }));
  put('usr/share/bash-completion/completions/weft', completion);
  put('usr/share/doc/weft/copyright', template('copyright'));
  put('usr/share/doc/weft/examples/weft.yaml', readFileSync(join(stage, 'daemon/config/weft.example.yaml')));
  const control = template('control')
    .replaceAll('@VERSION@', version)
    .replaceAll('@ARCHITECTURE@', architecture)
    .replaceAll('@SIZE@', String(Math.ceil(bytesIn(root) / 1024)));
  put('DEBIAN/control', control);
  for (const script of ['postinst', 'prerm', 'postrm']) put(`DEBIAN/${script}`, template(script), 0o755);
  const path = join(outDirectory, `weft_${version}_${architecture}.deb`);
  await runCommand('dpkg-deb', ['--root-owner-group', '-Zxz', '--build', root, path], { timeoutMs: 120_000 });
  return path;
}

function bytesIn(directory: string): number {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map(path => statSync(join(directory, path)))
    .reduce((sum, { size }) => sum + size, 0);
}
