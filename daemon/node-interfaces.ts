/** What a running node offers: its operations, and the CNI plugin's other end. */
import type { Gossip } from '../control/gossip.ts';
import { systemRandom } from '../control/random.ts';
import { systemClock } from '../dataplane/clock.ts';
import type { Dataplane } from '../dataplane/dataplane.ts';
import type { OffloadStates } from '../dataplane/offload-states.ts';
import { CniOperations } from './cni/cni-operations.ts';
import type { Config } from './config/config.ts';
import type { PathService } from './doctor/path/path-service.ts';
import { selfReport } from './doctor/self-report.ts';
import type { Endpoints } from './endpoints/endpoints.ts';
import { ManagedAttach } from './endpoints/managed-attach.ts';
import type { Log } from './log.ts';
import type { Carrier } from './networks/carrier.ts';
import { networkOperations } from './networks/network-operations.ts';
import type { NetworkSet } from './networks/network-set.ts';
import type { PoolNetworks } from './networks/pool-networks.ts';
import { nodeOperations } from './node-operations.ts';
import type { RecordSource } from './records/record-views.ts';
import type { RunningNode } from './running-node.ts';
import type { TunnelSender } from './sender/tunnel-sender.ts';

export interface NodeInterfaceParts {
  readonly log: Log;
  readonly dataplane: Dataplane;
  readonly endpoints: Endpoints;
  readonly gossip: Gossip;
  readonly offloads: OffloadStates;
  readonly sender: TunnelSender;
  readonly records: RecordSource;
  readonly carrier: Carrier;
  readonly pool: PoolNetworks;
  readonly set: NetworkSet;
  readonly paths: PathService;
}

export interface NodeIdentity {
  readonly underlay: string;
  readonly config: Config;
}

export function nodeInterfaces(
  parts: NodeInterfaceParts,
  { underlay, config }: NodeIdentity,
): Pick<RunningNode, 'operations' | 'cni'> {
  const { carrier, endpoints, gossip, log, paths, pool, set } = parts;
  const { name } = config.node;
  const modules = { clock: systemClock, random: systemRandom };
  const attaching = new ManagedAttach({ endpoints, networks: carrier, addresses: pool.ipam });
  const attach = attaching.attach.bind(attaching);
  const cni = new CniOperations({ ...modules, log, endpoints, attach, networks: carrier });
  return {
    cni: call => cni.call(call),
    operations: {
      ...nodeOperations({ ...parts, ...modules, name, underlay, attach, networks: () => set.all() }),
      ...networkOperations(
        { ...modules, catalogue: pool.catalogue, pool, set, endpoints, gossip },
        { self: name, configured: config.networks },
      ),
      openPath: request => paths.openPath(request),
      sendProbes: request => paths.sendProbes(request),
      lookAtProbes: request => paths.lookAtProbes(request),
      self: async () =>
        selfReport({
          name,
          underlay,
          vxlanPort: config.vxlan.port,
          gossipPort: config.gossip.port,
          state: config.paths.state,
          networks: () => set.all(),
          endpoints,
        }),
    },
  };
}
