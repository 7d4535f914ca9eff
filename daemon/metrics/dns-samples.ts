/** Names that are answered to containers, as metrics. */
import { DNS_DROPS } from '../dns/dns-counters.ts';
import type { DnsSource } from '../dns/dns-source.ts';
import { reasons } from './control-samples.ts';
import { type Sample, sample } from './samples.ts';

export function dnsSamples(source: Pick<DnsSource, 'report' | 'drops'>): Sample[] {
  const { containers, serving, queries, answered, forwarded } = source.report();
  return [
    sample('weft_dns_containers', containers, {}),
    sample('weft_dns_serving_containers', serving, {}),
    sample('weft_dns_queries_total', queries, {}),
    sample('weft_dns_answered_total', answered, {}),
    sample('weft_dns_forwarded_total', forwarded, {}),
    ...reasons(DNS_DROPS, source.drops()).map(([reason, count]) =>
      sample('weft_dns_drops_total', count, { reason }),
    ),
  ];
}
