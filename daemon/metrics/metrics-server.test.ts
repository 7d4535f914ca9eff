import { once } from 'node:events';
import { get, request } from 'node:http';
import { connect, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import { WeftError } from '../../dataplane/errors.ts';
import type { NodeOperations } from '../operations.ts';
import { memoryLog } from '../testing/memory-log.ts';
import { type MetricsServer, startMetricsServer } from './metrics-server.ts';

const ANY = { host: '127.0.0.1', port: 0 };
const NODE: Pick<NodeOperations, 'metrics'> = { metrics: format => Promise.resolve(`# ${format}\n`) };

async function start(t: ExecutionContext, node: typeof NODE | 'not ready' = NODE) {
  const { log, lines } = memoryLog();
  const server = await startMetricsServer(log, ANY);
  t.teardown(() => server.close());
  server.serve(node === 'not ready' ? undefined : node);
  return { server, lines };
}

async function ask(
  { address }: MetricsServer,
  path: string,
  options: {
    readonly method?: string;
    readonly headers?: Record<string, string>;
    readonly body?: string;
  } = {},
) {
  const { method = 'GET', headers = {}, body } = options;
  const asking = request({ ...address, path, method, headers, agent: false });
  asking.on('error', () => {});
  asking.end(body);
  const [response] = await once(asking, 'response');
  return { status: response.statusCode, type: response.headers['content-type'], body: await text(response) };
}

test('/metrics in the format that was asked for, /healthz, and nothing else', async t => {
  const { server } = await start(t);
  t.deepEqual(await ask(server, '/metrics'), {
    status: 200,
    type: 'text/plain; version=0.0.4; charset=utf-8',
    body: '# text\n',
  });
  const headers = { accept: 'application/openmetrics-text;version=1.0.0,*/*;q=0.1' };
  t.deepEqual(await ask(server, '/metrics?x=1', { headers }), {
    status: 200,
    type: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
    body: '# openmetrics\n',
  });
  t.like(await ask(server, '/healthz'), { status: 200, body: 'ok\n' });
  for (const path of ['/', '/v1/status', '/metrics/', '//metrics', '/v1/attach'])
    t.like(await ask(server, path), { status: 404 }, path);
});

test('it only reads: other methods and bodies are refused', async t => {
  const { server } = await start(t);
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'HEAD'])
    t.like(await ask(server, '/metrics', { method }), { status: 405 }, method);
  const headers = { 'content-length': '5' };
  t.like(await ask(server, '/metrics', { headers, body: 'hello' }), { status: 413 });
});

test('before the node is there, and when it cannot tell, the answer says so', async t => {
  const { server, lines } = await start(t, 'not ready');
  t.like(await ask(server, '/metrics'), { status: 503, body: 'the node is not ready\n' });
  t.like(await ask(server, '/healthz'), { status: 503 });
  server.serve({ metrics: () => Promise.reject(new WeftError('unavailable', 'the dataplane is closed')) });
  t.like(await ask(server, '/metrics'), { status: 500 });
  t.like(lines.at(-1), { level: 'error', reason: 'the dataplane is closed' });
  server.serve(NODE);
  t.like(await ask(server, '/metrics'), { status: 200 });
});

test('many who ask at one time cost one collection', async t => {
  let collections = 0;
  const { server } = await start(t, {
    async metrics() {
      collections += 1;
      // All requests of one packet are there before anything else happens.
      await new Promise<void>(resolve => setImmediate(resolve));
      return 'done\n';
    },
  });
  const socket = connect(server.address);
  socket.write('GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(7));
  socket.end('GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
  const answers = await text(socket);
  t.is(answers.split('HTTP/1.1 200 OK').length - 1, 8);
  t.is(collections, 1);
  await ask(server, '/metrics');
  t.is(collections, 2);
});

test('large headers are refused', async t => {
  const { server } = await start(t);
  t.like(await ask(server, '/metrics', { headers: { 'x-large': 'x'.repeat(5000) } }), { status: 431 });
});

test('who opens connections without end gets no more than some, and cannot keep others out for long', async t => {
  const { server } = await start(t);
  const open = () => {
    const socket = connect(server.address);
    socket.on('error', () => {});
    t.teardown(() => socket.destroy());
    return socket;
  };
  const held = Array.from({ length: 32 }, open);
  await Promise.all(held.map(socket => once(socket, 'connect')));
  const beyond = open();
  await once(beyond, 'close');
  t.true(held.every(socket => !socket.destroyed));
  // They say nothing: after 5 s they are closed.
  await Promise.all(held.map(socket => once(socket.resume(), 'close')));
  t.like(await ask(server, '/healthz'), { status: 200 });
});

test('an address that is taken is one line that says what to do', async t => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  t.teardown(() => other.close());
  const { port } = other.address() as { readonly port: number };
  const { log } = memoryLog();
  const taken = await t.throwsAsync(startMetricsServer(log, { host: '127.0.0.1', port }), {
    instanceOf: WeftError,
  });
  t.is(
    taken?.line,
    `cannot listen for metrics on 127.0.0.1:${port}: the address is in use; set metrics.listen to another port, or end what listens there: ss -ltnp`,
  );
  const foreign = await t.throwsAsync(startMetricsServer(log, { host: '192.0.2.99', port: 9473 }), {
    instanceOf: WeftError,
  });
  t.regex(
    foreign?.line ?? '',
    /^cannot listen for metrics on 192\.0\.2\.99:9473: this machine does not have the address; /,
  );
});

test('closing ends connections that stand open', async t => {
  const { server } = await start(t);
  const socket = connect(server.address);
  await once(socket, 'connect');
  const ended = once(socket, 'close');
  socket.on('error', () => {});
  await server.close();
  await ended;
  const refused = get({ ...server.address, agent: false });
  const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException];
  t.is(error.code, 'ECONNREFUSED');
});
