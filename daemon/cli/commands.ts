/** What the commands do once their arguments are known. Failures are WeftErrors; run-cli.ts prints them. */
import { isAbsolute, resolve } from 'node:path';
import { WeftError } from '../../dataplane/errors.ts';
import { ApiClient } from '../api/client.ts';
import { parseAttachRequest, parseDetachRequest, parseReleaseRequest } from '../api/requests.ts';
import { DEFAULT_SOCKET_PATH, MAX_SOCKET_PATH } from '../api/socket-path.ts';
import { configProblems, readConfigText } from '../config/load.ts';
import { parseRate } from '../endpoints/bandwidth.ts';
import { parsePortMapping } from '../endpoints/port-mapping.ts';
import { oneLine } from '../one-line.ts';
import type { NodeOperations } from '../operations.ts';
import type { ConfigOperations } from '../reload/config-operations.ts';
import { follow } from './follow.ts';
import type { CliIo } from './io.ts';
import type { Report } from './reports.ts';

export interface GlobalOptions {
  readonly socket?: string;
}

export interface ReportOptions extends GlobalOptions {
  readonly json?: boolean;
  readonly watch?: boolean;
}

export interface AttachOptions extends GlobalOptions {
  readonly network: string;
  readonly address: readonly string[];
  readonly ifname: string;
  readonly mac?: string;
  readonly name: readonly string[];
  /** False with --no-resolver. */
  readonly resolver: boolean;
  readonly route: readonly string[];
  readonly publish: readonly string[];
  readonly ingressRate?: string;
  readonly egressRate?: string;
  readonly json?: boolean;
}

export interface DetachOptions extends GlobalOptions {
  readonly network: string;
  readonly ifname: string;
  readonly json?: boolean;
}

export interface ReleaseOptions extends GlobalOptions {
  readonly network: string;
  readonly json?: boolean;
}

const WATCH_INTERVAL_MS = 1_000;

/** ECMA-48: cursor to the upper left, erase to the end of the screen. */
const CLEAR_SCREEN = '\x1b[H\x1b[J';

/** --socket, else WEFT_SOCKET, else the default; an empty variable counts as none. Throws `invalid_argument`. */
export function socketPathOf(io: CliIo, options: GlobalOptions): string {
  const path = options.socket ?? (io.env.WEFT_SOCKET || DEFAULT_SOCKET_PATH);
  const length = Buffer.byteLength(path);
  // Node takes an empty path for none, and would ask port 80 of this machine; libuv cuts a long one short.
  if (length > 0 && length <= MAX_SOCKET_PATH) return path;
  throw new WeftError('invalid_argument', `the path of the API socket has ${length} bytes`, {
    hint: `give one of 1 to ${MAX_SOCKET_PATH} bytes`,
  });
}

export async function showReport(
  io: CliIo,
  report: Pick<Report, 'ask'>,
  options: ReportOptions,
): Promise<void> {
  const operations = connect(io, options);
  const draw = async (before: string, after: string) => {
    const answer = await report.ask(operations);
    const text = options.json === true ? JSON.stringify(answer.data) : answer.text();
    io.stdout.write(`${before}${text}\n${after}`);
  };
  if (options.watch !== true) return draw('', '');
  if (options.json === true) return watch(io, () => draw('', ''));
  return watch(io, () => (io.stdout.isTTY === true ? draw(CLEAR_SCREEN, '') : draw('', '\n')));
}

/** As in 10.0.0.0/8,198.18.0.1: a destination, and perhaps a gateway. */
function routeOf(text: string): { readonly dst: string; readonly gateway?: string } {
  const comma = text.indexOf(',');
  if (comma < 0) return { dst: text };
  return { dst: text.slice(0, comma), gateway: text.slice(comma + 1) };
}

export async function attach(io: CliIo, netns: string, options: AttachOptions): Promise<void> {
  const request = parseAttachRequest({
    netns: absoluteNetns(io, netns),
    network: options.network,
    addresses: options.address,
    ifname: options.ifname,
    ...(options.mac !== undefined && { mac: options.mac }),
    names: options.name,
    resolver: options.resolver,
    routes: options.route.map(routeOf),
    bandwidth: {
      ...(options.ingressRate !== undefined && { ingress: { rate: parseRate(options.ingressRate) } }),
      ...(options.egressRate !== undefined && { egress: { rate: parseRate(options.egressRate) } }),
    },
    ...(options.publish.length > 0 && { ports: options.publish.map(parsePortMapping) }),
  });
  const endpoint = await connect(io, options).attach(request);
  const { network, ifname, mac, addresses, names } = endpoint;
  const what = [ifname, mac, ...addresses, ...names].filter(one => one !== null).join(' ');
  print(io, options, endpoint, `attached ${endpoint.netns} to ${network}: ${what}`);
}

export async function detach(io: CliIo, netns: string, options: DetachOptions): Promise<void> {
  const request = parseDetachRequest({
    netns: absoluteNetns(io, netns),
    network: options.network,
    ifname: options.ifname,
  });
  const result = await connect(io, options).detach(request);
  const text = result.removed
    ? `detached ${netns} from ${request.network}`
    : `${netns} was not attached to ${request.network}`;
  print(io, options, result, text);
}

export async function release(io: CliIo, mac: string, options: ReleaseOptions): Promise<void> {
  const request = parseReleaseRequest({ mac, network: options.network });
  const result = await connect(io, options).release(request);
  const text = result.released
    ? `released ${request.mac} in ${request.network}: it may move again`
    : `${request.mac} is not frozen in ${request.network}: nothing to release`;
  print(io, options, result, text);
}

/** Prints every problem on standard output, and throws if there is one. */
export async function checkConfig(io: CliIo, file: string): Promise<void> {
  const problems = configProblems(await readConfigText(file), file);
  if (problems.length === 0) {
    io.stdout.write(`${oneLine(file)}: ok\n`);
    return;
  }
  for (const problem of problems) io.stdout.write(`${problem}\n`);
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  throw new WeftError('invalid_config', `${file}: ${count}`, { hint: 'correct what is listed above' });
}

export function connect(io: CliIo, options: GlobalOptions): NodeOperations & ConfigOperations {
  return new ApiClient({ clock: io.clock }, { socketPath: socketPathOf(io, options) });
}

function watch(io: CliIo, draw: () => Promise<void>): Promise<void> {
  return follow(io.clock, WATCH_INTERVAL_MS, io.interrupted(), draw);
}

/** The daemon has another working directory: a relative path means something only here. */
function absoluteNetns(io: CliIo, netns: string): string {
  return netns.includes('/') && !isAbsolute(netns) ? resolve(io.workingDirectory, netns) : netns;
}

function print(io: CliIo, options: { readonly json?: boolean }, data: unknown, text: string): void {
  io.stdout.write(options.json === true ? `${JSON.stringify(data)}\n` : `${oneLine(text)}\n`);
}
