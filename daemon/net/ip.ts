/**
 * iproute2, for what is seldom done: the devices of a network, and questions about many links or routes. Changes go through
 * `ip -batch`, questions through `ip -json`; nothing is parsed as prose but the one line that says why a change was refused.
 * What an attachment needs goes to the kernel without a process (link-steps.ts).
 */
import { readFile } from 'node:fs/promises';
import { type ErrorCode, WeftError } from '../../dataplane/errors.ts';
import { type NetnsPath, run } from './run.ts';

/** A link as `ip -json -details address` tells it; only what weft reads. */
export interface Link {
  readonly ifindex: number;
  readonly ifname: string;
  readonly address: string;
  readonly mtu: number;
  readonly flags: readonly string[];
  readonly master?: string;
  readonly gso_max_segs?: number;
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

/**
 * Carries out the lines (each the arguments of one `ip` call) in order and stops at the first that is refused, which
 * becomes a WeftError: `conflict` when a name is taken, `not_permitted`, `not_found`, else `system`.
 */
export async function changeLinks(lines: readonly string[], netns?: NetnsPath): Promise<void> {
  if (lines.length === 0) return;
  const { code, stderr } = await run(['ip', '-batch', '-'], netns, `${lines.join('\n')}\n`);
  if (code === 0) return;
  const { code: reason, message } = refusal(lines, stderr);
  throw new WeftError(reason, message);
}

/** What `ip -batch` says of the line it stopped at, as code and message of a WeftError. */
function refusal(lines: readonly string[], stderr: string): { code: ErrorCode; message: string } {
  const line = Number(/Command failed -:(\d+)/.exec(stderr)?.[1] ?? 0);
  const reason = stderr.replace(/^(RTNETLINK answers|Error): /m, '').split('\n', 1)[0] ?? 'no reason given';
  return { code: codeOf(reason), message: `ip ${lines[line - 1] ?? lines.join('; ')}: ${reason.trim()}` };
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

/** The link, or undefined if there is none of that name. Asks for this one only: a VM may have thousands. */
export async function findLink(name: string, netns?: NetnsPath): Promise<Link | undefined> {
  try {
    const [link] = (await ask(['-details', 'address', 'show', 'dev', name], netns)) as Link[];
    return link;
  } catch (error) {
    if (error instanceof WeftError && error.code === 'not_found') return undefined;
    throw error;
  }
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

/** Packets that a link of the daemon's own namespace has received. Throws `not_found`. */
export async function receivedPackets(name: string): Promise<number> {
  const [link] = (await ask(['-statistics', 'link', 'show', 'dev', name])) as {
    readonly stats64: { readonly rx: { readonly packets: number } };
  }[];
  return link?.stats64.rx.packets ?? 0;
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

/** A route as `ip -Numeric -details -json route` tells it; only what weft reads. */
export interface KernelRoute {
  readonly dst: string;
  readonly gateway?: string;
  readonly dev?: string;
  /** Numbers, as text. */
  readonly table?: string;
  readonly protocol?: string;
  readonly metric?: number;
}

/** The routes of one family, of all tables. */
export async function listRoutes(family: 4 | 6, netns?: NetnsPath): Promise<readonly KernelRoute[]> {
  const show = ['route', 'show', 'table', 'all'];
  return (await ask([`-${family}`, '-Numeric', '-details', ...show], netns)) as KernelRoute[];
}

async function ask(args: readonly string[], netns?: NetnsPath): Promise<unknown[]> {
  const { code, stdout, stderr } = await run(['ip', '-json', ...args], netns, '');
  if (code !== 0) throw new WeftError(codeOf(stderr), `ip ${args.join(' ')}: ${stderr.trim()}`);
  return stdout.trim() === '' ? [] : (JSON.parse(stdout) as unknown[]);
}
