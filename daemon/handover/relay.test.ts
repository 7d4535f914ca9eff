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
  const script = '[ "$WATCHDOG_PID" = 1 ] && [ "$LISTEN_PID" = $$ ] && ls /proc/$PPID/fd | wc -l';
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
  // Three streams, signals and the child's word: none of the three that were passed.
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
