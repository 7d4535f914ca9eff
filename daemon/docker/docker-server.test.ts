import { type RequestOptions, request } from 'node:http';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { memoryLog } from '../testing/memory-log.ts';
import { tempDirectory } from '../testing/temp-directory.ts';
import type { DockerHandler } from './docker-plugin.ts';
import { startDockerServer } from './docker-server.ts';

async function start(t: ExecutionContext, docker: DockerHandler) {
  const socketPath = join(await tempDirectory(t), 'weft.sock');
  const { log, lines } = memoryLog();
  const server = await startDockerServer({ clock: systemClock, log, docker }, { socketPath, graceMs: 500 });
  t.teardown(() => server.close());
  const call = (path: string, body = '', options: RequestOptions = {}) =>
    new Promise<{ status: number; type: string | undefined; body: unknown }>((resolve, reject) => {
      const sent = request({ socketPath, method: 'POST', path, agent: false, ...options }, response => {
        let text = '';
        response.on('data', (chunk: Buffer) => {
          text += chunk.toString();
        });
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            type: response.headers['content-type'],
            body: JSON.parse(text),
          }),
        );
      });
      sent.on('error', reject);
      sent.end(body);
    });
  return { call, lines };
}

const echo: DockerHandler = async (method, body) =>
  method === 'Plugin.Unknown' ? undefined : { method, body };

test('a method is called with what was sent, whatever its type, and with nothing', async t => {
  const { call } = await start(t, echo);
  const answer = await call('/NetworkDriver.Join', '{"NetworkID":"a"}');
  t.is(answer.status, 200);
  t.is(answer.type, 'application/vnd.docker.plugins.v1.2+json');
  t.deepEqual(answer.body, { method: 'NetworkDriver.Join', body: { NetworkID: 'a' } });
  t.deepEqual((await call('/Plugin.Activate')).body, { method: 'Plugin.Activate', body: {} });
  const typed = await call('/Plugin.Activate', '{}', { headers: { 'content-type': 'application/json' } });
  t.is(typed.status, 200);
});

test('a method that weft does not have is 404: dockerd takes it for an older plugin', async t => {
  const { call } = await start(t, echo);
  t.deepEqual(await call('/Plugin.Unknown').then(({ status, body }) => ({ status, body })), {
    status: 404,
    body: { Err: 'weft has no method Plugin.Unknown' },
  });
  t.is((await call('/a/b')).status, 404);
  t.is((await call('/Plugin.Activate', '', { method: 'GET' })).status, 404);
});

test('what is refused is one line in Err, with what to do', async t => {
  const { call, lines } = await start(t, async () => {
    throw new WeftError('conflict', 'the address is taken', { hint: 'choose another' });
  });
  const { status, body } = await call('/NetworkDriver.Join', '{}');
  t.is(status, 500);
  t.deepEqual(body, { Err: 'the address is taken; choose another' });
  t.false(lines.some(({ level }) => level === 'error'));
});

test('a defect is told as one, and logged', async t => {
  const { call, lines } = await start(t, async () => {
    throw new TypeError('x is not a function');
  });
  t.deepEqual((await call('/NetworkDriver.Join', '{}')).body, {
    Err: 'internal error: x is not a function; see the log of weft, and report it',
  });
  t.true(lines.some(({ level }) => level === 'error'));
});

test('what is no JSON, and what is too large, is refused', async t => {
  const { call } = await start(t, echo);
  t.deepEqual((await call('/NetworkDriver.Join', '{')).body, { Err: 'the request is not JSON' });
  const large = await call('/NetworkDriver.Join', `"${'x'.repeat(1024 * 1024)}"`);
  t.is(large.status, 413);
  t.regex(JSON.stringify(large.body), /too large/);
});
