/**
 * A shell that stays and starts programs for the daemon. Forking a process of a hundred megabytes takes as long as most of what is
 * run here, and makes all its threads fault on the memory they write to next; a shell forks in no time.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';

/** What a program has said until it ended; `code` is null if that is not known, for the shell has ended too. */
export interface Ending {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Running {
  stdout: string;
  stderr: string;
  readonly resolve: (ending: Ending) => void;
  readonly reject: (cause: Error) => void;
}

export class Launcher {
  /** The search path that its programs are found by. */
  readonly searchPath = searchPath();
  private readonly child: ChildProcess;
  /** A line of it ends what a program has said: no program can know it. */
  private readonly mark = `weft ${randomBytes(16).toString('hex')}`;
  private readonly ending: RegExp;
  private running: Running | undefined;
  private ended = false;

  constructor() {
    this.ending = new RegExp(`\\n${this.mark} (\\d+)\\n$`);
    const child = spawn('sh', [], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.child = child;
    child.on('close', () => this.close());
    child.on('error', cause => this.fail(cause));
    // What fails to be written is told by its end.
    child.stdin.on('error', () => {});
    this.collect(child.stdout, 'stdout');
    this.collect(child.stderr, 'stderr');
    this.hold(false);
  }

  get hasEnded(): boolean {
    return this.ended;
  }

  get isIdle(): boolean {
    return !this.ended && this.running === undefined;
  }

  /** Runs a program with this text, in whole lines, as its standard input. One at a time. Throws when there is no shell. */
  run(command: readonly string[], input: string): Promise<Ending> {
    if (!this.isIdle) throw new Error('the launcher is in use, or has ended');
    const script = `${command.map(quoted).join(' ')} <<'${this.mark}'\n${terminated(input)}${this.mark}\n`;
    const end = `weft_code=$?; printf '\\n${this.mark} %d\\n' $weft_code; printf '\\n${this.mark} %d\\n' $weft_code >&2\n`;
    this.hold(true);
    return new Promise((resolve, reject) => {
      this.running = { stdout: '', stderr: '', resolve, reject };
      this.child.stdin?.write(script + end);
    });
  }

  /** It is not needed any more. */
  end(): void {
    this.ended = true;
    this.child.stdin?.end();
  }

  private collect(stream: Readable, name: 'stdout' | 'stderr'): void {
    stream.setEncoding('utf8').on('data', (text: string) => {
      const { running } = this;
      if (running === undefined) return;
      running[name] += text;
      const [stdout, stderr] = [this.ending.exec(running.stdout), this.ending.exec(running.stderr)];
      if (stdout === null || stderr === null) return;
      this.finish(running, {
        code: Number(stdout[1]),
        stdout: running.stdout.slice(0, stdout.index),
        stderr: running.stderr.slice(0, stderr.index),
      });
    });
  }

  private close(): void {
    this.ended = true;
    const { running } = this;
    if (running !== undefined)
      this.finish(running, { code: null, stdout: running.stdout, stderr: running.stderr });
  }

  private fail(cause: Error): void {
    this.ended = true;
    const { running } = this;
    this.running = undefined;
    running?.reject(cause);
  }

  private finish({ resolve }: Running, ending: Ending): void {
    this.running = undefined;
    this.hold(false);
    resolve(ending);
  }

  /** While nothing runs, it keeps no process from ending; the shell reads that there is no more, and ends too. */
  private hold(isHeld: boolean): void {
    const how = isHeld ? 'ref' : 'unref';
    const { child } = this;
    child[how]();
    for (const stream of child.stdio) (stream as { ref?(): void; unref?(): void } | null)?.[how]?.();
  }
}

/** Where programs are looked for. */
export function searchPath(): string | undefined {
  const { PATH } = process.env;
  return PATH;
}

/** A word that means itself to the shell (POSIX, 2.2.2). */
function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

function terminated(input: string): string {
  return input === '' || input.endsWith('\n') ? input : `${input}\n`;
}
