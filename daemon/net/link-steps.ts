/**
 * Several changes of links, in one namespace or more, by one child of the daemon. Forking a process of a hundred
 * megabytes takes longer than most changes, and it holds up everything else in it meanwhile; a shell forks in no time.
 */
import { type ErrorCode, WeftError } from '../../dataplane/errors.ts';
import { refusal } from './ip.ts';
import { type NetnsPath, run } from './run.ts';
import { type NetSysctls, sysctlFile } from './sysctl.ts';

export interface LinkStep {
  /** Where it is done. @default the daemon's own namespace */
  readonly netns?: NetnsPath;
  /** Written first; what is not there is passed over, as setNetSysctls does. */
  readonly sysctls?: NetSysctls;
  /** Each the arguments of one `ip` call. */
  readonly lines: readonly string[];
}

/** The steps before `step` (counted from 0) are done; of this one perhaps some lines. */
export class LinkStepError extends WeftError {
  readonly step: number;

  constructor(step: number, code: ErrorCode, message: string) {
    super(code, message);
    this.step = step;
  }
}

// Names are arguments, never text of the script: PATH VALUE … LINES.
const STEP = `step() {
  while [ $# -gt 1 ]; do
    if [ -e "$1" ]; then echo "$2" > "$1" || return; fi
    shift 2
  done
  ip -batch - <<EOF
$1
EOF
}
`;

/** Exit codes of the script from here on tell which step was refused; below are those of the shell's own failures. */
const FIRST_STEP = 10;

/** Carries out the steps in order and stops at the first that is refused, with the codes of changeLinks. */
export async function changeLinkSteps(steps: readonly LinkStep[]): Promise<void> {
  const { code, stderr } = await run(commandOf(steps), undefined, '');
  if (code === 0) return;
  const step = (code ?? 0) - FIRST_STEP;
  const refused = steps[step];
  if (refused === undefined) throw new WeftError('system', `cannot change links: ${stderr.trim()}`);
  if (!stderr.includes('Command failed')) {
    // Not ip's words: the namespace could not be entered, or a setting was refused.
    throw new LinkStepError(step, 'system', `cannot begin "ip ${refused.lines[0]}": ${stderr.trim()}`);
  }
  const { code: reason, message } = refusal(refused.lines, stderr);
  throw new LinkStepError(step, reason, message);
}

function commandOf(steps: readonly LinkStep[]): string[] {
  const args = [`${STEP}step "$@"`];
  const argument = (value: string) => `"\${${args.push(value)}}"`;
  const calls = steps.map(({ netns, sysctls = {}, lines }, index) => {
    const enter = netns === undefined ? 'step' : `nsenter --net=${argument(netns)} sh -c "$1" sh`;
    const settings = Object.entries(sysctls).flatMap(([path, value]) => [sysctlFile(path), String(value)]);
    const words = [...settings, lines.join('\n')].map(argument);
    return `${enter} ${words.join(' ')} || exit ${FIRST_STEP + index}`;
  });
  return ['sh', '-c', `${STEP}${calls.join('\n')}`, 'sh', ...args];
}
