import test from 'ava';
import { CommandError, runCommand } from './run-command.ts';

test('runCommand() returns both streams and gives the input', async t => {
  const result = await runCommand('sh', ['-c', 'cat; echo problem >&2'], { input: 'hello' });
  t.deepEqual(result, { code: 0, signal: null, stdout: 'hello', stderr: 'problem\n' });
});

test('runCommand() throws a CommandError that shows command, input and output', async t => {
  const error = await t.throwsAsync(
    runCommand('sh', ['-c', 'echo half; echo no >&2; exit 3'], { input: 'in' }),
    {
      instanceOf: CommandError,
    },
  );
  t.is(
    error.message,
    'sh -c echo half; echo no >&2; exit 3: exit 3\n--- stdin\nin\n--- stdout\nhalf\n--- stderr\nno',
  );
  t.is(error.result.code, 3);
});

test('runCommand() returns a failure when it is not to check, and kills what takes too long', async t => {
  t.is((await runCommand('false', [], { check: false })).code, 1);
  const killed = await runCommand('sleep', ['60'], { check: false, timeoutMs: 20 });
  t.is(killed.signal, 'SIGKILL');
});

test('runCommand() rejects when there is no such command', async t => {
  await t.throwsAsync(runCommand('weft-no-such-command', []), { code: 'ENOENT' });
});
