/** On the real `ip`, and on scripts that stand in its place and misbehave. */
import { existsSync, readFileSync } from 'node:fs';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import { waitFor } from '../lab/wait-for.ts';
import { NO_PROGRAMS, setSearchPath } from '../testing/search-path.ts';
import { tempDirectory } from '../testing/temp-directory.ts';
import { BatchProcess } from './batch-process.ts';

const LOOPBACK = 'link show dev lo';
const NOWHERE = 'link show dev no-such-link';

function batch(t: ExecutionContext, clock = systemClock, program: 'ip' | 'tc' = 'ip'): BatchProcess {
  const process = new BatchProcess({ clock }, { program });
  t.teardown(() => process.close());
  return process;
}

/** Children of this process that run that program. */
async function childrenRunning(program: string): Promise<string[]> {
  const all = await readFile(`/proc/self/task/${process.pid}/children`, 'utf8');
  return all.split(' ').filter(pid => {
    try {
      return readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === program;
    } catch {
      return false;
    }
  });
}

/** Puts a script in the place of `ip`. The shell and its tools stay where they are. */
async function pretendIp(t: ExecutionContext, script: string): Promise<string> {
  const directory = await tempDirectory(t);
  const path = join(directory, 'ip');
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  const { PATH } = process.env;
  setSearchPath(t, `${directory}:${PATH}`);
  return directory;
}

test.serial('question after question is answered by one process, which ends when it is closed', async t => {
  const ip = batch(t);
  const before = (await childrenRunning('ip')).length;
  for (let round = 0; round < 3; round++) {
    const [known, unknown, none] = await ip.ask([[LOOPBACK], [NOWHERE, LOOPBACK], []]);
    t.like(known?.items[0], { ifname: 'lo' });
    t.is(known?.failure, undefined);
    t.like(unknown, { failure: 'Device "no-such-link" does not exist.' });
    t.is(unknown?.items.length, 1);
    t.deepEqual(none, { items: [], failure: undefined });
    t.is((await childrenRunning('ip')).length, before + 1);
  }
  ip.close();
  await waitFor(async () => (await childrenRunning('ip')).length === before, { what: 'the end of ip' });
  t.is((await ip.ask([[LOOPBACK]]))[0]?.items.length, 1);
});

test.serial('tc answers alike', async t => {
  const tc = batch(t, systemClock, 'tc');
  for (let round = 0; round < 2; round++) {
    const [known, unknown] = await tc.ask([
      ['filter show dev lo ingress'],
      ['filter show dev no-such-link ingress'],
    ]);
    t.deepEqual(known, { items: [], failure: undefined });
    t.regex(unknown?.failure ?? '', /no-such-link/);
  }
});

test.serial('one that was killed is started again at the next question', async t => {
  const ip = batch(t);
  const before = await childrenRunning('ip');
  await ip.ask([[LOOPBACK]]);
  const [pid] = (await childrenRunning('ip')).filter(child => !before.includes(child));
  process.kill(Number(pid), 'SIGKILL');
  await waitFor(async () => !(await childrenRunning('ip')).includes(pid ?? ''), { what: 'the end of ip' });
  const answered = async () => (await ip.ask([[LOOPBACK]]))[0]?.items.length === 1;
  // The question may still reach the one that is gone.
  await waitFor(answered, { what: 'an answer', timeoutMs: 1000 });
  t.pass();
});

test.serial('one that ends while it is asked says why', async t => {
  await pretendIp(t, 'read -r line; echo "Cannot open netlink socket" >&2; exit 3');
  const error = await t.throwsAsync(batch(t).ask([[LOOPBACK]]), { instanceOf: WeftError });
  t.is(error?.code, 'system');
  t.is(error?.message, 'ip has ended with 3: Cannot open netlink socket');
});

test.serial('one that is not installed says what to install', async t => {
  const shell = await tempDirectory(t);
  await writeFile(join(shell, 'sh'), '#!/bin/sh\nPATH=/weft-no-such-directory exec /bin/sh "$@"\n', {
    mode: 0o755,
  });
  setSearchPath(t, shell);
  const error = await t.throwsAsync(batch(t).ask([[LOOPBACK]]), { instanceOf: WeftError });
  t.is(error?.code, 'unavailable');
  t.regex(error?.message ?? '', /^cannot run ip: .*ip: not found$/);
  t.is(error?.hint, 'install the package iproute2');
});

test.serial('without a shell it cannot run either', async t => {
  setSearchPath(t, NO_PROGRAMS);
  const error = await t.throwsAsync(batch(t).ask([[LOOPBACK]]), { instanceOf: WeftError });
  t.is(error?.code, 'unavailable');
});

test.serial('one that is silent is killed, and the next question asks another', async t => {
  const clock = new ManualClock();
  const directory = await pretendIp(t, 'echo $$ > "$(dirname "$0")/pid"; exec sleep 1000');
  const ip = batch(t, clock);
  const asked = ip.ask([[LOOPBACK]]);
  const pid = await waitFor(async () => (await readFile(join(directory, 'pid'), 'utf8')).trim(), {
    what: 'ip',
  });
  clock.advance(10_000);
  const error = await t.throwsAsync(asked, { instanceOf: WeftError });
  t.is(error?.message, 'ip does not answer');
  await waitFor(async () => !(await childrenRunning('sleep')).includes(pid), { what: 'the end of ip' });
});

test.serial('what it says between questions is no answer', async t => {
  const directory = await pretendIp(
    t,
    `n=0
while read -r line; do
  n=$((n + 1))
  case "$line" in
    weft-end) echo 'Object "weft-end" is unknown'; echo "Command failed -:$n"; echo '["late"]'; : > "\${0%/*}/late" ;;
    *) echo "[\\"$line\\"]" ;;
  esac
done`,
  );
  const ip = batch(t);
  t.deepEqual(await ip.ask([['one']]), [{ items: ['one'], failure: undefined }]);
  // It has said it, and it is read: whoever asks before that is given it.
  await waitFor(() => existsSync(join(directory, 'late')), { what: 'what it says between questions' });
  await new Promise(resolve => setImmediate(resolve));
  t.deepEqual(await ip.ask([['two']]), [{ items: ['two'], failure: undefined }]);
});

test.serial('after a thousand questions another process is taken', async t => {
  await pretendIp(
    t,
    `n=0
while read -r line; do
  n=$((n + 1))
  [ "$line" = weft-end ] && echo end && echo "Command failed -:$n" || echo "[$$]"
done`,
  );
  const ip = batch(t);
  const askers = async () => (await ip.ask([['who'], ...Array(499).fill([])]))[0]?.items[0];
  const first = await askers();
  t.is(await askers(), first);
  t.not(await askers(), first);
});
