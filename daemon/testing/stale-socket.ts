/** What a daemon that was killed leaves behind. */
import { link, unlink } from 'node:fs/promises';
import { createServer } from 'node:net';

/** Makes a Unix socket at `path` on which nobody listens. */
export async function makeStaleSocket(path: string): Promise<void> {
  const server = createServer();
  const bound = `${path}.bound`;
  await new Promise<void>(resolve => server.listen(bound, resolve));
  await link(bound, path);
  await new Promise<void>(resolve => server.close(() => resolve()));
  await unlink(bound).catch(() => {});
}
