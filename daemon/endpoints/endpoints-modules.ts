/** What {@link Endpoints} (endpoints.ts) need of others. */
import type { Clock } from '../../dataplane/clock.ts';
import type { PassedOn } from '../../dataplane/descriptor-store.ts';
import type { Firewall } from '../firewall/firewall.ts';
import type { Log } from '../log.ts';
import type { Endpoint } from './endpoint.ts';
import type { AttachableNetworks, EndpointAnnouncer, EndpointWiring } from './endpoint-services.ts';
import type { EndpointStore } from './endpoint-store.ts';
import type { EndpointAddresses } from './managed-attach.ts';

export type KeepsEndpoint = (endpoint: Endpoint) => Promise<boolean>;

/** How an endpoint is looked at. `closely`: see Attachment.locate. */
export interface Look {
  readonly keeps?: KeepsEndpoint;
  readonly closely: boolean;
}

export interface EndpointsModules {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: EndpointStore;
  readonly wiring: EndpointWiring;
  readonly announcer: EndpointAnnouncer;
  readonly networks: AttachableNetworks;
  readonly addresses: Pick<EndpointAddresses, 'gives' | 'isUsable' | 'release' | 'take'>;
  /** Makes the ports known that endpoints publish. */
  readonly firewall: Pick<Firewall, 'sync'>;
  readonly nodeName: string;
  /** TAPs of an earlier process. */
  readonly passed: PassedOn;
  /** At each look at the endpoints, for whoever has others to look after. */
  readonly onLook: () => Promise<void>;
  /** Whether an endpoint stays whose interface is gone, for it will be made again. */
  readonly keeps: KeepsEndpoint;
  /** It was not detached: its namespace or interface is gone. */
  readonly onForgotten: (endpoint: Endpoint) => void;
}
