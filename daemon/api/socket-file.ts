/**
 * The API's socket file: mode 0600 from its first instant, never taken from a daemon that lives.
 *
 * The socket is bound under a name of this process and then linked to the real one. Linking fails when the name is
 * taken, so of two daemons that start together on a free path one is refused; and libuv, which unlinks the name it bound
 * when the server closes, cannot remove a successor's socket. (Two that replace the same stale socket within the same
 * millisecond are not told apart here; on one host the VXLAN port stops the second.)
 */
import { link, lstat, mkdir, unlink } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';
import { WeftError } from '../../dataplane/errors.ts';

export interface SocketFile {
  /** Removes the file if it is still the one that was made. */
  remove(): Promise<void>;
}

/** The key of the configuration that says where the socket of the API is: what hints name. */
const API_SETTING = 'paths.run';

/** Throws `conflict` when a daemon answers on `path` or when something else than a socket is there. */
export async function requireSocketFree(path: string): Promise<void> {
  await probe(path, API_SETTING);
}

/** Whether a daemon answers on `path`. Throws as {@link requireSocketFree} does if that cannot be known. */
export async function isAnswered(path: string): Promise<boolean> {
  return (await look(path, API_SETTING)) === 'answered';
}

/**
 * Makes `server` listen on `path`; a socket that nobody listens on is replaced, a missing directory made (0755).
 * Throws `conflict`, `not_permitted` or `system`; then nothing listens.
 */
export async function listenOn(server: Server, path: string, setting = API_SETTING): Promise<SocketFile> {
  const temporary = `${path}.${process.pid}`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    await unlinkIfThere(temporary);
    await listenPrivately(server, temporary);
    if ((await probe(path, setting)) === 'stale') await unlinkIfThere(path);
    await link(temporary, path).catch(error => {
      throw isCode(error, 'EEXIST') ? answered(path, setting) : error;
    });
    const ours = await lstat(path);
    await unlink(temporary);
    return {
      async remove() {
        const now = await lstat(path).catch(() => undefined);
        if (now?.ino === ours.ino && now.dev === ours.dev) await unlinkIfThere(path);
      },
    };
  } catch (error) {
    if (server.listening) server.close();
    throw error instanceof WeftError ? error : cannotListen(path, error as NodeJS.ErrnoException, setting);
  }
}

/** Makes `server` listen on a socket that listens already: what others have queued on it meanwhile is answered. Throws `system`. */
export async function listenOnInherited(server: Server, descriptor: number): Promise<SocketFile> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(cannotListen(`descriptor ${descriptor}`, error)),
    );
    server.listen({ fd: descriptor }, () => {
      server.removeAllListeners('error');
      resolve();
    });
  });
  // It is there for the next one.
  return { remove: async () => {} };
}

function listenPrivately(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // The socket is bound, with the mode that the umask leaves, before listen returns: no instant in which it is open
    // to others. (Only in the primary process of a cluster; weft uses none.)
    const before = process.umask(0o177);
    try {
      server.listen(path, () => {
        server.removeListener('error', reject);
        resolve();
      });
    } finally {
      process.umask(before);
    }
  });
}

/** Whether `path` is free or a socket that nobody listens on. Throws `conflict` if somebody does. */
async function probe(path: string, setting: string): Promise<'free' | 'stale'> {
  const found = await look(path, setting);
  if (found === 'answered') throw answered(path, setting);
  return found;
}

async function look(path: string, setting: string): Promise<'free' | 'stale' | 'answered'> {
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw cannotListen(path, error, setting);
  });
  if (found === undefined) return 'free';
  if (!found.isSocket()) {
    throw new WeftError('conflict', `${path} exists and is not a socket`, {
      hint: `remove it, or set ${setting} to another place`,
    });
  }
  return new Promise((resolve, reject) => {
    const connection = connect(path);
    connection.once('connect', () => {
      connection.destroy();
      resolve('answered');
    });
    connection.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') resolve('stale');
      else if (error.code === 'ENOENT') resolve('free');
      // EAGAIN: somebody listens and is too busy to accept.
      else if (error.code === 'EAGAIN') resolve('answered');
      else reject(cannotListen(path, error, setting));
    });
  });
}

function answered(path: string, setting: string): WeftError {
  return new WeftError('conflict', `another weft daemon answers on ${path}`, {
    hint: `stop it first, or set ${setting} to another place`,
  });
}

function cannotListen(path: string, error: NodeJS.ErrnoException, setting = API_SETTING): WeftError {
  const permission = error.code === 'EACCES' || error.code === 'EPERM';
  return new WeftError(
    permission ? 'not_permitted' : 'system',
    `cannot listen on ${path}: ${permission ? 'permission denied' : error.message}`,
    {
      hint: permission ? `run weft as root, or set ${setting} to a place of yours` : `see ${setting}`,
      cause: error,
    },
  );
}

async function unlinkIfThere(path: string): Promise<void> {
  await unlink(path).catch(error => {
    if (!isCode(error, 'ENOENT')) throw error;
  });
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === code;
}
