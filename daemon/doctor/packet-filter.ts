/**
 * Packet filters as far as the doctor understands them: which rule meets a packet, judged with three values. What it does not
 * understand may match or not, so that it never blames a rule that may be innocent.
 */
import { BlockList, isIP } from 'node:net';

export type Hook = 'ingress' | 'prerouting' | 'input' | 'forward' | 'output';

export interface Match {
  readonly field: 'protocol' | 'dport' | 'sport' | 'saddr' | 'daddr' | 'iif' | 'oif' | 'state' | 'unknown';
  readonly negated: boolean;
  /** One of them: a value, FIRST-LAST, a CIDR, or a name that ends in `*`. */
  readonly values: readonly string[];
}

export type Target =
  | { readonly kind: 'accept' | 'drop' | 'return' | 'next' }
  | { readonly kind: 'jump' | 'goto'; readonly chain: string };

export interface Rule {
  readonly matches: readonly Match[];
  readonly target: Target;
  /** As its tool writes it. */
  readonly text: string;
}

export interface Chain {
  readonly tool: 'nft' | 'iptables' | 'ip6tables' | 'iptables-legacy' | 'ip6tables-legacy';
  /** As nft has them: ip, ip6, inet, netdev. */
  readonly family: string;
  readonly table: string;
  readonly name: string;
  /** undefined: others jump to it. */
  readonly hook: Hook | undefined;
  readonly policy: 'accept' | 'drop';
  /** netdev: the device that it hangs on; undefined: any. */
  readonly device?: string | undefined;
  readonly rules: readonly Rule[];
}

export interface RuleBook {
  readonly chains: readonly Chain[];
  /** Whether nft has told all of its own; undefined: not known. */
  readonly hasNft?: boolean;
}

export interface Packet {
  readonly family: 4 | 6;
  readonly protocol: 'udp' | 'tcp';
  readonly dport?: number;
  readonly saddr?: string;
  readonly daddr?: string;
  readonly iif?: string;
  readonly oif?: string;
  /** Of conntrack; undefined: it depends. */
  readonly state?: 'new';
}

/** Who drops a packet for certain: a rule, or the policy of a chain that nothing accepts it in. */
export interface Culprit {
  readonly chain: Chain;
  /** null: the policy. */
  readonly rule: Rule | null;
}

type Truth = 'yes' | 'no' | 'maybe';

/** Every base chain of these hooks that drops the packet for certain. */
export function culprits({ chains }: RuleBook, hooks: readonly Hook[], packet: Packet): readonly Culprit[] {
  return chains.flatMap((chain): readonly Culprit[] => {
    if (chain.hook === undefined || !hooks.includes(chain.hook) || !sees(chain, packet)) return [];
    const siblings = chains.filter(other => isSibling(other, chain));
    const outcome = walk(chain, siblings, packet, 0);
    if (outcome.kind === 'dropped') return [{ chain, rule: outcome.rule }];
    const isPolicy = outcome.kind === 'passed' && !outcome.maybeAccepted && chain.policy === 'drop';
    return isPolicy ? [{ chain, rule: null }] : [];
  });
}

function isSibling(a: Chain, b: Chain): boolean {
  return a.tool === b.tool && a.family === b.family && a.table === b.table;
}

function sees({ family, device }: Chain, packet: Packet): boolean {
  if (family === 'netdev') return device === undefined || device === packet.iif;
  return family === 'inet' || family === (packet.family === 4 ? 'ip' : 'ip6');
}

type Outcome =
  | { readonly kind: 'accepted' | 'unknown' }
  | { readonly kind: 'dropped'; readonly rule: Rule }
  | { readonly kind: 'passed'; readonly maybeAccepted: boolean };

/** Chains do not call each other in circles, but whoever lists them may be lying. */
const MAX_DEPTH = 16;

function walk(chain: Chain, siblings: readonly Chain[], packet: Packet, depth: number): Outcome {
  let maybeAccepted = false;
  for (const rule of chain.rules) {
    const truth = allOf(rule.matches.map(match => judge(match, packet)));
    if (truth === 'no') continue;
    const { target } = rule;
    switch (target.kind) {
      case 'next':
        continue;
      case 'accept':
        if (truth === 'yes') return { kind: 'accepted' };
        maybeAccepted = true;
        continue;
      case 'drop':
        if (truth === 'yes') return maybeAccepted ? { kind: 'unknown' } : { kind: 'dropped', rule };
        continue;
      case 'return':
        if (truth === 'yes') return { kind: 'passed', maybeAccepted };
        maybeAccepted = true;
        continue;
      case 'jump':
      case 'goto': {
        const next = siblings.find(({ name }) => name === target.chain);
        if (next === undefined || depth === MAX_DEPTH) return { kind: 'unknown' };
        const inner = walk(next, siblings, packet, depth + 1);
        if (truth === 'maybe') {
          maybeAccepted ||= inner.kind !== 'passed' || inner.maybeAccepted;
          continue;
        }
        if (inner.kind === 'dropped' && maybeAccepted) return { kind: 'unknown' };
        if (inner.kind !== 'passed') return inner;
        maybeAccepted ||= inner.maybeAccepted;
        if (target.kind === 'goto') return { kind: 'passed', maybeAccepted };
      }
    }
  }
  return { kind: 'passed', maybeAccepted };
}

function allOf(truths: readonly Truth[]): Truth {
  if (truths.includes('no')) return 'no';
  return truths.includes('maybe') ? 'maybe' : 'yes';
}

function judge({ field, negated, values }: Match, packet: Packet): Truth {
  if (field === 'unknown') return 'maybe';
  const value = packet[field === 'sport' ? 'dport' : field];
  if (value === undefined || field === 'sport') return 'maybe';
  const truths = values.map(wanted => isMet(field, wanted, String(value)));
  if (truths.includes('yes')) return negated ? 'no' : 'yes';
  if (truths.includes('maybe')) return 'maybe';
  return negated ? 'yes' : 'no';
}

function isMet(field: Match['field'], wanted: string, value: string): Truth {
  // A named set, whose elements are not looked up.
  if (wanted.startsWith('@')) return 'maybe';
  if (field === 'saddr' || field === 'daddr') return inBlock(wanted, value);
  const range = /^(\d+)[-:](\d+)$/.exec(wanted);
  if (range !== null) {
    return Number(range[1]) <= Number(value) && Number(value) <= Number(range[2]) ? 'yes' : 'no';
  }
  const isName = field === 'iif' || field === 'oif';
  if (isName && /[*+]$/.test(wanted)) return value.startsWith(wanted.slice(0, -1)) ? 'yes' : 'no';
  return wanted.toLowerCase() === value.toLowerCase() ? 'yes' : 'no';
}

function inBlock(wanted: string, value: string): Truth {
  const [network = '', length] = wanted.split('/');
  const [first = '', last] = network.split('-');
  const family = isIP(first) === 6 ? 'ipv6' : 'ipv4';
  if (isIP(first) === 0) return 'maybe';
  const block = new BlockList();
  try {
    if (last !== undefined) block.addRange(first, last, family);
    else
      block.addSubnet(first, length === undefined ? (family === 'ipv6' ? 128 : 32) : Number(length), family);
  } catch {
    return 'maybe';
  }
  return block.check(value, isIP(value) === 6 ? 'ipv6' : 'ipv4') ? 'yes' : 'no';
}
