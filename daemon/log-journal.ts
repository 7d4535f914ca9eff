/**
 * The journal of systemd. A line goes to its socket with all fields (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/), so that
 * `journalctl WEFT_EVENT=peer_dead WEFT_PEER=vm-b` finds it. Where that cannot be, it goes to standard output with its priority before it
 * (sd-daemon(3)), which the journal understands when it reads that.
 */
import { fstatSync } from 'node:fs';
import { formatMessage, type LogLine, PRIORITIES } from './log-format.ts';

/**
 * Whether standard output leads to the journal: systemd.exec(5), "$JOURNAL_STREAM … contains the device and inode numbers of the
 * stream", which a redirection of ours would change.
 */
export function isJournalStream(env: { readonly JOURNAL_STREAM?: string | undefined }, fd = 1): boolean {
  const [, device, inode] = /^(\d+):(\d+)$/.exec(env.JOURNAL_STREAM ?? '') ?? [];
  if (device === undefined || inode === undefined) return false;
  try {
    const { dev, ino } = fstatSync(fd, { bigint: true });
    return dev === BigInt(device) && ino === BigInt(inode);
  } catch {
    return false;
  }
}

/** sd-daemon(3): "<3>…" at the beginning of a line is its priority. */
export function formatPrefixed(line: LogLine): string {
  return `<${PRIORITIES[line.level]}>${formatMessage(line)}\n`;
}

/**
 * The line as fields of the native protocol: `NAME=value` and a newline, or for a value with a newline in it the name, its length as 8
 * bytes little-endian, and the value.
 */
export function encodeJournal(line: LogLine): Buffer {
  const { level, time, msg, ...fields } = line;
  const all: (readonly [string, string])[] = [
    ['MESSAGE', formatMessage(line)],
    ['PRIORITY', String(PRIORITIES[level])],
    ['SYSLOG_IDENTIFIER', 'weft'],
    ['SYSLOG_TIMESTAMP', time],
    ['WEFT_MSG', msg],
    ...Object.entries(fields).map(
      ([name, value]) =>
        [`WEFT_${name.toUpperCase()}`, typeof value === 'string' ? value : JSON.stringify(value)] as const,
    ),
  ];
  return Buffer.concat(all.map(([name, value]) => encodeField(name, value)));
}

function encodeField(name: string, value: string): Buffer {
  if (!value.includes('\n')) return Buffer.from(`${name}=${value}\n`);
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return Buffer.concat([Buffer.from(`${name}\n`), length, bytes, Buffer.from('\n')]);
}
