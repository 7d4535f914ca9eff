/** What `nft -j list ruleset` prints (libnftables-json(5)) as chains of packet-filter.ts. */
import type { Chain, Hook, Match, Rule, Target } from './packet-filter.ts';

const HOOKS: readonly string[] = ['ingress', 'prerouting', 'input', 'forward', 'output'] satisfies Hook[];

/** Tables that iptables-nft owns: its own listing tells more of them, for nft does not print the extensions (xt). */
const OF_IPTABLES: ReadonlySet<string> = new Set(['filter', 'raw', 'mangle', 'nat', 'security']);

type Json = Readonly<Record<string, unknown>>;

/** Throws SyntaxError for what is no JSON. `skipIptables`: leave out the tables that iptables-nft lists as well. */
export function parseNftRules(
  text: string,
  { skipIptables }: { readonly skipIptables: boolean },
): readonly Chain[] {
  const { nftables = [] } = JSON.parse(text) as { readonly nftables?: readonly Json[] };
  const rules = nftables.flatMap(({ rule }) => (rule === undefined ? [] : [rule as Json]));
  return nftables.flatMap(({ chain }) => {
    if (chain === undefined) return [];
    const { family, table, name, hook, policy, dev } = chain as Readonly<Record<string, string | undefined>>;
    if (family === undefined || table === undefined || name === undefined || family === 'bridge') return [];
    if (skipIptables && family !== 'inet' && family !== 'netdev' && OF_IPTABLES.has(table)) return [];
    const isOwn = (rule: Json) => {
      const { family: ofFamily, table: ofTable, chain: ofChain } = rule;
      return ofFamily === family && ofTable === table && ofChain === name;
    };
    return [
      {
        tool: 'nft',
        family,
        table,
        name,
        hook: hook !== undefined && HOOKS.includes(hook) ? (hook as Hook) : undefined,
        policy: policy === 'drop' ? 'drop' : 'accept',
        device: dev,
        rules: rules.filter(isOwn).map(({ expr }) => toRule(expr as readonly Json[])),
      },
    ];
  });
}

/** Statements that neither match nor decide. */
const SILENT: ReadonlySet<string> = new Set(['counter', 'log', 'comment', 'mangle', 'notrack', 'ct helper']);

function toRule(statements: readonly Json[]): Rule {
  const matches: Match[] = [];
  let target: Target = { kind: 'next' };
  for (const statement of statements) {
    const [key = '', value] = Object.entries(statement)[0] ?? [];
    if (key === 'match') matches.push(toMatch(value as Json));
    else if (key === 'accept' || key === 'return') target = { kind: key };
    else if (key === 'drop' || key === 'reject') target = { kind: 'drop' };
    else if (key === 'jump' || key === 'goto')
      target = { kind: key, chain: (value as { target: string }).target };
    else if (!SILENT.has(key)) matches.push({ field: 'unknown', negated: false, values: [] });
  }
  return { matches, target, text: textOf(matches, target) };
}

function toMatch({ op, left, right }: Json): Match {
  const field = fieldOf(left as Json);
  const values = valuesOf(right);
  const isKnown = (op === '==' || op === '!=' || op === 'in') && values !== undefined;
  return { field: isKnown ? field : 'unknown', negated: op === '!=', values: values ?? [] };
}

function fieldOf({ payload, meta, ct }: Json): Match['field'] {
  if (payload !== undefined) {
    const { protocol, field } = payload as { readonly protocol?: string; readonly field?: string };
    if (field === 'dport' || field === 'sport') return field;
    if ((protocol === 'ip' || protocol === 'ip6') && (field === 'saddr' || field === 'daddr')) return field;
    if (protocol === 'ip' && field === 'protocol') return 'protocol';
    if (protocol === 'ip6' && field === 'nexthdr') return 'protocol';
  }
  if (meta !== undefined) {
    const { key } = meta as { readonly key?: string };
    if (key === 'l4proto') return 'protocol';
    if (key === 'iifname' || key === 'iif') return 'iif';
    if (key === 'oifname' || key === 'oif') return 'oif';
  }
  if (ct !== undefined && (ct as { readonly key?: string }).key === 'state') return 'state';
  return 'unknown';
}

/** undefined: not understood. */
function valuesOf(right: unknown): readonly string[] | undefined {
  if (typeof right === 'string' || typeof right === 'number') return [String(right)];
  if (Array.isArray(right)) return all(right);
  if (typeof right !== 'object' || right === null) return undefined;
  const { set, range, prefix } = right as Json;
  if (Array.isArray(set)) return all(set);
  if (Array.isArray(range)) return [range.join('-')];
  if (prefix !== undefined) {
    const { addr, len } = prefix as { readonly addr: string; readonly len: number };
    return [`${addr}/${len}`];
  }
  return undefined;
}

function all(items: readonly unknown[]): readonly string[] | undefined {
  const values = items.map(valuesOf);
  return values.some(value => value === undefined) ? undefined : values.flatMap(value => value ?? []);
}

const WORDS: Readonly<Record<Match['field'], string>> = {
  protocol: 'meta l4proto',
  dport: 'dport',
  sport: 'sport',
  saddr: 'saddr',
  daddr: 'daddr',
  iif: 'iifname',
  oif: 'oifname',
  state: 'ct state',
  unknown: '…',
};

/** Near enough to what the operator wrote to be found again. */
function textOf(matches: readonly Match[], target: Target): string {
  const parts = matches.map(({ field, negated, values }) =>
    [WORDS[field], negated ? '!=' : '', values.join(',')].filter(part => part !== '').join(' '),
  );
  const end =
    target.kind === 'jump' || target.kind === 'goto' ? `${target.kind} ${target.chain}` : target.kind;
  return [...parts, end].join(' ');
}
