/** One examination: facts in, findings out. */
import { checkDaemon } from './daemon-checks.ts';
import { checkFilters } from './filter-checks.ts';
import { type Finding, sortFindings } from './finding.ts';
import { checkGateways } from './gateway-checks.ts';
import type { HostFacts } from './host-facts.ts';
import { checkLinks } from './link-checks.ts';

/** What is wrong with this host, the worst first. */
export function examineHost(facts: HostFacts): readonly Finding[] {
  return sortFindings([
    ...checkDaemon(facts),
    ...checkLinks(facts),
    ...checkFilters(facts),
    ...checkGateways(facts),
  ]);
}
