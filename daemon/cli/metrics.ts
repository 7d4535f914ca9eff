/** `weft metrics`: what Prometheus would get, for people and for scripts. */
import type { Command } from 'commander';
import { connect, type GlobalOptions } from './commands.ts';
import { examples } from './examples.ts';
import type { CliIo } from './io.ts';

interface MetricsOptions extends GlobalOptions {
  readonly openmetrics?: boolean;
}

export function addMetrics(program: Command, io: CliIo): void {
  program
    .command('metrics')
    .description('Print the metrics of the node in the text format of Prometheus')
    .option('--openmetrics', 'print them as OpenMetrics 1.0')
    .addHelpText('after', examples(['weft metrics', 'weft metrics | promtool check metrics']))
    .action(async (_, command: Command) => {
      const options = command.optsWithGlobals<MetricsOptions>();
      const format = options.openmetrics === true ? 'openmetrics' : 'text';
      io.stdout.write(await connect(io, options).metrics(format));
    });
}
