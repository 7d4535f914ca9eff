/** Replaces a configuration file as a whole: a crash leaves the old or the new one. */
import { chmod, chown, realpath, rm, stat } from 'node:fs/promises';
import { asideOf, replaceFile } from '../replace-file.ts';

/** It may hold a key of gossip. */
const NEW_FILE_MODE = 0o600;

/** A link stays one; owner and mode stay those of the file that was there. Throws what the system throws; then the old file is as it was. */
export async function writeConfigFile(path: string, text: string): Promise<void> {
  const file = await realpath(path).catch(() => path);
  const before = await stat(file).catch(() => undefined);
  const prepare = async (aside: string) => {
    if (before === undefined) return;
    await chown(aside, before.uid, before.gid);
    await chmod(aside, before.mode & 0o7777);
  };
  try {
    await replaceFile(file, text, { mode: NEW_FILE_MODE, prepare });
  } catch (error) {
    await rm(asideOf(file), { force: true });
    throw error;
  }
}
