/** `weft gossip keys`: what each of its commands asks and prints. Keys are shown by their fingerprints only. */
import type { KeyOperation } from '../../control/serf/key-agent.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { parseKeysRequest } from '../api/requests.ts';
import { oneLine } from '../one-line.ts';
import type { KeysReport, NodeOperations } from '../operations.ts';
import type { CliIo } from './io.ts';
import { formatTable } from './table.ts';

/** For a key: it is read from standard input, where neither `ps` nor the shell's history sees it. */
const FROM_INPUT = '-';

const DONE: Readonly<Record<Exclude<KeyOperation, 'list'>, string>> = {
  add: 'added the key on',
  use: 'the key is used on',
  remove: 'removed the key from',
};

export async function gossipKeys(
  {
    io,
    operations,
    json,
  }: { readonly io: CliIo; readonly operations: NodeOperations; readonly json: boolean },
  operation: KeyOperation,
  given?: string,
): Promise<void> {
  const key = given === FROM_INPUT ? (await io.readInput()).trim() : given;
  const report = await operations.gossipKeys(
    parseKeysRequest({ operation, ...(key !== undefined && { key }) }),
  );
  io.stdout.write(`${json ? JSON.stringify(report) : textOf(operation, report)}\n`);
  const failed = report.nodes.filter(({ ok }) => !ok);
  if (failed.length === 0) return;
  const [first] = failed;
  const count = `${failed.length} of ${report.nodes.length} nodes did not`;
  throw new WeftError('unavailable', `${count}: ${first?.name}: ${first?.message}`, {
    hint: 'mend it and do it again: nodes that have done it are not changed by it',
  });
}

function textOf(operation: KeyOperation, report: KeysReport): string {
  if (operation === 'list') return formatKeys(report);
  const done = report.nodes.filter(({ ok }) => ok).length;
  const failed = report.nodes
    .filter(({ ok }) => !ok)
    .map(({ name, message }) => oneLine(`${name}: ${message}`));
  return [`${DONE[operation]} ${done} of ${report.nodes.length} nodes`, ...failed].join('\n');
}

/** A line for each key; the numbers say on how many nodes it is, and how many seal with it. */
export function formatKeys({ nodes }: KeysReport): string {
  const answered = nodes.filter(({ ok }) => ok);
  const keys = [...new Set(answered.flatMap(node => node.keys))];
  const rows = keys.map(key => {
    const holders = answered.filter(node => node.keys.includes(key));
    const users = answered.filter(node => node.primary === key);
    const without = answered.filter(node => !node.keys.includes(key)).map(({ name }) => name);
    return [
      key,
      `${holders.length} of ${nodes.length}`,
      `${users.length} of ${nodes.length}`,
      without.join(','),
    ];
  });
  return formatTable(['KEY', 'ON', 'USED-BY', 'NOT-ON'], rows);
}
