/**
 * The listener for Prometheus: GET /metrics and GET /healthz over plain HTTP, and nothing else. It may be reached by strangers, so what
 * one of them can hold or cost is bounded: connections, headers, time, and one collection at a time whoever asks for it.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { WeftError } from '../../dataplane/errors.ts';
import type { HostPort } from '../config/config.ts';
import { formatHostPort } from '../config/host-port.ts';
import { errorFields, type Log } from '../log.ts';
import type { NodeOperations } from '../operations.ts';
import { formatFor, METRIC_CONTENT_TYPES, type MetricFormat } from './metric-format.ts';

export interface MetricsServer {
  /** Where it listens; the port is another one if 0 was asked for. */
  readonly address: HostPort;
  /** From now on it answers with the metrics of this node; before, and after undefined, with 503. */
  serve(node: Pick<NodeOperations, 'metrics'> | undefined): void;
  /** Ends all connections at once. */
  close(): Promise<void>;
}

/** Some scrapers, and as many that try in vain. What comes beyond is closed at once. */
const MAX_CONNECTIONS = 32;

/** A request of Prometheus has some 300 bytes. */
const MAX_HEADER_BYTES = 4096;
const MAX_HEADERS = 32;

/** How long a request may take to arrive, and how long a connection stays that asks for nothing. */
const REQUEST_TIMEOUT_MS = 5_000;

/** How long a connection may stand still in all, the collecting and a slow reader included. */
const SOCKET_TIMEOUT_MS = 30_000;

/** Throws `conflict`, `not_permitted` or `invalid_config`, with what to do; then nothing listens. */
export async function startMetricsServer(log: Log, listen: HostPort): Promise<MetricsServer> {
  const collecting = new Map<MetricFormat, Promise<string>>();
  let node: Pick<NodeOperations, 'metrics'> | undefined;

  /** Several who ask at one time get one answer. */
  const collect = (from: Pick<NodeOperations, 'metrics'>, format: MetricFormat): Promise<string> => {
    const running = collecting.get(format);
    if (running !== undefined) return running;
    const text = from.metrics(format).finally(() => collecting.delete(format));
    collecting.set(format, text);
    return text;
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [path] = (request.url ?? '').split('?');
    const hasBody = ['content-length', 'transfer-encoding'].some(name => name in request.headers);
    // What is sent along is not read.
    if (hasBody) response.setHeader('connection', 'close');
    if (path !== '/metrics' && path !== '/healthz') {
      return end(response, 404, 'there is /metrics and /healthz\n');
    }
    if (request.method !== 'GET') {
      response.setHeader('allow', 'GET');
      return end(response, 405, 'only GET\n');
    }
    if (hasBody) return end(response, 413, 'a request has no body\n');
    if (node === undefined) return end(response, 503, 'the node is not ready\n');
    if (path === '/healthz') return end(response, 200, 'ok\n');
    const format = formatFor(request.headers.accept);
    try {
      const text = await collect(node, format);
      response.setHeader('content-type', METRIC_CONTENT_TYPES[format]);
      end(response, 200, text);
    } catch (error) {
      log.error({ component: 'api', ...errorFields(error) }, 'cannot collect the metrics');
      end(response, 500, 'cannot collect the metrics; see the log of weft\n');
    }
  };

  const server = createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: REQUEST_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: 1_000,
    },
    (request, response) => {
      void answer(request, response);
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  server.maxHeadersCount = MAX_HEADERS;
  server.setTimeout(SOCKET_TIMEOUT_MS, socket => socket.destroy());
  await bind(server, listen);
  // An accept that fails (no descriptor left) must not end the daemon; the next one may succeed.
  server.on('error', error => {
    log.error({ component: 'api', address: formatHostPort(listen), ...errorFields(error) }, 'accept failed');
  });
  return {
    address: { host: listen.host, port: portOf(server, listen.port) },
    serve(next) {
      node = next;
    },
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function end(response: ServerResponse, status: number, body: string): void {
  response.statusCode = status;
  if (!response.hasHeader('content-type')) response.setHeader('content-type', 'text/plain; charset=utf-8');
  response.setHeader('cache-control', 'no-store');
  response.setHeader('x-content-type-options', 'nosniff');
  response.end(body);
}

function bind(server: Server, listen: HostPort): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', error => reject(cannotListen(listen, error)));
    server.listen({ host: listen.host, port: listen.port }, () => {
      server.removeAllListeners('error');
      resolve();
    });
  });
}

function portOf(server: Server, asked: number): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : asked;
}

function cannotListen(listen: HostPort, error: NodeJS.ErrnoException): WeftError {
  const what = `cannot listen for metrics on ${formatHostPort(listen)}`;
  switch (error.code) {
    case 'EADDRINUSE':
      return new WeftError('conflict', `${what}: the address is in use`, {
        hint: 'set metrics.listen to another port, or end what listens there: ss -ltnp',
        cause: error,
      });
    case 'EADDRNOTAVAIL':
      return new WeftError('invalid_config', `${what}: this machine does not have the address`, {
        hint: 'set metrics.listen to one of its addresses, as in 127.0.0.1:9473',
        cause: error,
      });
    case 'EACCES':
    case 'EPERM':
      return new WeftError('not_permitted', `${what}: permission denied`, {
        hint: 'choose a port above 1023, or run weft as root',
        cause: error,
      });
    default:
      return new WeftError('system', `${what}: ${error.message}`, { cause: error });
  }
}
