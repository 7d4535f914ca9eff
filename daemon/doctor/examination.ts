/** `weft doctor` from the first question to the last finding. */
import { readlink } from 'node:fs/promises';
import { resolve } from 'node:path';
import { WeftError } from '../../dataplane/errors.ts';
import { DEFAULT_CONFIG_PATH } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import type { NodeOperations } from '../operations.ts';
import { type ConfigFacts, collectHost, type Known } from './collect-host.ts';
import { examineHost } from './doctor.ts';
import { type Finding, isProblem } from './finding.ts';
import type { HostPort } from './host-port.ts';

export interface ExaminationModules {
  readonly host: HostPort;
  readonly operations: NodeOperations;
}

export interface ExaminationOptions {
  /** undefined: that of the running daemon, else the default. */
  readonly configPath: string | undefined;
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
}

export type Diagnosis = Pick<DoctorReport, 'node' | 'healthy' | 'findings' | 'not_checked'>;

/** Looks at everything once. Throws `not_permitted` where root is needed. */
export async function diagnose(modules: ExaminationModules, options: ExaminationOptions): Promise<Diagnosis> {
  const known = await ask(modules, options);
  const { facts, unknown } = await collectHost(modules.host, known);
  const findings = examineHost(facts);
  return {
    node: known.daemon?.name ?? null,
    healthy: !findings.some(isProblem),
    findings,
    not_checked: unknown,
  };
}

/** Questions that a daemon which is down does not answer. */
async function ask(
  { host, operations }: ExaminationModules,
  { configPath }: ExaminationOptions,
): Promise<Known> {
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
    return { daemon, silence: undefined, lostOffloads, peers: alive.map(({ address }) => address), config };
  } catch (error) {
    if (!(error instanceof WeftError) || error.code !== 'unavailable') throw error;
    const config = await readConfig(configPath ?? DEFAULT_CONFIG_PATH);
    return { daemon: undefined, silence: error.message, lostOffloads: [], peers: [], config };
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
