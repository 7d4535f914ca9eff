/** The relay of the service, as systemd runs it, with shells in the place of the daemon. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { batchIo } from '../../dataplane/native/batch-io.ts';
import { waitFor } from '../lab/wait-for.ts';
import { packageRoot } from '../package-info.ts';
import { tempDirectory } from '../testing/temp-directory.ts';
import { takeRelay } from './relay.ts';

const RELAY = join(packageRoot, 'daemon/systemd/native/build/weft-relay');

interface Relayed {
  readonly pid: number;
  readonly ended: Promise<[number | null, NodeJS.Signals | null]>;
  signal(signal: NodeJS.Signals): void;
  output(): string;
}

function relay(t: ExecutionContext, script: string, env: Readonly<Record<string, string>> = {}): Relayed {
  const child = spawn(RELAY, ['bash', '-c', script], { env: { ...process.env, ...env } });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (text += String(chunk)));
  const ended = once(child, 'exit') as Relayed['ended'];
  t.teardown(() => child.kill('SIGKILL'));
  return {
    pid: child.pid ?? 0,
    ended,
    signal: signal => void child.kill(signal),
    output: () => text,
  };
}

async function said({ output }: Relayed, text: string | RegExp): Promise<string> {
  return await waitFor(() => (output().match(text) ? output() : undefined), { what: `"${text}"` });
}

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

const ENDS: readonly (readonly [string, number | null, NodeJS.Signals | null])[] = [
  ['exit 0', 0, null],
  ['exit 7', 7, null],
  ['kill -KILL $$', null, 'SIGKILL'],
  ['kill -ABRT $$', null, 'SIGABRT'],
];

for (const [script, code, signal] of ENDS) {
  test(`it ends as its child does: ${script}`, async t => {
    t.deepEqual(await relay(t, script).ended, [code, signal]);
  });
}

test('what cannot be run is said, and is status 127', async t => {
  const child = spawn(RELAY, ['/no/such/program']);
  let text = '';
  child.stderr.on('data', chunk => (text += String(chunk)));
  const [code] = await once(child, 'close');
  t.is(code, 127);
  t.is(text, 'weft-relay: /no/such/program: No such file or directory\n');
});

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2', 'SIGABRT'] as const) {
  test(`it passes ${signal} on, and waits for what comes of it`, async t => {
    const running = relay(
      t,
      `trap 'echo got; exit 3' ${signal}; echo up; while :; do read -t 1 <> <(:); done`,
    );
    await said(running, 'up');
    running.signal(signal);
    t.deepEqual(await running.ended, [3, null]);
    await said(running, 'got');
  });
}

test('a child does not outlive a relay that is killed', async t => {
  const running = relay(t, 'echo $$; exec sleep 60');
  const child = Number((await said(running, /\d+\n/)).trim());
  running.signal('SIGKILL');
  await running.ended;
  await waitFor(() => !isAlive(child), { what: 'the child to end' });
  t.pass();
});

test('descriptors and the watchdog that were meant for the relay are the child’s', async t => {
  // It closes them beside what its child does.
  const count =
    'for i in $(seq 500); do n=$(ls /proc/$PPID/fd | wc -l); [ $n -gt 5 ] || break; done; echo $n';
  const script = `[ "$WATCHDOG_PID" = 1 ] && [ "$LISTEN_PID" = $$ ] && ${count}`;
  // Only the relay knows its own pid in time: bash becomes it.
  const child = spawn(
    'bash',
    ['-c', `export LISTEN_PID=$$ WATCHDOG_PID=1; exec ${RELAY} bash -c '${script}'`],
    {
      stdio: ['ignore', 'pipe', 'inherit', 'ignore', 'ignore', 'ignore'],
    },
  );
  let text = '';
  child.stdout?.on('data', chunk => (text += String(chunk)));
  const [code] = await once(child, 'close');
  t.is(code, 0);
  // Three streams, signals and the child's socket: none of the three that were passed.
  t.is(text.trim(), '5');
});

test('it ends, and the child goes on, when the child says so', async t => {
  const script = `
    const { takeRelay } = await import(${JSON.stringify(new URL('relay.js', import.meta.url).href)});
    const relay = takeRelay(process.env);
    console.log('WEFT_RELAY' in process.env, process.pid);
    relay.release();
    setTimeout(() => {}, 60_000);`;
  const running = relay(
    t,
    `exec ${process.execPath} --input-type=module -e '${script.replaceAll("'", '"')}'`,
  );
  t.deepEqual(await running.ended, [0, null]);
  const [, gone = '', child = ''] = /^(\w+) (\d+)$/m.exec(await said(running, /\d+\n/)) ?? [];
  t.is(gone, 'false');
  t.true(isAlive(Number(child)));
  process.kill(Number(child), 'SIGKILL');
});

test('messages reach the manager in order, from the relay, with their descriptors, and at once after them its end', async t => {
  const directory = await tempDirectory(t);
  const path = join(directory, 'notify');
  // What systemd does: it believes the main process only, and that is known by its credentials.
  const program = `import socket, sys, os, struct
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
s.bind(sys.argv[1])
print('bound', flush=True)
for _ in range(3):
  text, ancillary, _, _ = s.recvmsg(4096, 2048)
  pid, fds = 0, []
  for level, kind, data in ancillary:
    if kind == socket.SCM_RIGHTS: fds = struct.unpack('%di' % (len(data) // 4), data)
    if kind == socket.SCM_CREDENTIALS: pid = struct.unpack('3i', data)[0]
  print(pid, text.decode(), [os.readlink('/proc/self/fd/%d' % fd) for fd in fds], flush=True)`;
  const manager = spawn('python3', ['-c', program, path]);
  t.teardown(() => manager.kill('SIGKILL'));
  let heard = '';
  manager.stdout.on('data', chunk => (heard += String(chunk)));
  await waitFor(() => heard === 'bound\n', { what: 'the manager' });
  const script = `
    const { openSync } = await import("node:fs");
    const { takeRelay } = await import(${JSON.stringify(new URL('relay.js', import.meta.url).href)});
    const relay = takeRelay(process.env);
    const fds = ["/dev/null", "/dev/zero"].map(file => openSync(file, "r"));
    relay.notify("", "READY=1", []);
    relay.notify("", "FDSTORE=1", fds);
    relay.notify("", "WATCHDOG=1", []);
    relay.release();
    process.exit(relay.notify("", "STOPPING=1", []) < 0 ? 0 : 1);`;
  const running = relay(t, `exec ${process.execPath} --input-type=module -e '${script}'`, {
    NOTIFY_SOCKET: path,
  });
  t.deepEqual(await running.ended, [0, null]);
  await once(manager, 'close');
  t.deepEqual(heard.trim().split('\n').slice(1), [
    `${running.pid} READY=1 []`,
    `${running.pid} FDSTORE=1 ['/dev/null', '/dev/zero']`,
    `${running.pid} WATCHDOG=1 []`,
  ]);
});

test('takeRelay(): there is one only where the variable names a descriptor that is open', t => {
  const fd = openSync('/dev/null', 'w');
  t.teardown(() => closeSync(fd));
  for (const text of ['', 'x', '-1', '1000000', '99999999999']) {
    const environment = { WEFT_RELAY: text };
    t.is(takeRelay(environment), undefined, text);
    t.deepEqual(environment, {});
  }
  t.is(takeRelay({}), undefined);
  t.not(takeRelay({ WEFT_RELAY: String(fd) }), undefined);
});

test('the kernel gives copies of the descriptors of a process, and only of those that are open', t => {
  const fd = openSync('/dev/null', 'r');
  const copy = batchIo.takeDescriptor(process.pid, fd);
  t.true(copy > 2 && copy !== fd);
  batchIo.closeDescriptor(copy);
  closeSync(fd);
  t.is(batchIo.takeDescriptor(process.pid, 1_000_000), -constants.errno.EBADF);
  t.is(batchIo.takeDescriptor(2 ** 22 - 1, 0), -constants.errno.ESRCH);
  t.throws(() => batchIo.takeDescriptor(0, 0), { instanceOf: RangeError });
});
