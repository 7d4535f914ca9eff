import test from 'ava';
import { LabProcess } from './lab-process.ts';

test('LabProcess keeps both streams and tells how it ended', async t => {
  const process = new LabProcess('speaker', 'sh', ['-c', 'echo out; echo err >&2; exit 4']);
  t.deepEqual(await process.ended, { code: 4, signal: null });
  t.is(process.stdout, 'out\n');
  t.is(process.stderr, 'err\n');
  t.false(process.running);
  t.is(process.report(), '=== speaker (ended: exit 4)\n--- stdout\nout\n--- stderr\nerr');
});

test('LabProcess.waitForOutput() resolves on the text, and fails at once when the process ends before', async t => {
  const process = new LabProcess('server', 'sh', ['-c', 'echo ready; exec sleep 60']);
  await process.waitForOutput('ready');
  t.true(process.running);
  t.deepEqual(await process.stop('SIGKILL'), { code: null, signal: 'SIGKILL' });

  const mute = new LabProcess('mute', 'true', []);
  const error = await t.throwsAsync(mute.waitForOutput('ready'));
  t.true(error.message.startsWith('mute ended before it said "ready"'));
});

test('LabProcess.stop() kills what ignores the signal, and says so', async t => {
  const process = new LabProcess('deaf', 'sh', ['-c', 'trap "" TERM; echo ready; exec sleep 60']);
  await process.waitForOutput('ready');
  await t.throwsAsync(process.stop('SIGTERM', 50), { message: /deaf to end on SIGTERM: not within 50 ms/ });
});

test('LabProcess of a program that does not exist ends with a message', async t => {
  const process = new LabProcess('nothing', 'weft-no-such-command', []);
  await process.ended;
  t.regex(process.stderr, /ENOENT/);
  process.signal('SIGTERM');
});
