/*
 * libFuzzer target: a vnet header and a frame as a TAP could hand them over. `make fuzz`, then
 * build/fuzz/geometry -max_len=512 -max_total_time=600. The frame is in memory of its exact size, so that
 * AddressSanitizer sees one byte too far.
 */
#include <stdlib.h>
#include <string.h>

#include "geometry.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct frame frame = {0};
	struct vnet header;

	if (size <= VNET_HEADER)
		return 0;
	vnet_decode(input, &header);
	frame.length = (uint32_t)(size - VNET_HEADER);
	uint8_t *data = malloc(frame.length);
	memcpy(data, input + VNET_HEADER, frame.length);

	if (geometry_from_vnet(&header, data, &frame) == 0) {
		uint16_t header_length;
		/*
		 * What was accepted on reading is accepted on writing, and every offset lies inside the
		 * frame.
		 */
		require(geometry_bounds(&frame, frame.length) == 0);
		require(geometry_offload(&frame, data, &header_length) == 0);
		require(header_length == frame.header_length && header_length <= frame.length);
		if (frame.flags & FRAME_NEEDS_CSUM)
			require(frame.csum_start + frame.csum_offset + 2u <= frame.length);
		if (frame.gso_type != FRAME_GSO_NONE)
			require(frame.gso_size > 0 && header_length > 0 && header_length < frame.length);
		require(geometry_complete_checksum(&frame, data, frame.length) == 0);
		require(frame.gso_type != FRAME_GSO_NONE || !(frame.flags & FRAME_NEEDS_CSUM));
	}
	free(data);
	return 0;
}
