/** What the reports of a node take from its answerers. */
import type { Endpoint } from '../endpoints/endpoint.ts';
import type { DnsDrop } from './dns-counters.ts';
import type { DnsReport, ResolveReport, ResolverState } from './dns-reports.ts';
import type { DnsService } from './dns-service.ts';
import { type ResolvableNetwork, resolution } from './resolution.ts';

export interface DnsSource {
  report(): DnsReport;
  /** What was not answered, by reason. */
  drops(): Readonly<Partial<Record<DnsDrop, number>>>;
  stateOf(endpoint: Endpoint): ResolverState;
  /** Who of these networks is called so. Throws `not_found`, `invalid_argument` for another domain. */
  resolve(name: string, networks: readonly ResolvableNetwork[]): ResolveReport;
}

/** Of a node that answers no names. */
export const NO_DNS: DnsSource = {
  report: () => ({ address: null, containers: 0, serving: 0, queries: 0, answered: 0, forwarded: 0 }),
  drops: () => ({}),
  stateOf: () => 'off',
  resolve: name => resolution(name, [], { domain: '', claimsOf: () => undefined, isAnswered: () => false }),
};

export function dnsSource(service: DnsService): DnsSource {
  return {
    report: () => service.report(),
    drops: () => service.drops(),
    stateOf: endpoint => service.resolvers.stateOf(endpoint),
    resolve: (name, networks) => service.resolve(name, networks),
  };
}
