/** The constants of the control plane: first those that peers rely on, then those that are ours to choose. */

// ---- Specification constants: memberlist's wire format. Changing one breaks the pool. ----

/** The first byte of each message (memberlist net.go, `messageType`). */
export const MESSAGE_TYPE = {
  ping: 0,
  indirectPing: 1,
  ack: 2,
  suspect: 3,
  alive: 4,
  dead: 5,
  pushPull: 6,
  compound: 7,
  user: 8,
  compress: 9,
  encrypt: 10,
  nack: 11,
  checksum: 12,
  err: 13,
  label: 244,
} as const;

/**
 * What an alive message says of versions (memberlist `Vsn`): protocol 1 to 5 understood, 2 spoken; delegate 2 to 5
 * understood, 5 spoken, which is what serf says. Never shorter than six bytes: memberlist 0.2 dies of it.
 */
export const PROTOCOL_VERSION: Uint8Array = Uint8Array.of(1, 5, 2, 2, 5, 5);

/** The protocol version we speak, the third byte of {@link PROTOCOL_VERSION}. */
export const SPOKEN_PROTOCOL = 2;

/** A compound message has a part count of one byte (memberlist util.go), but memberlist 0.2.2 mis-reads more than 127. */
export const MAX_COMPOUND_PARTS = 127;

/** Type and count of a compound message, in bytes. */
export const COMPOUND_HEADER_BYTES = 2;

/** The length before each part of a compound message, in bytes. */
export const COMPOUND_PART_BYTES = 2;

/** Type and CRC-32 before a message with a checksum, in bytes. */
export const CHECKSUM_BYTES = 5;

/** The highest protocol version of nodes that read a checksum, the second byte of their version. */
export const CHECKSUM_PROTOCOL = 5;

/** Metadata of a node, in bytes (memberlist `MetaMaxSize`). */
export const META_MAX_BYTES = 512;

/** The port of gossip, UDP and TCP (memberlist `DefaultLANConfig`). */
export const DEFAULT_GOSSIP_PORT = 7946;

/** The first incarnation of a node. */
export const FIRST_INCARNATION = 1;

/** Incarnations are uint32. The last one is refused on receipt, so that there is always one that refutes. */
export const MAX_INCARNATION = 0xffff_fffe;

// ---- Implementation constants: limits that bound what a peer can make us hold. ----

/** What a compressed datagram may stand for: as much as one that is not compressed, in bytes. */
export const DATAGRAM_INFLATED_MAX_BYTES = 65_507;

/** A node name in bytes of UTF-8; serf allows 128. */
export const NAME_MAX_BYTES = 128;

/** Members held, the dead and departed included. Facts: pools of memberlist are run up to about 5,000 nodes. */
export const MAX_MEMBERS = 16_384;

/** One node of a push/pull in bytes; a real one has less than 700. */
export const STREAM_NODE_MAX_BYTES = 4096;

/** What serf adds to a push/pull, in bytes: 600 when idle, and an entry for each member and each event it remembers. */
export const USER_STATE_MAX_BYTES = 1024 * 1024;

/** A whole stream in bytes, as memberlist bounds it. */
export const STREAM_MAX_BYTES = 20 * 1024 * 1024;

/** Streams served at one time (memberlist `maxPushPullRequests`). */
export const MAX_STREAMS = 128;

/** Of these, from one address. */
export const MAX_STREAMS_PER_ADDRESS = 32;

/** Acks awaited at one time, probes and relayed probes together. */
export const MAX_PENDING_ACKS = 4096;

// ---- Implementation constants: the timing. ----

/** All times are in milliseconds. */
export interface GossipProfile {
  /**
   * One random peer is probed in each (SWIM section 3.1, the protocol period T'). Shorter detects sooner, costs more:
   * each node sends and answers about one ping per interval whatever the size of the pool.
   */
  readonly probeInterval: number;
  /**
   * How long a direct ping may take before others are asked to try. Set it to the 99th percentile of the round-trip
   * time or above; must be well below {@link probeInterval}, whose rest is left to the indirect pings.
   */
  readonly probeTimeout: number;
  /**
   * Peers asked to ping for us (SWIM section 3.1, k). With loss p all fail with (1-(1-p)^4)^k. More suspect falsely less often, for four
   * datagrams more with each, whenever an ack is late; fewer leave more to refute.
   */
  readonly indirectProbes: number;
  /**
   * Shortest suspicion = suspicionMult · max(1, log10 N) · probeInterval (Lifeguard section IV-B, alpha). Higher gives
   * the suspect more time to refute; lower detects sooner.
   */
  readonly suspicionMult: number;
  /**
   * Longest suspicion = suspicionMaxMult · shortest; it shrinks with each confirmation (Lifeguard section IV-B, beta). Higher doubts a
   * lone accuser for longer, who may be the slow one; lower has a death known sooner that nobody else can confirm.
   */
  readonly suspicionMaxMult: number;
  /**
   * Each news is sent retransmitMult · ceil(log10(N + 1)) times by each node (SWIM section 4.1, lambda log n). Higher
   * survives more loss; lower leaves more room for other news.
   */
  readonly retransmitMult: number;
  /** Between rounds of gossip that is not carried by pings and acks. Shorter spreads faster, for more packets. */
  readonly gossipInterval: number;
  /**
   * Peers that each round of gossip goes to. More spread faster, for as many more packets while there is news; fewer take more rounds
   * (each multiplies who knows by about 1 + gossipNodes), and feel each lost datagram more.
   */
  readonly gossipNodes: number;
  /**
   * The dead are still gossiped to for so long, so that one that is alive learns it and refutes. Longer spends more of the rounds on
   * nobody; shorter leaves a live one that was cut off for a while to {@link reconnectInterval}.
   */
  readonly gossipToTheDead: number;
  /**
   * Between exchanges of the whole state with one random peer; times ceil(log2(N/32)) + 1 in pools over 32. Shorter repairs sooner
   * what gossip has missed; each exchange carries every member both ways, so the bytes of a node grow with N over it.
   */
  readonly pushPullInterval: number;
  /**
   * How long a stream may take in all, and each side of it. Longer lets slow paths finish a large state; shorter frees sooner what a
   * peer that hangs holds, of which there are {@link MAX_STREAMS}, and is sooner done with an address that drops everything.
   */
  readonly streamTimeout: number;
  /**
   * The largest datagram, in bytes: fits an Ethernet with IPv6 and UDP headers and some tunnel's. Larger carries more news at once, and
   * is cut up, or lost, where the path's MTU is smaller; smaller spreads a storm of news in more datagrams and rounds.
   */
  readonly packetBytes: number;
  /**
   * A dead member is remembered so long, shown, and tried again now and then. Longer heals splits that last longer, and keeps every name
   * that ever was in the table ({@link MAX_MEMBERS}) and in each push/pull; shorter forgets one that is down for a night.
   */
  readonly deadRetention: number;
  /**
   * A member that left is remembered so long: long enough that no peer still thinks it alive. Longer costs as with the dead; shorter
   * risks that a peer that was cut off tells of it as alive, and is believed.
   */
  readonly leftRetention: number;
  /**
   * Between attempts to reach one random dead member by a stream: heals a split that no join list spans. Shorter heals sooner, for more
   * streams into nothing, each of which may hang for {@link streamTimeout}; longer keeps the halves apart for about as much longer.
   */
  readonly reconnectInterval: number;
  /**
   * Between tries of one random address that a member once had and none has now (rejoiner.ts): the longest time that two
   * pools which forgot each other stay apart is about this times the number of such addresses, over the nodes that try. Shorter
   * reunites sooner, for more streams into nothing.
   */
  readonly rejoinInterval: number;
  /**
   * First and longest backoff of a `join` address, before jitter: tries are at random(0, min(max, min·2^n)). A smaller first one joins
   * sooner when all start together, and tries more often in vain; a larger longest one spares an address that is down for long, and
   * joins so much later when it comes back without answering a knock.
   */
  readonly joinBackoffMin: number;
  readonly joinBackoffMax: number;
  /**
   * A `join` address with nobody alive at it gets one small ping this often; an answer cuts the backoff short. Shorter joins sooner when
   * it comes up, for that many more datagrams to each address that is down, for ever; longer waits as much longer.
   */
  readonly knockInterval: number;
  /**
   * A graceful leave takes so long at most. Longer lets the farewell be sent as often as any news in a large pool; shorter stops the
   * daemon sooner, and who has not heard it then takes the node for crashed.
   */
  readonly leaveTimeout: number;
}

/** memberlist's LAN profile where it has the constant; kill -9 is `suspect` in 1 to 3 s and `dead` 4 s later in a pool of 3. */
export const LAN_PROFILE: GossipProfile = {
  probeInterval: 1000,
  probeTimeout: 500,
  indirectProbes: 3,
  suspicionMult: 4,
  suspicionMaxMult: 6,
  retransmitMult: 4,
  gossipInterval: 200,
  gossipNodes: 3,
  gossipToTheDead: 30_000,
  pushPullInterval: 30_000,
  streamTimeout: 10_000,
  packetBytes: 1400,
  deadRetention: 24 * 3_600_000,
  leftRetention: 3_600_000,
  reconnectInterval: 30_000,
  rejoinInterval: 60_000,
  joinBackoffMin: 1000,
  joinBackoffMax: 60_000,
  knockInterval: 2000,
  leaveTimeout: 1000,
};

/** memberlist's WAN profile: nodes far apart, over paths that lose more. kill -9 is `dead` some 40 s later in a pool of 3. */
export const WAN_PROFILE: GossipProfile = {
  ...LAN_PROFILE,
  probeInterval: 5000,
  probeTimeout: 3000,
  suspicionMult: 6,
  gossipInterval: 500,
  gossipNodes: 4,
  gossipToTheDead: 60_000,
  pushPullInterval: 60_000,
  streamTimeout: 30_000,
  leaveTimeout: 3000,
};

export const GOSSIP_PROFILES = { lan: LAN_PROFILE, wan: WAN_PROFILE } as const;
export type GossipProfileName = keyof typeof GOSSIP_PROFILES;

/**
 * First byte of a user message that is weft's own: a hint of the record log. serf's types end at 9; its agents take no other,
 * say so in their log and pass it on to nobody, and it is sent to nodes that have a record log only.
 */
export const WEFT_USER_MESSAGE = 200;
