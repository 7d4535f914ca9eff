/*
 * Whether what a frame says of itself can be true: the only defence, because Linux accepts a TSO type on an
 * ARP frame, an IP header length of 1 or a segment size of 1 without a murmur. Pure functions over memory;
 * no Node, no system call. Nothing here judges a frame that asks for no offload: a network card carries any
 * bytes.
 */
#ifndef WEFT_GEOMETRY_H
#define WEFT_GEOMETRY_H

#include "frame.h"
#include "vnet.h"

/* TCP_MIN_GSO_SIZE of Linux include/net/tcp.h: the smallest segment its own TCP can make. */
#define TCP_GSO_SIZE_MIN 8u
/* UDP_MAX_SEGMENTS of Linux include/linux/udp.h since 6.9. */
#define UDP_SEGMENTS_MAX 128u

/**
 * geometry_bounds() - does the frame, with the encapsulation before it, lie inside the arena, in one piece?
 * Return: 0 or -EINVAL
 */
int geometry_bounds(const struct frame *frame, size_t arena_size);

/**
 * geometry_offload() - do checksum and segmentation metadata agree with the bytes of the frame?
 * @frame: `length` is already known to be right
 * @data: the Ethernet header
 * @header_length: set to the bytes up to the end of the transport header, found in the frame itself and never
 *                 taken from the descriptor; 0 if no offload is asked for, or not for TCP or UDP
 * Return: 0 or -EINVAL
 */
int geometry_offload(const struct frame *frame, const uint8_t *data, uint16_t *header_length);

/**
 * geometry_head() - geometry_offload of a frame of which only the first `length` bytes are at `data`: the rest of its
 * payload is in pieces (pieces.h)
 */
int geometry_head(const struct frame *frame, const uint8_t *data, uint32_t length, uint16_t *header_length);

/**
 * geometry_from_vnet() - fill a descriptor's offload fields from what the kernel said of a frame
 * @frame: `length` is set; gets flags, gso_type, gso_size, header_length, csum_start and csum_offset
 * Return: 0 or -EINVAL
 */
int geometry_from_vnet(const struct vnet *header, const uint8_t *data, struct frame *frame);

/**
 * geometry_complete_checksum() - the whole of ports.ts CompleteChecksum
 * @frame: loses FRAME_NEEDS_CSUM. A super-frame stays as it is: each of its segments gets its own checksum
 * later
 * Return: 0 or -EINVAL, and then nothing was changed
 */
int geometry_complete_checksum(struct frame *frame, uint8_t *arena, size_t arena_size);

#endif
