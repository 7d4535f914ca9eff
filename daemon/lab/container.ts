import { Host } from './host.ts';

export interface PlugOptions {
  /** CIDRs. */
  readonly addresses: readonly string[];
  /** @default 'eth0' */
  readonly ifname?: string;
  readonly mtu?: number;
}

/** A container's network namespace. It has a loopback and nothing else until something attaches it. */
export class Container extends Host {
  /** Gives the interface that is there its addresses, without duplicate address detection, and sets it up. */
  async configure(options: PlugOptions): Promise<void> {
    const { addresses, ifname = 'eth0', mtu } = options;
    await this.ip(
      ...(mtu === undefined ? [] : [`link set ${ifname} mtu ${mtu}`]),
      `link set ${ifname} up`,
      ...addresses.map(
        address => `addr add ${address} dev ${ifname}${address.includes(':') ? ' nodad' : ''}`,
      ),
    );
  }
}
