/** How an endpoint reaches the dataplane: its port and its MAC. */
import { parseMac, parseVni } from '../../dataplane/address.ts';
import type { Dataplane } from '../../dataplane/dataplane.ts';
import { type Endpoint, ipsOf, isOverlay } from './endpoint.ts';
import type { EndpointWiring } from './endpoint-services.ts';
import { bridgeTapName } from './names.ts';

/** The port behind which the endpoint is: the TAP of its network's bridge, or its own. */
function portOf(endpoint: Endpoint): string {
  return endpoint.attach === 'bridge' ? bridgeTapName(endpoint.network) : endpoint.hostLink;
}

export function endpointWiring(dataplane: Pick<Dataplane, 'run'>): EndpointWiring {
  // The others are no business of the dataplane.
  const ifOverlay = async (endpoint: Endpoint, work: () => Promise<undefined>) => {
    if (isOverlay(endpoint)) await work();
  };
  const at = (endpoint: Endpoint) => ({ vni: parseVni(endpoint.vni), port: portOf(endpoint) });
  return {
    addPort: (endpoint, { fds }) => dataplane.run('addPort', { ...at(endpoint), fds }),
    removePort: endpoint => dataplane.run('removePort', at(endpoint)),
    attachMac: endpoint =>
      ifOverlay(endpoint, () =>
        dataplane.run('attachMac', {
          ...at(endpoint),
          mac: parseMac(endpoint.mac),
          addresses: ipsOf(endpoint),
        }),
      ),
    releaseMac: endpoint =>
      ifOverlay(endpoint, () =>
        dataplane.run('releaseMac', { vni: parseVni(endpoint.vni), mac: parseMac(endpoint.mac) }),
      ),
    // Its port and its MAC are what they were.
    moved: async () => {},
  };
}
