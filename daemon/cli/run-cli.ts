/** One run of `weft`: arguments in, exit status out. */
import { CommanderError } from 'commander';
import { WeftError } from '../../dataplane/errors.ts';
import { oneLine } from '../one-line.ts';
import { ProblemsFound } from './doctor.ts';
import type { CliIo } from './io.ts';
import { buildProgram } from './program.ts';

export const EXIT_DONE = 0;
export const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/** Never throws: each failure becomes one line on standard error. `argv` is without the interpreter and the script. */
export async function runCli(argv: readonly string[], io: CliIo): Promise<number> {
  try {
    await buildProgram(io).parseAsync([...argv], { from: 'user' });
    return EXIT_DONE;
  } catch (error) {
    if (error instanceof CommanderError) return usage(error, io);
    if (error instanceof ProblemsFound) return EXIT_FAILED;
    io.stderr.write(failureLine(reasonOf(error)));
    return EXIT_FAILED;
  }
}

/** "weft: what: why; what to do". */
export function failureLine(text: string): string {
  return `weft: ${oneLine(text)}\n`;
}

function reasonOf(error: unknown): string {
  if (error instanceof WeftError) return error.line;
  return `internal error: ${error instanceof Error ? error.message : String(error)}; please report it`;
}

function usage(error: CommanderError, io: CliIo): number {
  if (error.exitCode === 0) return EXIT_DONE;
  // The help of `weft` or `weft config` without a command: it has been printed and says enough.
  if (error.code === 'commander.help') return EXIT_USAGE;
  io.stderr.write(failureLine(`${error.message.replace(/^error: /, '')}; see weft --help`));
  return EXIT_USAGE;
}
