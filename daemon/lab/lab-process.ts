import { type ChildProcess, spawn } from 'node:child_process';
import { BoundedText } from './bounded-text.ts';
import { systemPath } from './system-path.ts';
import { waitFor } from './wait-for.ts';

/** How much of each stream of a long-running process is kept. */
const KEPT_OUTPUT = 256 * 1024;

export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A long-running process of a lab: its pid is known, its output is kept (the end of it), its end can be awaited. */
export class LabProcess {
  readonly title: string;
  /** Resolves when it has ended and its output is read. */
  readonly ended: Promise<ProcessEnd>;
  private readonly child: ChildProcess;
  private readonly out = new BoundedText(KEPT_OUTPUT);
  private readonly err = new BoundedText(KEPT_OUTPUT);
  private end: ProcessEnd | undefined;

  constructor(
    title: string,
    command: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ) {
    this.title = title;
    this.child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, PATH: systemPath(), LC_ALL: 'C', ...env },
    });
    this.child.on('error', error => this.err.append(`${error.message}\n`));
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => this.out.append(text));
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => this.err.append(text));
    this.ended = new Promise(resolve => {
      this.child.on('close', (code, signal) => {
        this.end = this.endOf({ code, signal });
        resolve(this.end);
      });
    });
  }

  /** The process's own pid: `ip netns exec` and `setpriv` exec, they do not fork. 0, which is never signalled, if the program does not exist. */
  get pid(): number {
    return this.child.pid ?? 0;
  }

  get running(): boolean {
    return this.end === undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  get stdout(): string {
    return this.out.toString();
  }

  get stderr(): string {
    return this.err.toString();
  }

  signal(signal: NodeJS.Signals): void {
    if (this.running && this.pid !== 0) this.child.kill(signal);
  }

  /** Signals it and waits for its end; after `timeoutMs` it throws and the process is killed. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', timeoutMs = 10_000): Promise<ProcessEnd> {
    this.signal(signal);
    try {
      return await waitFor(() => this.end, {
        what: `${this.title} to end on ${signal}`,
        timeoutMs,
        intervalMs: 10,
      });
    } catch (error) {
      this.signal('SIGKILL');
      throw error;
    }
  }

  /** Waits until `text` appears in its output (either stream); fails at once when it ends before. */
  async waitForOutput(text: string | RegExp, timeoutMs = 10_000): Promise<void> {
    const found = await waitFor(
      () => {
        const output = this.stdout + this.stderr;
        if (typeof text === 'string' ? output.includes(text) : text.test(output)) return 'found';
        return this.running ? undefined : 'ended';
      },
      { what: `"${text}" from ${this.title}`, timeoutMs, intervalMs: 10 },
    );
    if (found === 'ended') throw new Error(`${this.title} ended before it said "${text}"\n${this.report()}`);
  }

  /** How it has ended, if this is how what was started has. */
  protected endOf(end: ProcessEnd): ProcessEnd {
    return end;
  }

  /** What a person needs when something failed. */
  report(): string {
    const state =
      this.end === undefined
        ? `running, pid ${this.pid}`
        : `ended: ${this.end.signal ?? `exit ${this.end.code}`}`;
    const lines = [`=== ${this.title} (${state})`];
    if (this.stdout !== '') lines.push('--- stdout', this.stdout.trimEnd());
    if (this.stderr !== '') lines.push('--- stderr', this.stderr.trimEnd());
    return lines.join('\n');
  }
}
