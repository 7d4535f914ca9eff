/** The log: pino, one JSON object a line, with field names from the dictionary only (log-fields.ts). */
import pino from 'pino';
import { WeftError } from '../dataplane/errors.ts';
import type { LogFields, LogLevel } from './log-fields.ts';

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

/**
 * Opens the log. Without `destination` lines go to standard output, written before the call returns so that the last
 * words before an exit are not lost; a reader that went away is ignored. Standard error is kept for the one line that
 * says why the program failed.
 */
export function createLog(level: LogLevel, destination?: LogDestination): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
    },
    destination ?? pino.destination({ dest: 1, sync: true }),
  );
}

/** The fields that tell of a failure: those of a {@link WeftError} in words, any other error with its stack. */
export function errorFields(error: unknown): LogFields {
  if (error instanceof WeftError) {
    return { err_code: error.code, reason: error.message, hint: error.hint };
  }
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return { err_code: code, reason: error instanceof Error ? error.message : String(error), err: error };
}
