/** Frames of a link, each sealed with the keyring of the pool: AES-GCM, as everything else of gossip. */
import type { Keyring } from '../keyring.ts';
import type { LinkSealer } from './tcp-links.ts';

/** Additional authenticated data: what was sealed as a datagram or a stream of gossip does not open as a frame, nor the other way. */
const PURPOSE = Buffer.from('weft record log 1');

/**
 * It proves that a peer has a key of the pool, not which peer it is. A frame that is recorded and sent again does no harm: records
 * have an epoch and a sequence number, and an older one loses.
 */
export function keyringSealer(keyring: Keyring): LinkSealer {
  return {
    seal: frame => keyring.seal(frame, PURPOSE),
    open: sealed => keyring.open(sealed, PURPOSE),
  };
}
