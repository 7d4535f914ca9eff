/** The doctor's view of this host: programs that tell something, and files of the kernel. Fakes give texts instead. */
import { execFile } from 'node:child_process';
import { readdir, readFile, stat, statfs } from 'node:fs/promises';
import type { PathSession } from './path/path-facts.ts';
import type { RawSender } from './path/path-prober.ts';

export interface HostPort {
  /** What the program prints; undefined: it is not there, was refused, or did not end in time. */
  run(command: readonly string[]): Promise<string | undefined>;
  /** The text of a file; undefined: it cannot be read. */
  read(path: string): Promise<string | undefined>;
  /** Names in a directory; undefined: there is none. */
  list(path: string): Promise<readonly string[] | undefined>;
  /** Permission bits; undefined: there is no such file. */
  modeOf(path: string): Promise<number | undefined>;
  /** Bytes that root can still write there; undefined: there is no such place. */
  freeBytes(path: string): Promise<number | undefined>;
  /** Runs a command line of sh(1); what it complained of, or undefined if it succeeded. */
  mend(command: string): Promise<string | undefined>;
  /** Throws where this process may not have raw sockets. */
  openRaw(session: PathSession): Promise<RawSender>;
}

/** A ruleset of 10,000 rules is listed within a second. */
const TIMEOUT_MS = 10_000;
const MAX_BYTES = 64 * 1024 * 1024;

export const realHost: HostPort = {
  run([program = '', ...args]) {
    return new Promise(resolve => {
      const options = { timeout: TIMEOUT_MS, maxBuffer: MAX_BYTES, env: { ...process.env, LC_ALL: 'C' } };
      execFile(program, args, options, (error, stdout) => resolve(error === null ? stdout : undefined));
    });
  },
  read: path => readFile(path, 'utf8').catch(() => undefined),
  list: path => readdir(path).catch(() => undefined),
  modeOf: path =>
    stat(path).then(
      ({ mode }) => mode & 0o7777,
      () => undefined,
    ),
  freeBytes: path =>
    statfs(path).then(
      ({ bfree, bsize }) => bfree * bsize,
      () => undefined,
    ),
  mend(command) {
    return new Promise(resolve => {
      execFile('sh', ['-c', command], { timeout: TIMEOUT_MS }, (error, _, stderr) =>
        resolve(error === null ? undefined : stderr.trim() || error.message),
      );
    });
  },
  async openRaw(session) {
    // Loaded here only: it brings an addon, which no other command needs.
    const { openRawSender } = await import('./path/raw-sender.ts');
    return openRawSender(session);
  },
};
