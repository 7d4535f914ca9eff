/** What bounds the record log: sizes that a peer can make us hold or send, and its timing. */

/** The version of frames and records, said in each hello. A peer of another one is not spoken to. */
export const RECORDS_VERSION = 1;

/** One frame on a stream, in bytes. Larger ones end the stream. */
export const FRAME_MAX_BYTES = 64 * 1024;

/** A delta is cut at so many bytes of records: what a peer waits for before anything else can go to it. */
export const DELTA_MAX_BYTES = 16 * 1024;

/** The name of an origin in bytes of UTF-8: that of its node. */
export const ORIGIN_MAX_BYTES = 128;

/** The key of a record within its log, in bytes; a MAC address has six. */
export const KEY_MAX_BYTES = 64;

/** The content of a record in bytes; an endpoint with four addresses and a Docker id has 150. */
export const BODY_MAX_BYTES = 1024;

/** As many as `weft attach` takes. */
export const ENDPOINT_MAX_IPS = 32;
export const INTERFACE_MAX_BYTES = 64;
export const CONTAINER_MAX_BYTES = 128;

/** Names of one endpoint, and their bytes with one of length each: an endpoint with the most of everything has 1007 bytes. */
export const ENDPOINT_MAX_NAMES = 16;
export const NAMES_MAX_BYTES = 256;

/** RFC 1035 section 2.3.4. */
export const NAME_MAX_BYTES = 63;

/** Sequence numbers stay below: at a thousand writes a second 8,900 years. */
export const MAX_SEQUENCE = 2 ** 48 - 1;

/** Starts of one node that have a counter each; all later ones share the last. An epoch beyond it is refused. */
export const MAX_EPOCH_COUNTER = 2 ** 20 - 1;

/**
 * What one origin may make others hold, tombstones included: 16 times the containers of a large VM, and a hundred posts for each of a hundred
 * networks whose addresses it votes on (control/ipam/).
 */
export const ORIGIN_MAX_RECORDS = 16_384;
export const ORIGIN_MAX_RECORD_BYTES = 4 * 1024 * 1024;

/** Origins of one VNI: as many as there can be members. */
export const SCOPE_MAX_ORIGINS = 16_384;

/** All records of others in bytes of key and content. */
export const STORE_MAX_BYTES = 256 * 1024 * 1024;

/** Between two rounds of anti-entropy, in milliseconds. Shorter repairs sooner; costs one probe of 20 bytes each. */
export const SYNC_INTERVAL = 1000;

/** Up to so many peers of a VNI are told of a change directly, one round trip; beyond them an epidemic of FANOUT each. */
export const DIRECT_PUSH_PEERS = 64;

/** exp(-6) of the nodes, one in 400, are missed by the epidemic and left to hints and anti-entropy. */
export const FANOUT = 6;

/** Peers that get a datagram with our newest sequence number, where not all are told directly. */
export const HINT_PEERS = 8;

/** Logs that a peer lacks are sent to it unasked up to so many; more are named, and it asks for those that nobody else is sending. */
export const UNASKED_LOGS = 8;

/** What one peer was asked for is not asked of another for so long, in milliseconds: a round of anti-entropy. */
export const INQUIRY_PATIENCE = 1000;

/** To a new peer our logs of up to so many networks are named one by one, in frames of 40 bytes; of more, the hashes are compared. */
export const INTRODUCED_SCOPES = 64;

/** A hint is followed after so long, in milliseconds, and as much again at random: mostly the news has come by then. */
export const HINT_PATIENCE = 100;

/** Changes within so many milliseconds go out together; the first one goes at once. */
export const PUSH_GATHERING = 10;

/** What may go to one peer, in bytes a second and at one time; more waits. 240 endpoints take 25 kB. */
export const PEER_BYTES_PER_SECOND = 1024 * 1024;
export const PEER_BURST_BYTES = 256 * 1024;

/** Probes, digests and requests that wait for one peer; the oldest goes when there are more. */
export const PEER_MAX_CONTROL_FRAMES = 512;

/** A stream without a frame for so long is closed, in milliseconds. */
export const LINK_IDLE = 60_000;

/** Streams at one time, ours and theirs. */
export const MAX_LINKS = 512;

/**
 * So many stay open each second; of more, those at rest are closed that were used the longest ago, so that there is room for new ones: where more than some
 * hundred peers carry a network, each change goes on to others.
 */
export const LINKS_KEPT = 256;

/** Who was silent for so long is at rest, in milliseconds: an answer has come by then. */
export const LINK_RESTS = 1000;

/** Of these, opened from one address: a node opens one, and a second one when both sides do so at the same moment. */
export const MAX_LINKS_PER_ADDRESS = 8;

/** Links that others have opened and not sent a frame on yet: strangers must not take the room of peers. */
export const MAX_UNPROVEN_LINKS = 64;

/** Origins that one digest or request names: with the longest names it still fits a frame. */
export const DIGEST_MAX_ENTRIES = 400;

/** Hashes that a VNI's origins are divided over. */
export const HASH_BUCKETS = 256;

/** Up to so many origins a digest names all of them; beyond, only those in buckets whose hashes differ. */
export const ORIGINS_PER_BUCKET = 32;

/** Tombstones are kept by their origin for so long; whoever is further behind gets the whole log. Milliseconds. */
export const TOMBSTONE_AGE = 600_000;

/** Records of an origin that is dead, or that nobody knows, are erased after so long in milliseconds (24 h). */
export const ERASE_AFTER = 24 * 3_600_000;

/**
 * How long records are still shown after the tags of their origin say that it has begun a new life, in milliseconds. Tags
 * and records travel separately, and a restart is to go unnoticed.
 */
export const OLD_LIFE_GRACE = 10_000;

/**
 * The same after the tags say that it does not carry the network. Its own withdrawal says so too, and sooner; the tags are for
 * when nobody has heard that, and may themselves be late by two push/pulls.
 */
export const NOT_CARRIED_GRACE = 60_000;

/** An origin beyond its quota is not asked again for so long, in milliseconds. */
export const BLOCK_TIME = 60_000;

/**
 * New records of one origin that are taken in a second, and at one time: as many as it may have, so that a whole log passes. A
 * large VM that starts all its containers at once writes 240.
 */
export const ORIGIN_RECORDS_PER_SECOND = 1000;
export const ORIGIN_BURST_RECORDS = 16_384;

/** Whoever exceeds that is not listened to for so long, in milliseconds; then anti-entropy fetches what is missing. */
export const RATE_PAUSE = 2000;

/** RFC 7432 section 15.1: N moves within M seconds are a duplicate address. */
export const DUPLICATE_MOVES = 5;
export const DUPLICATE_WINDOW = 180_000;

/** A frozen address is released after DUPLICATE_WINDOW, then twice as long, at most so long; in milliseconds. */
export const FREEZE_MAX = 3_600_000;
