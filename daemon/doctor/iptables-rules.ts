/** What `iptables-save` and its kin print (iptables-save(8)) as chains of packet-filter.ts. */
import type { Chain, Hook, Match, Rule, Target } from './packet-filter.ts';

const HOOKS: Readonly<Record<string, Hook>> = {
  PREROUTING: 'prerouting',
  INPUT: 'input',
  FORWARD: 'forward',
  OUTPUT: 'output',
};

export function parseIptablesRules(
  text: string,
  { tool, family }: Pick<Chain, 'tool' | 'family'>,
): readonly Chain[] {
  const chains = new Map<string, Chain & { readonly rules: Rule[] }>();
  let table = '';
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1).trim();
    const [, name = '', policy] = /^:(\S+) (\S+)/.exec(line) ?? [];
    if (name !== '') {
      chains.set(`${table} ${name}`, {
        tool,
        family,
        table,
        name,
        hook: policy === '-' ? undefined : HOOKS[name],
        policy: policy === 'DROP' ? 'drop' : 'accept',
        rules: [],
      });
    }
    const [, chain = '', rule = ''] = /^-A (\S+) ?(.*)$/.exec(line) ?? [];
    // The table nat decides nothing about dropping, and sees only the first packet of a flow.
    if (chain !== '') chains.get(`${table} ${chain}`)?.rules.push(toRule(rule));
  }
  return [...chains.values()];
}

const FIELDS: Readonly<Record<string, Match['field']>> = {
  '-p': 'protocol',
  '-s': 'saddr',
  '-d': 'daddr',
  '-i': 'iif',
  '-o': 'oif',
  '--dport': 'dport',
  '--dports': 'dport',
  '--sport': 'sport',
  '--sports': 'sport',
  '--ctstate': 'state',
  '--state': 'state',
};

/** Matches whose options are understood, so that they add nothing by themselves. */
const KNOWN_MODULES: ReadonlySet<string> = new Set([
  'udp',
  'tcp',
  'multiport',
  'conntrack',
  'state',
  'comment',
]);

/** Targets that go on with the next rule. */
const PASSING: ReadonlySet<string> = new Set([
  'LOG',
  'NFLOG',
  'MARK',
  'CONNMARK',
  'CT',
  'NOTRACK',
  'TCPMSS',
  'TRACE',
]);

function toRule(text: string): Rule {
  const words = text.match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? [];
  const matches: Match[] = [];
  let target: Target = { kind: 'next' };
  let negated = false;
  for (let i = 0; i < words.length; i++) {
    const option = words[i] ?? '';
    const value = words[i + 1] ?? '';
    if (option === '!') {
      negated = true;
      continue;
    }
    const field = FIELDS[option];
    if (field !== undefined) {
      matches.push({ field, negated, values: value.split(',') });
      i++;
    } else if (option === '-m') {
      if (!KNOWN_MODULES.has(value)) matches.push({ field: 'unknown', negated: false, values: [] });
      i++;
    } else if (option === '--comment') i++;
    else if (option === '-j' || option === '-g') {
      target = targetOf(option, value);
      // What follows are the options of the target.
      break;
    }
    negated = false;
  }
  return { matches, target, text };
}

function targetOf(option: string, name: string): Target {
  if (name === 'ACCEPT') return { kind: 'accept' };
  if (name === 'DROP' || name === 'REJECT') return { kind: 'drop' };
  if (name === 'RETURN') return { kind: 'return' };
  if (PASSING.has(name)) return { kind: 'next' };
  return { kind: option === '-g' ? 'goto' : 'jump', chain: name };
}
