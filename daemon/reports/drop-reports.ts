/** What was dropped, and why: the counters of the dataplane, of gossip, of the record log and of names as rows of `weft drops` and totals of `weft status`. */
import { DROP_REASONS as GOSSIP_DROPS } from '../../control/counters.ts';
import { RECORD_DROPS } from '../../control/records/record-counters.ts';
import type { DataplaneCounters } from '../../dataplane/commands.ts';
import { type DropReason, dropMeaning } from '../../dataplane/drop-reasons.ts';
import { portLosses } from '../../dataplane/port-losses.ts';
import { DNS_DROPS } from '../dns/dns-counters.ts';
import type { DropReport } from '../operations.ts';

/** A row for each network and reason that has occurred. */
export function dropRows(
  counters: DataplaneCounters,
  control: {
    readonly gossip: Readonly<Record<string, number>>;
    readonly records: Readonly<Record<string, number>>;
    readonly dns: Readonly<Record<string, number>>;
  },
  networkName: (vni: number | null) => string | null,
): DropReport[] {
  return [
    ...dataplaneDropRows(counters, networkName),
    ...controlRows('gossip', control.gossip, GOSSIP_DROPS),
    ...controlRows('records', control.records, RECORD_DROPS),
    ...controlRows('dns', control.dns, DNS_DROPS),
  ];
}

/** Those of the dataplane. */
export function dataplaneDropRows(
  { drops, underlay, ports }: DataplaneCounters,
  networkName: (vni: number | null) => string | null,
): DropReport[] {
  const rows = drops.flatMap(({ vni, reasons }) => rowsOf(networkName(vni), reasons));
  rows.push(...rowsOf(null, Object.fromEntries(portLosses(underlay, 'udp'))));
  for (const { vni, counters } of ports)
    rows.push(...rowsOf(networkName(vni), Object.fromEntries(portLosses(counters, 'tap'))));
  return merge(rows);
}

/** Reason → frames of the whole dataplane; only reasons that have occurred. */
export function dropTotals({ drops, underlay, ports }: DataplaneCounters): Record<string, number> {
  const losses = [
    ...drops.flatMap(({ reasons }) => Object.entries(reasons)),
    ...portLosses(underlay, 'udp'),
    ...ports.flatMap(port => portLosses(port.counters, 'tap')),
  ];
  const totals: Record<string, number> = {};
  for (const [reason, frames] of losses) totals[reason] = (totals[reason] ?? 0) + frames;
  return totals;
}

function rowsOf(network: string | null, reasons: Partial<Record<DropReason, number>>): DropReport[] {
  return (Object.entries(reasons) as [DropReason, number][])
    .filter(([, frames]) => frames > 0)
    .map(([reason, frames]) => ({ network, reason, frames, meaning: dropMeaning(reason) }));
}

/** `unknownType` → `unknown_type`. */
export function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, letter => `_${letter.toLowerCase()}`);
}

/** The control plane counts messages and frames of its own; they stand apart by their prefix. */
function controlRows(
  prefix: string,
  drops: Readonly<Record<string, number>>,
  meanings: Readonly<Record<string, string>>,
): DropReport[] {
  return Object.entries(drops).map(([reason, frames]) => ({
    network: null,
    reason: `${prefix}_${snakeCase(reason)}`,
    frames,
    meaning: meanings[reason] ?? reason,
  }));
}

function merge(rows: readonly DropReport[]): DropReport[] {
  const merged = new Map<string, DropReport>();
  for (const row of rows) {
    const key = `${row.network} ${row.reason}`;
    merged.set(key, { ...row, frames: row.frames + (merged.get(key)?.frames ?? 0) });
  }
  return [...merged.values()];
}
