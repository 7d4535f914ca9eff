/** `weft ipam` and `weft forget`, as people read them. */
import type { Command } from 'commander';
import { parseForgetRequest } from '../api/network-requests.ts';
import { oneLine } from '../one-line.ts';
import type { IpamReport } from '../operations.ts';
import { connect, type ReportOptions } from './commands.ts';
import { examples } from './examples.ts';
import type { CliIo } from './io.ts';
import { formatTable } from './table.ts';

/** What this node has in each subnet, and below it who owns what. */
export function formatIpam({
  network,
  fenced,
  voters,
  reachable,
  decided,
  waiting_for,
  spaces,
}: IpamReport): string {
  const state = fenced ? 'not confirmed: addresses of this node may not be used' : 'confirmed';
  const head = [
    `${network}: ${state}`,
    `voters   ${voters.join(', ') || 'none known yet'}; ${reachable.length} of ${voters.length} reachable; ${decided} decisions`,
    ...waiting_for.map(what => `waiting  ${what}`),
    ...spaces.map(
      ({ prefix, owned, used, free, resting, unowned }) =>
        `here     ${prefix}: ${owned} owned, ${used} used, ${free} free, ${resting} resting; ${unowned} owned by nobody`,
    ),
  ];
  const rows = spaces.flatMap(({ ranges }) =>
    ranges.map(({ prefix, owner }) => [prefix, owner ?? '(resting)']),
  );
  return [...head.map(oneLine), ...(rows.length > 0 ? [formatTable(['RANGE', 'OWNER'], rows)] : [])].join(
    '\n',
  );
}

export function addForget(program: Command, io: CliIo): void {
  program
    .command('forget')
    .description('Take the addresses of a node that is gone for good; it needs a majority of the voters')
    .argument('<node>', 'name of the node')
    .option('--json', 'print JSON: {"networks": [those in which it had some]}')
    .addHelpText('after', examples(['weft forget vm-c']))
    .action((node: string, _, command: Command) =>
      forget(io, node, command.optsWithGlobals<ReportOptions>()),
    );
}

async function forget(io: CliIo, node: string, options: ReportOptions): Promise<void> {
  const result = await connect(io, options).forget(parseForgetRequest({ node }));
  const text =
    result.networks.length === 0
      ? `${node} has no addresses: nothing to take`
      : `forgot ${node} in ${result.networks.join(', ')}`;
  io.stdout.write(options.json === true ? `${JSON.stringify(result)}\n` : `${oneLine(text)}\n`);
}
