/*
 * Segmentation of a super-frame, as a network card does it (TSO, USO): the headers of each segment are made
 * beside the payload, which stays where it is.
 *
 *   super-frame   │ encapsulation │ Ethernet, IP, TCP or UDP │ payload ……………………………………………………………………… │
 *                 ◄──────────── header_length ──────────────►◄─ gso_size ─►◄─ gso_size ─►◄─ the rest ─►
 *   segment i     │ a copy, with lengths, IPv4 identification, sequence number, flags and checksums of its own │
 *                                              then payload + i * gso_size
 *
 * Pure functions over memory; no Node, no system call, no allocation.
 */
#ifndef WEFT_SEGMENT_H
#define WEFT_SEGMENT_H

#include <stdbool.h>

#include "frame.h"

struct segmenter {
	const uint8_t *headers; /* of the super-frame; the encapsulation first */
	const uint8_t *payload; /* directly behind them */
	uint32_t header_length; /* encapsulation included */
	uint32_t payload_length;
	uint32_t gso_size;
	uint32_t count; /* segments; at least 1 */
	uint32_t network; /* where the IP header begins, from `headers` */
	uint32_t transport; /* where the TCP or UDP header begins, from `headers` */
	bool ipv4; /* else IPv6 */
	bool tcp; /* else UDP */
	/* One's complement sums of what all segments have in common, in the machine's byte order. */
	uint32_t network_sum;
	uint32_t transport_sum;
};

/**
 * segmenter_open() - prepare to cut a super-frame
 * @frame: gso_type is not FRAME_GSO_NONE, and geometry_offload() has accepted it
 * @data: its Ethernet header; the encapsulation stands before
 * @header_length: what geometry_offload() found: bytes from @data to the end of the transport header
 *
 * Reads the super-frame and never writes to it, so that one can be cut for several destinations.
 */
void segmenter_open(struct segmenter *segmenter, const struct frame *frame, const uint8_t *data,
		    uint16_t header_length);

/** segment_length() - bytes of payload of segment @index */
uint32_t segment_length(const struct segmenter *segmenter, uint32_t index);

/**
 * segment_headers() - write the headers of segment @index, encapsulation included
 * @headers: header_length bytes
 *
 * The transport checksum is complete. It is made from the pseudo-header sum that the super-frame carries in
 * its checksum field, not from the addresses: with a routing header they differ (RFC 8200 section 8.1).
 */
void segment_headers(const struct segmenter *segmenter, uint32_t index, uint8_t *headers);

#endif
