/** A node as the process around it sees it: start-node.ts starts one, run-daemon.ts offers it on the API and stops it. */
import type { WeftError } from '../dataplane/errors.ts';
import type { CniHandler } from './cni/call.ts';
import type { Config } from './config/config.ts';
import type { DockerHandler } from './docker/docker-plugin.ts';
import type { Log, LogCounts } from './log.ts';
import type { NodeOperations } from './operations.ts';
import type { Health } from './systemd/supervision.ts';

export interface RunningNode {
  readonly operations: NodeOperations;
  /** What the CNI plugin asks for. */
  readonly cni: CniHandler;
  readonly health: Health;
  /** What dockerd asks its network and IPAM plugin for. */
  readonly docker: DockerHandler;
  /** Resolves when the node can no longer work (its socket or its worker is lost); never while all is well. */
  readonly fatal: Promise<WeftError>;
  /** Leaves gossip and frees what the process holds; containers keep their interfaces. Called once. */
  stop(reason: string): Promise<void>;
}

/** Resolves when the node runs. `logCounts` is for its metrics. Throws WeftError; then nothing is left half-made. */
export type StartNode = (config: Config, log: Log, logCounts: () => LogCounts) => Promise<RunningNode>;
