/** What this VM alone needs for networks that end here or leave by it: the packet filter, and addresses that nobody else gives. */

import type { NetworkConfig } from '../config/config.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import { ipsOf } from '../endpoints/endpoint.ts';
import { LocalAddresses } from '../endpoints/local-addresses.ts';
import { BridgedFrames } from '../firewall/bridged-frames.ts';
import { Firewall } from '../firewall/firewall.ts';
import { Forwarding, systemNetSettings } from '../firewall/forwarding.ts';
import type { PublishedPort } from '../firewall/rules.ts';
import type { Log } from '../log.ts';
import { systemNft } from '../net/nft.ts';
import type { Catalogue } from './catalogue.ts';
import { configOf } from './definition.ts';

export interface LocalServicesModules {
  readonly log: Log;
  readonly catalogue: Pick<Catalogue, 'find'>;
  readonly endpoints: () => readonly Endpoint[];
}

export interface LocalServicesOptions {
  readonly stateDirectory: string;
  readonly configured: () => readonly NetworkConfig[];
  readonly onRulesRemade: () => void;
}

export function localServices(
  { log, catalogue, endpoints }: LocalServicesModules,
  { stateDirectory, configured, onRulesRemade }: LocalServicesOptions,
): { readonly firewall: Firewall; readonly frames: BridgedFrames; readonly addresses: LocalAddresses } {
  const settings = systemNetSettings;
  const firewall = new Firewall({
    log,
    nft: systemNft,
    settings,
    forwarding: new Forwarding({ settings }, { stateDirectory }),
    published: () => endpoints().flatMap(publishedBy),
    onRemade: onRulesRemade,
  });
  const addresses = new LocalAddresses({
    find: name => {
      const made = catalogue.find(name);
      const network = configured().find(one => one.name === name) ?? (made && configOf(made));
      return network?.mode === 'bridge' ? network : undefined;
    },
    endpointsOf: name => endpoints().filter(({ network }) => network === name),
  });
  return { firewall, frames: new BridgedFrames({ log }), addresses };
}

/** A mapping of each address of the container, of the family of the host's address if that is given. */
function publishedBy(endpoint: Endpoint): PublishedPort[] {
  const { container, netns, ports = [] } = endpoint;
  const owner = container?.id ?? netns.name;
  return ports.flatMap(port =>
    firstOfEach(ipsOf(endpoint))
      .filter(address => port.hostAddress === undefined || isOneFamily(port.hostAddress, address))
      .map(address => ({ ...port, address, owner })),
  );
}

/** A port leads to one address of a family. */
function firstOfEach(addresses: readonly string[]): readonly string[] {
  return addresses.filter(
    (address, index) => addresses.findIndex(one => isOneFamily(one, address)) === index,
  );
}

function isOneFamily(one: string, other: string): boolean {
  return one.includes(':') === other.includes(':');
}
