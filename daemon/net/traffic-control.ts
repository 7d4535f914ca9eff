/** Traffic control, by iproute2's `tc`: for what few interfaces have, so a process for each change is no matter. */
import { WeftError } from '../../dataplane/errors.ts';
import { type NetnsPath, run } from './run.ts';

/**
 * Carries out the lines (each the arguments of one `tc` call) in order, and stops at the first that is refused. Throws `system`, or
 * `unavailable` where there is no `tc`. `what` says what was to be done.
 */
export async function changeTraffic(lines: readonly string[], netns: NetnsPath, what: string): Promise<void> {
  const { code, stderr } = await run(['tc', '-batch', '-'], netns, `${lines.join('\n')}\n`);
  if (code === 0) return;
  throw new WeftError('system', `cannot ${what}: ${stderr.trim().split('\n', 1)[0]}`);
}

/** What `tc -json` lists. Throws `system` when it cannot tell. */
export async function listTraffic(args: readonly string[], netns?: NetnsPath): Promise<readonly unknown[]> {
  const { code, stdout, stderr } = await run(['tc', '-json', ...args], netns, '');
  if (code !== 0) throw new WeftError('system', `tc ${args.join(' ')}: ${stderr.trim()}`);
  return stdout.trim() === '' ? [] : (JSON.parse(stdout) as unknown[]);
}
