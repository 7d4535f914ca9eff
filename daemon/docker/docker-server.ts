/**
 * The socket of the plugin, on which dockerd calls POST /METHOD (docs.docker.com/engine/extend/plugin_api). dockerd itself never gives up waiting
 * for an answer, so there is one in any case.
 */
import Fastify, { type FastifyInstance } from 'fastify';
import type { Clock } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { startUnixServer, type UnixServer, type UnixServerOptions } from '../api/unix-server.ts';
import { errorFields, type Log } from '../log.ts';
import type { DockerHandler } from './docker-plugin.ts';

/** What it takes longer for is refused; what comes of it later, dockerd takes back or weft collects (docker-plugin.ts). */
const DEADLINE_MS = 20_000;

/** A CreateEndpoint has some hundred bytes, and some for each port that is exposed. */
const MAX_BODY_BYTES = 1024 * 1024;

const CONTENT_TYPE = 'application/vnd.docker.plugins.v1.2+json';

export interface DockerServerModules {
  readonly clock: Clock;
  readonly log: Log;
  readonly docker: DockerHandler;
}

/** Resolves when the socket answers. Throws `conflict`, `not_permitted` or `system`. */
export async function startDockerServer(
  modules: DockerServerModules,
  options: UnixServerOptions,
): Promise<UnixServer> {
  return await startUnixServer(modules, routes(modules), options);
}

function routes({ clock, log, docker }: DockerServerModules): FastifyInstance {
  const app = Fastify({ logger: false, bodyLimit: MAX_BODY_BYTES, exposeHeadRoutes: false });
  // dockerd names no type, and sends no body where a method has no arguments.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, (_, body, done) => {
    try {
      done(null, body === '' ? {} : JSON.parse(body as string));
    } catch {
      done(new WeftError('malformed', 'the request is not JSON'));
    }
  });
  app.post<{ Params: { method: string } }>('/:method', async (request, reply) => {
    const { method } = request.params;
    const answer = await inTime(clock, method, docker(method, request.body ?? {}));
    // To dockerd that means that the plugin is older than the method.
    if (answer === undefined) return reply.code(404).send({ Err: `weft has no method ${method}` });
    return reply.header('content-type', CONTENT_TYPE).send(JSON.stringify(answer));
  });
  app.setNotFoundHandler((request, reply) =>
    reply.code(404).send({ Err: `weft has no ${request.method} ${request.url}` }),
  );
  app.setErrorHandler((error, request, reply) => {
    const fields = { component: 'api', path: request.url, ...errorFields(error) } as const;
    if (error instanceof WeftError) {
      log.debug(fields, 'a call of Docker was refused');
      return reply.code(500).send({ Err: error.line });
    }
    const { statusCode = 500, message } = error as { statusCode?: number; message: string };
    if (statusCode < 500) return reply.code(statusCode).send({ Err: `request refused: ${message}` });
    log.error(fields, 'a call of Docker met a defect');
    return reply.code(500).send({ Err: `internal error: ${message}; see the log of weft, and report it` });
  });
  return app;
}

async function inTime<T>(clock: Clock, method: string, work: Promise<T>): Promise<T> {
  return await new Promise<T>((resolve, reject) => {
    const patience = clock.after(DEADLINE_MS, () => {
      reject(
        new WeftError('unavailable', `weft did not carry out ${method} within ${DEADLINE_MS / 1000} s`, {
          hint: 'see its log, and try again',
        }),
      );
    });
    work.then(resolve, reject).finally(() => patience.cancel());
  });
}
