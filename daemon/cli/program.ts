/** The command line of `weft`: which commands, arguments and options there are (design: docs/cli.md). */
import { Command, Option } from 'commander';
import { KEY_OPERATIONS, type KeyOperation } from '../../control/serf/key-agent.ts';
import { REPORT_NAMES, type ReportName } from '../api/reports.ts';
import { DEFAULT_IFNAME } from '../api/requests.ts';
import { DEFAULT_SOCKET_PATH } from '../api/socket-path.ts';
import { DEFAULT_CONFIG_PATH } from '../config/config.ts';
import { version } from '../package-info.ts';
import { addBugReport } from './bug-report.ts';
import { addCni } from './cni.ts';
import {
  type AttachOptions,
  attach,
  connect,
  type DetachOptions,
  detach,
  type GlobalOptions,
  type ReleaseOptions,
  type ReportOptions,
  release,
  showReport,
} from './commands.ts';
import { addConfig } from './config.ts';
import { addDoctor } from './doctor.ts';
import { examples } from './examples.ts';
import { explanationOf } from './explain.ts';
import { gossipKeys } from './gossip-keys.ts';
import type { CliIo } from './io.ts';
import { addForget } from './ipam.ts';
import { addMetrics } from './metrics.ts';
import { addNetwork } from './network.ts';
import { REPORTS } from './reports.ts';
import { addResolve } from './resolve.ts';

const NETNS_HELP = 'network namespace: a name (ip netns), a path or a PID';

export function buildProgram(io: CliIo): Command {
  const program = new Command('weft')
    .description('A userspace VXLAN overlay for containers')
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand(false)
    .option(
      '--socket <path>',
      `API socket of the daemon (default: $WEFT_SOCKET, else ${DEFAULT_SOCKET_PATH})`,
    )
    .exitOverride()
    .configureOutput({
      writeOut: text => io.stdout.write(text),
      writeErr: text => io.stderr.write(text),
      // run-cli.ts prints the one line itself.
      outputError: () => {},
    })
    .addHelpText(
      'after',
      examples(['weft daemon --config /etc/weft/weft.yaml', 'weft status', 'weft peers --json']),
    )
    .addHelpText('after', '\nExit status: 0 done, 1 refused or failed, 2 wrong usage.');
  addDaemon(program, io);
  addAttach(program, io);
  addDetach(program, io);
  addRelease(program, io);
  for (const name of REPORT_NAMES) {
    if (name === 'fdb') {
      addFdb(program, io);
      continue;
    }
    addReport(program, name).action((_, command: Command) =>
      showReport(io, REPORTS[name], command.optsWithGlobals<ReportOptions>()),
    );
  }
  addDoctor(program, io);
  addBugReport(program, io);
  addNetwork(program, io);
  addResolve(program, io);
  addCni(program, io);
  addForget(program, io);
  addMetrics(program, io);
  addGossip(program, io);
  addConfig(program, io);
  return program;
}

function addDaemon(program: Command, io: CliIo): void {
  program
    .command('daemon')
    .description(
      'Run the daemon in the foreground until SIGTERM or SIGINT; SIGHUP has it read its file again',
    )
    .option('--config <file>', `configuration file (default: ${DEFAULT_CONFIG_PATH})`)
    .option(
      '--take-over',
      'take the place of a daemon that runs, which carries frames until this one does; where systemd runs it, restart the service instead',
    )
    .addHelpText(
      'after',
      examples(['weft daemon', 'weft daemon --config ./weft.yaml', 'weft daemon --take-over']),
    )
    .action(async (options: { readonly config?: string; readonly takeOver?: true }, command: Command) => {
      if (program.getOptionValue('socket') !== undefined) {
        command.error(
          'the daemon has no --socket: its socket is api.sock in the directory paths.run of its configuration',
        );
      }
      await io.runDaemon({ configPath: options.config, takeOver: options.takeOver === true });
    });
}

function addAttach(program: Command, io: CliIo): void {
  program
    .command('attach')
    .description('Give a network namespace an interface in a network')
    .argument('<netns>', NETNS_HELP)
    .requiredOption('--network <name>', 'name of the network')
    .addOption(
      new Option(
        '--address <cidr>',
        'address of the interface, or auto: one that the network gives; may be repeated',
      )
        .argParser((value: string, before: readonly string[]) => [...before, value])
        .default([], 'none but the IPv6 link-local one'),
    )
    .option('--ifname <name>', 'name of the interface in the namespace', DEFAULT_IFNAME)
    .option('--mac <mac>', 'MAC address (default: a stable one of its own)')
    .addOption(
      new Option('--name <label>', 'name under which others find it, as NAME.NETWORK.weft; may be repeated')
        .argParser((value: string, before: readonly string[]) => [...before, value])
        .default([], 'none'),
    )
    .addOption(
      new Option('--route <cidr[,gateway]>', 'route that it leads to; may be repeated')
        .argParser((value: string, before: readonly string[]) => [...before, value])
        .default([], 'none but to its subnets'),
    )
    .addOption(
      new Option(
        '--publish <port>',
        'lead a port of this VM to one of it: [HOSTADDR:]HOSTPORT:CONTAINERPORT[/tcp|udp]; may be repeated',
      )
        .argParser((value: string, before: readonly string[]) => [...before, value])
        .default([], 'none'),
    )
    .option('--ingress-rate <rate>', 'limit what goes to it, as in 100mbit (default: no limit)')
    .option('--egress-rate <rate>', 'limit what comes from it, as in 100mbit (default: no limit)')
    .option('--no-resolver', 'leave port 53 in the namespace alone: names are not answered to it')
    .option('--json', 'print the endpoint as JSON')
    .addHelpText(
      'after',
      examples([
        'weft attach web --network blue --address 198.18.0.2/24',
        'weft attach web --network blue --address 198.18.0.2/24 --address 2001:db8:1::2/64',
        'weft attach web --network blue --address auto --publish 8080:80',
        'weft attach web --network blue --address auto --name web --name web-1',
        'weft attach /proc/4711/ns/net --network blue --address 198.18.0.3/24 --ifname net1',
        'weft attach web --network blue --address auto --route 0.0.0.0/0,198.18.0.1',
        'weft attach web --network blue --address auto --ingress-rate 1gbit --egress-rate 100mbit',
      ]),
    )
    .action((netns: string, _, command: Command) =>
      attach(io, netns, command.optsWithGlobals<AttachOptions>()),
    );
}

function addDetach(program: Command, io: CliIo): void {
  program
    .command('detach')
    .description('Take an interface of a network out of a namespace; succeeds when it is not there')
    .argument('<netns>', NETNS_HELP)
    .requiredOption('--network <name>', 'name of the network')
    .option('--ifname <name>', 'name of the interface in the namespace', DEFAULT_IFNAME)
    .option('--json', 'print JSON: {"removed": true or false}')
    .addHelpText('after', examples(['weft detach web --network blue']))
    .action((netns: string, _, command: Command) =>
      detach(io, netns, command.optsWithGlobals<DetachOptions>()),
    );
}

function addRelease(program: Command, io: CliIo): void {
  program
    .command('release')
    .description('Let a MAC address that is frozen on this node, because it moved too often, move again')
    .argument('<mac>', 'MAC address')
    .requiredOption('--network <name>', 'name of the network')
    .option('--json', 'print JSON: {"released": true or false}')
    .addHelpText('after', examples(['weft release 02:00:5e:10:00:03 --network blue']))
    .action((mac: string, _, command: Command) =>
      release(io, mac, command.optsWithGlobals<ReleaseOptions>()),
    );
}

function addReport(program: Command, name: ReportName, further: readonly string[] = []): Command {
  return program
    .command(name)
    .description(REPORTS[name].summary)
    .option('--json', 'print JSON, one document a line')
    .option('--watch', 'show it again every second until interrupted')
    .addHelpText(
      'after',
      examples([`weft ${name}`, `weft ${name} --json`, `weft ${name} --watch`, ...further]),
    );
}

interface FdbOptions extends ReportOptions {
  readonly explain?: string;
  readonly network?: string;
}

function addFdb(program: Command, io: CliIo): void {
  addReport(program, 'fdb', ['weft fdb --explain 02:00:5e:10:00:03'])
    .option('--explain <mac>', 'say who claims this MAC address, and why frames to it go where they go')
    .option('--network <name>', 'with --explain: in this network only')
    .action((_, command: Command) => {
      const options = command.optsWithGlobals<FdbOptions>();
      const { explain, network } = options;
      if (explain !== undefined) return showReport(io, explanationOf(explain, network), options);
      if (network !== undefined) command.error('--network goes with --explain');
      return showReport(io, REPORTS.fdb, options);
    });
}

const KEY_SUMMARIES: Readonly<Record<KeyOperation, string>> = {
  list: 'Show the keys, by their fingerprints, and which nodes have and use them',
  add: 'Have every node open what is sealed with a further key',
  use: 'Have every node seal with a key that all have',
  remove: 'Have every node forget a key that none uses',
};

function addGossip(program: Command, io: CliIo): void {
  const gossip = program.command('gossip').description('Work with the pool of nodes').helpCommand(false);
  const keys = gossip
    .command('keys')
    .description('Show or change the keys that encrypt gossip, on every node of the pool')
    .helpCommand(false);
  for (const operation of KEY_OPERATIONS) {
    const command = keys.command(operation).description(KEY_SUMMARIES[operation]);
    if (operation === 'add') command.argument('<key>', 'key in base64, or - to read it from standard input');
    else if (operation !== 'list')
      command.argument('<key>', 'fingerprint or key in base64, or - for standard input');
    const example = operation === 'add' ? ' - <new.key' : operation === 'list' ? '' : ' 630dcd2966c43366';
    command
      .option('--json', 'print what each node answered as JSON')
      .addHelpText('after', examples([`weft gossip keys ${operation}${example}`]))
      .action(() => {
        const options = command.optsWithGlobals<GlobalOptions & { readonly json?: boolean }>();
        const modules = { io, operations: connect(io, options), json: options.json === true };
        return gossipKeys(modules, operation, command.args[0]);
      });
  }
}
