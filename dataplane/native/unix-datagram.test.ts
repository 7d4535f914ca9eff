import { spawn } from 'node:child_process';
import { closeSync, fstatSync, writeFileSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test, { type ExecutionContext } from 'ava';
import { batchIo } from './batch-io.ts';

async function directory(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'weft-datagram-'));
  t.teardown(() => rm(path, { recursive: true, force: true }));
  return path;
}

test('each write is one datagram; a receiver that stands still is EAGAIN, one that is gone ECONNREFUSED', async t => {
  const path = join(await directory(t), 'socket');
  const program = `import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('ready', flush=True)
for _ in range(2): print(len(s.recv(1 << 24)), flush=True)
sys.stdin.read()`;
  const receiver = spawn('python3', ['-c', program, path]);
  t.teardown(() => receiver.kill('SIGKILL'));
  const lines = createInterface(receiver.stdout)[Symbol.asyncIterator]();
  t.is((await lines.next()).value, 'ready');
  const fd = batchIo.openUnixDatagram(path);
  t.true(fd >= 0);
  t.teardown(() => closeSync(fd));
  t.true(fstatSync(fd).isSocket());
  writeSync(fd, Buffer.alloc(5));
  writeSync(fd, Buffer.alloc(400_000));
  t.is((await lines.next()).value, '5');
  t.is((await lines.next()).value, '400000');
  const flood = t.throws(() => {
    for (let i = 0; i < 100_000; i++) writeSync(fd, Buffer.alloc(100));
  }) as NodeJS.ErrnoException;
  t.is(flood.code, 'EAGAIN');
  receiver.kill('SIGKILL');
  await new Promise(resolve => receiver.once('close', resolve));
  const gone = t.throws(() => writeSync(fd, Buffer.alloc(1))) as NodeJS.ErrnoException;
  t.is(gone.code, 'ECONNREFUSED');
});

test('what cannot be opened is an errno, and leaves nothing open', async t => {
  const { errno } = constants;
  const base = await directory(t);
  const file = join(base, 'file');
  writeFileSync(file, '');
  const stream = join(base, 'stream');
  const server = createServer().listen(stream);
  t.teardown(() => server.close());
  await new Promise(resolve => server.once('listening', resolve));
  const table: readonly (readonly [string, number])[] = [
    [join(base, 'none'), errno.ENOENT],
    [file, errno.ECONNREFUSED],
    [stream, errno.EPROTOTYPE],
    [`/${'x'.repeat(107)}`, errno.ENAMETOOLONG],
  ];
  for (const [path, expected] of table) t.is(batchIo.openUnixDatagram(path), -expected, path);
  for (const wrong of ['a\0b', 7, undefined])
    t.throws(() => batchIo.openUnixDatagram(wrong as string), { instanceOf: TypeError });
  t.is(batchIo.openUnixDatagram(null as never), -errno.EINVAL);
});
