/**
 * The API: HTTP over a Unix socket that only root may open. GET /v1/status, /v1/peers, /v1/self, /v1/fdb, /v1/fdb/explain,
 * /v1/networks, /v1/endpoints, /v1/resolve, /v1/ipam and /v1/drops answer with the reports of operations.ts; POST /v1/attach, /v1/detach,
 * /v1/release, /v1/network/create, /v1/network/remove, /v1/forget, /v1/gossip/keys, /v1/config/apply and /v1/config/confirm act, and
 * GET /v1/config shows what runs; POST /v1/hand-over is for the daemon that takes over; POST /v1/cni
 * is what the CNI plugin says; GET /metrics is for Prometheus. A failure is answered as {error: {code, message, hint}}.
 */
import Fastify, { type FastifyInstance } from 'fastify';
import type { Clock } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import type { CniHandler } from '../cni/call.ts';
import { cniAnswer } from '../cni/cni-route.ts';
import type { HandOver } from '../handover/hand-over.ts';
import { errorFields, type Log } from '../log.ts';
import { formatFor, METRIC_CONTENT_TYPES } from '../metrics/metric-format.ts';
import type { NodeOperations } from '../operations.ts';
import { type ConfigOperations, MAX_APPLY_BYTES, parseApplyRequest } from '../reload/config-operations.ts';
import { addDoctorRoutes } from './doctor-routes.ts';
import { type ErrorBody, HTTP_STATUS } from './error-status.ts';
import {
  parseForgetRequest,
  parseNetworkCreateRequest,
  parseNetworkRemoveRequest,
} from './network-requests.ts';
import { REPORT_NAMES } from './reports.ts';
import {
  parseAttachRequest,
  parseDetachRequest,
  parseExplainRequest,
  parseKeysRequest,
  parseReleaseRequest,
  parseResolveRequest,
} from './requests.ts';
import { startUnixServer, type UnixServer, type UnixServerOptions } from './unix-server.ts';

export interface ApiModules {
  readonly operations: NodeOperations;
  readonly config: ConfigOperations;
  readonly cni: CniHandler;
  readonly handOver: Pick<HandOver, 'offer'>;
  readonly log: Log;
  readonly clock: Clock;
}

/** An attach request has some hundred bytes. */
const MAX_BODY_BYTES = 64 * 1024;

/** A CNI configuration with results of plugins before. */
const MAX_CNI_BYTES = 1024 * 1024;

/** Resolves when the socket answers. Throws `conflict`, `not_permitted` or `system`. */
export async function startApiServer(modules: ApiModules, options: UnixServerOptions): Promise<UnixServer> {
  return await startUnixServer(modules, routes(modules), options);
}

function routes({ operations, config, cni, handOver, log }: ApiModules): FastifyInstance {
  const app = Fastify({ logger: false, bodyLimit: MAX_BODY_BYTES, exposeHeadRoutes: false });
  for (const name of REPORT_NAMES) app.get(`/v1/${name}`, () => operations[name]());
  app.get('/metrics', async (request, reply) => {
    const format = formatFor(request.headers.accept);
    return reply.type(METRIC_CONTENT_TYPES[format]).send(await operations.metrics(format));
  });
  addDoctorRoutes(app, operations);
  app.get('/v1/fdb/explain', request => operations.explain(parseExplainRequest(request.query)));
  app.get('/v1/resolve', request => operations.resolve(parseResolveRequest(request.query)));
  app.post('/v1/attach', request => operations.attach(parseAttachRequest(request.body)));
  app.post('/v1/detach', request => operations.detach(parseDetachRequest(request.body)));
  app.post('/v1/release', request => operations.release(parseReleaseRequest(request.body)));
  app.post('/v1/cni', { bodyLimit: MAX_CNI_BYTES }, async (request, reply) => {
    const { ok, body } = await cniAnswer(cni, request);
    return reply
      .header('x-weft-cni', ok ? 'ok' : 'error')
      .type('application/json')
      .send(body);
  });
  app.post('/v1/network/create', request =>
    operations.createNetwork(parseNetworkCreateRequest(request.body)),
  );
  app.post('/v1/network/remove', request =>
    operations.removeNetwork(parseNetworkRemoveRequest(request.body)),
  );
  app.get('/v1/config', () => config.showConfig());
  app.post('/v1/config/apply', { bodyLimit: MAX_APPLY_BYTES }, request =>
    config.applyConfig(parseApplyRequest(request.body)),
  );
  app.post('/v1/config/confirm', () => config.confirmConfig());
  app.post('/v1/hand-over', () => handOver.offer());
  app.post('/v1/forget', request => operations.forget(parseForgetRequest(request.body)));
  app.post('/v1/gossip/keys', request => operations.gossipKeys(parseKeysRequest(request.body)));

  app.setNotFoundHandler((request, reply) => {
    const error = new WeftError('not_found', `the API has no ${request.method} ${request.url}`, {
      hint: 'see docs/cli.md for what it has',
    });
    return reply.code(HTTP_STATUS.not_found).send(bodyOf(error));
  });
  app.setErrorHandler((error, request, reply) => {
    const fields = { component: 'api', path: request.url, ...errorFields(error) } as const;
    if (error instanceof WeftError) {
      log.debug(fields, 'request refused');
      return reply.code(HTTP_STATUS[error.code]).send(bodyOf(error));
    }
    const status = clientMistake(error);
    if (status !== undefined) {
      const mistake = new WeftError('invalid_argument', `request refused: ${reasonOf(error)}`);
      return reply.code(status).send(bodyOf(mistake));
    }
    log.error(fields, 'request failed');
    const internal = new WeftError('system', `internal error: ${reasonOf(error)}`, {
      hint: 'see the log of the daemon, and report it',
    });
    return reply.code(HTTP_STATUS.system).send(bodyOf(internal));
  });
  return app;
}

function bodyOf(error: WeftError): ErrorBody {
  return { error: { code: error.code, message: error.message, hint: error.hint } };
}

/** The HTTP status when fastify itself refused the request (no JSON, too large), otherwise undefined. */
function clientMistake(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('statusCode' in error)) return undefined;
  const { statusCode } = error;
  return typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500 ? statusCode : undefined;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
