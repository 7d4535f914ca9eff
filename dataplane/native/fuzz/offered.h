/*
 * A vnet header and a frame, as a TAP could hand them over, out of a fuzz input:
 *
 *   0            2                       14
 *   ┌────────────┬───────────────────────┬───────────────┐
 *   │ tail, LE   │ struct virtio_net_hdr │ frame         │
 *   └────────────┴───────────────────────┴───────────────┘
 *
 * Behind the frame come `tail` zero bytes, so that a small input makes a super-frame of 64 KiB and more. The memory ends
 * with the frame, so that AddressSanitizer sees one byte too far.
 */
#ifndef WEFT_FUZZ_OFFERED_H
#define WEFT_FUZZ_OFFERED_H

#include <stdlib.h>
#include <string.h>

#include "vnet.h"

#define OFFERED_HEADER (2u + VNET_HEADER)

struct offered {
	struct vnet header;
	uint8_t *memory; /* for free() */
	uint8_t *data; /* the frame, `encap` bytes behind the beginning of `memory` */
	uint32_t length;
};

static inline struct offered offered_read(const uint8_t *input, size_t size, uint32_t encap)
{
	struct offered offered;
	size_t bytes = size - OFFERED_HEADER;
	uint32_t tail = input[0] + input[1] * 256u;

	vnet_decode(input + 2, &offered.header);
	offered.length = (uint32_t)bytes + tail;
	offered.memory = malloc(encap + offered.length);
	offered.data = offered.memory + encap;
	memset(offered.memory, 8, encap);
	memcpy(offered.data, input + OFFERED_HEADER, bytes);
	memset(offered.data + bytes, 0, tail);
	return offered;
}

#endif
