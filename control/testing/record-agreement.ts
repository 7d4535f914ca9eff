/** Whether nodes that carry a network show and hold the same of it, and what is so. Cheap enough for pools of a thousand. */
import type { MacAddress, Vni } from '../../dataplane/address.ts';
import type { OriginLog } from '../records/origin-log.ts';
import { NO_BODY } from '../records/record.ts';
import type { RecordNode } from './record-cluster.ts';

/** Where a MAC address is attached, by the ids of the containers. */
type Truth = ReadonlyMap<MacAddress, readonly { readonly id: string; readonly node: RecordNode }[]>;

/** A log in a few numbers that are equal for equal content. */
interface LogState {
  readonly epoch: number;
  readonly seq: number;
  /** Number and sum of the sequence numbers of records that are not deleted. */
  readonly live: number;
  readonly sum: number;
}

/** Disagreements are named until there are so many. */
const ENOUGH = 8;

/**
 * What the given nodes, all that run and carry this network, are wrong about, at most a few lines. Each must show exactly what
 * is attached at them, at the right VTEP, and hold the same logs of them as all others.
 */
export function disagreementsOf(vni: Vni, carriers: readonly RecordNode[]): string[] {
  const wrong: string[] = [];
  const truth = truthOf(vni, carriers);
  const names = new Set(carriers.map(({ name }) => name));
  const [first] = carriers;
  const expected = new Map(logsOf(first, vni, names));
  for (const node of carriers) {
    if (wrong.length > ENOUGH) return wrong;
    compareOwners(node, vni, truth, wrong);
    compareCarriers(node, vni, names, wrong);
    if (!hasLogs(node, vni, names, expected) || !hasIps(node, first, vni)) {
      wrong.push(`${node.name}: VNI ${vni}: other logs than ${first?.name}`);
    }
  }
  return wrong;
}

/**
 * Who of these nodes, all that run, does not know another one; `suspicion` tells whether to suspect it is as wrong. Who suspects will learn
 * better, or hold it for dead for a moment, and show something else then than now: records of a last life are gone 10 s after a new one is known.
 */
export function membershipDisagreementsOf(
  running: readonly RecordNode[],
  suspicion: 'wrong' | 'right',
): string[] {
  const wrong: string[] = [];
  for (const node of running) {
    if (wrong.length > ENOUGH) return wrong;
    const known = node.known(suspicion === 'wrong' ? ['alive'] : ['alive', 'suspect']);
    const unknown = running.find(({ name }) => !known.has(name));
    if (unknown !== undefined) wrong.push(`${node.name}: does not hold ${unknown.name} for alive`);
  }
  return wrong;
}

/** The same for the board: each of these nodes, all that run, must read what all of them have posted. */
export function boardDisagreementsOf(running: readonly RecordNode[]): string[] {
  const wrong: string[] = [];
  for (const node of running) {
    if (wrong.length > ENOUGH) return wrong;
    const read = new Map<string, Map<string, Uint8Array>>();
    for (const { origin, key, body } of node.log?.posts() ?? []) {
      read.set(origin, (read.get(origin) ?? new Map<string, Uint8Array>()).set(key, body));
    }
    for (const { name, posted } of running) {
      const posts = read.get(name) ?? new Map<string, Uint8Array>();
      const isSame = [...posted].every(
        ([key, body]) => Buffer.compare(posts.get(key) ?? NO_BODY, body) === 0,
      );
      if (!isSame || posts.size !== posted.size)
        wrong.push(`${node.name}: other posts of ${name} than its own`);
    }
  }
  return wrong;
}

function truthOf(vni: Vni, carriers: readonly RecordNode[]): Truth {
  const truth = new Map<MacAddress, { readonly id: string; readonly node: RecordNode }[]>();
  for (const node of carriers) {
    for (const [mac, { containerId }] of node.attached.get(vni) ?? []) {
      truth.set(mac, [...(truth.get(mac) ?? []), { id: containerId, node }]);
    }
  }
  return truth;
}

function compareOwners(node: RecordNode, vni: Vni, truth: Truth, wrong: string[]): void {
  let shown = 0;
  for (const { mac, origin, containerId, vtep } of node.log?.owners(vni) ?? []) {
    shown += 1;
    const right = truth.get(mac)?.find(({ id }) => id === containerId);
    if (right === undefined || right.node.name !== origin || right.node.address !== vtep.address) {
      wrong.push(`${node.name}: VNI ${vni}: ${mac} is ${containerId} at ${origin}, which is not so`);
    }
  }
  if (shown !== truth.size) wrong.push(`${node.name}: VNI ${vni}: ${shown} owners, not ${truth.size}`);
}

function compareCarriers(node: RecordNode, vni: Vni, names: ReadonlySet<string>, wrong: string[]): void {
  const shown = new Set<string>();
  for (const [name] of node.log?.carriers(vni) ?? []) shown.add(name);
  const missing = [...names].filter(name => !shown.has(name));
  const extra = [...shown].filter(name => !names.has(name));
  if (missing.length + extra.length === 0) return;
  wrong.push(`${node.name}: VNI ${vni}: without carrier ${missing}; with ${extra}`);
}

function* logsOf(
  node: RecordNode | undefined,
  vni: Vni,
  names: ReadonlySet<string>,
): Generator<[string, LogState]> {
  for (const log of node?.log?.logs(vni) ?? []) {
    if (names.has(log.origin)) yield [log.origin, stateOf(log)];
  }
}

function stateOf(log: OriginLog): LogState {
  let live = 0;
  let sum = 0;
  for (const { deleted, seq } of log.all()) {
    if (deleted) continue;
    live += 1;
    sum += seq;
  }
  return { epoch: log.epoch, seq: log.seq, live, sum };
}

function hasLogs(
  node: RecordNode,
  vni: Vni,
  names: ReadonlySet<string>,
  expected: ReadonlyMap<string, LogState>,
): boolean {
  let count = 0;
  for (const [origin, { epoch, seq, live, sum }] of logsOf(node, vni, names)) {
    const other = expected.get(origin);
    if (other?.epoch !== epoch || other.seq !== seq || other.live !== live || other.sum !== sum) return false;
    count += 1;
  }
  return count === expected.size;
}

function hasIps(node: RecordNode, first: RecordNode | undefined, vni: Vni): boolean {
  let surplus = 0;
  for (const [ip, { mac, origin }] of node.log?.ipOwners(vni) ?? []) {
    const other = first?.log?.ownerOfIp(vni, ip);
    if (other?.mac !== mac || other.origin !== origin) return false;
    surplus += 1;
  }
  for (const _ of first?.log?.ipOwners(vni) ?? []) surplus -= 1;
  return surplus === 0;
}
