/**
 * The border of the record log: how two nodes talk. A link carries whole frames, in order, none twice, until it ends; it
 * opens, authenticates and seals itself (the keyring now, mutual TLS later), of which the log knows nothing.
 */
import type { RecordPeer } from './peers.ts';

/** What the log does with a link. Nothing is called any more after `onClose`. */
export interface LinkHandler {
  /** A frame of 1 to FRAME_MAX_BYTES bytes. It is the handler's to keep. */
  onFrame(frame: Uint8Array): void;
  /** Once after `send` has returned false: there is room again. */
  onWritable(): void;
  /** It is over: the peer has closed it, or it broke, or never opened. Called once, also after our own `close`. `failure`: the errno, if there was one. */
  onClose(failure?: string): void;
}

export interface Link {
  /**
   * Queues a frame of at most FRAME_MAX_BYTES; also before the link is open. Returns whether there is room for more: if
   * not, wait for `onWritable`. On a link that is over it does nothing.
   */
  send(frame: Uint8Array): boolean;
  /** Sends what is queued, if it can, and ends. */
  close(): void;
  /** Ends at once; what is queued or under way may be lost. */
  abort(): void;
}

export interface LinkPort {
  /** Begins to open a link. Whether it succeeds shows later; `handler` is never called before this returns. */
  open(peer: RecordPeer, handler: LinkHandler): Link;
}

/** Datagrams, best effort. */
export interface HintPort {
  sendHint(peer: RecordPeer, hint: Uint8Array): void;
}
