/** What bounds the address council: sizes that a peer can make us hold, and its timing. All times in milliseconds. */

/** The body of a post, in bytes: what the record log takes (control/records/limits.ts). */
export const POST_MAX_BYTES = 1024;

/** The commands of one decision together, in bytes, so that it fits into a post with its head. */
export const VALUE_MAX_BYTES = 800;

/** Data of a snapshot in one page. */
export const PAGE_BYTES = 960;

/** Pages of a snapshot: 2,000 nodes with three ranges each have 120. */
export const MAX_PAGES = 2048;

/** The name of a node, in bytes of UTF-8. */
export const NAME_MAX_BYTES = 128;

/** Who decides: five bear two deaths, and each more costs a post for every promise, acceptance and decision. */
export const MAX_VOTERS = 5;

/** So many of the newest decisions are posted one by one; who is further behind needs a snapshot. */
export const DECISIONS_KEPT = 64;

/** A snapshot is renewed when it is so many decisions old: half of what is kept, so that the two always meet. */
export const SNAPSHOT_INTERVAL = 32;

/** Entries of forgotten nodes that are kept to refuse their last wishes. */
export const FORGOTTEN_KEPT = 256;

/** Wishes, requests to owners and answers that one node has posted at one time. */
export const MAX_WISHES = 8;
export const MAX_ASKS = 4;
export const MAX_ANSWERS = 6;
export const MAX_FORGETS = 4;

/** Addresses that a node is given at least, as a power of two: 16. */
export const GRANT_MIN_BITS = 4;

/** And at most: 256 of IPv4, so that the first nodes of a large network do not take it all; a /112 of IPv6. */
export const GRANT_MAX_BITS = { 4: 8, 6: 16 } as const;

/** A node asks for more when it has fewer free addresses, or less than a quarter of what it has. */
export const LOW_WATER = 8;

/** Nobody is forgotten who was heard so recently: a node that is only restarted comes back within it. */
export const FORGET_GRACE = 30_000;

/** A voter that was silent for so long is replaced if there is a live node to take its place. */
export const VOTER_PATIENCE = 60_000;

export const DEFAULT_LEASE = 86_400_000;

/** A node fences itself after this part of the lease. Half of the rest is for clocks that run differently and for looking now and then, half for suspensions (fence.ts). */
export const FENCE_SHARE = 0.9;

/** A released address rests so long: what is cached of it (ARP, DNS, connections) has been given up by then. */
export const DEFAULT_REST = 300_000;

/** How long a claim waits for room before it fails. */
export const DEFAULT_PATIENCE = 5000;

/** How long a founder looks for an older council before it founds one. */
export const FOUNDING_WAIT = 10_000;
