/** The other end of the API: a running node, asked over its Unix socket. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { Clock } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import type { ResolveReport, ResolveRequest } from '../dns/dns-reports.ts';
import type {
  PathOpening,
  ProbeLookReport,
  ProbeLookRequest,
  ProbePathRequest,
  ProbeSendReport,
  ProbeSendRequest,
} from '../doctor/path/path-facts.ts';
import type { SelfReport } from '../doctor/self-report.ts';
import type { HandOverOffer } from '../handover/hand-over.ts';
import { METRIC_CONTENT_TYPES, type MetricFormat } from '../metrics/metric-format.ts';
import type {
  AttachRequest,
  DetachRequest,
  DropReport,
  EndpointReport,
  ExplainReport,
  ExplainRequest,
  FdbReport,
  ForgetRequest,
  IpamReport,
  KeysReport,
  KeysRequest,
  NetworkCreateRequest,
  NetworkRemoveRequest,
  NetworkReport,
  NodeOperations,
  PeerReport,
  ReleaseRequest,
  StatusReport,
} from '../operations.ts';
import type {
  ConfigApplyReport,
  ConfigApplyRequest,
  ConfigConfirmReport,
  ConfigOperations,
  ConfigReport,
} from '../reload/config-operations.ts';
import { isErrorBody } from './error-status.ts';

interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly accept?: string;
}

export interface ApiClientOptions {
  readonly socketPath: string;
  /** How long an answer may take; default 30 s. */
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 30_000;

/** Members that are down but not known to be are asked again and again; twice, when it is looked before who has the key. */
const KEYS_TIMEOUT_MS = 120_000;

/** A forwarding table of 100,000 entries takes some 20 MB. */
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;

/**
 * Each method throws what the node threw, or `unavailable` when none answers, `not_permitted` when the socket is not
 * ours to open.
 */
export class ApiClient implements NodeOperations, ConfigOperations {
  private readonly clock: Clock;
  private readonly socketPath: string;
  private readonly timeoutMs: number;

  constructor(modules: { readonly clock: Clock }, options: ApiClientOptions) {
    this.clock = modules.clock;
    this.socketPath = options.socketPath;
    this.timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  }

  status(): Promise<StatusReport> {
    return this.call('GET', '/v1/status');
  }

  self(): Promise<SelfReport> {
    return this.call('GET', '/v1/self');
  }

  openPath(request: ProbePathRequest): Promise<PathOpening> {
    return this.call('POST', '/v1/probe/open', request);
  }

  sendProbes(request: ProbeSendRequest): Promise<ProbeSendReport> {
    return this.call('POST', '/v1/probe/send', request);
  }

  lookAtProbes(request: ProbeLookRequest): Promise<ProbeLookReport> {
    return this.call('POST', '/v1/probe/look', request);
  }

  peers(): Promise<readonly PeerReport[]> {
    return this.call('GET', '/v1/peers');
  }

  fdb(): Promise<readonly FdbReport[]> {
    return this.call('GET', '/v1/fdb');
  }

  explain({ mac, network }: ExplainRequest): Promise<ExplainReport> {
    const query = new URLSearchParams({ mac, ...(network !== undefined && { network }) });
    return this.call('GET', `/v1/fdb/explain?${query}`);
  }

  resolve({ name }: ResolveRequest): Promise<ResolveReport> {
    return this.call('GET', `/v1/resolve?${new URLSearchParams({ name })}`);
  }

  networks(): Promise<readonly NetworkReport[]> {
    return this.call('GET', '/v1/networks');
  }

  createNetwork(request: NetworkCreateRequest): Promise<NetworkReport> {
    return this.call('POST', '/v1/network/create', request);
  }

  removeNetwork(request: NetworkRemoveRequest): Promise<{ readonly removed: boolean }> {
    return this.call('POST', '/v1/network/remove', request);
  }

  ipam(): Promise<readonly IpamReport[]> {
    return this.call('GET', '/v1/ipam');
  }

  forget(request: ForgetRequest): Promise<{ readonly networks: readonly string[] }> {
    return this.call('POST', '/v1/forget', request);
  }

  endpoints(): Promise<readonly EndpointReport[]> {
    return this.call('GET', '/v1/endpoints');
  }

  drops(): Promise<readonly DropReport[]> {
    return this.call('GET', '/v1/drops');
  }

  async metrics(format: MetricFormat): Promise<string> {
    const accept = METRIC_CONTENT_TYPES[format];
    const { status, text } = await this.exchange({ method: 'GET', path: '/metrics', accept }, this.timeoutMs);
    if (status === 200) return text;
    throw this.refusal(this.parse(text));
  }

  attach(request: AttachRequest): Promise<EndpointReport> {
    return this.call('POST', '/v1/attach', request);
  }

  detach(request: DetachRequest): Promise<{ readonly removed: boolean }> {
    return this.call('POST', '/v1/detach', request);
  }

  release(request: ReleaseRequest): Promise<{ readonly released: boolean }> {
    return this.call('POST', '/v1/release', request);
  }

  gossipKeys(request: KeysRequest): Promise<KeysReport> {
    return this.call('POST', '/v1/gossip/keys', request, Math.max(this.timeoutMs, KEYS_TIMEOUT_MS));
  }

  applyConfig(request: ConfigApplyRequest): Promise<ConfigApplyReport> {
    return this.call('POST', '/v1/config/apply', request);
  }

  confirmConfig(): Promise<ConfigConfirmReport> {
    return this.call('POST', '/v1/config/confirm', {});
  }

  /** Only for who takes its place (handover/): from then on the daemon waits to be told that its descriptors were copied. */
  handOver(): Promise<HandOverOffer> {
    return this.call('POST', '/v1/hand-over', {});
  }

  showConfig(): Promise<ConfigReport> {
    return this.call('GET', '/v1/config');
  }

  private async call<T>(
    method: 'GET' | 'POST',
    path: string,
    body?: unknown,
    timeoutMs = this.timeoutMs,
  ): Promise<T> {
    const { status, text } = await this.exchange({ method, path, body }, timeoutMs);
    const answer = this.parse(text);
    if (status === 200) return answer as T;
    throw this.refusal(answer);
  }

  private refusal(answer: unknown): WeftError {
    if (!isErrorBody(answer)) return this.stranger();
    const { code, message, hint } = answer.error;
    return new WeftError(code, message, { ...(hint !== undefined && { hint }) });
  }

  private exchange(
    { method, path, body, accept }: Exchange,
    timeoutMs: number,
  ): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      const payload = body === undefined ? undefined : JSON.stringify(body);
      const request = httpRequest({
        socketPath: this.socketPath,
        method,
        path,
        agent: false,
        headers: {
          host: 'weft',
          ...(accept !== undefined && { accept }),
          ...(payload !== undefined && {
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(payload),
          }),
        },
      });
      const patience = this.clock.after(timeoutMs, () => request.destroy(this.silent(timeoutMs)));
      const fail = (error: Error) => {
        patience.cancel();
        request.destroy();
        reject(error instanceof WeftError ? error : this.unreachable(error));
      };
      request.on('error', fail);
      request.on('response', response => {
        collect(response).then(text => {
          patience.cancel();
          resolve({ status: response.statusCode ?? 0, text });
        }, fail);
      });
      request.end(payload);
    });
  }

  private parse(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch {
      throw this.stranger();
    }
  }

  private unreachable(error: NodeJS.ErrnoException): WeftError {
    const socket = this.socketPath;
    switch (error.code) {
      case 'ENOENT':
      case 'ENOTDIR':
      case 'ECONNREFUSED': {
        const reason = error.code === 'ECONNREFUSED' ? 'nobody listens' : 'no such socket';
        return new WeftError('unavailable', `no weft daemon answers on ${socket}: ${reason}`, {
          hint: 'is it running? start it with: weft daemon, or name its socket with --socket',
          cause: error,
        });
      }
      case 'EACCES':
      case 'EPERM':
        return new WeftError('not_permitted', `may not open ${socket}: permission denied`, {
          hint: 'run weft as root',
          cause: error,
        });
      case 'ECONNRESET':
      case 'EPIPE':
        return new WeftError('unavailable', `the weft daemon on ${socket} closed the connection`, {
          hint: 'is it stopping? see its log',
          cause: error,
        });
      default:
        if (error.code?.startsWith('HPE_')) return this.stranger();
        return new WeftError('system', `cannot ask the weft daemon on ${socket}: ${error.message}`, {
          cause: error,
        });
    }
  }

  private silent(timeoutMs: number): WeftError {
    return new WeftError(
      'unavailable',
      `the weft daemon on ${this.socketPath} did not answer within ${timeoutMs / 1000} s`,
      { hint: 'see its log; the request may still be carried out' },
    );
  }

  private stranger(): WeftError {
    return new WeftError('unavailable', `what answers on ${this.socketPath} is not a weft daemon`, {
      hint: 'name the right socket with --socket',
    });
  }
}

async function collect(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_ANSWER_BYTES) throw new WeftError('system', 'the answer of the daemon is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
