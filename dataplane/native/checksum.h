/* The Internet checksum (RFC 1071). Sums are kept in the machine's byte order, which section 2(B) allows. */
#ifndef WEFT_CHECKSUM_H
#define WEFT_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/**
 * checksum_sum() - the one's complement sum of 16-bit words, folded to 16 bits and not complemented
 * @bytes: any alignment
 * @length: an odd last byte is padded with zero (RFC 1071 section 4.1)
 */
uint16_t checksum_sum(const uint8_t *bytes, size_t length);

/** checksum_fold() - the one's complement sum of what a 64-bit sum of 16-bit words has collected */
uint16_t checksum_fold(uint64_t sum);

/** checksum_update() - the checksum after one 16-bit word that it covers has changed (RFC 1624 section 3) */
uint16_t checksum_update(uint16_t checksum, uint16_t before, uint16_t after);

/**
 * checksum_complete() - finish a partial checksum in place
 * @bytes: where summing begins: the transport header
 * @length: bytes from there to the end of the frame
 * @field: offset of the checksum, which holds the sum of the pseudo header; even, and field + 2 <= length
 *
 * A result of 0 is stored as 0xffff: the same number in one's complement, and for UDP the only legal way to
 * say it (RFC 768: "If the computed checksum is zero, it is transmitted as all ones"). Linux does so for
 * every protocol (skb_checksum_help, CSUM_MANGLED_0).
 */
void checksum_complete(uint8_t *bytes, size_t length, size_t field);

#endif
