/** What a node is made of. */
import type { Keyring } from '../control/keyring.ts';
import type { Dataplane } from '../dataplane/dataplane.ts';
import type { DescriptorStore, PassedOn } from '../dataplane/descriptor-store.ts';
import type { OffloadStates } from '../dataplane/offload-states.ts';
import type { Config } from './config/config.ts';
import type { EndpointStore } from './endpoints/endpoint-store.ts';
import type { HandOver } from './handover/hand-over.ts';
import type { Predecessor } from './handover/predecessor.ts';
import type { Log, LogCounts } from './log.ts';
import type { ConfigLoadReport } from './reload/config-loads.ts';
import type { Underlay } from './underlay.ts';

export interface NodeModules {
  readonly log: Log;
  readonly logCounts: () => LogCounts;
  readonly configLoad: () => ConfigLoadReport;
  /** Its workers are starting; nothing is open in them. It is the node's from now on, which tells it where its events go (`handlers` of Node). */
  readonly dataplane: Dataplane;
  readonly store: EndpointStore;
  readonly offloads: OffloadStates;
  readonly keyring: Keyring | undefined;
  /** Where descriptors outlive the process, and what the one before has left there. */
  readonly kept: DescriptorStore;
  readonly passed: PassedOn;
  /** Who carries frames before this node, and after it. */
  readonly predecessor: Predecessor | undefined;
  readonly handOver: Pick<HandOver, 'linger' | 'done'>;
}

export interface NodeOptions {
  readonly config: Config;
  readonly underlay: Underlay;
}
