/** A report as one file: tar, compressed, for its owner only. */
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';
import { WeftError } from '../../../dataplane/errors.ts';
import type { ReportFiles } from './collect-report.ts';

/** It tells much of a network: nobody but its owner reads it. */
const MODE = 0o600;

/**
 * Writes the files below `directory`, in the archive. Throws `conflict` if there is a file of that name already, `system` if it cannot be
 * written; then none is left.
 */
export async function writeArchive(path: string, directory: string, files: ReportFiles): Promise<void> {
  const archive = pack();
  for (const [name, text] of files) archive.entry({ name: `${directory}/${name}`, mode: MODE }, text);
  archive.finalize();
  try {
    await pipeline(archive, createGzip(), createWriteStream(path, { flags: 'wx', mode: MODE }));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') {
      throw new WeftError('conflict', `there is a file ${path} already`, { hint: 'name another one', cause });
    }
    await rm(path, { force: true });
    throw new WeftError('system', `cannot write ${path}: ${(cause as Error).message}`, { cause });
  }
}
