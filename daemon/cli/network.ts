/** `weft network`: make, remove, list and show networks. */
import { type Command, Option } from 'commander';
import { parseNetworkCreateRequest, parseNetworkRemoveRequest } from '../api/network-requests.ts';
import { ATTACH_MODES, MACVLAN_MODES, NETWORK_MODES } from '../config/config.ts';
import { requireNetwork } from '../networks/network-operations.ts';
import { oneLine } from '../one-line.ts';
import type { NetworkReport } from '../operations.ts';
import { connect, type GlobalOptions, type ReportOptions, showReport } from './commands.ts';
import { examples } from './examples.ts';
import type { CliIo } from './io.ts';
import { REPORTS } from './reports.ts';

interface CreateOptions extends GlobalOptions {
  readonly vni?: string;
  readonly subnet?: string;
  readonly subnet6?: string;
  readonly mode: string;
  readonly attach: string;
  readonly gateway?: boolean;
  readonly gatewayAddress: readonly string[];
  readonly parent?: string;
  readonly macvlanMode: string;
  readonly mtu: string;
  readonly ipam?: string;
  readonly exclude: readonly string[];
  readonly static: readonly string[];
  readonly json?: boolean;
}

export function addNetwork(program: Command, io: CliIo): void {
  const network = program
    .command('network')
    .description('Make, remove and look at the networks of the pool')
    .helpCommand(false);
  network
    .command('create')
    .description(
      'Make a network; all nodes of the pool know it, and carry it once they have a container in it',
    )
    .argument('<name>', 'name of the network: at most 12 lower-case letters, digits and dashes')
    .option('--vni <number>', 'its VXLAN network identifier (default: one that no network has)')
    .option('--subnet <cidr>', 'where the addresses of its containers lie, as in 198.18.0.0/16')
    .option('--subnet6 <cidr>', 'the same of IPv6, as in 2001:db8:1::/64')
    .addOption(
      new Option('--mode <mode>', 'what it is: a segment across all VMs, or one that each VM has for itself')
        .choices(NETWORK_MODES)
        .default('overlay'),
    )
    .option('--gateway', 'give its containers a way out, by NAT, through the VM that each is on')
    .addOption(
      ranges(
        '--gateway-address <address>',
        'address of the gateway, in the subnet; may be given for each family (default: the first)',
      ),
    )
    .option('--parent <ifname>', 'mode macvlan: the interface of each VM that its containers share')
    .addOption(
      new Option('--macvlan-mode <mode>', 'mode macvlan: whom its containers on one VM reach')
        .choices(MACVLAN_MODES)
        .default('bridge'),
    )
    .addOption(
      new Option('--attach <mode>', 'how containers are attached').choices(ATTACH_MODES).default('bridge'),
    )
    .addOption(
      new Option('--ipam <who>', 'who gives out the addresses of the subnets (default: weft)').choices([
        'weft',
        'none',
      ]),
    )
    .addOption(
      ranges(
        '--exclude <range>',
        'addresses that are never given out: one, a CIDR or FIRST-LAST; may be repeated',
      ),
    )
    .addOption(
      ranges('--static <range>', 'addresses that only who asks for them by name gets; may be repeated'),
    )
    .option('--mtu <bytes>', 'MTU of its containers; auto: what the underlay of each node leaves', 'auto')
    .option('--json', 'print the network as JSON')
    .addHelpText(
      'after',
      examples([
        'weft network create blue --subnet 198.18.0.0/16',
        'weft network create blue --vni 42 --subnet 198.18.0.0/16 --subnet6 2001:db8:1::/64',
        'weft network create web --subnet 198.18.0.0/16 --gateway',
        'weft network create lan --mode macvlan --parent eth1 --subnet 192.0.2.0/24 --ipam none',
      ]),
    )
    .action((name: string, _, command: Command) =>
      create(io, name, command.optsWithGlobals<CreateOptions>()),
    );
  network
    .command('rm')
    .description('Remove a network that was made by command; succeeds when there is none')
    .argument('<name>', 'name of the network')
    .option('--json', 'print JSON: {"removed": true or false}')
    .addHelpText('after', examples(['weft network rm blue']))
    .action((name: string, _, command: Command) =>
      remove(io, name, command.optsWithGlobals<ReportOptions>()),
    );
  network
    .command('ls')
    .description('Show the networks of the pool: the same as weft networks')
    .option('--json', 'print JSON, one document a line')
    .option('--watch', 'show it again every second until interrupted')
    .addHelpText('after', examples(['weft network ls', 'weft network ls --json']))
    .action((_, command: Command) =>
      showReport(io, REPORTS.networks, command.optsWithGlobals<ReportOptions>()),
    );
  network
    .command('show')
    .description('Show one network')
    .argument('<name>', 'name of the network')
    .option('--json', 'print JSON, one document a line')
    .option('--watch', 'show it again every second until interrupted')
    .addHelpText('after', examples(['weft network show blue']))
    .action((name: string, _, command: Command) => show(io, name, command.optsWithGlobals<ReportOptions>()));
}

function ranges(flags: string, description: string): Option {
  return new Option(flags, description)
    .argParser((value: string, before: readonly string[]) => [...before, value])
    .default([], 'none');
}

async function create(io: CliIo, name: string, options: CreateOptions): Promise<void> {
  const { vni, subnet, subnet6, attach, mtu, ipam, exclude, static: fixed } = options;
  const { mode, gateway = false, gatewayAddress, parent, macvlanMode } = options;
  const request = parseNetworkCreateRequest({
    name,
    mode,
    attach,
    gateway,
    gatewayAddresses: gatewayAddress,
    macvlanMode,
    ...(parent !== undefined && { parent }),
    mtu: numberIn(mtu),
    exclude,
    static: fixed,
    ...(ipam !== undefined && { ipam }),
    ...(vni !== undefined && { vni: numberIn(vni) }),
    ...(subnet !== undefined && { subnet }),
    ...(subnet6 !== undefined && { subnet6 }),
  });
  const made = await connect(io, options).createNetwork(request);
  const text = [`made network ${made.name}: VNI ${made.vni}`, made.subnet, made.subnet6]
    .filter(Boolean)
    .join(' ');
  io.stdout.write(options.json === true ? `${JSON.stringify(made)}\n` : `${oneLine(text)}\n`);
}

async function remove(io: CliIo, name: string, options: ReportOptions): Promise<void> {
  const request = parseNetworkRemoveRequest({ name });
  const result = await connect(io, options).removeNetwork(request);
  const text = result.removed ? `removed network ${name}` : `there is no network ${name}: nothing to remove`;
  io.stdout.write(options.json === true ? `${JSON.stringify(result)}\n` : `${oneLine(text)}\n`);
}

function show(io: CliIo, name: string, options: ReportOptions): Promise<void> {
  const report = {
    async ask(operations: { networks(): Promise<readonly NetworkReport[]> }) {
      const network = requireNetwork(await operations.networks(), name);
      return { data: network, text: () => formatNetwork(network) };
    },
  };
  return showReport(io, report, options);
}

/** A line for each thing to know. */
export function formatNetwork(network: NetworkReport): string {
  const { carried, conflict, created_by, endpoints, gateway, subnet, subnet6, vteps } = network;
  const rows: readonly (readonly [string, string])[] = [
    ['network', `${network.name} (VNI ${network.vni})`],
    ['source', created_by === null ? 'the configuration of this node' : `made on ${created_by}`],
    ['subnets', [subnet, subnet6].filter(Boolean).join(', ') || 'any address'],
    ['mode', modeInWords(network)],
    ['attach', network.attach],
    ['gateway', [...gateway, network.gateway_mac].filter(one => one !== null).join(', ') || 'none'],
    ['ipam', network.ipam],
    ['mtu', String(network.mtu)],
    ['here', carried ? `carried, ${endpoints} endpoint(s)` : 'not carried: no container of it is here'],
    ['vteps', vteps.join(', ') || 'none'],
    ...(conflict === null ? [] : ([['conflict', conflict]] as const)),
  ];
  return rows.map(([key, value]) => oneLine(`${key.padEnd(9)}${value}`)).join('\n');
}

function modeInWords({ mode, parent, macvlan_mode }: NetworkReport): string {
  return mode === 'macvlan' ? `macvlan (${macvlan_mode}) on ${parent}` : mode;
}

/** What is no number is left to the parser of the request, which tells what it should be. */
function numberIn(text: string): string | number {
  return /^\d+$/.test(text) ? Number(text) : text;
}
