/** What is given to the address machine of one network on one node, and what it tells. */
import type { IpAddress } from '../../dataplane/address.ts';
import type { Clock } from '../../dataplane/clock.ts';
import type { Random } from '../random.ts';
import type { Journal, Liveness, PostToBoard, SavedState } from './host.ts';
import type { SpaceOptions } from './space.ts';

export interface IpamModules {
  readonly clock: Clock;
  readonly random: Random;
  readonly journal: Journal;
  readonly post: PostToBoard;
  readonly liveness: Liveness;
}

/**
 * - `unfenced`: our addresses are ours, they may be used.
 * - `fenced`: they may not, until `unfenced` comes; nothing is lost so far.
 * - `forgotten`: these are not ours any more, others may have them.
 * - `failed`: the state cannot be saved. The machine stands still: nothing can be claimed any more.
 */
export type IpamEvent =
  | { readonly type: 'unfenced' }
  | { readonly type: 'fenced'; readonly reason: string }
  | { readonly type: 'forgotten'; readonly addresses: readonly IpAddress[] }
  | { readonly type: 'failed'; readonly error: unknown };

export interface IpamOptions {
  /** Of this node. */
  readonly name: string;
  /** Tells this network from others that had its number before. The same on all nodes. */
  readonly network: string;
  /** At most one of each family. The prefixes are the same on all nodes, in the same order. */
  readonly spaces: readonly SpaceOptions[];
  /**
   * Of a network that a configuration describes, who founds the council if there is none; the same on all nodes, in the same order. All
   * of them (the first five, an odd number) must be up at the same time once. Empty for one that a node has made.
   */
  readonly founders: readonly string[];
  /** This node has just made the network, and nothing of it was ever saved: it founds the council alone. */
  readonly isNew?: boolean;
  /** What was saved last. */
  readonly saved?: SavedState | undefined;
  /** After so many milliseconds of silence a node is forgotten. The same on all nodes. @default 24 h */
  readonly lease?: number;
  /** For how many milliseconds a released address rests. @default 5 min */
  readonly rest?: number;
  /** How many milliseconds a claim waits for room; in a network that is about to be founded ten seconds more. @default 5 s */
  readonly patience?: number;
  /** Called from within; must not call back. */
  readonly onEvent: (event: IpamEvent) => void;
}
