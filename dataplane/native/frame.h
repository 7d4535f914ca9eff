/*
 * The frame descriptor: the table of ../frame-batch.ts in C. JavaScript and C read and write the same
 * memory, so the two must agree to the byte; the assertions hold this side, batch-io.ts compares at load.
 */
#ifndef WEFT_FRAME_H
#define WEFT_FRAME_H

#include <stddef.h>
#include <stdint.h>

/* Whole VLAN-tagged (twice) Ethernet frame around the largest IP packet: 14 + 2 * 4 + 65535. */
#define FRAME_MAX_LENGTH 65557u
#define ETHERNET_HEADER 14u

#define FRAME_NEEDS_CSUM 0x01u

/* The values of struct virtio_net_hdr (linux/virtio_net.h; UDP_L4 since Linux 6.2). */
#define FRAME_GSO_NONE 0u
#define FRAME_GSO_TCPV4 1u
#define FRAME_GSO_TCPV6 4u
#define FRAME_GSO_UDP_L4 5u
#define FRAME_GSO_ECN 0x80u

struct frame {
	uint32_t offset;
	uint32_t length;
	uint8_t gso_type;
	uint8_t flags;
	uint16_t gso_size;
	uint16_t header_length;
	uint16_t csum_start;
	uint16_t csum_offset;
	uint16_t encap_length;
	uint16_t socket;
	uint16_t port;
	uint8_t family;
	uint8_t tos;
	uint16_t status;
	uint8_t address[16];
	uint16_t first_piece;
	uint16_t piece_count;
	uint16_t next_hop;
	uint8_t reserved[14];
};

_Static_assert(sizeof(struct frame) == 64, "one descriptor is one cache line");
_Static_assert(offsetof(struct frame, offset) == 0, "FRAME_OFFSET");
_Static_assert(offsetof(struct frame, length) == 4, "FRAME_LENGTH");
_Static_assert(offsetof(struct frame, gso_type) == 8, "FRAME_GSO_TYPE");
_Static_assert(offsetof(struct frame, flags) == 9, "FRAME_FLAGS");
_Static_assert(offsetof(struct frame, gso_size) == 10, "FRAME_GSO_SIZE");
_Static_assert(offsetof(struct frame, header_length) == 12, "FRAME_HEADER_LENGTH");
_Static_assert(offsetof(struct frame, csum_start) == 14, "FRAME_CSUM_START");
_Static_assert(offsetof(struct frame, csum_offset) == 16, "FRAME_CSUM_OFFSET");
_Static_assert(offsetof(struct frame, encap_length) == 18, "FRAME_ENCAP_LENGTH");
_Static_assert(offsetof(struct frame, socket) == 20, "FRAME_SOCKET");
_Static_assert(offsetof(struct frame, port) == 22, "FRAME_PORT");
_Static_assert(offsetof(struct frame, family) == 24, "FRAME_FAMILY");
_Static_assert(offsetof(struct frame, tos) == 25, "FRAME_TOS");
_Static_assert(offsetof(struct frame, status) == 26, "FRAME_STATUS");
_Static_assert(offsetof(struct frame, address) == 28, "FRAME_ADDRESS");
_Static_assert(offsetof(struct frame, first_piece) == 44, "FRAME_FIRST_PIECE");
_Static_assert(offsetof(struct frame, piece_count) == 46, "FRAME_PIECE_COUNT");
_Static_assert(offsetof(struct frame, next_hop) == 48, "FRAME_NEXT_HOP");

#endif
