/**
 * The socket of the plugin, on which dockerd calls POST /METHOD (docs.docker.com/engine/extend/plugin_api).
 */
import Fastify, { type FastifyInstance } from 'fastify';
import type { Clock } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { startUnixServer, type UnixServer, type UnixServerOptions } from '../api/unix-server.ts';
import { errorFields, type Log } from '../log.ts';
import type { DockerHandler } from './docker-plugin.ts';

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

function routes({ log, docker }: DockerServerModules): FastifyInstance {
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
    const answer = await docker(method, request.body ?? {});
    // To dockerd that means that the plugin is older than the method.
    if (answer === undefined) return reply.code(404).send({ Err: `weft has no method ${method}` });
    return reply.header('content-type', CONTENT_TYPE).send(Buffer.from(JSON.stringify(answer)));
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
