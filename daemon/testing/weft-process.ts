/** The built program as a child process. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { packageRoot } from '../package-info.ts';

export interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface WeftOptions {
  /** `main` is the program itself, `fake` the same over a FakeNode. */
  readonly entry?: 'main' | 'fake';
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

const ENTRIES = { main: 'dist/daemon/main.js', fake: 'dist/daemon/testing/fake-main.js' } as const;

/** A running `weft`, its output collected. */
export class WeftProcess {
  readonly child: ChildProcessWithoutNullStreams;
  readonly outcome: Promise<Outcome>;
  private stdout = '';
  private stderr = '';

  constructor(args: readonly string[], options: WeftOptions = {}) {
    const entry = join(packageRoot, ENTRIES[options.entry ?? 'main']);
    const { WEFT_SOCKET: _, ...inherited } = process.env;
    this.child = spawn(process.execPath, [entry, ...args], {
      cwd: options.cwd,
      env: { ...inherited, ...options.env },
    });
    this.child.stdout.on('data', (chunk: Buffer) => {
      this.stdout += chunk.toString();
    });
    this.child.stderr.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    this.outcome = once(this.child, 'close').then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
      stdout: this.stdout,
      stderr: this.stderr,
    }));
  }

  /** Resolves when standard output holds `text`; throws when the process ends without it. */
  async printed(text: string): Promise<void> {
    let ended = false;
    const end = this.outcome.then(() => {
      ended = true;
    });
    while (!this.stdout.includes(text)) {
      if (ended) throw new Error(`ended without "${text}": ${this.stdout}${this.stderr}`);
      await Promise.race([once(this.child.stdout, 'data'), end]);
    }
  }
}

/** Runs `weft` to its end. */
export function runWeft(args: readonly string[], options: WeftOptions = {}): Promise<Outcome> {
  return new WeftProcess(args, options).outcome;
}

/** Starts `weft daemon` over a FakeNode and waits until it is ready; killed when the test has ended. */
export async function startFakeDaemon(
  t: { teardown(fn: () => void): void },
  configPath: string,
  env: Readonly<Record<string, string>> = {},
): Promise<WeftProcess> {
  const daemon = new WeftProcess(['daemon', '--config', configPath], { entry: 'fake', env });
  t.teardown(() => {
    daemon.child.kill('SIGKILL');
  });
  await daemon.printed('"msg":"ready"');
  return daemon;
}
