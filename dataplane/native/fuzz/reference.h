/*
 * The judges of the fuzz targets: what the addon does, said once more in the plainest way, with nothing taken from
 * the code that is judged. Slow: byte by byte, every sum from nothing.
 */
#ifndef WEFT_FUZZ_REFERENCE_H
#define WEFT_FUZZ_REFERENCE_H

#include <stdbool.h>

#include "frame.h"

/* Of a frame of `length` bytes, found without trust in any of them. */
struct reference_layout {
	uint32_t network; /* where the IP header begins; 0: no IP */
	uint32_t network_end; /* behind its fixed part: with options for IPv4, without extension headers for IPv6 */
	uint32_t transport; /* where TCP or UDP begins; 0: not known */
	uint32_t headers; /* where that header ends; 0: it is not whole */
	uint8_t family; /* 4 or 6 */
	uint8_t protocol;
	bool whole; /* the IP length says exactly what is there */
};

/** reference_sum() - RFC 1071, 16 bits at a time, of @length bytes and @initial. Return: folded, not complemented */
uint32_t reference_sum(const uint8_t *bytes, uint32_t length, uint32_t initial);

/** reference_pseudo() - the sum of the pseudo header of TCP or UDP of @length bytes in the packet at @ip */
uint32_t reference_pseudo(const uint8_t *ip, uint8_t protocol, uint32_t length);

/** reference_find() - the layout; false if a header contradicts itself or passes the end */
bool reference_find(const uint8_t *data, uint32_t length, struct reference_layout *layout);

/**
 * reference_is_honest() - may a TAP be given this frame of @length bytes with these offload fields, or have given it?
 * The rules that Linux 6.18 does not check (docs/adr/0011-memory-safety.md).
 */
bool reference_is_honest(const struct frame *offload, const uint8_t *data, uint32_t length);

/**
 * reference_segment() - segment @index of the super-frame @frame as a packet of its own
 * @start: its encapsulation of @encap bytes, the frame behind it
 * @headers: bytes from @start to the end of the transport header
 * @length: set to the bytes of the segment, encapsulation included
 * Return: memory for free()
 */
uint8_t *reference_segment(const struct frame *frame, const uint8_t *start, uint32_t encap, uint32_t headers,
			   uint32_t index, uint32_t *length);

#endif
