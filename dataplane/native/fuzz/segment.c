/*
 * libFuzzer target: every super-frame that is accepted is cut into the segments that reference.c cuts it into.
 */
#include "geometry.h"
#include "offered.h"
#include "reference.h"
#include "require.h"
#include "segment.h"

#define ENCAP 8u

static void check_segment(const struct frame *frame, const uint8_t *start, const struct segmenter *segmenter,
			  uint32_t index)
{
	uint32_t length;
	uint8_t *expected = reference_segment(frame, start, ENCAP, segmenter->header_length, index, &length);
	uint8_t *headers = malloc(segmenter->header_length);

	segment_headers(segmenter, index, headers);
	REQUIRE(segmenter->header_length + segment_length(segmenter, index) == length);
	REQUIRE(memcmp(headers, expected, segmenter->header_length) == 0);
	free(headers);
	free(expected);
}

/* Of a thousand segments the first, the last and some between: else one input would take milliseconds. */
static bool is_looked_at(uint32_t index, uint32_t count)
{
	return index < 40 || count - index < 40 || index % 61 == 0;
}

static void check_frame(const struct frame *frame, const struct offered *offered)
{
	struct segmenter segmenter;
	uint32_t covered = 0;

	segmenter_open(&segmenter, frame, offered->data, frame->header_length);
	REQUIRE(segmenter.count > 0);
	for (uint32_t i = 0; i < segmenter.count; i++) {
		REQUIRE(segment_length(&segmenter, i) > 0);
		covered += segment_length(&segmenter, i);
		if (is_looked_at(i, segmenter.count))
			check_segment(frame, offered->memory, &segmenter, i);
	}
	REQUIRE(covered + frame->header_length == frame->length);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	if (size <= OFFERED_HEADER)
		return 0;
	struct offered offered = offered_read(input, size, ENCAP);
	struct frame frame = {.offset = ENCAP, .encap_length = ENCAP, .length = offered.length};

	if (geometry_from_vnet(&offered.header, offered.data, &frame) == 0 && frame.gso_type != FRAME_GSO_NONE)
		check_frame(&frame, &offered);
	free(offered.memory);
	return 0;
}
