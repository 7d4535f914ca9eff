/*
 * The header before each frame on a TAP with IFF_VNET_HDR: struct virtio_net_hdr_v1 of linux/virtio_net.h,
 * 12 bytes, little endian because TUNSETVNETLE is set (VIRTIO 1.2 section 5.1.6).
 *
 *   0      1          2         4          6           8             10
 *   ┌──────┬──────────┬─────────┬──────────┬───────────┬─────────────┬─────────────┐
 *   │flags │ gso_type │ hdr_len │ gso_size │ csum_start│ csum_offset │ num_buffers │
 *   └──────┴──────────┴─────────┴──────────┴───────────┴─────────────┴─────────────┘
 *
 * A TUN reader never gets num_buffers written, a writer has it ignored.
 */
#ifndef WEFT_VNET_H
#define WEFT_VNET_H

#include <stdint.h>

#define VNET_HEADER 12u

#define VNET_F_NEEDS_CSUM 0x01u
#define VNET_F_DATA_VALID 0x02u

struct vnet {
	uint8_t flags;
	uint8_t gso_type;
	uint16_t header_length;
	uint16_t gso_size;
	uint16_t csum_start;
	uint16_t csum_offset;
};

void vnet_decode(const uint8_t bytes[VNET_HEADER], struct vnet *header);
void vnet_encode(const struct vnet *header, uint8_t bytes[VNET_HEADER]);

#endif
