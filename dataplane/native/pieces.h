/*
 * The payloads of super-frames that were merged from several received ones (coalesce.h): nothing is copied, so the
 * frame lies scattered over the arena.
 *
 *   descriptor    offset ──────────► head: headers and the payload of the first segment
 *                 length             head and all pieces
 *                 first_piece ──┐
 *                 piece_count   │    ┌───────────────────────────┬──────────────┬─────┬──────────────┐
 *                               └──► │ what the head said before │ payload of 2 │  …  │ payload of n │
 *                                    └───────────────────────────┴──────────────┴─────┴──────────────┘
 *
 * The table lies in the arena, like all that descriptors point to. The headers of each further segment stand untouched
 * before its payload, and the first entry keeps what merging changed in those of the head: so each segment is still
 * there, byte for byte. JavaScript never looks at the table, but could write to it: who reads it checks it first.
 */
#ifndef WEFT_PIECES_H
#define WEFT_PIECES_H

#include <sys/uio.h>

#include "port.h"

/* Entries that one descriptor can use, the first included: as many as its super-frame may have segments. */
#define PIECES_OF_FRAME 64u

/* What the head of a super-frame said as it came: the fields that pieces of it would not have. */
struct piece_head {
	uint16_t ip_length; /* IPv4 total length or IPv6 payload length, as all here in network order */
	uint16_t ip_checksum; /* IPv4 */
	uint16_t checksum; /* of TCP or UDP */
	uint16_t tcp_flags; /* with the data offset; UDP: the length */
};

union piece {
	struct {
		uint32_t offset;
		uint32_t length;
	} payload;
	struct piece_head head;
};

_Static_assert(sizeof(union piece) == 8, "PIECE_SIZE of arena.ts");

struct pieces {
	union piece *table;
	uint32_t count;
};

/**
 * pieces_check() - do the head and every piece lie inside the arena?
 * @head: set to the bytes of the frame that lie in one piece at its offset
 * Return: 0 or -EINVAL
 */
int pieces_check(const struct frame *frame, const struct span *arena, const struct pieces *pieces, uint32_t *head);

/* Room for the headers of one segment: Ethernet, IPv6 or IPv4, TCP with all options. */
#define PIECES_HEADERS_MAX (ETHERNET_HEADER + 40u + 60u)

/**
 * pieces_segment() - segment `index` of a merged super-frame, 0 … piece_count, as it was received
 * @frame: passed pieces_check and geometry_headers, which set `head` and `header_length`
 * @headers: gets the headers, with what JavaScript may have changed in those of the super-frame meanwhile: the
 *           congestion mark in the first two bytes of IP
 * @parts: set to the headers and the payload
 * Return: 0 or -EINVAL
 */
int pieces_segment(const struct frame *frame, const struct span *arena, const struct pieces *pieces, uint32_t head,
		   uint16_t header_length, uint32_t index, uint8_t headers[PIECES_HEADERS_MAX], struct iovec parts[2]);

#endif
