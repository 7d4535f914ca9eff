/*
 * libFuzzer target: is what a TAP says of a frame accepted exactly when it can be true? The judge is reference.c.
 */
#include "geometry.h"
#include "offered.h"
#include "reference.h"
#include "require.h"

static void check_accepted(struct frame *frame, uint8_t *data)
{
	uint16_t header_length;

	/* What was accepted on reading is accepted on writing, and every offset lies inside the frame. */
	REQUIRE(geometry_bounds(frame, frame->length) == 0);
	REQUIRE(geometry_offload(frame, data, &header_length) == 0);
	REQUIRE(header_length == frame->header_length && header_length <= frame->length);
	if (frame->gso_type != FRAME_GSO_NONE) {
		struct reference_layout layout;
		REQUIRE(reference_find(data, frame->length, &layout) && layout.headers == header_length);
	}
	REQUIRE(geometry_complete_checksum(frame, data, frame->length) == 0);
	REQUIRE(frame->gso_type != FRAME_GSO_NONE || !(frame->flags & FRAME_NEEDS_CSUM));
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	if (size <= OFFERED_HEADER)
		return 0;
	struct offered offered = offered_read(input, size, 0);
	struct frame frame = {.length = offered.length};
	bool accepted = geometry_from_vnet(&offered.header, offered.data, &frame) == 0;

	if (offered.header.flags <= 3 && offered.length <= FRAME_MAX_LENGTH)
		REQUIRE(accepted == reference_is_honest(&frame, offered.data, offered.length));
	else
		REQUIRE(!accepted);
	if (accepted)
		check_accepted(&frame, offered.data);
	free(offered.memory);
	return 0;
}
