/** The daemon's configuration as labs write it (design section 3). YAML readers take JSON, so it is written as JSON. */

export type AttachMode = 'bridge' | 'tap';

export interface NetworkConfig {
  readonly name: string;
  readonly vni: number;
  readonly subnet?: string;
  readonly subnet6?: string;
  readonly attach?: AttachMode;
  readonly mtu?: number | 'auto';
  readonly static_vteps?: readonly string[];
  readonly bum_rate?: number;
  readonly unknown_unicast?: 'auto' | 'drop' | 'flood';
}

export interface WeftOptions {
  readonly networks: readonly NetworkConfig[];
  /** Addresses of nodes to join. @default none: the first node of a pool */
  readonly join?: readonly string[];
  /** @default the name of the virtual machine */
  readonly nodeName?: string;
  /** Replaces whole top-level keys of the configuration, as in `{ vxlan: { port: 8472 } }`. */
  readonly override?: Readonly<Record<string, unknown>>;
}

export interface WeftPlace {
  readonly name: string;
  /** Underlay address without prefix length. */
  readonly underlay: string;
  /** Directory of the machine's files. */
  readonly directory: string;
}

/** The configuration of a daemon whose files all lie in the machine's directory. */
export function weftConfig(place: WeftPlace, options: WeftOptions): Record<string, unknown> {
  return {
    node: { name: options.nodeName ?? place.name, underlay: place.underlay },
    paths: { state: `${place.directory}/state`, run: `${place.directory}/run` },
    gossip: { join: options.join ?? [] },
    networks: options.networks,
    log: { level: 'debug' },
    ...options.override,
  };
}

/** Where the API of a daemon with {@link weftConfig} listens. */
export function apiSocket(directory: string): string {
  return `${directory}/run/api.sock`;
}
