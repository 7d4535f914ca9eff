/**
 * Why a frame was dropped. Nothing disappears unaccounted: every way out of the forwarder that is not a delivery
 * counts under one of these names. The names are part of `weft drops` and of the metrics: do not rename.
 */

const MEANINGS = {
  runt: 'shorter than an Ethernet header',
  invalid_source_mac: 'the source MAC is zero or a multicast address',
  inner_vlan_tag: 'carries an 802.1Q tag, which a VTEP does not forward (RFC 7348 section 6.1)',
  link_local_control:
    'addressed to 01:80:c2:00:00:00-0f, which bridges never forward (IEEE 802.1Q table 8-1)',
  exceeds_mtu: 'longer than the MTU of the network; check the MTU of the sending interface',
  hairpin: 'the destination is behind the port that the frame came from',
  no_destination: 'broadcast or unknown unicast with nobody else in the network',
  unknown_destination:
    'unicast to a MAC that nobody has told of: its container is gone, or weft does not know of it (unknown_unicast)',
  bum_rate: 'broadcast, multicast or unknown unicast beyond what bum_rate lets a container send in a second',
  arp_malformed:
    'a broadcast of a container with EtherType ARP that is no ARP for IPv4 over Ethernet (RFC 826)',
  nd_malformed:
    'a neighbor solicitation or advertisement of a container that fails the checks of RFC 4861 section 7.1',
  neighbor_suppressed:
    'ARP or ND that nobody needed to hear: gossip has told the other VMs, and there is no other port here',
  gateway_confined:
    'to or from the gateway of the network, of which every VM has its own: it is never reached through the tunnel',
  source_is_local: 'came through the tunnel with the source MAC of a container attached here',
  source_claimed_elsewhere:
    'came from a VTEP with the source MAC of a container that gossip says is behind another; passes while one moves',
  source_spoofed: 'sent by a container with the source MAC of another one',
  vxlan_truncated: 'datagram shorter than a VXLAN header',
  vxlan_flags: 'the I flag of the VXLAN header is not set (RFC 7348 section 5)',
  unknown_vni: 'the VNI is no network of this node',
  unknown_vtep: 'the sender is not a known VTEP',
  vtep_not_in_network: 'the sender is a known VTEP but does not carry this VNI',
  split_horizon:
    'the destination is behind another VTEP, and what came from a tunnel never goes back into one',
  ecn_not_capable: 'congestion was signalled to a flow that cannot understand it (RFC 6040 section 4.2)',
  path_mtu:
    'the encapsulated frame does not fit the path MTU, and a VTEP never fragments (RFC 7348 section 4.3)',
  send_buffer_full: 'the send buffer of the underlay socket was full',
  send_refused: 'the kernel refused to send on the underlay (no route, interface down)',
  port_down: 'the TAP device is down or gone',
  bad_geometry: 'offload metadata contradict the frame',
  receive_truncated: 'longer than a receive slot',
  receive_failed: 'the kernel could not hand over a frame that a TAP had received',
  receive_queue_overflow:
    'the receive queue of the VXLAN socket was full: this VM has too little CPU for the traffic',
} as const;

export type DropReason = keyof typeof MEANINGS;

export const DROP_REASONS = Object.keys(MEANINGS) as DropReason[];

/** What the reason means and, where there is something to do, what. */
export function dropMeaning(reason: DropReason): string {
  return MEANINGS[reason];
}

/** Reason → its index in a {@link DropCounters}. */
export const DROP = Object.freeze(
  Object.fromEntries(DROP_REASONS.map((reason, index) => [reason, index])) as Record<DropReason, number>,
);

/** One counter a reason. Doubles count exactly up to 2^53 and cost no allocation. */
export class DropCounters {
  private readonly counts = new Float64Array(DROP_REASONS.length);

  add(index: number, frames = 1): void {
    this.counts[index] = (this.counts[index] as number) + frames;
  }

  /** The reasons that have occurred, with their counts. */
  snapshot(): Partial<Record<DropReason, number>> {
    const result: Partial<Record<DropReason, number>> = {};
    DROP_REASONS.forEach((reason, index) => {
      const count = this.counts[index] ?? 0;
      if (count > 0) result[reason] = count;
    });
    return result;
  }
}
