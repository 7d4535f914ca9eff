/** The border of the control plane's core: what it asks of a network. Real sockets are in transport.ts, simulated ones in testing/. */
import type { IpAddress } from '../dataplane/address.ts';
import type { Endpoint } from './endpoint.ts';
import type { StreamMessage } from './stream.ts';
import type { WrapOptions } from './wire.ts';

/** How an exchange over a stream ended. */
export type StreamOutcome =
  | { readonly ok: true; readonly message: StreamMessage }
  | { readonly ok: false; readonly error: string };

export interface GossipPort {
  /** Sends a datagram, best effort. Never throws and never reports: SWIM finds out. */
  sendPacket(to: Endpoint, bytes: Uint8Array, options: WrapOptions): void;

  /**
   * Opens a stream, sends the request, reads one message, closes. `done` is called exactly once, later, at the latest
   * after the profile's stream timeout; not at all once the port is closed.
   */
  exchange(to: Endpoint, request: Uint8Array, done: (outcome: StreamOutcome) => void): void;

  /** Resolves a host name to addresses that this port can reach. `done` is called once, later; none if it fails. */
  resolve(host: string, done: (addresses: readonly IpAddress[]) => void): void;
}
