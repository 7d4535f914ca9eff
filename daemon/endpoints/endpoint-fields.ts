import type { LogFields } from '../log-fields.ts';
import type { Endpoint } from './endpoint.ts';

/** What the log says of an endpoint. */
export function endpointFields({ network, netns, ifname, mac, container }: Endpoint): LogFields {
  return { network, netns: netns.name, ifname, mac, container: container?.id };
}
