import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fstatSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test, { type ExecutionContext } from 'ava';
import { createLog } from './log.ts';
import { formatMessage, formatText, type LogLine } from './log-format.ts';
import { encodeJournal, formatPrefixed, isJournalStream } from './log-journal.ts';
import { openLogOutput } from './log-output.ts';
import { tempDirectory } from './testing/temp-directory.ts';

const LINE: LogLine = {
  level: 'warn',
  time: '2026-11-28T10:00:00.000Z',
  event: 'peer_dead',
  node: 'vm-a',
  peer: 'vm b',
  vni: 42,
  err: { message: 'two\nlines' },
  msg: 'peer is dead',
};

test('a line for people: message, then fields, quoted where they need it', t => {
  const message = 'peer is dead event=peer_dead node=vm-a peer="vm b" vni=42 err={"message":"two\\nlines"}';
  t.is(formatMessage(LINE), message);
  t.is(formatText(LINE), `2026-11-28T10:00:00.000Z WARN  ${message}\n`);
  t.is(formatPrefixed(LINE), `<4>${message}\n`);
  for (const forged of ['a\nb', 'a" level="fatal', '\u001b[2J', '\u009b2J', '\u007f', 'a=b', ''])
    t.notRegex(formatMessage({ ...LINE, peer: forged }), /\p{Cc}/u);
});

test('levels are priorities of syslog', t => {
  const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
  t.deepEqual(
    levels.map(level => formatPrefixed({ ...LINE, level }).slice(0, 3)),
    ['<7>', '<7>', '<6>', '<4>', '<3>', '<2>'],
  );
});

/** Reads what is sent in the native protocol, as its description has it. */
function decodeJournal(datagram: Buffer): Record<string, string> {
  const fields: Record<string, string> = {};
  let at = 0;
  while (at < datagram.length) {
    const end = datagram.indexOf('\n', at);
    const text = datagram.toString('utf8', at, end);
    const equals = text.indexOf('=');
    if (equals >= 0) {
      fields[text.slice(0, equals)] = text.slice(equals + 1);
      at = end + 1;
      continue;
    }
    const length = Number(datagram.readBigUInt64LE(end + 1));
    fields[text] = datagram.toString('utf8', end + 9, end + 9 + length);
    at = end + 9 + length + 1;
  }
  return fields;
}

test('the native protocol: every field by name, one with a newline in it whole', t => {
  const line = { ...LINE, reason: 'a\nPRIORITY=0\n', hint: '' };
  t.deepEqual(decodeJournal(encodeJournal(line)), {
    MESSAGE: formatMessage(line),
    PRIORITY: '4',
    SYSLOG_IDENTIFIER: 'weft',
    SYSLOG_TIMESTAMP: '2026-11-28T10:00:00.000Z',
    WEFT_MSG: 'peer is dead',
    WEFT_EVENT: 'peer_dead',
    WEFT_NODE: 'vm-a',
    WEFT_PEER: 'vm b',
    WEFT_VNI: '42',
    WEFT_ERR: '{"message":"two\\nlines"}',
    WEFT_REASON: 'a\nPRIORITY=0\n',
    WEFT_HINT: '',
  });
  for (const name of Object.keys(decodeJournal(encodeJournal(line)))) t.regex(name, /^[A-Z][A-Z0-9_]*$/);
});

test('standard output is connected to the journal when JOURNAL_STREAM names it', t => {
  const { dev, ino } = fstatSync(1, { bigint: true });
  t.true(isJournalStream({ JOURNAL_STREAM: `${dev}:${ino}` }));
  t.false(isJournalStream({ JOURNAL_STREAM: `${dev}:${ino + 1n}` }));
  t.false(isJournalStream({ JOURNAL_STREAM: 'x' }));
  t.false(isJournalStream({}));
  t.false(isJournalStream({ JOURNAL_STREAM: `${dev}:${ino}` }, 987));
});

/** A receiver in the place of journald, which prints each datagram in hexadecimal. Node has no such socket. */
async function startReceiver(
  t: ExecutionContext,
): Promise<{ path: string; next(): Promise<Buffer>; end(): Promise<void> }> {
  const path = join(await tempDirectory(t), 'socket');
  const program = `import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('ready', flush=True)
while True: print(s.recv(1 << 24).hex(), flush=True)`;
  const child = spawn('python3', ['-c', program, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const next = async () => (await lines.next()).value as string;
  t.is(await next(), 'ready');
  return {
    path,
    next: async () => Buffer.from(await next(), 'hex'),
    async end() {
      child.kill('SIGKILL');
      await once(child, 'close');
    },
  };
}

test('format journal: lines go to the socket, and to standard output with their priority when it is gone', async t => {
  const receiver = await startReceiver(t);
  const lines: string[] = [];
  const stdout = { write: (line: string) => lines.push(line) };
  const destination = await openLogOutput({
    format: 'journal',
    env: {},
    journalSocket: receiver.path,
    stdout,
  });
  const { log } = createLog({ level: 'info', destination });
  log.warn({ peer: 'vm-b' }, 'peer is dead');
  t.like(decodeJournal(await receiver.next()), {
    PRIORITY: '4',
    WEFT_EVENT: 'peer_dead',
    WEFT_PEER: 'vm-b',
    MESSAGE: 'peer is dead event=peer_dead peer=vm-b',
  });
  log.info({ reason: 'x'.repeat(500_000) }, 'peer is alive');
  const { WEFT_REASON = '' } = decodeJournal(await receiver.next());
  t.is(WEFT_REASON.length, 500_000);
  t.deepEqual(lines, []);
  await receiver.end();
  log.error({}, 'stop failed');
  t.deepEqual(lines, ['<3>stop failed event=stop_failed\n']);
});

test('format journal where there is no journal: standard output, with priorities', async t => {
  const lines: string[] = [];
  const stdout = { write: (line: string) => lines.push(line) };
  const journalSocket = join(await tempDirectory(t), 'none');
  const destination = await openLogOutput({ format: 'journal', env: {}, journalSocket, stdout });
  createLog({ level: 'info', destination }).log.info({ pid: 7 }, 'starting');
  t.deepEqual(lines, ['<6>starting event=starting pid=7\n']);
});

test('format auto is json where standard output is no journal; text and json', async t => {
  const written = async (format: 'auto' | 'text' | 'json') => {
    const lines: string[] = [];
    const stdout = { write: (line: string) => lines.push(line) };
    const destination = await openLogOutput({ format, env: {}, stdout });
    createLog({ level: 'info', destination }).log.info({ pid: 7 }, 'starting');
    return lines.join('').replace(/\d{4}-[-\d:.T]+Z/, 'TIME');
  };
  const json = '{"level":"info","time":"TIME","event":"starting","pid":7,"msg":"starting"}\n';
  t.is(await written('json'), json);
  t.is(await written('auto'), json);
  t.is(await written('text'), 'TIME INFO  starting event=starting pid=7\n');
});
