/** From the endpoints of this VM to our record log: what other nodes are told of them. */

import { CONTAINER_MAX_BYTES } from '../../control/records/limits.ts';
import type { RecordLog } from '../../control/records/record-log.ts';
import { parseMac, parseVni } from '../../dataplane/address.ts';
import { ipsOf, isOverlay } from '../endpoints/endpoint.ts';
import type { EndpointAnnouncer } from '../endpoints/endpoint-services.ts';

export function endpointAnnouncer(
  log: Pick<RecordLog, 'attach' | 'detach' | 'mobilityOf'>,
): EndpointAnnouncer {
  return {
    announce(endpoint) {
      // What each VM has for itself is nothing to the others.
      if (!isOverlay(endpoint)) return endpoint.mobility ?? 0;
      const { container, ifname, mobility, names, netns } = endpoint;
      const vni = parseVni(endpoint.vni);
      const mac = parseMac(endpoint.mac);
      log.attach(vni, {
        mac,
        ips: ipsOf(endpoint),
        interface: ifname,
        containerId: containerId(container?.id ?? netns.name),
        ...(mobility !== undefined && { mobility }),
        ...(names !== undefined && { names }),
      });
      return log.mobilityOf(vni, mac) ?? 0;
    },
    withdraw(endpoint) {
      if (isOverlay(endpoint)) log.detach(parseVni(endpoint.vni), parseMac(endpoint.mac));
    },
  };
}

/** What the runtime knows it by, or the namespace as the operator named it. Of a long path the end tells more. */
function containerId(name: string): string {
  let id = name;
  while (Buffer.byteLength(id) > CONTAINER_MAX_BYTES) id = id.slice(1);
  return id;
}
