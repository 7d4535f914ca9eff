/** One mistake in a configuration file, and the line that tells of it. */
import { oneLine } from '../one-line.ts';

/** Keys and list positions from the root, as in ['networks', 0, 'vni']. */
export type KeyPath = readonly (string | number)[];

export interface Problem {
  /** Line in the file, from 1. */
  readonly line: number;
  readonly path: KeyPath;
  /** What is wrong; what to do. */
  readonly message: string;
}

/** `weft.yaml:7: networks[0].vnii: unknown key; did you mean "vni"?` */
export function formatProblem(file: string, problem: Problem): string {
  const where = `${file}:${problem.line}: `;
  const key = problem.path.length === 0 ? '' : `${formatPath(problem.path)}: `;
  return oneLine(`${where}${key}${problem.message}`);
}

function formatPath(path: KeyPath): string {
  return path
    .map(part => (typeof part === 'number' ? `[${part}]` : `.${shortKey(part)}`))
    .join('')
    .replace(/^\./, '');
}

function shortKey(key: string): string {
  return key.length <= 60 ? key : `${key.slice(0, 60)}…`;
}

/** In the order of the file. */
export function sortProblems(problems: readonly Problem[]): readonly Problem[] {
  return problems.toSorted((a, b) => a.line - b.line);
}
