/** Where the log of a daemon goes, by `log.format`. */
import { writeSync } from 'node:fs';
import pino from 'pino';
import type { LogDestination } from './log.ts';
import { formatText, type LogFormat, type LogLine } from './log-format.ts';
import { encodeJournal, formatPrefixed, isJournalStream } from './log-journal.ts';

/** Of systemd-journald, for clients (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/). */
const JOURNAL_SOCKET = '/run/systemd/journal/socket';

export interface LogOutputOptions {
  readonly format: LogFormat;
  readonly env: { readonly JOURNAL_STREAM?: string | undefined };
  /** @default that of systemd-journald */
  readonly journalSocket?: string;
  /** @default standard output, written before the call returns */
  readonly stdout?: LogDestination;
}

/**
 * Lines to standard output are written before the call returns, so that the last words before an exit are not lost; a reader that went
 * away is ignored. Standard error is kept for the one line that says why the program failed.
 */
export async function openLogOutput(options: LogOutputOptions): Promise<LogDestination> {
  const { env, stdout = pino.destination({ dest: 1, sync: true }) } = options;
  const format = options.format === 'auto' ? (isJournalStream(env) ? 'journal' : 'json') : options.format;
  if (format === 'journal') return await openJournal(options.journalSocket ?? JOURNAL_SOCKET, stdout);
  if (format === 'text') return { write: line => stdout.write(formatText(read(line))) };
  return stdout;
}

function read(line: string): LogLine {
  return JSON.parse(line) as LogLine;
}

async function openJournal(path: string, stdout: LogDestination): Promise<LogDestination> {
  // Loaded here only: whoever writes JSON has no need of the addon before the dataplane starts.
  const { batchIo } = await import('../dataplane/native/batch-io.ts');
  const fd = batchIo.openUnixDatagram(path);
  return {
    write(text) {
      const line = read(text);
      if (fd < 0 || !send(fd, line)) stdout.write(formatPrefixed(line));
    },
  };
}

/** Returns whether the journal has it. It has not when it stands still (EAGAIN), is gone, or the line is larger than a datagram. */
function send(fd: number, line: LogLine): boolean {
  try {
    writeSync(fd, encodeJournal(line));
    return true;
  } catch {
    return false;
  }
}
