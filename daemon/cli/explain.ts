/** `weft fdb --explain MAC`: the entry, the claims and the conclusion, as people read them. */
import { parseExplainRequest } from '../api/requests.ts';
import { oneLine } from '../one-line.ts';
import type { ExplainedNetwork, ExplainReport } from '../operations.ts';
import { flagsOf } from './flags.ts';
import type { Report } from './reports.ts';
import { formatTable } from './table.ts';
import { humanSeconds } from './units.ts';

/** The question as a report, for it may be asked again and again as well. Throws `invalid_argument`. */
export function explanationOf(mac: string, network: string | undefined): Pick<Report, 'ask'> {
  const request = parseExplainRequest({ mac, ...(network !== undefined && { network }) });
  return {
    async ask(operations) {
      const data = await operations.explain(request);
      return { data, text: () => formatExplanation(data) };
    },
  };
}

/** Networks one below the other. */
export function formatExplanation({ mac, networks }: ExplainReport): string {
  return networks.map(network => formatNetwork(mac, network)).join('\n\n');
}

function formatNetwork(mac: string, { network, vni, entry, claims, ...rest }: ExplainedNetwork): string {
  const place = entry?.vtep === null ? 'local' : `VTEP ${entry?.vtep}`;
  const facts = [
    `${mac} in ${network} (VNI ${vni})`,
    `entry      ${entry === null ? 'none' : `${place}, ${entry.origin}, ${humanSeconds(entry.age_s)} old`}`,
    `moves      ${rest.contested_moves} contested within 180 s`,
  ];
  const table = formatTable(
    ['OWNER', 'VTEP', 'ADDRESSES', 'COUNTER', 'FLAGS', 'STANDING', 'SINCE', 'DATAPLANE', 'WHY'],
    claims.map(claim => [
      claim.owner,
      claim.vtep,
      claim.addresses.join(','),
      claim.mobility,
      flagsOf(claim),
      claim.standing,
      humanSeconds(claim.since_s),
      claim.dataplane,
      claim.why,
    ]),
  );
  // Names of nodes and interfaces come from elsewhere: none of them may begin a line.
  return [
    ...facts.map(oneLine),
    '',
    ...(claims.length > 0 ? [table, ''] : []),
    oneLine(rest.conclusion),
  ].join('\n');
}
