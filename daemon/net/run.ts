/** Running the tools of the system. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { WeftError } from '../../dataplane/errors.ts';

/** A network namespace by the path of its file; undefined: the daemon's own. */
export type NetnsPath = string | undefined;

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The Debian packages of the programs that weft runs. */
const PACKAGES: Readonly<Record<string, string>> = {
  ip: 'iproute2',
  nsenter: 'util-linux',
  setpriv: 'util-linux',
  tc: 'iproute2',
};

/** An `unavailable` that says what to install, if the program is missing. */
export function cannotRun(
  program: string,
  cause: NodeJS.ErrnoException,
  { isMissing = cause.code === 'ENOENT' } = {},
): WeftError {
  return new WeftError('unavailable', `cannot run ${program}: ${cause.message}`, {
    ...(isMissing && { hint: `install the package ${PACKAGES[program] ?? `that has ${program}`}` }),
    cause,
  });
}

/** Runs a command to its end, in that namespace. Throws `unavailable` when it is not installed. */
export async function run(command: readonly string[], netns: NetnsPath, input: string): Promise<Outcome> {
  // Node cannot enter a namespace; nsenter (util-linux) takes any path, `ip -n` only names.
  const argv = netns === undefined ? command : ['nsenter', `--net=${netns}`, ...command];
  const program = argv[0] as string;
  const child = spawn(program, argv.slice(1), { stdio: ['pipe', 'pipe', 'pipe'] });
  const started = once(child, 'spawn');
  const output = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  try {
    await started;
  } catch (cause) {
    output.catch(() => {});
    throw cannotRun(program, cause as Error);
  }
  // A child that has failed early closes its input: what counts is its exit code, not our EPIPE.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [stdout, stderr, [code]] = await output;
  return { code: code as number | null, stdout, stderr };
}
