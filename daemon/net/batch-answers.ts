/**
 * What an `ip -json -force -batch -`, or `tc`, writes about several questions, taken apart. Standard output and standard
 * error are one stream, line by line:
 *
 *   [{"ifindex":1,…}]                            what a command answers; nothing at all where there is nothing to list
 *   RTNETLINK answers: Network is unreachable    why the next line
 *   Command failed -:2                           the command in line 2 of the input was refused
 *   Object "end" is unknown, try "ip help".
 *   Command failed -:3                           and so was our mark in line 3, on purpose: the answers before it are complete
 */
import { WeftError } from '../../dataplane/errors.ts';

/** A command that neither program has. */
export const END_OF_QUESTION = 'weft-end';

export interface Answer {
  /** Of all commands of the question. */
  readonly items: readonly unknown[];
  /** What the program says of the first command that it refused. */
  readonly failure: string | undefined;
}

export class BatchAnswers {
  /** Those that are complete. */
  readonly answers: Answer[] = [];
  private readonly ends: readonly number[];
  private rest = '';
  private words: string[] = [];
  private items: unknown[] = [];
  private failure: string | undefined;

  /** `ends`: in which lines of the input, counted from 1, the marks are. */
  constructor(ends: readonly number[]) {
    this.ends = ends;
  }

  get isComplete(): boolean {
    return this.answers.length === this.ends.length;
  }

  /** Throws `system` for what starts like JSON and is not. */
  push(text: string): void {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop() ?? '';
    for (const line of lines) this.take(line);
  }

  private take(line: string): void {
    const failed = /^Command failed -:(\d+)$/.exec(line);
    if (failed === null) {
      if (line.startsWith('[')) this.items.push(...parse(line));
      else if (line !== '') this.words.push(line);
      return;
    }
    if (Number(failed[1]) === this.ends[this.answers.length]) {
      this.answers.push({ items: this.items, failure: this.failure });
      this.items = [];
      this.failure = undefined;
    } else this.failure ??= this.words.join(' ');
    this.words = [];
  }
}

function parse(line: string): unknown[] {
  try {
    return JSON.parse(line) as unknown[];
  } catch (cause) {
    throw new WeftError('system', `cannot be read: ${line.slice(0, 80)}`, { cause });
  }
}
