/** Endpoints whose addresses may not be used: their interfaces stay, and are cut off from the network. */

import type { Log } from '../log.ts';
import { changeLinkSteps } from '../net/link-steps.ts';
import { addressOwnersOf, type Endpoint } from './endpoint.ts';
import { endpointFields } from './endpoint-fields.ts';
import type { EndpointAnnouncer, EndpointWiring } from './endpoint-services.ts';
import { ignoreMissing } from './ignore-missing.ts';
import type { EndpointAddresses } from './managed-attach.ts';

export interface SuspensionModules {
  readonly log: Log;
  readonly wiring: Pick<EndpointWiring, 'releaseMac' | 'removePort'>;
  readonly announcer: Pick<EndpointAnnouncer, 'withdraw'>;
  readonly addresses: Pick<EndpointAddresses, 'isUsable'>;
}

/** What is set down to cut a container off. A TAP is cut off by not being read. */
function linkToTheWire({
  attach,
  hostLink,
  ifname,
  netns,
}: Endpoint): { readonly dev: string; readonly netns?: string } | undefined {
  if (attach === 'bridge') return { dev: hostLink };
  return attach === 'macvlan' ? { dev: ifname, netns: netns.path } : undefined;
}

export class Suspension {
  private readonly modules: SuspensionModules;
  /** By their host links. */
  private readonly suspended = new Set<string>();

  constructor(modules: SuspensionModules) {
    this.modules = modules;
  }

  has({ hostLink }: Endpoint): boolean {
    return this.suspended.has(hostLink);
  }

  isDue(endpoint: Endpoint): boolean {
    const { network, managed } = endpoint;
    if (managed !== true) return false;
    return !addressOwnersOf(endpoint).every(owner => this.modules.addresses.isUsable(network, owner));
  }

  /** It is about to be served again, or is no more. */
  end({ hostLink }: Endpoint): void {
    this.suspended.delete(hostLink);
  }

  async begin(endpoint: Endpoint): Promise<void> {
    const { announcer, log, wiring } = this.modules;
    announcer.withdraw(endpoint);
    await ignoreMissing(wiring.releaseMac(endpoint));
    if (endpoint.attach === 'tap') await ignoreMissing(wiring.removePort(endpoint));
    const link = linkToTheWire(endpoint);
    if (link !== undefined) {
      const { dev, ...place } = link;
      await ignoreMissing(changeLinkSteps([{ ...place, changes: [{ kind: 'set', dev, up: false }] }]));
    }
    this.suspended.add(endpoint.hostLink);
    log.warn(endpointFields(endpoint), 'endpoint suspended: its addresses are not confirmed');
  }
}
