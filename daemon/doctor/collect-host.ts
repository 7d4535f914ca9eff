/** Gathers the facts of this host. What cannot be found out is said, not passed over. */
import { DEFAULT_GOSSIP_PORT, DEFAULT_VXLAN_PORT } from '../config/config.ts';
import type { Link } from '../net/ip.ts';
import { collectRules } from './collect-rules.ts';
import type { ConntrackFacts, ContainerFact, FileFact, HostFacts } from './host-facts.ts';
import type { HostPort } from './host-port.ts';
import type { SelfReport } from './self-report.ts';
import { parseSockets } from './sockets.ts';

/** What is known before anything is looked at. */
export interface Known {
  readonly daemon: SelfReport | undefined;
  readonly silence: string | undefined;
  /** Offloads that the kernel refused it. */
  readonly lostOffloads: readonly string[];
  /** Underlay addresses of the peers. */
  readonly peers: readonly string[];
  /** The configuration file, as far as it could be read. */
  readonly config: ConfigFacts | undefined;
}

export interface ConfigFacts {
  readonly path: string;
  readonly vxlanPort: number;
  readonly gossipPort: number;
  readonly state: string;
  readonly hasKey: boolean;
}

export interface Collected {
  readonly facts: HostFacts;
  /** What was not checked, and why. */
  readonly unknown: readonly string[];
}

export async function collectHost(host: HostPort, known: Known): Promise<Collected> {
  const { daemon, silence, config } = known;
  const unknown: string[] = [];
  const ports = {
    vxlan: daemon?.vxlan_port ?? config?.vxlanPort ?? DEFAULT_VXLAN_PORT,
    gossip: daemon?.gossip_port ?? config?.gossipPort ?? DEFAULT_GOSSIP_PORT,
  };
  const ours = daemon?.links.filter(({ netns }) => netns === null).map(({ ifname }) => ifname) ?? [];
  const state = daemon?.state ?? config?.state;
  const [links, udp, tcp, rules, sysctls, conntrack, containers, managed, files, free, capabilities, routes] =
    await Promise.all([
      readLinks(host),
      host.run(['ss', '-HunlpmO']),
      host.run(['ss', '-HtnlpO']),
      collectRules(host),
      readSysctls(host, ours),
      readConntrack(host, ports.vxlan),
      readContainers(host, daemon),
      readManaged(host, ours),
      readFiles(host, known, state),
      state === undefined ? undefined : host.freeBytes(state),
      readCapabilities(host, daemon),
      readRoutes(host, known),
    ]);
  if (links === undefined) unknown.push('links: ip (iproute2) tells nothing');
  if (udp === undefined || tcp === undefined) unknown.push('ports and queues: ss (iproute2) tells nothing');
  if (rules === undefined) unknown.push('packet filters: neither nft nor iptables-nft-save tells anything');
  const facts: HostFacts = {
    daemon,
    silence,
    lostOffloads: known.lostOffloads,
    ports,
    links: links ?? [],
    sockets: [...parseSockets('udp', udp ?? ''), ...parseSockets('tcp', tcp ?? '')],
    sysctls,
    rules: rules ?? { chains: [] },
    conntrack,
    containers,
    managed,
    files,
    disk: state === undefined || free === undefined ? undefined : { path: state, free },
    capabilities,
    routes,
  };
  return { facts, unknown };
}

async function readLinks(host: HostPort, netns?: string): Promise<readonly Link[] | undefined> {
  const ask = ['ip', '-json', '-details', 'address', 'show'] as const;
  const text = await host.run(netns === undefined ? ask : ['nsenter', `--net=${netns}`, ...ask]);
  return text === undefined ? undefined : jsonOf<readonly Link[]>(text, []);
}

function jsonOf<T>(text: string | undefined, otherwise: T): T {
  try {
    return JSON.parse(text ?? '') as T;
  } catch {
    return otherwise;
  }
}

async function readSysctls(
  host: HostPort,
  ours: readonly string[],
): Promise<Readonly<Record<string, string>>> {
  const devices = (await host.list('/proc/sys/net/ipv4/conf')) ?? [];
  const paths = [
    'core/rmem_max',
    'ipv6/conf/all/forwarding',
    'bridge/bridge-nf-call-iptables',
    'bridge/bridge-nf-call-ip6tables',
    ...devices.flatMap(device => [
      `ipv4/conf/${device}/rp_filter`,
      `ipv4/conf/${device}/forwarding`,
      `ipv6/conf/${device}/force_forwarding`,
    ]),
    ...ours.map(ifname => `ipv6/conf/${ifname}/disable_ipv6`),
  ];
  const values = await Promise.all(
    paths.map(async path => [path, await host.read(`/proc/sys/net/${path}`)] as const),
  );
  return Object.fromEntries(
    values.flatMap(([path, value]) => (value === undefined ? [] : [[path, value.trim()]])),
  );
}

async function readConntrack(host: HostPort, port: number): Promise<ConntrackFacts | undefined> {
  const [count, max] = await Promise.all(
    ['count', 'max'].map(name => host.read(`/proc/sys/net/netfilter/nf_conntrack_${name}`)),
  );
  if (count === undefined || max === undefined || Number(count) === 0) return undefined;
  const entries = (await host.read('/proc/net/nf_conntrack')) ?? '';
  const vxlan = entries
    .split('\n')
    .filter(line => / udp /.test(line) && line.includes(` dport=${port} `)).length;
  return { count: Number(count), max: Number(max), vxlan };
}

async function readContainers(
  host: HostPort,
  daemon: SelfReport | undefined,
): Promise<readonly ContainerFact[]> {
  const expected =
    daemon?.links.flatMap(({ netns, ifname }) => (netns === null ? [] : [{ netns, ifname }])) ?? [];
  const found: ContainerFact[] = [];
  // One after the other: a host may have thousands, each of them costs a process.
  for (const netns of new Set(expected.map(one => one.netns))) {
    const links = await readLinks(host, netns);
    for (const { ifname } of expected.filter(one => one.netns === netns)) {
      found.push({ netns, ifname, link: links?.find(link => link.ifname === ifname) });
    }
  }
  return found;
}

async function readManaged(host: HostPort, ours: readonly string[]): Promise<HostFacts['managed']> {
  const networkd = jsonOf<{ readonly Interfaces?: readonly Readonly<Record<string, unknown>>[] }>(
    await host.run(['networkctl', 'list', '--json=short']),
    {},
  );
  const byNetworkd = (networkd.Interfaces ?? [])
    .filter(({ AdministrativeState, SetupState }) => {
      const state = AdministrativeState ?? SetupState ?? 'unmanaged';
      return state !== 'unmanaged';
    })
    .map(({ Name }) => ({ manager: 'networkd', ifname: String(Name) }) as const);
  const byNetworkManager = ((await host.run(['nmcli', '-t', '-f', 'DEVICE,STATE', 'device'])) ?? '')
    .split('\n')
    .map(line => line.split(':'))
    // "connected (externally)" is a link that it only looks at (nmcli(1)).
    .filter(([, state = 'unmanaged']) => !/unmanaged|externally|unavailable/.test(state))
    .map(([ifname = '']) => ({ manager: 'NetworkManager', ifname }) as const);
  return [...byNetworkd, ...byNetworkManager].filter(({ ifname }) => ours.includes(ifname));
}

async function readFiles(
  host: HostPort,
  { config }: Known,
  state: string | undefined,
): Promise<readonly FileFact[]> {
  const candidates = [
    ...(config === undefined ? [] : [{ path: config.path, hasKey: config.hasKey }]),
    ...(state === undefined ? [] : [{ path: `${state}/gossip-keys.json`, hasKey: true }]),
  ];
  const files = await Promise.all(
    candidates.map(async ({ path, hasKey }) => ({ path, hasKey, mode: await host.modeOf(path) })),
  );
  return files.flatMap(({ mode, ...rest }) => (mode === undefined ? [] : [{ ...rest, mode }]));
}

async function readCapabilities(host: HostPort, daemon: SelfReport | undefined): Promise<bigint | undefined> {
  if (daemon === undefined) return undefined;
  const status = await host.read(`/proc/${daemon.pid}/status`);
  const [, mask] = /^CapEff:\s*([0-9a-f]+)$/m.exec(status ?? '') ?? [];
  return mask === undefined ? undefined : BigInt(`0x${mask}`);
}

async function readRoutes(host: HostPort, { daemon, peers }: Known): Promise<HostFacts['routes']> {
  if (daemon === undefined) return [];
  const routes = await Promise.all(
    peers.map(async to => {
      const text = await host.run(['ip', '-json', 'route', 'get', to, 'from', daemon.underlay]);
      const [route] = jsonOf<readonly { readonly dev?: string }[]>(text, []);
      return route?.dev === undefined ? [] : [{ to, dev: route.dev }];
    }),
  );
  return routes.flat();
}
