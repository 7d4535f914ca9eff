/** Running the tools of the system. */
import { WeftError } from '../../dataplane/errors.ts';
import { type Ending, Launcher, searchPath } from './launcher.ts';

/** A network namespace by the path of its file; undefined: the daemon's own. */
export type NetnsPath = string | undefined;

/** The Debian packages of the programs that weft runs. */
const PACKAGES: Readonly<Record<string, string>> = {
  ip: 'iproute2',
  nft: 'nftables',
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

/** Shells that start programs for us: as many as have been needed at one time, up to a few that are kept. */
let launchers: readonly Launcher[] = [];
const KEPT_LAUNCHERS = 4;

/** Of a shell that does not find a program (POSIX, 2.8.2), and what dash and bash say then. */
const NOT_FOUND = 127;
const SAYS_NOT_FOUND = /^\S+: (?:line )?\d+: .*not found$/m;

/**
 * Runs a command to its end, in that namespace, with this text, in whole lines, as its standard input. Throws `unavailable` when it is
 * not installed.
 */
export async function run(command: readonly string[], netns: NetnsPath, input: string): Promise<Ending> {
  // Node cannot enter a namespace; nsenter (util-linux) takes any path, `ip -n` only names.
  const argv = netns === undefined ? command : ['nsenter', `--net=${netns}`, ...command];
  const program = argv[0] as string;
  const launcher = idleLauncher();
  const ending = await launcher
    .run(argv, input)
    .catch((cause: Error) => {
      throw cannotRun(program, cause);
    })
    .finally(() => {
      if (!launchers.includes(launcher)) launcher.end();
    });
  if (ending.code === NOT_FOUND && SAYS_NOT_FOUND.test(ending.stderr)) {
    throw cannotRun(program, new Error(ending.stderr.trim()), { isMissing: true });
  }
  return ending;
}

function idleLauncher(): Launcher {
  const path = searchPath();
  launchers = launchers.filter(launcher => !launcher.hasEnded && launcher.searchPath === path);
  const idle = launchers.find(({ isIdle }) => isIdle);
  if (idle !== undefined) return idle;
  const launcher = new Launcher();
  if (launchers.length < KEPT_LAUNCHERS) launchers = [...launchers, launcher];
  return launcher;
}
