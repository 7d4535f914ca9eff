/** One run of `weft`: arguments in, exit status out. */
import { CommanderError } from 'commander';
import { ProblemsFound } from './doctor.ts';
import { EXIT_DONE, EXIT_FAILED, EXIT_USAGE, failureLine, reasonOf } from './failure.ts';
import type { CliIo } from './io.ts';
import { buildProgram } from './program.ts';

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

function usage(error: CommanderError, io: CliIo): number {
  if (error.exitCode === 0) return EXIT_DONE;
  // The help of `weft` or `weft config` without a command: it has been printed and says enough.
  if (error.code === 'commander.help') return EXIT_USAGE;
  io.stderr.write(failureLine(`${error.message.replace(/^error: /, '')}; see weft --help`));
  return EXIT_USAGE;
}
