/** What has been lived, a line of JSON for each life; a run that was cut off goes on where it was. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { WeftError } from '../../dataplane/errors.ts';
import type { Outcome, Trial } from './trials.ts';

export class ResultsFile {
  private readonly path: string;
  private readonly known = new Map<string, Outcome>();

  /** Throws a WeftError if it is another kind of file, or cannot be read or made. */
  constructor(path: string) {
    this.path = path;
    try {
      const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
      for (const line of text.split('\n')) if (line !== '') this.take(line);
      appendFileSync(path, '');
    } catch (error) {
      if (error instanceof WeftError) throw error;
      throw new WeftError('invalid_argument', `--results: ${error instanceof Error ? error.message : error}`);
    }
  }

  find(trial: Trial): Outcome | undefined {
    return this.known.get(keyOf(trial));
  }

  add(outcome: Outcome): void {
    appendFileSync(this.path, `${JSON.stringify(outcome)}\n`);
  }

  private take(line: string): void {
    const outcome = parse(line) as Partial<Outcome> | null;
    const { kind, seed, nodes, problems } = outcome ?? {};
    if (kind === undefined || seed === undefined || nodes === undefined || !Array.isArray(problems))
      throw new WeftError('invalid_argument', `--results: ${this.path} is no file of results`, {
        hint: 'name one that does not exist yet, or one that npm run simulate has written',
      });
    this.known.set(keyOf({ kind, seed, nodes }), outcome as Outcome);
  }
}

function keyOf({ kind, seed, nodes }: Trial): string {
  return `${kind} ${seed} ${nodes}`;
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
