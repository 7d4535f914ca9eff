/** Datagrams that a daemon must survive, drop and count. Everything here is fixed by its arguments. */

export type HostileKind = 'truncated' | 'wrong-flags' | 'wrong-vni' | 'random' | 'truncated-gossip';

/** VNI of the network that the datagrams pretend to belong to. */
const TARGET_VNI = 42;

/** Bytes of a VXLAN header and an Ethernet header: a datagram shorter than this carries no frame. */
export const SHORTEST_FRAME = 8 + 14;

//  VXLAN header (RFC 7348 section 5): |R|R|R|R|I|R|R|R| reserved 24 | VNI 24 | reserved 8 |
const I_FLAG = 0x08;

/** A well-formed VXLAN datagram: an ARP request, to everybody, for an address that nobody has. */
export function validVxlan(vni: number = TARGET_VNI, flags: number = I_FLAG): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt8(flags, 0);
  header.writeUIntBE(vni, 4, 3);
  // Ethernet, then ARP (RFC 826): hardware 1, protocol 0x0800, lengths 6 and 4, operation 1.
  const arp =
    'ffffffffffff' +
    '02005ebad001' +
    '0806' +
    '0001080006040001' +
    '02005ebad001c61200fa' +
    '000000000000c61200fb';
  return Buffer.concat([header, Buffer.from(arp, 'hex')]);
}

/** A well-formed gossip ping for the node `a`: type 0, then msgpack {SeqNo: 1, Node: "a"}. */
export function validGossipPing(): Buffer {
  return Buffer.concat([Buffer.from([0x00, 0x82, 0xa5]), Buffer.from('SeqNo\x01\xa4Node\xa1a', 'latin1')]);
}

/** The datagrams of one kind. `count` and `seed` matter for `random` only. */
export function* hostileDatagrams(kind: HostileKind, count = 0, seed = 1): Generator<Buffer> {
  switch (kind) {
    case 'truncated':
      yield* truncations(validVxlan());
      return;
    case 'truncated-gossip':
      yield* truncations(validGossipPing());
      return;
    case 'wrong-flags':
      // Every value without the I flag: "the I flag MUST be set to 1 for a valid VXLAN Network ID".
      for (let flags = 0; flags < 256; flags++)
        if ((flags & I_FLAG) === 0) yield validVxlan(TARGET_VNI, flags);
      return;
    case 'wrong-vni':
      for (let bit = 0; bit < 24; bit++) yield validVxlan(TARGET_VNI ^ (1 << bit));
      yield validVxlan(0);
      yield validVxlan(0xff_ff_ff);
      return;
    case 'random': {
      const next = xorshift(seed);
      for (let i = 0; i < count; i++) {
        // Mostly short, as headers are; one in sixteen up to a full packet.
        const length = next() % (next() % 16 === 0 ? 1473 : 100);
        const datagram = Buffer.alloc(length);
        for (let at = 0; at < length; at++) datagram.writeUInt8(next() & 0xff, at);
        yield datagram;
      }
    }
  }
}

function* truncations(whole: Buffer): Generator<Buffer> {
  for (let length = 0; length < whole.length; length++) yield whole.subarray(0, length);
}

/** Marsaglia's xorshift32 ("Xorshift RNGs", 2003): 32-bit values from a seed that is not 0. */
export function xorshift(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
}
