/** Replaces a configuration file as a whole: a crash leaves the old or the new one. */
import { chmod, chown, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** It may hold a key of gossip. */
const NEW_FILE_MODE = 0o600;

/** A link stays one; owner and mode stay those of the file that was there. Throws what the system throws; then the old file is as it was. */
export async function writeConfigFile(path: string, text: string): Promise<void> {
  const file = await realpath(path).catch(() => path);
  const before = await stat(file).catch(() => undefined);
  const aside = `${file}.new`;
  try {
    const handle = await open(aside, 'w', NEW_FILE_MODE);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (before !== undefined) {
      await chown(aside, before.uid, before.gid);
      await chmod(aside, before.mode & 0o7777);
    }
    await rename(aside, file);
  } catch (error) {
    await rm(aside, { force: true });
    throw error;
  }
  // The name is on the disk only when the directory is.
  const directory = await open(dirname(file), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
