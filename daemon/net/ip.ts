/**
 * iproute2, the only way in which weft makes and changes links. Changes go through `ip -batch`, questions through
 * `ip -json`; nothing is parsed as prose but the one line that says why a change was refused.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { WeftError } from '../../dataplane/errors.ts';

/** A link as `ip -json -details address` tells it; only what weft reads. */
export interface Link {
  readonly ifindex: number;
  readonly ifname: string;
  readonly address: string;
  readonly mtu: number;
  readonly flags: readonly string[];
  readonly master?: string;
  readonly ifalias?: string;
  /** Bus of a device that is hardware, or pretends to be: pci, virtio. */
  readonly parentbus?: string;
  /** `ether` for Ethernet. */
  readonly link_type: string;
  readonly linkinfo?: { readonly info_kind?: string; readonly info_data?: Readonly<Record<string, unknown>> };
  readonly addr_info: readonly {
    readonly family: 'inet' | 'inet6';
    readonly local: string;
    readonly prefixlen: number;
    readonly scope: string;
  }[];
}

/** A network namespace by the path of its file; undefined: the daemon's own. */
export type NetnsPath = string | undefined;

/**
 * Carries out the lines (each the arguments of one `ip` call) in order and stops at the first that is refused, which
 * becomes a WeftError: `conflict` when a name is taken, `not_permitted`, `not_found`, else `system`.
 */
export async function changeLinks(lines: readonly string[], netns?: NetnsPath): Promise<void> {
  const { code, stderr } = await run(['ip', '-batch', '-'], netns, `${lines.join('\n')}\n`);
  if (code === 0) return;
  const line = Number(/Command failed -:(\d+)/.exec(stderr)?.[1] ?? 0);
  const reason = stderr.replace(/^(RTNETLINK answers|Error): /m, '').split('\n', 1)[0] ?? 'no reason given';
  throw new WeftError(codeOf(reason), `ip ${lines[line - 1] ?? lines.join('; ')}: ${reason.trim()}`);
}

function codeOf(reason: string): 'conflict' | 'not_permitted' | 'not_found' | 'system' {
  if (/File exists|already exists/.test(reason)) return 'conflict';
  if (/Operation not permitted/.test(reason)) return 'not_permitted';
  if (/Cannot find device|No such device|does not exist/.test(reason)) return 'not_found';
  return 'system';
}

/** Removes a link; one that is not there, or goes at the same moment, is fine. */
export async function removeLink(name: string, netns?: NetnsPath): Promise<void> {
  try {
    await changeLinks([`link del dev ${name}`], netns);
  } catch (error) {
    if (!(error instanceof WeftError) || error.code !== 'not_found') throw error;
  }
}

/** All links of a namespace, with their addresses. */
export async function listLinks(netns?: NetnsPath): Promise<readonly Link[]> {
  return (await ask(['-details', 'address', 'show'], netns)) as Link[];
}

/** The link, or undefined if there is none of that name. */
export async function findLink(name: string, netns?: NetnsPath): Promise<Link | undefined> {
  return (await listLinks(netns)).find(link => link.ifname === name);
}

/** Names of the links of the daemon's own namespace, without a process: cheap enough to ask every few seconds. */
export async function ownLinkNames(): Promise<ReadonlySet<string>> {
  const table = await readFile('/proc/self/net/dev', 'utf8');
  // Two lines of heading, then `  NAME: counters`; a name holds neither colon nor space (dev_valid_name).
  const names = table
    .split('\n')
    .slice(2)
    .map(line => line.split(':', 1)[0]?.trim() ?? '');
  return new Set(names);
}

/** Default routes of one family, the preferred one first. */
export async function defaultRoutes(
  family: 4 | 6,
): Promise<readonly { readonly dev: string; readonly prefsrc?: string; readonly metric?: number }[]> {
  const routes = (await ask([`-${family}`, 'route', 'show', 'default'])) as {
    dev: string;
    prefsrc?: string;
    metric?: number;
  }[];
  return routes.toSorted((a, b) => (a.metric ?? 0) - (b.metric ?? 0));
}

/** Asks `ip -json`; `input` is that of a batch, of which lines that fail are passed over. Each line answers a list. */
export async function askBatch(args: readonly string[], input: string): Promise<unknown[]> {
  const { stdout } = await run(['ip', '-json', ...args, '-force', '-batch', '-'], undefined, input);
  return stdout
    .split('\n')
    .filter(line => line.trim() !== '')
    .flatMap(line => JSON.parse(line) as unknown[]);
}

export async function ask(args: readonly string[], netns?: NetnsPath): Promise<unknown[]> {
  const { code, stdout, stderr } = await run(['ip', '-json', ...args], netns, '');
  if (code !== 0) throw new WeftError('system', `ip ${args.join(' ')}: ${stderr.trim()}`);
  return stdout.trim() === '' ? [] : (JSON.parse(stdout) as unknown[]);
}

/**
 * Writes values below /proc/sys/net, as that namespace sees it; paths are relative, as in ipv6/conf/eth0/accept_ra. What
 * is not there is passed over: a kernel without IPv6, and a device with an MTU below 1280, have no ipv6/conf.
 */
export async function setNetSysctls(
  values: Readonly<Record<string, number>>,
  netns?: NetnsPath,
): Promise<void> {
  // Names are arguments, never text of the script.
  const script = 'while [ $# -gt 1 ]; do [ ! -e "$1" ] || echo "$2" > "$1"; shift 2; done';
  const args = Object.entries(values).flatMap(([path, value]) => [`/proc/sys/net/${path}`, String(value)]);
  const { code, stderr } = await run(['sh', '-e', '-c', script, 'sh', ...args], netns, '');
  if (code !== 0) throw new WeftError('system', `cannot set a sysctl: ${stderr.trim()}`);
}

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program of iproute2 or its like to its end. Throws `unavailable` if it is not there. */
export async function run(command: readonly string[], netns: NetnsPath, input: string): Promise<Outcome> {
  // Node cannot enter a namespace; nsenter (util-linux) takes any path, `ip -n` only names.
  const argv = netns === undefined ? command : ['nsenter', `--net=${netns}`, ...command];
  const child = spawn(argv[0] as string, argv.slice(1), { stdio: ['pipe', 'pipe', 'pipe'] });
  const started = once(child, 'spawn');
  const output = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  try {
    await started;
  } catch (cause) {
    output.catch(() => {});
    throw new WeftError('unavailable', `cannot run ${argv[0]}: ${(cause as Error).message}`, {
      hint: 'install the packages iproute2 and util-linux',
      cause,
    });
  }
  // A child that has failed early closes its input: what counts is its exit code, not our EPIPE.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [stdout, stderr, [code]] = await output;
  return { code: code as number | null, stdout, stderr };
}
