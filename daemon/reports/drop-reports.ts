/** What was dropped, and why: the counters of the dataplane and of gossip as rows of `weft drops` and totals of `weft status`. */
import { DROP_REASONS as GOSSIP_DROPS, type DropReason as GossipDrop } from '../../control/counters.ts';
import type { DataplaneCounters } from '../../dataplane/commands.ts';
import { type DropReason, dropMeaning } from '../../dataplane/drop-reasons.ts';
import { portLosses } from '../../dataplane/port-losses.ts';
import type { DropReport } from '../operations.ts';

/** A row for each network and reason that has occurred. */
export function dropRows(
  { drops, underlay, ports }: DataplaneCounters,
  gossip: Readonly<Record<string, number>>,
  networkName: (vni: number | null) => string | null,
): DropReport[] {
  const rows = drops.flatMap(({ vni, reasons }) => rowsOf(networkName(vni), reasons));
  rows.push(...rowsOf(null, Object.fromEntries(portLosses(underlay, 'udp'))), ...gossipRows(gossip));
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

/** Gossip counts messages, not frames; they stand apart by their prefix. */
function gossipRows(drops: Readonly<Record<string, number>>): DropReport[] {
  return Object.entries(drops).map(([reason, frames]) => ({
    network: null,
    reason: `gossip_${reason.replaceAll(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)}`,
    frames,
    meaning: GOSSIP_DROPS[reason as GossipDrop] ?? reason,
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
