/** The command line of `npm run soak`. */
import { Command, InvalidArgumentError, Option } from 'commander';
import type { AttachMode } from '../../daemon/lab/weft-config.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { parseCommand } from '../command-line.ts';

export interface Options {
  /** How long the mixed load goes on; building and measuring before and after come on top. */
  readonly seconds: number;
  readonly windowSeconds: number;
  readonly attach: AttachMode;
  /** What the bulk offers, in Mbit/s; undefined: half of what the path carries. */
  readonly mbit: number | undefined;
  readonly jsonFile: string | undefined;
}

const DEFAULT_MINUTES = 10;
const DEFAULT_WINDOW_S = 10;
/** One for the warm-up, and four that have quarters to compare. */
export const FEWEST_WINDOWS = 5;

interface Flags {
  readonly minutes?: number;
  readonly hours?: number;
  readonly attach: AttachMode;
  readonly window: number;
  readonly mbit?: number;
  readonly json?: string;
}

/** Undefined: only help was wanted, and `write` has got it. Throws a WeftError that tells what is wrong. */
export function parseOptions(args: readonly string[], write: (text: string) => void): Options | undefined {
  const command = new Command('npm run soak --')
    .description('mixed load on three machines, sampled all the time, and verdicts at the end')
    .addOption(
      new Option('--minutes <N>', `how long the load goes on (${DEFAULT_MINUTES})`).argParser(positive),
    )
    .addOption(new Option('--hours <N>', 'the same in hours').argParser(positive).conflicts('minutes'))
    .addOption(
      new Option('--attach <mode>', 'how containers are attached')
        .choices(['bridge', 'tap'])
        .default('bridge'),
    )
    .addOption(
      new Option('--window <SECONDS>', 'length of a window, a whole number')
        .argParser(windowLength)
        .default(DEFAULT_WINDOW_S),
    )
    .addOption(
      new Option('--mbit <N>', 'what the bulk offers (half of what the path carries)').argParser(positive),
    )
    .option('--json <FILE>', 'writes all samples and verdicts');
  if (!parseCommand(command, args, { write, invalid })) return undefined;
  return optionsOf(command.opts<Flags>());
}

function optionsOf({ minutes = DEFAULT_MINUTES, hours, attach, window, mbit, json }: Flags): Options {
  const seconds = hours === undefined ? minutes * 60 : hours * 3600;
  if (seconds < FEWEST_WINDOWS * window)
    throw invalid(
      `${seconds} s are too short: they hold fewer than ${FEWEST_WINDOWS} windows of ${window} s`,
    );
  return { seconds, windowSeconds: window, attach, mbit, jsonFile: json };
}

function positive(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value <= 0)
    throw new InvalidArgumentError('It is no number above 0.');
  return value;
}

function windowLength(text: string): number {
  const value = positive(text);
  if (!Number.isInteger(value) || value < 2)
    throw new InvalidArgumentError('It is no whole number from 2 on.');
  return value;
}

function invalid(what: string): WeftError {
  return new WeftError('invalid_argument', what, { hint: 'npm run soak -- --help lists the options' });
}
