/** Who drops a packet, in words by which the operator finds it again. */
import type { Culprit } from './packet-filter.ts';

export function ruleWords({ chain, rule }: Culprit): string {
  const place = `of chain ${chain.name} in table ${chain.family} ${chain.table} (${chain.tool})`;
  return rule === null ? `The policy ${place}` : `The rule "${rule.text}" ${place}`;
}
