import { once } from 'node:events';
import { lstatSync } from 'node:fs';
import { chmod, lstat, mkdir, readdir, rename, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { WeftError } from '../../dataplane/errors.ts';
import { makeStaleSocket } from '../testing/stale-socket.ts';
import { tempDirectory } from '../testing/temp-directory.ts';
import { listenOn, requireSocketFree } from './socket-file.ts';

function serverFor(t: ExecutionContext): Server {
  const server = createServer(connection => connection.destroy());
  t.teardown(() => new Promise<void>(resolve => server.close(() => resolve())));
  return server;
}

test('listenOn makes the directory 0755 and the socket 0600, and leaves nothing else', async t => {
  const path = join(await tempDirectory(t), 'a/b/api.sock');
  const before = process.umask();
  await listenOn(serverFor(t), path);
  t.is(process.umask(), before);
  const [directory, socket] = [await lstat(dirname(path)), await lstat(path)];
  t.is(directory.mode & 0o777, 0o755);
  t.is(socket.mode & 0o777, 0o600);
  t.true(socket.isSocket());
  t.deepEqual(await readdir(dirname(path)), ['api.sock']);
});

test('the socket has mode 0600 from its first instant', async t => {
  const path = join(await tempDirectory(t), 'api.sock');
  const server = serverFor(t);
  const seen: number[] = [];
  const listen = server.listen.bind(server) as (path: string, done: () => void) => Server;
  // The instant after bind: before the listening event, before any other code of ours runs.
  server.listen = ((name: string, done: () => void) => {
    const result = listen(name, done);
    seen.push(lstatSync(name).mode & 0o777);
    return result;
  }) as Server['listen'];
  await listenOn(server, path);
  t.deepEqual(seen, [0o600]);
});

test('listenOn and requireSocketFree refuse a path on which somebody answers, and leave it to him', async t => {
  const path = join(await tempDirectory(t), 'api.sock');
  await listenOn(serverFor(t), path);
  const { ino } = await lstat(path);
  const second = serverFor(t);
  const expected = `another weft daemon answers on ${path}`;
  await t.throwsAsync(requireSocketFree(path), {
    instanceOf: WeftError,
    code: 'conflict',
    message: expected,
  });
  await t.throwsAsync(listenOn(second, path), { instanceOf: WeftError, code: 'conflict', message: expected });
  t.false(second.listening);
  t.is((await lstat(path)).ino, ino);
  t.deepEqual(await readdir(dirname(path)), ['api.sock']);
});

test('listenOn replaces a socket that nobody listens on', async t => {
  const path = join(await tempDirectory(t), 'api.sock');
  await makeStaleSocket(path);
  const { ino } = await lstat(path);
  await t.notThrowsAsync(requireSocketFree(path));
  t.is((await lstat(path)).ino, ino, 'asking changes nothing');
  await listenOn(serverFor(t), path);
  t.not((await lstat(path)).ino, ino);
  await t.throwsAsync(requireSocketFree(path), { code: 'conflict' });
});

test('a path that holds something else than a socket is left alone', async t => {
  const path = join(await tempDirectory(t), 'api.sock');
  await writeFile(path, 'precious');
  for (const attempt of [requireSocketFree(path), listenOn(serverFor(t), path)]) {
    const error = await t.throwsAsync(attempt, { instanceOf: WeftError });
    t.is(error?.line, `${path} exists and is not a socket; remove it, or set paths.run to another place`);
  }
  t.true((await lstat(path)).isFile());
});

test('remove takes the socket away once, and never a successor', async t => {
  const path = join(await tempDirectory(t), 'api.sock');
  const first = serverFor(t);
  const file = await listenOn(first, path);
  await rename(path, `${path}.moved`);
  const successor = await listenOn(serverFor(t), path);
  await file.remove();
  first.close();
  await once(first, 'close');
  t.true((await lstat(path)).isSocket());
  await successor.remove();
  await successor.remove();
  await t.throwsAsync(lstat(path), { code: 'ENOENT' });
});

test('listenOn tells why it cannot', async t => {
  const directory = await tempDirectory(t);
  const file = join(directory, 'file');
  await writeFile(file, '');
  const error = await t.throwsAsync(listenOn(serverFor(t), join(file, 'api.sock')), {
    instanceOf: WeftError,
  });
  t.is(error?.code, 'system');
  t.regex(error?.line ?? '', /^cannot listen on .*\/file\/api\.sock: E.*; see paths\.run$/);
});

test.serial('listenOn without the right to is not_permitted', async t => {
  const directory = await tempDirectory(t);
  await chmod(directory, 0o755);
  await mkdir(join(directory, 'run'), { mode: 0o755 });
  const path = join(directory, 'run/api.sock');
  const server = serverFor(t);
  process.seteuid?.(65_534);
  const attempt = t.throwsAsync(listenOn(server, path), { instanceOf: WeftError });
  const error = await attempt.finally(() => process.seteuid?.(0));
  t.is(error?.code, 'not_permitted');
  t.is(error?.message, `cannot listen on ${path}: permission denied`);
});
