/** What several workers answer, as one answer. */
import type { Answers, DataplaneCounters, InstalledClaim, InstalledVtep, TableEntry } from './commands.ts';
import type { DropReason } from './drop-reasons.ts';
import { sumCounters } from './port-counters.ts';

type TableSizesOf = DataplaneCounters['tables'][number];

export function mergeOpened(answers: readonly Answers['open'][]): Answers['open'] {
  return {
    sourcePorts: answers.flatMap(({ sourcePorts }) => sourcePorts),
    missing: [...new Set(answers.flatMap(({ missing }) => missing))],
    descriptors: answers.flatMap(({ descriptors }) => descriptors),
  };
}

/** Each address once: as the worker has it that saw it last. */
export function mergeTables(tables: readonly (readonly TableEntry[])[]): readonly TableEntry[] {
  const [only = [], ...others] = tables;
  if (others.length === 0) return only;
  const merged = new Map<string, TableEntry>();
  for (const entry of tables.flat()) {
    const key = `${entry.vni} ${entry.mac}`;
    const known = merged.get(key);
    if (known === undefined || entry.ageMs < known.ageMs) merged.set(key, entry);
  }
  return [...merged.values()];
}

/** Each claim once: as all workers have it, or as one has it, and `missing`. */
export function mergeClaims(all: readonly (readonly InstalledClaim[])[]): readonly InstalledClaim[] {
  return mergeAlike(
    all,
    ({ vni, mac }) => `${vni} ${mac}`,
    claim => ({ ...claim, state: 'missing' }),
  );
}

/** Each VTEP once: as all workers have it, or as one has it, and missing. */
export function mergeVteps(all: readonly (readonly InstalledVtep[])[]): readonly InstalledVtep[] {
  return mergeAlike(
    all,
    ({ address }) => address,
    vtep => ({ ...vtep, isMissing: true }),
  );
}

function mergeAlike<T>(
  all: readonly (readonly T[])[],
  keyOf: (one: T) => string,
  missing: (one: T) => T,
): readonly T[] {
  const [only = [], ...others] = all;
  if (others.length === 0) return only;
  return groups(all.flat(), keyOf).map(([first, ...rest]) => {
    const texts = new Set([first, ...rest].map(one => JSON.stringify(one)));
    return rest.length === others.length && texts.size === 1 ? first : missing(first);
  });
}

/** Sums, in the order of the first worker. */
export function mergeCounters(all: readonly DataplaneCounters[]): DataplaneCounters {
  return {
    underlay: sumCounters(all.map(({ underlay }) => underlay)),
    ports: groups(
      all.flatMap(({ ports }) => ports),
      ({ vni, port }) => `${vni} ${port}`,
    ).map(([first, ...rest]) => ({
      ...first,
      counters: sumCounters([first, ...rest].map(({ counters }) => counters)),
    })),
    drops: groups(
      all.flatMap(({ drops }) => drops),
      ({ vni }) => String(vni),
    ).map(([first, ...rest]) => ({
      ...first,
      reasons: sumReasons([first, ...rest].map(({ reasons }) => reasons)),
    })),
    answered: groups(
      all.flatMap(({ answered }) => answered),
      ({ vni }) => String(vni),
    ).map(group => ({
      vni: group[0].vni,
      arp: group.reduce((sum, { arp }) => sum + arp, 0),
      nd: group.reduce((sum, { nd }) => sum + nd, 0),
    })),
    closedPorts: groups(
      all.flatMap(({ closedPorts }) => closedPorts),
      ({ vni }) => String(vni),
    ).map(([first, ...rest]) => ({
      ...first,
      counters: sumCounters([first, ...rest].map(({ counters }) => counters)),
    })),
    tables: groups(
      all.flatMap(({ tables }) => tables),
      ({ vni }) => String(vni),
    ).map(mergeSizes),
    arenaBytes: all.reduce((sum, { arenaBytes }) => sum + arenaBytes, 0),
  };
}

/** Each worker has a replica. A claim is used when all use it; what is learned may be further in one than in another. */
function mergeSizes(group: readonly [TableSizesOf, ...TableSizesOf[]]): TableSizesOf {
  return {
    vni: group[0].vni,
    entries: Math.max(...group.map(({ entries }) => entries)),
    claims: Math.max(...group.map(({ claims }) => claims)),
    claimsUsed: Math.min(...group.map(({ claimsUsed }) => claimsUsed)),
  };
}

function groups<T>(items: readonly T[], keyOf: (item: T) => string): (readonly [T, ...T[]])[] {
  const byKey = new Map<string, [T, ...T[]]>();
  for (const item of items) {
    const group = byKey.get(keyOf(item));
    if (group === undefined) byKey.set(keyOf(item), [item]);
    else group.push(item);
  }
  return [...byKey.values()];
}

function sumReasons(
  all: readonly Partial<Record<DropReason, number>>[],
): Partial<Record<DropReason, number>> {
  const total: Partial<Record<DropReason, number>> = {};
  for (const reasons of all) {
    for (const [reason, frames] of Object.entries(reasons) as [DropReason, number][]) {
      total[reason] = (total[reason] ?? 0) + frames;
    }
  }
  return total;
}
