import { spawn } from 'node:child_process';
import { systemClock } from '../../dataplane/clock.ts';
import { systemPath } from './system-path.ts';

export interface CommandResult {
  /** Exit status; null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  /** Written to standard input; without it standard input is empty. */
  readonly input?: string;
  /** It is killed after this. @default 60,000 */
  readonly timeoutMs?: number;
  /** Throw a CommandError unless it exits with 0. @default true */
  readonly check?: boolean;
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A command that failed, with everything it printed in the message: a lab's failures must explain themselves. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly result: CommandResult;

  constructor(commandLine: string, result: CommandResult, input: string | undefined) {
    const end = result.signal === null ? `exit ${result.code}` : `ended by ${result.signal}`;
    const parts = [`${commandLine}: ${end}`];
    if (input !== undefined) parts.push(`--- stdin\n${input.trimEnd()}`);
    if (result.stdout !== '') parts.push(`--- stdout\n${result.stdout.trimEnd()}`);
    if (result.stderr !== '') parts.push(`--- stderr\n${result.stderr.trimEnd()}`);
    super(parts.join('\n'));
    this.result = result;
  }
}

/** Runs a command to its end and returns what it printed. Messages are in the C locale. */
export function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const { input, timeoutMs = 60_000, check = true, env } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      env: { ...process.env, PATH: systemPath(), LC_ALL: 'C', ...env },
    });
    const timer = systemClock.after(timeoutMs, () => child.kill('SIGKILL'));
    let stdout = '';
    let stderr = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    // A command that ends without reading its input closes the pipe; its exit status tells the rest.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
    child.on('error', error => {
      timer.cancel();
      reject(error);
    });
    child.on('close', (code, signal) => {
      timer.cancel();
      const result = { code, signal, stdout, stderr };
      if (check && code !== 0) reject(new CommandError([command, ...args].join(' '), result, input));
      else resolve(result);
    });
  });
}
