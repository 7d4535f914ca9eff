/** Frames of a link, each sealed with the keyring of the pool: AES-GCM, as everything else of gossip. */
import type { Keyring } from '../keyring.ts';
import type { LinkSealer } from './tcp-links.ts';

/** Additional authenticated data: what was sealed as a datagram or a stream of gossip does not open as a frame, nor the other way. */
const PURPOSE = Buffer.from('weft record log 1');

/**
 * It proves that a peer has a key of the pool, not which peer it is, nor that a frame is new: nothing in it is bound to a connection or a
 * direction. What records say may come again (an older one loses, by epoch and sequence number); a hello or a bye that is
 * repeated is what the address of a link is compared for (links.ts), and what somebody on the path can still do. See ADR 16.
 */
export function keyringSealer(keyring: Keyring): LinkSealer {
  return {
    seal: frame => keyring.seal(frame, PURPOSE),
    open: sealed => keyring.open(sealed, PURPOSE),
  };
}
