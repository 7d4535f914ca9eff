/**
 * Frames between ports of weft's bridges, where br_netfilter hands them to iptables and nobody there expects them: dockerd sets the policy of
 * FORWARD to DROP. One rule at the end of FORWARD lets through what no rule before it has decided. It is about bridged frames alone; what is routed
 * into or out of a network, foreign-chains.ts lets through. nft cannot say this rule: physdev is of iptables.
 */
import { readFile } from 'node:fs/promises';
import { WeftError } from '../../dataplane/errors.ts';
import { bridgeName } from '../endpoints/names.ts';
import { errorFields, type Log } from '../log.ts';
import { run } from '../net/run.ts';

/** Documentation/networking/ip-sysctl.rst: whether bridged packets go through iptables. It is a switch of the whole namespace. */
const FAMILIES = [
  { program: 'iptables', sysctl: 'bridge-nf-call-iptables' },
  { program: 'ip6tables', sysctl: 'bridge-nf-call-ip6tables' },
] as const;

/** Any of our bridges: a trailing + stands for the rest (iptables(8)). */
const ANY_BRIDGE = `${bridgeName('')}+`;
const CHAIN = 'FORWARD';
const RULE = ['-i', ANY_BRIDGE, '-o', ANY_BRIDGE, '-m', 'physdev', '--physdev-is-bridged', '-j', 'ACCEPT'];

/** dockerd may be changing its rules at the same moment: seconds to wait for the lock. */
const WAIT = ['-w', '5'];

/** Of so many looks at the links, one looks at the rules too: a process, half a minute apart. */
const LOOK_EVERY = 15;

export class BridgedFrames {
  private readonly log: Log;
  private bridges: readonly string[] = [];
  private looks = 0;

  constructor(modules: { readonly log: Log }) {
    this.log = modules.log;
  }

  /** The network has this bridge now. Never throws. */
  async add(bridge: string): Promise<void> {
    this.bridges = [...this.bridges.filter(other => other !== bridge), bridge];
    await this.allow();
  }

  /** The bridge is gone; with the last one the rule goes. Throws `system`. */
  async remove(bridge: string): Promise<void> {
    if (!this.bridges.includes(bridge)) return;
    this.bridges = this.bridges.filter(other => other !== bridge);
    if (this.bridges.length > 0) return;
    for (const { program, sysctl } of FAMILIES) {
      if (!(await isFiltered(sysctl))) continue;
      if (hasRule(await iptables(program, ['-S', CHAIN]))) await iptables(program, ['-D', CHAIN, ...RULE]);
    }
  }

  /** To be called every few seconds. Never throws. */
  async look(): Promise<void> {
    this.looks = (this.looks + 1) % LOOK_EVERY;
    if (this.looks === 0) await this.allow();
  }

  /**
   * Adds the rule where the policy would drop such frames: whoever has just changed the rules, as dockerd does when it starts, may have it do so. Where
   * there is no iptables there is nothing to do. Never throws.
   */
  async allow(): Promise<void> {
    if (this.bridges.length === 0) return;
    const { log } = this;
    try {
      for (const { program, sysctl } of FAMILIES) {
        if (!(await isFiltered(sysctl))) continue;
        const rules = await iptables(program, ['-S', CHAIN]);
        if (!rules.startsWith(`-P ${CHAIN} DROP`) || hasRule(rules)) continue;
        await iptables(program, ['-A', CHAIN, ...RULE]);
        log.warn(
          { command: program },
          'the policy of iptables would drop frames between containers: added a rule for them',
        );
      }
    } catch (error) {
      log.error(errorFields(error), 'cannot see to it that the firewall passes frames between containers');
    }
  }
}

function hasRule(rules: string): boolean {
  return rules
    .split('\n')
    .some(rule => rule.includes(` ${ANY_BRIDGE} `) && rule.includes('--physdev-is-bridged'));
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
