/**
 * One seed, one life of a pool, one verdict. There are two kinds of lives:
 *
 * - `storms`: containers move, nodes crash, stop, leave and return, the network loses, delays and is cut; after it all nodes must come
 *   to agree on what is so, and nothing may have been held that was never written (control/testing/record-scenario.ts).
 * - `deaths`: nodes crash, and later others stop for 30 s under 5 % loss; each death must be known to all within the bound of
 *   suspicion, and nobody who was never stopped be held for dead (control/testing/membership-figures.ts).
 */
import { seededRandom } from '../../control/random.ts';
import { type DeathFigures, measureDeaths } from '../../control/testing/membership-figures.ts';
import { runScenario } from '../../control/testing/record-scenario.ts';

export const KINDS = ['storms', 'deaths'] as const;
export type Kind = (typeof KINDS)[number];

export interface Trial {
  readonly kind: Kind;
  readonly seed: number;
  readonly nodes: number;
}

export interface Outcome extends Trial {
  /** Empty: all was as it must be. */
  readonly problems: readonly string[];
  /** Virtual milliseconds: of storms until all agreed, of deaths until 99 % of the nodes knew of one. */
  readonly took: number;
  /** What was done, a line each; given where there are problems. */
  readonly log: readonly string[];
}

/** Inclusive. */
export interface Range {
  readonly least: number;
  readonly most: number;
}

/**
 * How many nodes the pool of a seed has. What a life costs grows with more than the square of them, so sizes are drawn from a Pareto
 * distribution: half of them are within 1.22 times the least, one in ten is above 1.93 times, one in a hundred above 3.7 times.
 */
export function sizeOf(seed: number, { least, most }: Range): number {
  // Not the generator of the life itself, which starts from the seed.
  const uniform = seededRandom(seed ^ 0x5eed).next();
  return Math.min(most, Math.round(least * uniform ** (-1 / PARETO_SHAPE)));
}

const PARETO_SHAPE = 3.5;

/** Larger pools know each other from the beginning: that all come up by themselves takes time with the square of them, and `storms` shows it. */
const LARGEST_COLD = 500;

export function runTrial({ kind, seed, nodes }: Trial): Outcome {
  if (kind === 'deaths') {
    const figures = measureDeaths({ size: nodes, seed, start: nodes > LARGEST_COLD ? 'warm' : 'cold' });
    const problems = judgeDeaths(figures);
    return { kind, seed, nodes, problems, took: figures.deathKnown.p99, log: [] };
  }
  const { problems, took, log } = runScenario({ seed, minNodes: nodes, maxNodes: nodes });
  return { kind, seed, nodes, problems, took, log: problems.length === 0 ? [] : log };
}

export function judgeDeaths({ deathKnown, unnoticed, suspicion, falseDeaths }: DeathFigures): string[] {
  const { victims, byHealthy, byStopped } = falseDeaths;
  const problems: string[] = [];
  if (unnoticed > 0) problems.push(`${unnoticed} times a node did not come to know of a death`);
  if (deathKnown.p99 > suspicion.longest) {
    const [late, bound] = [deathKnown.p99, suspicion.longest].map(Math.round);
    problems.push(`deaths were known after ${late} ms (p99), later than suspicion lasts (${bound} ms)`);
  }
  if (victims > 0)
    problems.push(
      `${victims} nodes that were never stopped were held for dead, ${byHealthy} times by others that were not, ${byStopped} times by stopped ones`,
    );
  return problems;
}
