/** `weft doctor` from the first question to the last finding. */
import { readlink } from 'node:fs/promises';
import { resolve } from 'node:path';
import { WeftError } from '../../dataplane/errors.ts';
import { DEFAULT_CONFIG_PATH } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import type { NodeOperations } from '../operations.ts';
import { type ConfigFacts, collectHost, type Known } from './collect-host.ts';
import { examineHost } from './doctor.ts';
import { type Finding, isProblem, sortFindings } from './finding.ts';
import type { HostPort } from './host-port.ts';
import { checkPath } from './path/path-checks.ts';
import type { PathFacts } from './path/path-facts.ts';
import { probePath } from './path/path-prober.ts';

export interface ExaminationModules {
  readonly host: HostPort;
  readonly operations: NodeOperations;
}

export interface ExaminationOptions {
  /** undefined: that of the running daemon, else the default. */
  readonly configPath: string | undefined;
  /** Name of a node: only the path to it is looked at, besides this host. undefined: the paths to all that are up. */
  readonly peer: string | undefined;
}

/** The path to one peer, as far as it is known. */
export interface PathSummary {
  readonly peer: string;
  readonly address: string;
  /** Bytes of the largest IP packet that passes, up to what the networks need; null: none, or it could not be probed. */
  readonly there: number | null;
  readonly back: number | null;
  readonly needed: number;
  /** Milliseconds by which its clock is ahead of ours; null: not known. */
  readonly clock_ms: number | null;
}

/** What `weft doctor --json` prints. */
export interface DoctorReport {
  /** Name of the node; null: the daemon does not run. */
  readonly node: string | null;
  /** Whether there is no problem; notes are none. */
  readonly healthy: boolean;
  readonly findings: readonly Finding[];
  /** What was mended, as it was found. */
  readonly mended: readonly Finding[];
  /** What could not be mended: the command, and why. */
  readonly failed: readonly { readonly command: string; readonly reason: string }[];
  /** What was not looked at, and why. */
  readonly not_checked: readonly string[];
  readonly paths: readonly PathSummary[];
}

export type Diagnosis = Omit<DoctorReport, 'mended' | 'failed'>;

/** Where the node keeps what is its own; `state` is undefined where it is not known. */
export interface Places {
  readonly configPath: string;
  readonly state: string | undefined;
}

/** Looks at everything once. Throws `not_permitted` where root is needed. */
export async function diagnose(
  modules: ExaminationModules,
  options: ExaminationOptions,
): Promise<Diagnosis & Places> {
  const known = await ask(modules, options);
  const { facts, unknown } = await collectHost(modules.host, known);
  const peers =
    known.daemon === undefined ? [] : options.peer === undefined ? known.peerNames : [options.peer];
  const paths = await inTurns(PATHS_AT_ONCE, peers, peer => probePath(modules, peer));
  const ifname = facts.links.find(({ addr_info }) =>
    addr_info.some(({ local }) => local === known.daemon?.underlay),
  )?.ifname;
  const findings = sortFindings([
    ...examineHost(facts),
    ...paths.flatMap(path => checkPath(path, { ifname })),
  ]);
  return {
    node: known.daemon?.name ?? null,
    healthy: !findings.some(isProblem),
    findings,
    not_checked: [...unknown, ...paths.flatMap(uncheckedOf)],
    paths: paths.map(summaryOf),
    configPath: known.configPath,
    state: known.daemon?.state ?? known.config?.state,
  };
}

/** Each is a session of two daemons, and some two hundred datagrams where something is wrong. */
const PATHS_AT_ONCE = 8;

async function inTurns<T, R>(
  atOnce: number,
  items: readonly T[],
  work: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = [];
  for (let i = 0; i < items.length; i += atOnce) {
    results.push(...(await Promise.all(items.slice(i, i + atOnce).map(work))));
  }
  return results;
}

function uncheckedOf({ opening: { peer }, vxlan }: PathFacts): readonly string[] {
  if (vxlan === undefined) return [`VXLAN to ${peer}: gossip has to pass for it`];
  if (vxlan.raw !== undefined) return [];
  const why = vxlan.rawFailure === undefined ? '' : ` (${vxlan.rawFailure})`;
  return [`checksums of what is sent to ${peer}: this process cannot send raw packets${why}`];
}

function summaryOf({ opening, vxlan }: PathFacts): PathSummary {
  const { peer, address, needed_bytes: needed, clock_ms } = opening;
  const { there = null, back = null } = vxlan?.largest ?? {};
  return { peer, address, there, back, needed, clock_ms };
}

/** Questions that a daemon which is down does not answer. */
async function ask(
  { host, operations }: ExaminationModules,
  { configPath }: ExaminationOptions,
): Promise<Known & { readonly peerNames: readonly string[]; readonly configPath: string }> {
  try {
    const [daemon, peers, status] = await Promise.all([
      operations.self(),
      operations.peers(),
      operations.status(),
    ]);
    const lostOffloads = Object.entries(status.dataplane.offloads)
      .filter(([, state]) => state === 'lost')
      .map(([offload]) => offload);
    const alive = peers.filter(({ state }) => state === 'alive' || state === 'suspect');
    const path = configPath ?? (await configOfProcess(host, daemon.pid));
    const config = await readConfig(path);
    return {
      daemon,
      silence: undefined,
      lostOffloads,
      peers: alive.map(({ address }) => address),
      // A member that is no weft node (a serf agent) has no VXLAN.
      peerNames: alive.filter(({ vnis }) => vnis.length > 0).map(({ name }) => name),
      config,
      configPath: path,
    };
  } catch (error) {
    if (!(error instanceof WeftError) || error.code !== 'unavailable') throw error;
    const path = configPath ?? DEFAULT_CONFIG_PATH;
    const config = await readConfig(path);
    return {
      daemon: undefined,
      silence: error.message,
      lostOffloads: [],
      peers: [],
      peerNames: [],
      config,
      configPath: path,
    };
  }
}

/** A daemon that is told no file takes the default one. */
async function configOfProcess(host: HostPort, pid: number): Promise<string> {
  const words = ((await host.read(`/proc/${pid}/cmdline`)) ?? '').split('\0');
  const at = words.indexOf('--config');
  const file = at === -1 ? undefined : words[at + 1];
  if (file === undefined) return DEFAULT_CONFIG_PATH;
  const directory = await readlink(`/proc/${pid}/cwd`).catch(() => '/');
  return resolve(directory, file);
}

/** One that is wrong or not there tells nothing. */
async function readConfig(path: string): Promise<ConfigFacts | undefined> {
  try {
    const { vxlan, gossip, paths } = await loadConfig(path);
    const hasKey = gossip.key !== undefined || gossip.keys.length > 0;
    return { path, vxlanPort: vxlan.port, gossipPort: gossip.port, state: paths.state, hasKey };
  } catch (error) {
    if (!(error instanceof WeftError)) throw error;
    return undefined;
  }
}
