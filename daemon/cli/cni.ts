/** `weft cni install`. */
import type { Command } from 'commander';
import { DEFAULT_BIN_DIRECTORY, DEFAULT_CONF_DIRECTORY, installCni } from '../cni/install.ts';
import { parseNetworkName } from '../names.ts';
import { oneLine } from '../one-line.ts';
import { type GlobalOptions, socketPathOf } from './commands.ts';
import { examples } from './examples.ts';
import type { CliIo } from './io.ts';

interface InstallOptions extends GlobalOptions {
  readonly network: string;
  readonly binDir: string;
  readonly confDir: string;
  readonly json?: boolean;
}

export function addCni(program: Command, io: CliIo): void {
  const cni = program.command('cni').description('Serve container runtimes by CNI').helpCommand(false);
  cni
    .command('install')
    .description('Install the CNI plugin, and a configuration that attaches containers to a network')
    .requiredOption('--network <name>', 'name of the network')
    .option('--bin-dir <directory>', 'where the runtime looks for plugins', DEFAULT_BIN_DIRECTORY)
    .option('--conf-dir <directory>', 'where it looks for configurations', DEFAULT_CONF_DIRECTORY)
    .option('--json', 'print the paths as JSON')
    .addHelpText('after', examples(['weft cni install --network blue']))
    .action((_, command: Command) => install(io, command.optsWithGlobals<InstallOptions>()));
}

async function install(io: CliIo, options: InstallOptions): Promise<void> {
  const installed = await installCni({
    network: parseNetworkName(options.network),
    binDirectory: options.binDir,
    confDirectory: options.confDir,
    socketPath: socketPathOf(io, options),
  });
  const text = `installed ${oneLine(installed.plugin)}\ninstalled ${oneLine(installed.conflist)}`;
  io.stdout.write(options.json === true ? `${JSON.stringify(installed)}\n` : `${text}\n`);
}
