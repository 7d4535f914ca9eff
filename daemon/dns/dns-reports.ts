/** What a node says of names: a part of the contract of operations.ts. */

/** Names that are answered to containers of this node. */
export interface DnsReport {
  /** Where containers ask, on their own loopback; null: names are not answered. */
  readonly address: string | null;
  /** Namespaces in which names are to be answered. */
  readonly containers: number;
  /** Those in which they are; of the others weft endpoints says why not. */
  readonly serving: number;
  readonly queries: number;
  /** From what is known of containers, also that there is nothing. */
  readonly answered: number;
  /** By a resolver of the VM. What was not answered is in weft drops. */
  readonly forwarded: number;
}

/**
 * - `serving`: queries at the address of the resolver are answered. `paused`: for a second, for there were too many.
 * - `off`: it was not wanted. `taken`: the port is used by somebody else in there. `failed`: see the log.
 */
export type ResolverState = 'serving' | 'paused' | 'off' | 'taken' | 'failed';

export interface ResolveRequest {
  /** In lower case: NAME, NAME.NETWORK or NAME.NETWORK.DOMAIN. */
  readonly name: string;
}

/** What containers of each network of this node are told that ask for a name, and of whom that is. */
export interface ResolveReport {
  readonly name: string;
  readonly networks: readonly {
    readonly network: string;
    /** The whole name, as web.blue.weft. */
    readonly fqdn: string;
    readonly addresses: readonly {
      readonly address: string;
      /** The node that has the container, and the id that it tells of it; null if it tells none. */
      readonly owner: string;
      readonly container: string | null;
      readonly mac: string;
      /** It is told to who asks; else another container has the address by now. */
      readonly answered: boolean;
    }[];
  }[];
}
