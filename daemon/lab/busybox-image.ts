/** An image for containers of the lab: busybox, linked to no library. */
import { chmodSync, copyFileSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from './run-command.ts';

/** Programs of busybox that the tests call. */
const APPLETS = ['sh', 'sleep', 'ip', 'ping', 'wget', 'httpd', 'cat', 'nslookup'];

/** Makes its root file system below the directory, and returns the path of an archive of it: what `import` takes. */
export async function busyboxArchive(directory: string): Promise<string> {
  const root = join(directory, 'image');
  for (const name of ['bin', 'proc', 'sys', 'tmp', 'etc', 'dev'])
    mkdirSync(join(root, name), { recursive: true });
  copyFileSync('/bin/busybox', join(root, 'bin/busybox'));
  chmodSync(join(root, 'bin/busybox'), 0o755);
  for (const applet of APPLETS) symlinkSync('busybox', join(root, 'bin', applet));
  const archive = join(directory, 'image.tar');
  await runCommand('tar', ['-C', root, '-cf', archive, '.']);
  return archive;
}
