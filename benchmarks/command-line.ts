/** What commands of `npm run` share: how they read options, tell how far they are, and end. */
import { type Command, CommanderError } from 'commander';
import type { Clock } from '../dataplane/clock.ts';
import { WeftError } from '../dataplane/errors.ts';

/** False: only help was wanted, and `write` has got it. Throws what `invalid` makes of what is wrong. */
export function parseCommand(
  command: Command,
  args: readonly string[],
  {
    write,
    invalid,
  }: { readonly write: (text: string) => void; readonly invalid: (what: string) => WeftError },
): boolean {
  command
    .allowExcessArguments(false)
    .exitOverride()
    .configureOutput({ writeOut: write, writeErr: () => {} });
  try {
    command.parse([...args], { from: 'user' });
    return true;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return false;
    throw invalid(error.message.replace(/^error: /, ''));
  }
}

/** Tells a line on standard error, after the seconds since now in so many digits. */
export function elapsedLog(clock: Pick<Clock, 'now'>, digits: number): (line: string) => void {
  const start = clock.now();
  return line => {
    const seconds = ((clock.now() - start) / 1000).toFixed(0).padStart(digits);
    process.stderr.write(`${seconds} s  ${line}\n`);
  };
}

/** Exit status: what `main` resolves to; 2 if its arguments are wrong, 1 if it fails. */
export async function exitWith(main: (args: readonly string[]) => Promise<number>): Promise<void> {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    const isUsage = error instanceof WeftError && error.code === 'invalid_argument';
    process.stderr.write(
      `${error instanceof WeftError ? error.line : error instanceof Error ? error.message : error}\n`,
    );
    process.exitCode = isUsage ? 2 : 1;
  }
}
