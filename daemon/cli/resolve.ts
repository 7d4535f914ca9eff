/** `weft resolve`, as people read it. */
import type { Command } from 'commander';
import { parseResolveRequest } from '../api/requests.ts';
import type { ResolveReport } from '../dns/dns-reports.ts';
import { type ReportOptions, showReport } from './commands.ts';
import { examples } from './examples.ts';
import type { CliIo } from './io.ts';
import { formatTable } from './table.ts';

export function formatResolution({ networks }: ResolveReport): string {
  return formatTable(
    ['NAME', 'ADDRESS', 'OWNER', 'CONTAINER', 'MAC', 'ANSWERED'],
    networks.flatMap(({ fqdn, addresses }) =>
      addresses.length === 0
        ? [[fqdn, null, null, null, null, 'no: it has no address that weft knows']]
        : addresses.map(({ address, owner, container, mac, answered }) => [
            fqdn,
            address,
            owner,
            container,
            mac,
            answered ? 'yes' : 'no: another container has the address',
          ]),
    ),
  );
}

export function addResolve(program: Command, io: CliIo): void {
  program
    .command('resolve')
    .description('Show what containers are told that ask for a name, and of whom that is')
    .argument('<name>', 'name of a container: NAME, NAME.NETWORK or NAME.NETWORK.weft')
    .option('--json', 'print JSON')
    .option('--watch', 'show it again every second until interrupted')
    .addHelpText('after', examples(['weft resolve web', 'weft resolve web.blue.weft --json']))
    .action((name: string, _, command: Command) => {
      const request = parseResolveRequest({ name });
      return showReport(
        io,
        {
          ask: async operations => {
            const data = await operations.resolve(request);
            return { data, text: () => formatResolution(data) };
          },
        },
        command.optsWithGlobals<ReportOptions>(),
      );
    });
}
