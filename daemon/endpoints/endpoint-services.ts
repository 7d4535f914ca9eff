/** What endpoints need of others: the dataplane, other nodes, the networks. */
import type { TapDevice } from '../../dataplane/tap-device.ts';
import type { Endpoint } from './endpoint.ts';
import type { AttachableNetwork } from './plan.ts';

/** How the dataplane is told. */
export interface EndpointWiring {
  /** tap mode: hands over the device, whatever happens. */
  addPort(endpoint: Endpoint, device: Pick<TapDevice, 'fds'>): Promise<void>;
  removePort(endpoint: Endpoint): Promise<void>;
  attachMac(endpoint: Endpoint): Promise<void>;
  releaseMac(endpoint: Endpoint): Promise<void>;
  /** Its interface is in another namespace now. */
  moved(before: Endpoint, now: Endpoint): Promise<void>;
}

/** How other nodes are told. */
export interface EndpointAnnouncer {
  /**
   * Says that the endpoint is here, ahead of whoever said so before; again is no change. Returns its mobility counter, to be kept.
   * Throws what peers would not take.
   */
  announce(endpoint: Endpoint): number;
  withdraw(endpoint: Endpoint): void;
}

/** The networks that containers can be attached to. */
export interface AttachableNetworks {
  /** Throws `not_found`, and `conflict` for one that stands against another. */
  find(name: string): AttachableNetwork;
  /** Has this VM carry the network, if it does not do so yet. */
  carry(name: string): Promise<void>;
}
