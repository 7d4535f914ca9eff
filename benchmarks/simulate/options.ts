/** The command line of `npm run simulate`. */
import { randomInt } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import { WeftError } from '../../dataplane/errors.ts';
import { parseCommand } from '../command-line.ts';
import { KINDS, type Kind, type Range } from './trials.ts';

export interface Options {
  readonly seeds: Range;
  readonly nodes: Range;
  readonly kinds: readonly Kind[];
  readonly jobs: number;
  readonly resultsFile: string | undefined;
}

interface Flags {
  readonly seeds: number | Range;
  readonly nodes: Range;
  readonly only?: Kind;
  readonly jobs: number;
  readonly results?: string;
}

const DEFAULT_SEEDS = 20;
/** Beyond, storms take more than an hour. */
const MOST_IN_STORMS = 1000;
const MOST_NODES = 10_000;
/** Three are joined by all others, and a pool of fewer has nobody to ask. */
const FEWEST_NODES = 4;
/** The generator has 32 bits. */
const LAST_SEED = 2 ** 32 - 1;

/** Undefined: only help was wanted, and `write` has got it. Throws a WeftError that tells what is wrong. */
export function parseOptions(args: readonly string[], write: (text: string) => void): Options | undefined {
  const command = new Command('npm run simulate --')
    .description('random lives of whole pools, simulated; each must end as it has to')
    .addOption(
      new Option('--seeds <N|FIRST-LAST>', 'how many, from one that is drawn, or which')
        .argParser(parseSeeds)
        .default(DEFAULT_SEEDS),
    )
    .addOption(
      new Option('--nodes <N|LEAST-MOST>', 'sizes of pools; small ones are drawn more often')
        .argParser(parseNodes)
        .default({ least: 50, most: MOST_IN_STORMS }, `50-${MOST_IN_STORMS}`),
    )
    .addOption(new Option('--only <kind>', 'one kind of lives, instead of both').choices([...KINDS]))
    .addOption(new Option('--jobs <N>', 'threads').argParser(parseCount).default(availableParallelism()))
    .option(
      '--results <FILE>',
      'adds a line of JSON for each life; those that are in it already are not lived again',
    );
  if (!parseCommand(command, args, { write, invalid })) return undefined;
  const { seeds, nodes, only, jobs, results } = command.opts<Flags>();
  if (only !== 'deaths' && nodes.most > MOST_IN_STORMS)
    throw invalid(`pools of more than ${MOST_IN_STORMS} nodes are for --only deaths`);
  return {
    seeds: typeof seeds === 'number' ? drawn(seeds) : seeds,
    nodes,
    kinds: only === undefined ? KINDS : [only],
    jobs,
    resultsFile: results,
  };
}

function invalid(what: string): WeftError {
  return new WeftError('invalid_argument', what, { hint: 'npm run simulate -- --help lists the options' });
}

function drawn(count: number): Range {
  const least = randomInt(2 ** 30);
  return { least, most: least + count - 1 };
}

function parseSeeds(text: string): number | Range {
  return text.includes('-') ? parseRange(text, 0, LAST_SEED) : parseCount(text);
}

function parseNodes(text: string): Range {
  return parseRange(text, FEWEST_NODES, MOST_NODES);
}

function parseCount(text: string): number {
  const count = wholeNumber(text);
  if (!(count >= 1)) throw new InvalidArgumentError('It is no whole number above 0.');
  return count;
}

/** "N" is N to N. */
function parseRange(text: string, lowest: number, highest: number): Range {
  const [first = '', last = first, ...others] = text.split('-');
  const [least, most] = [wholeNumber(first), wholeNumber(last)];
  if (others.length > 0 || !(lowest <= least && least <= most && most <= highest))
    throw new InvalidArgumentError(
      `It is neither a whole number nor two with a dash, of ${lowest} to ${highest}.`,
    );
  return { least, most };
}

function wholeNumber(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : Number.NaN;
}
