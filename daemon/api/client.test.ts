import { chmod, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import { fakeCni } from '../testing/fake-cni.ts';
import { fakeConfig } from '../testing/fake-config.ts';
import { fakeHandOver } from '../testing/fake-hand-over.ts';
import { FakeNode } from '../testing/fake-node.ts';
import { memoryLog } from '../testing/memory-log.ts';
import { makeStaleSocket } from '../testing/stale-socket.ts';
import { tempDirectory } from '../testing/temp-directory.ts';
import { ApiClient } from './client.ts';
import { startApiServer } from './server.ts';

/** A server that says what `answer` makes of the connection. */
async function listen(t: ExecutionContext, answer: (socket: Socket) => void): Promise<string> {
  const path = join(await tempDirectory(t), 'api.sock');
  const sockets = new Set<Socket>();
  const server = createServer(socket => {
    sockets.add(socket);
    socket.on('error', () => {});
    answer(socket);
  });
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await new Promise<void>(resolve => server.listen(path, resolve));
  return path;
}

async function failure(t: ExecutionContext, socketPath: string, clock = systemClock): Promise<WeftError> {
  const client = new ApiClient({ clock }, { socketPath });
  return t.throwsAsync(client.status(), { instanceOf: WeftError }) as Promise<WeftError>;
}

const START = 'is it running? start it with: weft daemon, or name its socket with --socket';

test('no socket, a stale socket and a file in its place: no daemon answers', async t => {
  const directory = await tempDirectory(t);
  const missing = join(directory, 'none.sock');
  const absent = await failure(t, missing);
  t.is(absent.code, 'unavailable');
  t.is(absent.line, `no weft daemon answers on ${missing}: no such socket; ${START}`);
  const stale = join(directory, 'stale.sock');
  await makeStaleSocket(stale);
  t.is((await failure(t, stale)).line, `no weft daemon answers on ${stale}: nobody listens; ${START}`);
  const file = join(directory, 'file');
  await writeFile(file, '');
  t.is((await failure(t, file)).code, 'unavailable');
  t.is((await failure(t, join(file, 'x'))).code, 'unavailable');
});

test('what answers but is no weft daemon', async t => {
  const answers = [
    'SSH-2.0-OpenSSH\r\n',
    'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello',
    'HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}',
    'HTTP/1.1 500 No\r\ncontent-length: 47\r\n\r\n{"error":{"code":"made_up","message":"nonsense"}}',
  ];
  for (const answer of answers) {
    const path = await listen(t, socket => socket.end(answer));
    t.is(
      (await failure(t, path)).line,
      `what answers on ${path} is not a weft daemon; name the right socket with --socket`,
      answer,
    );
  }
});

test('a daemon that closes the connection, before or within its answer', async t => {
  const atOnce = await listen(t, socket => socket.destroy());
  const within = await listen(t, socket => {
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{'));
  });
  for (const path of [atOnce, within]) {
    const error = await failure(t, path);
    t.is(error.code, 'unavailable');
    t.is(error.line, `the weft daemon on ${path} closed the connection; is it stopping? see its log`);
  }
});

test('a daemon that does not answer, or not to the end, within 30 s', async t => {
  for (const beginning of ['', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{']) {
    const clock = new ManualClock();
    let arrived = () => {};
    const request = new Promise<void>(resolve => {
      arrived = resolve;
    });
    const path = await listen(t, socket => {
      socket.once('data', () => (beginning === '' ? arrived() : socket.write(beginning, () => arrived())));
    });
    const error = failure(t, path, clock);
    await request;
    clock.advance(29_999);
    clock.advance(1);
    t.is(
      (await error).line,
      `the weft daemon on ${path} did not answer within 30 s; see its log; the request may still be carried out`,
    );
  }
});

test('a client whose request is done leaves no timer behind', async t => {
  const clock = new ManualClock();
  const pending = new Set<object>();
  const counting = {
    ...clock,
    now: () => clock.now(),
    bootTime: () => clock.bootTime(),
    wallTime: () => clock.wallTime(),
    after(ms: number, callback: () => void) {
      const timer = clock.after(ms, callback);
      pending.add(timer);
      return {
        cancel: () => {
          pending.delete(timer);
          timer.cancel();
        },
      };
    },
  };
  const path = join(await tempDirectory(t), 'api.sock');
  const { log } = memoryLog();
  const server = await startApiServer(
    {
      operations: new FakeNode(),
      config: fakeConfig,
      cni: fakeCni,
      handOver: fakeHandOver,
      log,
      clock: systemClock,
    },
    { socketPath: path },
  );
  const client = new ApiClient({ clock: counting }, { socketPath: path });
  await client.status();
  await server.close();
  await t.throwsAsync(client.status());
  t.is(pending.size, 0);
});

test.serial('the socket is not for another user', async t => {
  const directory = await tempDirectory(t);
  await chmod(directory, 0o755);
  const socketPath = join(directory, 'api.sock');
  const { log } = memoryLog();
  const server = await startApiServer(
    {
      operations: new FakeNode(),
      config: fakeConfig,
      cni: fakeCni,
      handOver: fakeHandOver,
      log,
      clock: systemClock,
    },
    { socketPath },
  );
  t.teardown(() => server.close());
  process.seteuid?.(65_534);
  const error = await failure(t, socketPath).finally(() => process.seteuid?.(0));
  t.is(error.code, 'not_permitted');
  t.is(error.line, `may not open ${socketPath}: permission denied; run weft as root`);
});
