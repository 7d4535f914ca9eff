/** What the end-to-end tests share: two machines with weft, and the questions every test asks. */
import type { ExecutionContext } from 'ava';
import { type Clock, systemClock } from '../../dataplane/clock.ts';
import type { Container } from '../lab/container.ts';
import type { Host } from '../lab/host.ts';
import type { Lab } from '../lab/lab.ts';
import { type PingOptions, ping, unansweredPings } from '../lab/ping.ts';
import { expectedDigest, stream } from '../lab/stream.ts';
import type { Vm } from '../lab/vm.ts';
import { waitFor } from '../lab/wait-for.ts';
import type { AttachMode, NetworkConfig } from '../lab/weft-config.ts';
import type { DropReport, EndpointReport, FdbReport, PeerReport } from '../operations.ts';

export const ATTACH_MODES: readonly AttachMode[] = ['bridge', 'tap'];

export const BLUE: NetworkConfig = { name: 'blue', vni: 42, subnet: '198.18.0.0/24' };

export interface PairOptions {
  /** @default 'bridge' */
  readonly attach?: AttachMode;
  /** @default just {@link BLUE} */
  readonly networks?: readonly NetworkConfig[];
  /** Underlay addresses are 2001:db8::1 and ::2 instead of 192.0.2.1 and .2. @default false */
  readonly ipv6Underlay?: boolean;
  /** Section `dataplane` of the configuration. @default its defaults */
  readonly dataplane?: Readonly<Record<string, unknown>>;
  /** dataplane.workers. @default auto */
  readonly workers?: number;
  /** Base64: gossip is encrypted with it. @default nothing is encrypted */
  readonly gossipKey?: string;
  /** Section `dns` of the configuration. @default its defaults */
  readonly dns?: Readonly<Record<string, unknown>>;
  /** Top-level keys of the configuration beside these. @default none */
  readonly override?: Readonly<Record<string, unknown>>;
  /** Environment of the daemons. @default nothing beyond that of the test */
  readonly env?: Readonly<Record<string, string>>;
}

export interface Pair {
  readonly a: Vm;
  readonly b: Vm;
}

/** Machines `a` and `b`, each with a daemon; `b` is told the address of `a`, and both see each other alive. */
export async function startPair(lab: Lab, options: PairOptions = {}): Promise<Pair> {
  const [a, b] = await Promise.all([1, 2].map(async n => await addWeftVm(lab, n, options)));
  if (a === undefined || b === undefined) throw new Error('unreachable: two machines were asked for');
  await Promise.all([waitForPeer(a, 'b', 'alive'), waitForPeer(b, 'a', 'alive')]);
  return { a, b };
}

/** Machines `a` and `b` without networks in their configurations, which both know blue: made by command, it gives its addresses itself. */
export async function startWithBlue(lab: Lab, attach: AttachMode): Promise<Pair> {
  const a = await addWeftVm(lab, 1, { networks: [] });
  const b = await addWeftVm(lab, 2, { networks: [] });
  await waitForPeer(b, 'a', 'alive');
  await a.weft(['network', 'create', 'blue', '--attach', attach, '--subnet', '198.18.0.0/24']);
  await waitFor(async () => (await b.api.networks()).length === 1, {
    what: 'b to know blue',
    timeoutMs: 5000,
  });
  return { a, b };
}

/** Adds machine number `n` (1 is `a`) with its daemon; all but the first are told the address of the first. */
export async function addWeftVm(lab: Lab, n: number, options: PairOptions = {}): Promise<Vm> {
  const {
    attach = 'bridge',
    networks = [BLUE],
    ipv6Underlay = false,
    workers = 'auto',
    dataplane = {},
    dns = {},
    gossipKey,
    override = {},
    env = {},
  } = options;
  const name = String.fromCharCode('a'.charCodeAt(0) + n - 1);
  const prefix = ipv6Underlay ? '2001:db8::' : '192.0.2.';
  const vm = await lab.addVm(name, { underlay: `${prefix}${n}/${ipv6Underlay ? 64 : 24}` });
  const gossip = {
    join: n === 1 ? [] : [`${prefix}1`],
    ...(gossipKey !== undefined && { key: gossipKey }),
  };
  await vm.startWeft(
    {
      networks: networks.map(network => ({ attach, ...network })),
      override: { dataplane: { workers, ...dataplane }, gossip, dns, ...override },
    },
    env,
  );
  return vm;
}

/** Waits until the daemon of `vm` says this of its peer. */
export async function waitForPeer(
  vm: Vm,
  name: string,
  state: PeerReport['state'],
  timeoutMs = 15_000,
): Promise<PeerReport> {
  return await waitFor(
    async () =>
      (await vm.weftJson<PeerReport[]>('peers')).find(peer => peer.name === name && peer.state === state),
    { what: `${vm.name} to see ${name} ${state}`, timeoutMs, intervalMs: 20 },
  );
}

export interface AttachOptions {
  /** CIDRs. */
  readonly addresses?: readonly string[];
  /** @default 'blue' */
  readonly network?: string;
  readonly mac?: string;
  /** As `weft attach --publish` takes them. */
  readonly publish?: readonly string[];
  /** More options of `weft attach`. */
  readonly more?: readonly string[];
}

/** Adds a container to the machine and attaches it to the overlay as `eth0`. */
export async function addAttached(vm: Vm, name: string, options: AttachOptions = {}): Promise<Container> {
  const container = await vm.addContainer(name);
  await attach(vm, container, options);
  return container;
}

export async function attach(vm: Vm, container: Container, options: AttachOptions = {}): Promise<void> {
  const { addresses = [], network = 'blue', mac, publish = [], more = [] } = options;
  const args = ['attach', container.netns, '--network', network, ...more];
  for (const address of addresses) args.push('--address', address);
  if (mac !== undefined) args.push('--mac', mac);
  for (const port of publish) args.push('--publish', port);
  await vm.weft(args);
}

/** Attaches one container on each machine: 198.18.0.1 on `a`, 198.18.0.2 on `b`. */
export async function attachPair(pair: Pair): Promise<{ c1: Container; c2: Container }> {
  return {
    c1: await addAttached(pair.a, 'c1', { addresses: ['198.18.0.1/24'] }),
    c2: await addAttached(pair.b, 'c1', { addresses: ['198.18.0.2/24'] }),
  };
}

/** Asserts that every request is answered exactly once. */
export async function assertPing(
  t: ExecutionContext,
  from: Host,
  address: string,
  options: PingOptions = {},
): Promise<void> {
  const report = await unansweredPings(from, address, { count: 5, intervalS: 0.02, ...options });
  t.deepEqual(report.unanswered, [], `ping from ${from.name} to ${address}:\n${report.summary}`);
  t.is(report.duplicates, 0, report.summary);
}

/** Asserts that nothing answers. */
export async function assertNoPing(t: ExecutionContext, from: Host, address: string): Promise<void> {
  const report = await ping(from, address, { count: 2, waitS: 0.5 });
  t.is(report.received, 0, `ping from ${from.name} to ${address}:\n${report.output}`);
}

/** Waits for a first reply. */
export async function waitForPing(from: Host, address: string, timeoutMs = 10_000): Promise<void> {
  await waitFor(async () => (await ping(from, address, { count: 1, waitS: 0.3 })).received === 1, {
    what: `a reply to ${from.name} from ${address}`,
    timeoutMs,
  });
}

/** Asserts that a TCP stream arrives whole; returns its throughput in bits per second. */
export async function assertStream(
  t: ExecutionContext,
  from: Host,
  to: Host,
  address: string,
  bytes: number,
): Promise<number> {
  const received = await stream(from, to, address, bytes);
  t.is(received.bytes, bytes);
  t.is(received.sha256, expectedDigest(bytes));
  return (8 * bytes) / received.seconds;
}

/** Reasons that belong to the life of a network, not to the transfer that a test looks at. */
export const INCIDENTAL: ReadonlySet<string> = new Set([
  'no_destination',
  'hairpin',
  'split_horizon',
  'neighbor_suppressed',
]);

/** What a transfer lost: rows of `weft drops`, without those of the control plane and the incidental ones. Empty: every frame arrived. */
export async function losses(vm: Vm): Promise<readonly string[]> {
  const drops = await vm.weftJson<DropReport[]>('drops');
  return drops
    .filter(({ reason }) => !/^(gossip|records)_/.test(reason) && !INCIDENTAL.has(reason))
    .map(({ reason, frames }) => `${reason}: ${frames}`);
}

/** All frames that the daemon of `vm` dropped up to now, whatever the reason. */
export async function totalDrops(vm: Vm): Promise<number> {
  return (await vm.weftJson<DropReport[]>('drops')).reduce((sum, { frames }) => sum + frames, 0);
}

/** The endpoints that are attached on the machine itself. */
export async function localEndpoints(vm: Vm): Promise<readonly EndpointReport[]> {
  return (await vm.weftJson<EndpointReport[]>('endpoints')).filter(({ where }) => where === 'local');
}

/** The forwarding entry of a MAC address, if there is one. */
export async function fdbEntry(vm: Vm, mac: string): Promise<FdbReport | undefined> {
  return (await vm.weftJson<FdbReport[]>('fdb')).find(entry => entry.mac === mac);
}

/** Milliseconds that `work` takes. */
export async function timed(work: () => Promise<unknown>, clock: Clock = systemClock): Promise<number> {
  const start = clock.now();
  await work();
  return clock.now() - start;
}
