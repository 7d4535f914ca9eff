/**
 * Frames between ports of weft's bridges, where br_netfilter hands them to iptables and nobody there expects them: dockerd sets the policy of
 * FORWARD to DROP. One rule at the end of FORWARD lets through what no rule before it has decided. It is about bridged frames alone: what is routed
 * into or out of a network is left to others.
 */
import { readFile } from 'node:fs/promises';
import { WeftError } from '../../dataplane/errors.ts';
import { bridgeName } from '../endpoints/names.ts';
import { run } from './run.ts';

/** Documentation/networking/ip-sysctl.rst: whether bridged packets go through iptables. It is a switch of the whole namespace. */
const FAMILIES = [
  { program: 'iptables', sysctl: 'bridge-nf-call-iptables' },
  { program: 'ip6tables', sysctl: 'bridge-nf-call-ip6tables' },
] as const;

/** Any of our bridges: a trailing + stands for the rest (iptables(8)). */
const ANY_BRIDGE = `${bridgeName('')}+`;
const RULE = ['-i', ANY_BRIDGE, '-o', ANY_BRIDGE, '-m', 'physdev', '--physdev-is-bridged', '-j', 'ACCEPT'];

/** dockerd may be changing its rules at the same moment: seconds to wait for the lock. */
const WAIT = ['-w', '5'];

/** Adds the rule where the policy would drop such frames. True if it was not there. Where there is no iptables there is nothing to do. Throws `system`. */
export async function allowBridgedFrames(): Promise<boolean> {
  let added = false;
  for (const { program, sysctl } of FAMILIES) {
    if (!(await isFiltered(sysctl))) continue;
    const rules = await iptables(program, ['-S', 'FORWARD']);
    if (!rules.startsWith('-P FORWARD DROP') || rules.includes(` ${ANY_BRIDGE} `)) continue;
    await iptables(program, ['-A', 'FORWARD', ...RULE]);
    added = true;
  }
  return added;
}

/** Takes the rule away again, if it is there. */
export async function forgetBridgedFrames(): Promise<void> {
  for (const { program, sysctl } of FAMILIES) {
    if (!(await isFiltered(sysctl))) continue;
    const rules = await iptables(program, ['-S', 'FORWARD']);
    if (rules.includes(` ${ANY_BRIDGE} `)) await iptables(program, ['-D', 'FORWARD', ...RULE]);
  }
}

async function isFiltered(sysctl: string): Promise<boolean> {
  // Not there: the kernel has no br_netfilter, or has not loaded it.
  const text = await readFile(`/proc/sys/net/bridge/${sysctl}`, 'utf8').catch(() => '0');
  return text.trim() !== '0';
}

async function iptables(program: string, args: readonly string[]): Promise<string> {
  try {
    const { code, stdout, stderr } = await run([program, ...WAIT, ...args], undefined, '');
    if (code === 0) return stdout;
    throw new WeftError('system', `${program} ${args.join(' ')}: ${stderr.trim()}`, {
      hint: 'frames between containers of one VM may be dropped: see docs/troubleshooting.md',
    });
  } catch (error) {
    if (error instanceof WeftError && error.code === 'unavailable') return '';
    throw error;
  }
}
