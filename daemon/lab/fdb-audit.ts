/** Holds forwarding tables against the truth: where the containers are. */
import type { FdbReport } from '../operations.ts';

/** Where each MAC address is: the underlay address of its machine. */
export type Whereabouts = ReadonlyMap<string, string>;

/**
 * What is wrong with the table of the machine at `own`: one line for each entry that is missing, leads elsewhere, rests on
 * less than an attachment or gossip, or is there for nobody.
 */
export function auditFdb(own: string, fdb: readonly FdbReport[], truth: Whereabouts): string[] {
  const entries = new Map(fdb.map(entry => [entry.mac, entry]));
  const wrong: string[] = [];
  for (const [mac, place] of truth) {
    const entry = entries.get(mac);
    const [where, origin] = place === own ? [own, 'attached'] : [place, 'gossip'];
    if (entry === undefined) wrong.push(`missing ${mac}, at ${where}`);
    else if ((entry.vtep ?? own) !== where) wrong.push(`stale ${mac}: at ${where}, not ${entry.vtep ?? own}`);
    else if (entry.origin !== origin) wrong.push(`${entry.origin} ${mac}, at ${where}`);
  }
  for (const { mac, vtep } of fdb) if (!truth.has(mac)) wrong.push(`stale ${mac}: not at ${vtep ?? own}`);
  return wrong;
}
