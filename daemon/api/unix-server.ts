/** HTTP over a Unix socket, as both the API and the Docker plugin speak it: bounded in time, and ended in an orderly way. */
import { createServer } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { Clock } from '../../dataplane/clock.ts';
import { errorFields, type Log } from '../log.ts';
import { listenOn, listenOnInherited } from './socket-file.ts';

export interface UnixServer {
  /** Takes no more requests, waits for those under way (up to a limit), ends all connections, removes the socket if we made it. */
  close(): Promise<void>;
}

export interface UnixServerOptions {
  /** Where it listens; of an inherited socket, what the log calls it. */
  readonly socketPath: string;
  /** The key of the configuration that says so. @default paths.run */
  readonly setting?: string;
  /** A socket that listens already, by its descriptor: whoever made it keeps it. */
  readonly inherited?: number | undefined;
  /** How long close waits for requests under way. */
  readonly graceMs?: number | undefined;
}

/** How long a client may take to send a whole request. */
const REQUEST_TIMEOUT_MS = 10_000;

const DEFAULT_GRACE_MS = 5_000;

/** Resolves when the socket answers. Throws `conflict`, `not_permitted` or `system`. */
export async function startUnixServer(
  { clock, log }: { readonly clock: Clock; readonly log: Log },
  app: FastifyInstance,
  { socketPath, setting, inherited, graceMs = DEFAULT_GRACE_MS }: UnixServerOptions,
): Promise<UnixServer> {
  await app.ready();
  // Not fastify's own listen: it binds asynchronously, and the socket's mode is set by a umask around the bind.
  const server = createServer(
    {
      requestTimeout: REQUEST_TIMEOUT_MS,
      headersTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: 1_000,
    },
    (request, response) => app.routing(request, response),
  );
  const socket =
    inherited === undefined
      ? await listenOn(server, socketPath, setting)
      : await listenOnInherited(server, inherited);
  // An accept that fails (no descriptor left) must not end the daemon; the next one may succeed.
  server.on('error', error => {
    log.error({ component: 'api', socket: socketPath, ...errorFields(error) }, 'accept failed');
  });
  const shutDown = async () => {
    const closed = new Promise<void>(resolve => {
      server.close(() => resolve());
    });
    const patience = clock.after(graceMs, () => server.closeAllConnections());
    await socket.remove();
    await closed;
    patience.cancel();
    await app.close();
  };
  let closing: Promise<void> | undefined;
  return {
    close() {
      closing ??= shutDown();
      return closing;
    },
  };
}
