/**
 * An `ip` or `tc` that stays and takes question after question from a pipe. What is asked every few seconds is not worth a
 * process each time: to fork the daemon takes ten times as long as the answer, and makes all its threads fault on the
 * memory they write to next.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Clock, Timer } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { type Answer, BatchAnswers, END_OF_QUESTION } from './batch-answers.ts';
import { cannotRun } from './run.ts';

/** The kernel answers in milliseconds. */
const PATIENCE_MS = 10_000;

/**
 * After so many questions another process is taken: iproute2 keeps the name of each device that it ever saw (lib/ll_map.c),
 * and where containers come and go these are ever new ones.
 */
const QUESTIONS_OF_ONE = 1000;

/** Both outputs in one pipe, for their order tells which question an error belongs to. */
const SCRIPT = 'exec "$0" "$@" 2>&1';
/** Of the shell, when the program is not there (POSIX, 2.8.2). */
const NOT_FOUND = 127;

const LONGEST_LAST_LINE = 1000;

/** The commands of a question, each the arguments of one call. */
export type Question = readonly string[];

interface Asking {
  readonly answers: BatchAnswers;
  readonly patience: Timer;
  readonly resolve: (answers: readonly Answer[]) => void;
  readonly reject: (error: WeftError) => void;
}

export class BatchProcess {
  private readonly clock: Clock;
  private readonly program: 'ip' | 'tc';
  private readonly options: readonly string[];
  private child: ChildProcess | undefined;
  /** Lines that were written to it, and questions asked. */
  private lines = 0;
  private questions = 0;
  private asking: Asking | undefined;
  /** The end of what it said, whose last line tells why it ends. */
  private said = '';

  /** `options`: besides those that make it a batch. */
  constructor(
    modules: { readonly clock: Clock },
    { program, options = [] }: { readonly program: 'ip' | 'tc'; readonly options?: readonly string[] },
  ) {
    this.clock = modules.clock;
    this.program = program;
    this.options = options;
  }

  /**
   * Asks all questions at once, and no others before they are answered. A command that is refused is the `failure` of its
   * question. Throws `unavailable` when the program is not installed, `system` when it ends or is silent for 10 s; the next
   * question starts it again.
   */
  ask(questions: readonly Question[]): Promise<readonly Answer[]> {
    if (this.asking !== undefined) throw new Error(`${this.program} is being asked already`);
    if (this.questions >= QUESTIONS_OF_ONE) this.close();
    const child = this.child ?? this.start();
    const ends: number[] = [];
    const input: string[] = [];
    for (const commands of questions) {
      input.push(...commands, END_OF_QUESTION);
      ends.push(this.lines + input.length);
    }
    this.lines += input.length;
    this.questions += questions.length;
    this.said = '';
    return new Promise((resolve, reject) => {
      const patience = this.clock.after(PATIENCE_MS, () => {
        this.abandon(new WeftError('system', `${this.program} does not answer`));
      });
      this.asking = { answers: new BatchAnswers(ends), patience, resolve, reject };
      child.stdin?.write(`${input.join('\n')}\n`);
    });
  }

  /** Ends the process, if there is one; the next question starts another. Not while it is being asked. */
  close(): void {
    const { child } = this;
    this.child = undefined;
    // It reads that there is no more, as it does when the daemon is killed.
    child?.stdin?.end();
  }

  private start(): ChildProcess {
    const args = [this.program, '-json', ...this.options, '-force', '-batch', '-'];
    const child = spawn('sh', ['-c', SCRIPT, ...args], { stdio: ['pipe', 'pipe', 'ignore'] });
    this.child = child;
    this.lines = 0;
    this.questions = 0;
    // What fails to be written is told by its end.
    child.stdin.on('error', () => {});
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (this.child === child) this.take(text);
    });
    child.on('error', cause => this.ended(child, cannotRun('sh', cause)));
    child.on('close', (code, signal) => this.ended(child, this.endOf(code ?? signal)));
    return child;
  }

  private take(text: string): void {
    const { asking } = this;
    // A line may come in pieces.
    this.said = (this.said + text).slice(-LONGEST_LAST_LINE);
    if (asking === undefined) return;
    try {
      asking.answers.push(text);
    } catch (error) {
      this.abandon(error as WeftError);
      return;
    }
    if (!asking.answers.isComplete) return;
    this.settle();
    asking.resolve(asking.answers.answers);
  }

  private endOf(how: number | string | null): WeftError {
    const words = this.said.trimEnd().split('\n').at(-1) ?? '';
    if (how === NOT_FOUND) return cannotRun(this.program, new Error(words), { isMissing: true });
    return new WeftError('system', `${this.program} has ended with ${how}${words && `: ${words}`}`);
  }

  private ended(child: ChildProcess, error: WeftError): void {
    if (this.child === child) this.abandon(error);
  }

  /** Whatever comes from it now would be taken for the answer to something else. */
  private abandon(error: WeftError): void {
    const { child, asking } = this;
    this.child = undefined;
    if (child?.pid !== undefined) child.kill('SIGKILL');
    this.settle();
    asking?.reject(error);
  }

  private settle(): void {
    this.asking?.patience.cancel();
    this.asking = undefined;
  }
}
