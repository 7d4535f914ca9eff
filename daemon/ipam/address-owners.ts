/** Who has addresses of a network on this node, which the network gave: its endpoints, and what Docker has asked for and not attached yet. */
import type { DockerPlugin } from '../docker/docker-plugin.ts';
import type { Endpoints } from '../endpoints/endpoints.ts';

export interface AddressOwnersModules {
  readonly endpoints: Pick<Endpoints, 'ofNetwork'>;
  readonly plugin: Pick<DockerPlugin, 'leaseOwners'>;
}

export function addressOwners(
  { endpoints, plugin }: AddressOwnersModules,
  network: string,
): readonly string[] {
  return [...endpoints.ofNetwork(network).map(({ hostLink }) => hostLink), ...plugin.leaseOwners(network)];
}
