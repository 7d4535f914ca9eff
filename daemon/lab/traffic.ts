/** The lab's own load generators (tools/native), for what iperf3 and ping measure too coarsely. */
import { fileURLToPath } from 'node:url';
import type { Host } from './host.ts';

/** Compiled by `npm run build`; this file runs from dist/daemon/lab. */
const TRAFFIC = fileURLToPath(new URL('../../../daemon/lab/tools/native/build/traffic', import.meta.url));
const UDP_PORT = 5301;
const ECHO_PORT = 5302;
const CONNECTION_PORT = 5303;
/** Milliseconds at the start of a flood that do not count: queues fill, addresses are resolved. */
const WARM_UP_MS = 200;
const GRACE_MS = 20_000;

export interface Flood {
  /** Datagrams per second that the receiving program read. */
  readonly delivered: number;
  /** Datagrams that were read after one that was sent later. */
  readonly reordered: number;
}

/** Sends datagrams of `bytes` payload bytes, one flow, as fast as one thread can, and counts what arrives. */
export async function flood(
  client: Host,
  server: Host,
  address: string,
  options: { readonly bytes: number; readonly seconds: number },
): Promise<Flood> {
  const windowMs = Math.round(options.seconds * 1000);
  const receiver = server.spawn(TRAFFIC, ['udp-receive', `${UDP_PORT}`, `${WARM_UP_MS}`, `${windowMs}`]);
  try {
    await receiver.waitForOutput('"ready"');
    // The receiver's clock starts later than the sender's by what the first datagram takes.
    const duration = WARM_UP_MS + windowMs + WARM_UP_MS;
    await client.exec(TRAFFIC, ['udp-send', address, `${UDP_PORT}`, `${options.bytes}`, `${duration}`], {
      timeoutMs: duration + GRACE_MS,
    });
    await receiver.waitForOutput(/"datagrams"/);
    const report = lastLine<{ datagrams: number; reordered: number; seconds: number }>(receiver.stdout);
    return { delivered: report.datagrams / report.seconds, reordered: report.reordered };
  } finally {
    receiver.signal('SIGKILL');
    await receiver.ended;
  }
}

/** Round trips in microseconds; `count` is how many there were. */
export interface RoundTrips {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

/** Requests and responses of `bytes` over one TCP connection, one at a time. */
export async function roundTrips(
  client: Host,
  server: Host,
  address: string,
  options: { readonly bytes: number; readonly seconds: number },
): Promise<RoundTrips> {
  const bytes = `${options.bytes}`;
  return await againstServer(
    server,
    ['echo-server', `${ECHO_PORT}`, bytes],
    async () =>
      await run<RoundTrips>(client, ['request-response', address, `${ECHO_PORT}`, bytes], options.seconds),
  );
}

/** TCP connections per second, each for one request and one response of `bytes`, `parallel` at a time. */
export async function connectionRate(
  client: Host,
  server: Host,
  address: string,
  options: { readonly bytes: number; readonly parallel: number; readonly seconds: number },
): Promise<number> {
  const port = `${CONNECTION_PORT}`;
  const bytes = `${options.bytes}`;
  return await againstServer(server, ['connection-server', port, bytes], async () => {
    const args = ['connection-rate', address, port, bytes, `${options.parallel}`];
    const report = await run<{ connections: number; seconds: number }>(client, args, options.seconds);
    return report.connections / report.seconds;
  });
}

async function againstServer<T>(
  server: Host,
  args: readonly string[],
  measure: () => Promise<T>,
): Promise<T> {
  const listener = server.spawn(TRAFFIC, args);
  try {
    await listener.waitForOutput('"ready"');
    return await measure();
  } finally {
    listener.signal('SIGKILL');
    await listener.ended;
  }
}

async function run<T>(client: Host, args: readonly string[], seconds: number): Promise<T> {
  const ms = Math.round(seconds * 1000);
  const { stdout } = await client.exec(TRAFFIC, [...args, `${ms}`], { timeoutMs: ms + GRACE_MS });
  return lastLine<T>(stdout);
}

function lastLine<T>(output: string): T {
  return JSON.parse(output.trim().split('\n').at(-1) ?? '') as T;
}
