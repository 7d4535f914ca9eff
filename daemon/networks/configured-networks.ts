/** The networks of the configuration as they are now: a reload adds, changes and removes some. */
import type { NetworkConfig } from '../config/config.ts';

export class ConfiguredNetworks {
  private networks: readonly NetworkConfig[];

  constructor(networks: readonly NetworkConfig[]) {
    this.networks = networks;
  }

  all(): readonly NetworkConfig[] {
    return this.networks;
  }

  has(name: string): boolean {
    return this.networks.some(network => network.name === name);
  }

  /** In the place of the one that has its name; the last if there is none. */
  put(network: NetworkConfig): void {
    this.networks = this.has(network.name)
      ? this.networks.map(other => (other.name === network.name ? network : other))
      : [...this.networks, network];
  }

  remove(name: string): void {
    this.networks = this.networks.filter(network => network.name !== name);
  }
}
