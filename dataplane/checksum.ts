/**
 * The Internet checksum (RFC 1071) over ranges of the arena. Sums are carried unfolded between calls, as ordinary
 * numbers: 2^21 16-bit words fit without loss many times over. Bulk data is summed by the addon; this is for headers
 * that JavaScript rewrites, and for tests.
 */

/** RFC 768: a UDP checksum that computes to zero is sent as all ones, for zero means "none". */
const UDP_ZERO_SUBSTITUTE = 0xffff;

/**
 * Adds `length` bytes at `at` to `sum` as big-endian 16-bit words; an odd last byte counts as if a zero followed it
 * (RFC 1071 section 1), so only the last range of a sum may have an odd length.
 */
export function addRange(sum: number, view: DataView, at: number, length: number): number {
  const even = length & ~1;
  let total = sum;
  for (let i = 0; i < even; i += 2) total += view.getUint16(at + i);
  if (even !== length) total += view.getUint8(at + even) << 8;
  return total;
}

/** Adds the pseudo header of RFC 9293 section 3.1 / RFC 768: `ip` is the offset of the IPv4 header. */
export function addIpv4PseudoHeader(
  sum: number,
  view: DataView,
  ip: number,
  protocol: number,
  transportLength: number,
): number {
  return addRange(sum, view, ip + 12, 8) + protocol + transportLength;
}

/** Adds the pseudo header of RFC 8200 section 8.1: `ip` is the offset of the IPv6 header. */
export function addIpv6PseudoHeader(
  sum: number,
  view: DataView,
  ip: number,
  protocol: number,
  transportLength: number,
): number {
  return addRange(sum, view, ip + 8, 32) + protocol + (transportLength >>> 16) + (transportLength & 0xffff);
}

/** Folds a sum into 16 bits with end-around carry: what a partial checksum field holds. */
export function fold(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded % 0x1_0000) + Math.floor(folded / 0x1_0000);
  return folded;
}

/** The checksum field for a sum: its folded complement. */
export function finish(sum: number): number {
  return ~fold(sum) & 0xffff;
}

/** As {@link finish}, but never 0. */
export function finishUdp(sum: number): number {
  // RFC 768: "If the computed checksum is zero, it is transmitted as all ones".
  return finish(sum) || UDP_ZERO_SUBSTITUTE;
}

/** The checksum of `length` bytes at `at`. Over bytes that contain their right checksum it is 0. */
export function checksum(view: DataView, at: number, length: number): number {
  return finish(addRange(0, view, at, length));
}

/**
 * The checksum after one 16-bit word under it changed from `before` to `after`: equation 3 of RFC 1624,
 * HC' = ~(~HC + ~m + m'), which unlike RFC 1141 gives the result that a full computation would give.
 */
export function updateChecksum(old: number, before: number, after: number): number {
  return finish((~old & 0xffff) + (~before & 0xffff) + after);
}
