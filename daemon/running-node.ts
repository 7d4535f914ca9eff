/** A node as the process around it sees it: start-node.ts starts one, run-daemon.ts offers it on the API and stops it. */
import type { DescriptorStore } from '../dataplane/descriptor-store.ts';
import type { WeftError } from '../dataplane/errors.ts';
import type { CniHandler } from './cni/call.ts';
import type { Config } from './config/config.ts';
import type { DockerHandler } from './docker/docker-plugin.ts';
import type { HandOver } from './handover/hand-over.ts';
import type { Predecessor } from './handover/predecessor.ts';
import type { Log, LogCounts } from './log.ts';
import type { NodeOperations } from './operations.ts';
import type { NodeReload } from './reload/apply-changes.ts';
import type { ConfigLoadReport } from './reload/config-loads.ts';
import type { PassedDescriptors } from './systemd/passed-descriptors.ts';
import type { Health } from './systemd/supervision.ts';

export interface RunningNode {
  readonly operations: NodeOperations;
  /** What the CNI plugin asks for. */
  readonly cni: CniHandler;
  readonly health: Health;
  /** What dockerd asks its network and IPAM plugin for. */
  readonly docker: DockerHandler;
  /** What it can follow of a changed configuration. */
  readonly reload: NodeReload;
  /** Resolves when the node can no longer work (its socket or its worker is lost); never while all is well. */
  readonly fatal: Promise<WeftError>;
  /** Leaves gossip and frees what the process holds; containers keep their interfaces. Called once. */
  stop(reason: string): Promise<void>;
}

/** What a process brings into its node, besides the configuration. */
export interface NodeProcess {
  readonly logCounts: () => LogCounts;
  readonly configLoad: () => ConfigLoadReport;
  /** Where TAPs and sockets outlive the process. */
  readonly store: DescriptorStore;
  readonly passed: PassedDescriptors;
  /** Who carries frames until this one does; undefined: nobody. */
  readonly predecessor: Predecessor | undefined;
  /** Who carries them after it. */
  readonly handOver: Pick<HandOver, 'linger' | 'done'>;
}

/** Resolves when the node runs. Throws WeftError; then nothing is left half-made. */
export type StartNode = (config: Config, log: Log, process: NodeProcess) => Promise<RunningNode>;
