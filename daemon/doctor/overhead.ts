/** What VXLAN adds to an IP packet of the overlay, by the family of the underlay. */

/** Bytes: outer IP (20 or 40), UDP 8, VXLAN 8, inner Ethernet 14 (RFC 7348 section 5). */
export const ENCAPSULATION = { 4: 50, 6: 70 } as const;
