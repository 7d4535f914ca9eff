/** How a line of the log is written: as JSON, as text for people, or for the journal. */
import type { LogLevel } from './log-fields.ts';

/** `auto`: journal when standard output is connected to it, else json. */
export const LOG_FORMATS = ['auto', 'json', 'text', 'journal'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** A line as pino has made it, read again. */
export interface LogLine {
  readonly level: LogLevel;
  readonly time: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** syslog(3): 7 debug, 6 info, 4 warning, 3 err, 2 crit. */
export const PRIORITIES: Readonly<Record<LogLevel, number>> = {
  trace: 7,
  debug: 7,
  info: 6,
  warn: 4,
  error: 3,
  fatal: 2,
};

/** `peer is dead event=peer_dead node=vm-a peer=vm-b`: the message, then the fields, quoted as JSON where they need it. */
export function formatMessage({ level: _, time: __, msg, ...fields }: LogLine): string {
  const pairs = Object.entries(fields).map(([name, value]) => `${name}=${quoted(value)}`);
  return [msg, ...pairs].join(' ').replaceAll('\n', ' ');
}

/** With time and level before it. */
export function formatText(line: LogLine): string {
  return `${line.time} ${line.level.toUpperCase().padEnd(5)} ${formatMessage(line)}\n`;
}

function quoted(value: unknown): string {
  if (typeof value === 'string' && /^[^\s"=\p{Cc}]+$/u.test(value)) return value;
  // JSON leaves those as they are that a terminal may still obey (ECMA-48, C1).
  return JSON.stringify(value).replaceAll(
    /[\u007f-\u009f]/g,
    character => `\\u00${character.charCodeAt(0).toString(16)}`,
  );
}
