/**
 * Chains of others that would drop what our networks forward. That another chain has accepted a packet does not help it: one drop is enough
 * (nft(8), verdicts). dockerd gives FORWARD the policy DROP, and by br_netfilter that concerns also frames that a bridge forwards. The rules that let our
 * packets through stand in DOCKER-USER, Docker's own place for such rules, else at the head of FORWARD itself.
 */
import type { NftItem } from '../net/nft.ts';
import { FAMILIES, type Family } from './rules.ts';

/** The table that iptables keeps its rules in, when it is iptables-nft: the only one whose rules can be added to by nft. */
const FOREIGN_TABLE = 'filter';
const DOCKER_CHAIN = 'DOCKER-USER';
const FORWARD_CHAIN = 'FORWARD';

/** All interfaces of ours that forward: bridges, and the TAPs of networks that have none (endpoints/names.ts). */
const OURS = ['wf-*', 'wt-*'] as const;

/** By which our rules are known again. */
const COMMENT = 'weft';

export interface ForeignChain {
  readonly family: Family;
  readonly table: string;
  readonly chain: string;
}

/** The chains that need our rules, of what `nft -j list chains` says. */
export function droppingChains(items: readonly NftItem[]): readonly ForeignChain[] {
  const chains = items.flatMap(({ chain }) => (chain === undefined ? [] : [chain]));
  return FAMILIES.flatMap(family => {
    const named = (name: string) =>
      chains.find(chain => chain.family === family && chain.table === FOREIGN_TABLE && chain.name === name);
    const forward = named(FORWARD_CHAIN);
    const docker = named(DOCKER_CHAIN);
    if (docker !== undefined) return [{ family, table: FOREIGN_TABLE, chain: DOCKER_CHAIN }];
    if (forward?.policy !== 'drop') return [];
    return [{ family, table: FOREIGN_TABLE, chain: FORWARD_CHAIN }];
  });
}

/** The handles of our rules, of what `nft -j list chain` says. */
export function ownRules(items: readonly NftItem[]): readonly number[] {
  return items.flatMap(({ rule }) => {
    if (rule?.comment !== COMMENT) return [];
    return [rule.handle];
  });
}

export function isComplete(items: readonly NftItem[]): boolean {
  return ownRules(items).length === 2 * OURS.length;
}

/** What has them there once. */
export function renderForeign({ family, table, chain }: ForeignChain, items: readonly NftItem[]): string {
  const added = OURS.flatMap(name => ['iifname', 'oifname'].map(key => `${key} "${name}"`)).map(
    match => `insert rule ${family} ${table} ${chain} ${match} counter accept comment "${COMMENT}"\n`,
  );
  return removal({ family, table, chain }, items) + added.join('');
}

/** What takes them away. */
export function removal({ family, table, chain }: ForeignChain, items: readonly NftItem[]): string {
  return ownRules(items)
    .map(handle => `delete rule ${family} ${table} ${chain} handle ${handle}\n`)
    .join('');
}

/** Every chain that may have rules of ours, whether it needs them or not. */
export function possibleChains(items: readonly NftItem[]): readonly ForeignChain[] {
  return items.flatMap(({ chain }) => {
    if (chain?.table !== FOREIGN_TABLE) return [];
    const family = FAMILIES.find(one => one === chain.family);
    const name = [DOCKER_CHAIN, FORWARD_CHAIN].find(one => one === chain.name);
    return family === undefined || name === undefined ? [] : [{ family, table: FOREIGN_TABLE, chain: name }];
  });
}
