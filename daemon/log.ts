/** The log: pino, one object a line, with field names from the dictionary only (log-fields.ts) and an event for each message (log-events.ts). */
import pino from 'pino';
import type { Clock } from '../dataplane/clock.ts';
import { WeftError } from '../dataplane/errors.ts';
import { eventOf } from './log-events.ts';
import { LOG_LEVELS, type LogFields, type LogLevel } from './log-fields.ts';
import { LogLimit } from './log-limit.ts';

type LogMethod = (fields: LogFields, message: string) => void;

/** What the parts of the daemon get. Fields first, then what happened in plain words, with no variable part. */
export type Log = { readonly [level in LogLevel]: LogMethod } & {
  /** A log whose every line carries `fields` too. */
  child(fields: LogFields): Log;
};

/** Where the lines go; each call gets one whole line with its newline. */
export interface LogDestination {
  write(line: string): void;
}

export interface LogOptions {
  readonly level: LogLevel;
  readonly destination: LogDestination;
  /** Lines of events that somebody else can cause are limited by it; without it all are written. */
  readonly clock?: Clock;
}

export interface LogCounts {
  /** Lines that were written. */
  readonly lines: ReadonlyMap<LogLevel, number>;
  /** Event → lines that were left out. */
  readonly suppressed: ReadonlyMap<string, number>;
}

export interface RootLog {
  readonly log: Log;
  counts(): LogCounts;
  /** From now on, of this log and all that come of it. */
  setLevel(level: LogLevel): void;
  /** Writes what was left out and not said yet. */
  flush(): void;
}

/**
 * Names under which a secret might come along one day, at the top of a line or in an error: no field of ours is called so. Values are
 * kept away where they are made: a key is a GossipKey, of which only the fingerprint is told.
 */
const SECRET_NAMES = ['key', 'keys', 'secret', 'password', 'token', 'authorization'];
const REDACT = SECRET_NAMES.flatMap(name => [name, `*.${name}`, `*.*.${name}`]);

export function createLog({ level, destination, clock }: LogOptions): RootLog {
  const root = pino(
    {
      // What is written is decided below, for it can change.
      level: 'trace',
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
      redact: { paths: REDACT, censor: '[redacted]' },
    },
    destination,
  );
  const lines = new Map<LogLevel, number>(LOG_LEVELS.map(name => [name, 0]));
  const limit =
    clock === undefined
      ? undefined
      : new LogLimit(clock, (suppressed, count) => log.warn({ suppressed, count }, 'lines were suppressed'));

  let least = level;
  // A child of pino has a level of its own from its making on: the level of all is looked up here.
  const isEnabled = (name: LogLevel) => LOG_LEVELS.indexOf(name) >= LOG_LEVELS.indexOf(least);

  const wrap = (logger: pino.Logger): Log => {
    const method =
      (name: LogLevel): LogMethod =>
      (fields, message) => {
        if (!isEnabled(name)) return;
        const event = eventOf(message);
        if (event !== undefined && limit?.admits(event) === false) return;
        lines.set(name, (lines.get(name) ?? 0) + 1);
        logger[name]({ event, ...fields }, message);
      };
    const methods = Object.fromEntries(LOG_LEVELS.map(name => [name, method(name)]));
    return {
      ...(methods as { readonly [name in LogLevel]: LogMethod }),
      child: fields => wrap(logger.child(fields)),
    };
  };

  const log = wrap(root);
  return {
    log,
    setLevel(next) {
      least = next;
    },
    counts: () => ({ lines, suppressed: limit?.suppressed ?? new Map() }),
    flush: () => limit?.flush(),
  };
}

/** The fields that tell of a failure: those of a {@link WeftError} in words, any other error with its stack. */
export function errorFields(error: unknown): LogFields {
  if (error instanceof WeftError) {
    return { err_code: error.code, reason: error.message, hint: error.hint };
  }
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return { err_code: code, reason: error instanceof Error ? error.message : String(error), err: error };
}
