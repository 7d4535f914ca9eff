/** What containers of the lab have inside: busybox, statically linked, so that no image has to come from anywhere. */
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from './run-command.ts';

/** Programs of busybox that the tests call. */
const APPLETS = ['sh', 'sleep', 'ip', 'ping', 'wget', 'httpd', 'cat', 'nslookup'];

/** The names of an image's architecture are those of Go. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/** Makes a root file system in `directory`. */
export function makeBusyboxRoot(directory: string): void {
  for (const name of ['bin', 'proc', 'sys', 'tmp', 'etc', 'dev'])
    mkdirSync(join(directory, name), { recursive: true });
  copyFileSync('/bin/busybox', join(directory, 'bin/busybox'));
  chmodSync(join(directory, 'bin/busybox'), 0o755);
  for (const applet of APPLETS) symlinkSync('busybox', join(directory, 'bin', applet));
}

/** Packs a root file system, and returns the path of the archive. */
export async function makeBusyboxLayer(directory: string): Promise<string> {
  const root = join(directory, 'image');
  makeBusyboxRoot(root);
  const archive = join(directory, 'layer.tar');
  await runCommand('tar', ['-C', root, '-cf', archive, '.']);
  return archive;
}

/**
 * An image as `docker save` writes it (moby, image/spec/spec.md, "Combined Image JSON + Filesystem Changeset Format"), which sleeps if it
 * is told nothing else. Returns the path of the archive.
 */
export async function makeBusyboxImage(directory: string, tag: string): Promise<string> {
  const layer = await makeBusyboxLayer(directory);
  const config = {
    architecture: ARCHITECTURES[process.arch],
    os: 'linux',
    config: { Env: ['PATH=/bin'], Cmd: ['/bin/sleep', '600'] },
    rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(readFileSync(layer))}`] },
  };
  const manifest = [{ Config: 'config.json', RepoTags: [tag], Layers: ['layer.tar'] }];
  writeFileSync(join(directory, 'config.json'), JSON.stringify(config));
  writeFileSync(join(directory, 'manifest.json'), JSON.stringify(manifest));
  const archive = join(directory, 'image.tar');
  await runCommand('tar', ['-C', directory, '-cf', archive, 'manifest.json', 'config.json', 'layer.tar']);
  return archive;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
