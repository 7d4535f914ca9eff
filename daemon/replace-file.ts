/** A file that is replaced as a whole: a crash leaves the old one or the new one, and never half of one. */
import { rmSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface ReplaceOptions {
  /** Of the new file. */
  readonly mode: number;
  /** What is done with the new file before it takes the place, by its path. @default nothing */
  readonly prepare?: (aside: string) => Promise<void>;
}

/** Where the new file is until it is complete; it is left there if something fails. */
export function asideOf(file: string): string {
  return `${file}.new`;
}

/** Write aside, sync, rename: it is on the disk when this resolves. Throws what the system throws. */
export async function replaceFile(
  file: string,
  text: string,
  { mode, prepare }: ReplaceOptions,
): Promise<void> {
  const aside = asideOf(file);
  const handle = await open(aside, 'w', mode);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await prepare?.(aside);
  await rename(aside, file);
  // The name is on the disk only when the directory is.
  const directory = await open(dirname(file), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** For what is of no use any more, and whose place may be gone too, or read-only. */
export function removeQuietly(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // Nobody needs it.
  }
}
