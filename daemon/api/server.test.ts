import { lstat } from 'node:fs/promises';
import { type IncomingMessage, type RequestOptions, request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '../../dataplane/clock.ts';
import { type ErrorCode, WeftError } from '../../dataplane/errors.ts';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import { fakeCni } from '../testing/fake-cni.ts';
import { fakeConfig } from '../testing/fake-config.ts';
import { fakeHandOver } from '../testing/fake-hand-over.ts';
import { FAKE_ENDPOINTS, FAKE_EXPLANATION, FakeNode } from '../testing/fake-node.ts';
import { memoryLog } from '../testing/memory-log.ts';
import { tempDirectory } from '../testing/temp-directory.ts';
import { ApiClient } from './client.ts';
import { HTTP_STATUS } from './error-status.ts';
import { REPORT_NAMES } from './reports.ts';
import { startApiServer } from './server.ts';

async function start(t: ExecutionContext, node = new FakeNode(), clock = systemClock) {
  const socketPath = join(await tempDirectory(t), 'api.sock');
  const { log, lines } = memoryLog();
  const server = await startApiServer(
    { operations: node, config: fakeConfig, cni: fakeCni, handOver: fakeHandOver, log, clock },
    { socketPath, graceMs: 1000 },
  );
  t.teardown(() => server.close());
  return { socketPath, server, lines, node, client: new ApiClient({ clock: systemClock }, { socketPath }) };
}

/** A request as no client of ours would send it. */
function raw(
  socketPath: string,
  options: RequestOptions,
  body = '',
): Promise<{ status: number; body: unknown }> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, agent: false, ...options }, (response: IncomingMessage) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

test('every report crosses the socket as it is', async t => {
  const { client, node } = await start(t);
  for (const name of REPORT_NAMES) t.deepEqual(await client[name](), (await node[name]()) as unknown, name);
});

test('attach and detach cross the socket, with what was left out', async t => {
  const { client, node } = await start(t);
  const request = {
    netns: 'db',
    network: 'blue',
    addresses: ['198.18.0.3/24'],
    ifname: 'net1',
    mac: undefined,
  };
  const endpoint = await client.attach(request);
  t.like(endpoint, { netns: 'db', vni: 42, ifname: 'net1', addresses: ['198.18.0.3/24'] });
  t.deepEqual(node.requests[0], request);
  const target = { netns: 'db', network: 'blue', ifname: 'net1' };
  t.deepEqual(await client.detach(target), { removed: true });
  t.deepEqual(await client.detach(target), { removed: false });
  t.deepEqual(await client.endpoints(), FAKE_ENDPOINTS);
});

test('explain and release cross the socket', async t => {
  const { client, node } = await start(t);
  const { mac } = FAKE_EXPLANATION;
  const request = { mac, network: undefined };
  t.deepEqual(await client.explain(request), FAKE_EXPLANATION);
  t.deepEqual(await client.explain({ mac, network: 'blue' }), FAKE_EXPLANATION);
  t.deepEqual(await client.release({ mac, network: 'blue' }), { released: true });
  t.deepEqual(node.requests, [request, { mac, network: 'blue' }, { mac, network: 'blue' }]);
});

test('a WeftError of the node comes out of the client with code, message and hint', async t => {
  const node = new FakeNode();
  const { client, socketPath } = await start(t, node);
  for (const code of Object.keys(HTTP_STATUS) as ErrorCode[]) {
    for (const hint of [undefined, 'try again']) {
      node.status = () =>
        Promise.reject(new WeftError(code, `it is ${code}`, hint === undefined ? {} : { hint }));
      const error = await t.throwsAsync(client.status(), { instanceOf: WeftError, message: `it is ${code}` });
      t.is(error?.code, code);
      t.is(error?.hint, hint);
    }
    t.is((await raw(socketPath, { path: '/v1/status' })).status, HTTP_STATUS[code]);
  }
});

test('a defect of the node is answered as an internal error and logged with its stack', async t => {
  const node = new FakeNode();
  const { client, lines } = await start(t, node);
  node.peers = () => Promise.reject(new TypeError('undefined is not a peer'));
  const error = await t.throwsAsync(client.peers(), { instanceOf: WeftError });
  t.is(error?.line, 'internal error: undefined is not a peer; see the log of the daemon, and report it');
  t.like(lines.at(-1), { level: 'error', component: 'api', path: '/v1/peers', err: { type: 'TypeError' } });
  await t.notThrowsAsync(client.status(), 'the server goes on');
});

test('requests that are wrong are refused by status and code, and never reach the node', async t => {
  const { socketPath, node } = await start(t);
  const json = { 'content-type': 'application/json' };
  const post = { method: 'POST', path: '/v1/attach', headers: json };
  const table: readonly (readonly [RequestOptions, string, number, ErrorCode, RegExp])[] = [
    [{ path: '/' }, '', 404, 'not_found', /no GET \/$/],
    [{ path: '/v1/nothing' }, '', 404, 'not_found', /no GET \/v1\/nothing/],
    [{ path: '/v1/attach' }, '', 404, 'not_found', /no GET \/v1\/attach/],
    [{ path: '/v1/status', method: 'DELETE' }, '', 404, 'not_found', /no DELETE/],
    [{ ...post, path: '/v1/status' }, '{}', 404, 'not_found', /no POST/],
    [post, '', 400, 'invalid_argument', /empty/],
    [post, '{', 400, 'invalid_argument', /JSON/],
    [post, '{"__proto__": {}}', 400, 'invalid_argument', /./],
    [post, '[]', 400, 'invalid_argument', /cannot attach: body/],
    [post, '{"netns": "web"}', 400, 'invalid_argument', /network: is missing/],
    [post, '{"netns": "web", "network": "blue", "x": 1}', 400, 'invalid_argument', /"x": unknown key/],
    [{ ...post, headers: { 'content-type': 'text/xml' } }, '<a/>', 415, 'invalid_argument', /./],
    [{ ...post, path: '/v1/detach' }, '{"netns": "web"}', 400, 'invalid_argument', /cannot detach/],
    [{ path: '/v1/fdb/explain' }, '', 400, 'invalid_argument', /MAC: is missing/],
    [{ path: '/v1/fdb/explain?mac=x' }, '', 400, 'invalid_argument', /"x" is not a MAC address/],
    [{ ...post, path: '/v1/release' }, '{}', 400, 'invalid_argument', /cannot release: MAC: is missing/],
    [{ path: '/v1/release' }, '', 404, 'not_found', /no GET \/v1\/release/],
    [post, JSON.stringify({ netns: 'x'.repeat(70_000) }), 413, 'invalid_argument', /too large/],
  ];
  for (const [options, body, status, code, message] of table) {
    const answer = await raw(socketPath, options, body);
    const { error } = answer.body as { error: { code: string; message: string } };
    t.is(answer.status, status, message.source);
    t.is(error.code, code);
    t.regex(error.message, message);
  }
  t.deepEqual(node.requests, []);
});

test('the socket has mode 0600', async t => {
  const { socketPath } = await start(t);
  t.is((await lstat(socketPath)).mode & 0o777, 0o600);
});

test('close ends idle and half-open connections, removes the socket, and may be called twice', async t => {
  const { server, socketPath } = await start(t);
  const idle = connect(socketPath);
  await new Promise(resolve => idle.once('connect', resolve));
  const ended = new Promise(resolve => idle.once('close', resolve));
  const halfSent = connect(socketPath);
  halfSent.on('error', () => {});
  await new Promise(resolve =>
    halfSent.write('POST /v1/attach HTTP/1.1\r\nhost: w\r\ncontent-length: 9\r\n\r\n{', resolve),
  );
  await Promise.all([server.close(), server.close()]);
  await ended;
  await t.throwsAsync(lstat(socketPath), { code: 'ENOENT' });
});

test('close waits for a request under way, but takes no new one', async t => {
  const node = new FakeNode();
  const { server, client } = await start(t, node);
  let answer = () => {};
  const asked = new Promise<void>(resolve => {
    node.drops = () => {
      resolve();
      return new Promise(done => {
        answer = () => done([]);
      });
    };
  });
  const pending = client.drops();
  await asked;
  const closed = server.close();
  const refused = await t.throwsAsync(client.status(), { instanceOf: WeftError });
  t.is(refused?.code, 'unavailable');
  answer();
  t.deepEqual(await pending, []);
  await closed;
});

test('close does not wait longer than it is told for a request that never ends', async t => {
  const node = new FakeNode();
  const clock = new ManualClock();
  const { server, client } = await start(t, node, clock);
  const asked = new Promise<void>(resolve => {
    node.drops = () => {
      resolve();
      return new Promise(() => {});
    };
  });
  const pending = t.throwsAsync(client.drops(), { instanceOf: WeftError, message: /closed the connection/ });
  await asked;
  const closed = server.close();
  clock.advance(999);
  clock.advance(1);
  await closed;
  await pending;
});
