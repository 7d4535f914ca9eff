import type { ResolverState } from '../dns/dns-reports.ts';

/** What is special about who has an address, in one cell of a table. */
export function flagsOf(flags: {
  readonly frozen: boolean;
  readonly sticky: boolean;
  readonly suspended?: boolean;
  readonly resolver?: ResolverState | null;
}): string {
  const { frozen, sticky, suspended = false, resolver } = flags;
  const unanswered = resolver === 'taken' || resolver === 'failed';
  return [
    sticky && 'sticky',
    frozen && 'frozen',
    suspended && 'suspended',
    unanswered && `resolver-${resolver}`,
  ]
    .filter(Boolean)
    .join(',');
}
