/** What the reports of a node take from its answerers. */
import type { Endpoint } from '../endpoints/endpoint.ts';
import type { DnsReport, ResolverState } from '../operations.ts';
import type { DnsDrop } from './dns-counters.ts';
import type { DnsService } from './dns-service.ts';

export interface DnsSource {
  report(): DnsReport;
  /** What was not answered, by reason. */
  drops(): Readonly<Partial<Record<DnsDrop, number>>>;
  stateOf(endpoint: Endpoint): ResolverState;
}

/** Of a node that answers no names. */
export const NO_DNS: DnsSource = {
  report: () => ({ address: null, containers: 0, serving: 0, queries: 0, answered: 0, forwarded: 0 }),
  drops: () => ({}),
  stateOf: () => 'off',
};

export function dnsSource(service: DnsService): DnsSource {
  return {
    report: () => service.report(),
    drops: () => service.drops(),
    stateOf: endpoint => service.resolvers.stateOf(endpoint),
  };
}
