/** A directory for one test. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Removed, with all in it, when the test that `t` stands for has ended. */
export async function tempDirectory(t: { teardown(fn: () => Promise<void>): void }): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'weft-test-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}
