/** All packet filters of this network namespace, whichever tool made them. */
import type { HostPort } from './host-port.ts';
import { parseIptablesRules } from './iptables-rules.ts';
import { parseNftRules } from './nft-rules.ts';
import type { Chain, RuleBook } from './packet-filter.ts';

const SAVERS = [
  { program: 'iptables-nft-save', tool: 'iptables', family: 'ip', isLegacy: false },
  { program: 'ip6tables-nft-save', tool: 'ip6tables', family: 'ip6', isLegacy: false },
  { program: 'iptables-legacy-save', tool: 'iptables-legacy', family: 'ip', isLegacy: true },
  { program: 'ip6tables-legacy-save', tool: 'ip6tables-legacy', family: 'ip6', isLegacy: true },
] as const;

/** undefined: no tool tells anything. */
export async function collectRules(host: HostPort): Promise<RuleBook | undefined> {
  const saved = await Promise.all(
    SAVERS.map(async ({ program, tool, family, isLegacy }) => {
      // Listing the tables of a legacy iptables would make those that are not there.
      const names = isLegacy ? await host.read(`/proc/net/${family}_tables_names`) : 'any';
      if (names === undefined || names.trim() === '') return { isLegacy, chains: undefined };
      const text = await host.run([program]);
      return {
        isLegacy,
        chains: text === undefined ? undefined : parseIptablesRules(text, { tool, family }),
      };
    }),
  );
  const skipIptables = saved.some(({ isLegacy, chains }) => !isLegacy && chains !== undefined);
  const listing = await host.run(['nft', '-j', 'list', 'ruleset']);
  const nft = listing === undefined ? undefined : parseOrNothing(listing, skipIptables);
  if (nft === undefined && !skipIptables) return undefined;
  const chains = [...(nft ?? []), ...saved.flatMap(one => one.chains ?? [])];
  return { chains, hasNft: nft !== undefined };
}

function parseOrNothing(listing: string, skipIptables: boolean): readonly Chain[] | undefined {
  try {
    return parseNftRules(listing, { skipIptables });
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
