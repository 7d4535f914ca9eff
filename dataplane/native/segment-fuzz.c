/*
 * libFuzzer target: a vnet header and a frame as a TAP could hand them over, cut into segments. `make fuzz`,
 * then build/fuzz/segment -max_len=4096 -max_total_time=60. Each segment is compared with one made in the
 * plainest way: a copy, its fields set, its checksum summed over all of it. All memory has its exact size, so
 * that AddressSanitizer sees one byte too far.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "checksum.h"
#include "geometry.h"
#include "segment.h"

#define ENCAP 8u

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

static uint32_t get_be16(const uint8_t *bytes)
{
	return (uint32_t)(bytes[0] << 8 | bytes[1]);
}

static void put_be16(uint8_t *bytes, uint32_t value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

/* The same sum without `before` and with `after`: words in network order. */
static uint32_t exchange(uint32_t sum, uint32_t before, uint32_t after)
{
	sum += (0xffffu - before) + after;
	sum = (sum & 0xffffu) + (sum >> 16);
	return (sum & 0xffffu) + (sum >> 16);
}

static void set_network(uint8_t *ip, uint32_t length, uint32_t index)
{
	if (ip[0] >> 4 == 6) {
		put_be16(ip + 4, length - 40);
		return;
	}
	put_be16(ip + 2, length);
	put_be16(ip + 4, get_be16(ip + 4) + index);
	put_be16(ip + 10, 0);
	uint16_t checksum = (uint16_t)~checksum_sum(ip, (ip[0] & 0x0fu) * 4u);
	memcpy(ip + 10, &checksum, sizeof(checksum));
}

static void set_tcp(uint8_t *tcp, uint32_t skipped, int first, int last)
{
	uint32_t sequence;

	memcpy(&sequence, tcp + 4, sizeof(sequence));
	sequence = htonl(ntohl(sequence) + skipped);
	memcpy(tcp + 4, &sequence, sizeof(sequence));
	if (!last)
		tcp[13] &= 0xf6;
	if (!first)
		tcp[13] &= 0x7f;
}

static uint8_t *plain_segment(const struct frame *frame, const uint8_t *start, uint32_t headers, uint32_t index,
			      uint32_t *length)
{
	uint32_t skipped = index * frame->gso_size;
	uint32_t rest = frame->length + ENCAP - headers - skipped;
	uint32_t payload = rest < frame->gso_size ? rest : frame->gso_size;
	uint8_t *bytes = malloc(headers + payload);
	uint32_t network = ENCAP + ETHERNET_HEADER;

	*length = headers + payload;
	memcpy(bytes, start, headers);
	memcpy(bytes + headers, start + headers + skipped, payload);
	while (get_be16(bytes + network - 2) != 0x0800 && get_be16(bytes + network - 2) != 0x86dd)
		network += 4;
	set_network(bytes + network, *length - network, index);
	uint8_t *transport = bytes + ENCAP + frame->csum_start;
	uint32_t whole = frame->length - frame->csum_start;
	uint32_t part = *length - ENCAP - frame->csum_start;
	if (frame->gso_type == FRAME_GSO_UDP_L4)
		put_be16(transport + 4, part);
	else
		set_tcp(transport, skipped, index == 0, rest <= frame->gso_size);
	/* The pseudo header's sum, with the length of the segment in place of that of the super-frame. */
	uint8_t *field = transport + frame->csum_offset;
	put_be16(field, exchange(get_be16(field), whole, part));
	checksum_complete(transport, part, frame->csum_offset);
	return bytes;
}

static void check_segment(const struct frame *frame, const uint8_t *start, const struct segmenter *segmenter,
			  uint32_t index)
{
	uint32_t length;
	uint8_t *expected = plain_segment(frame, start, segmenter->header_length, index, &length);
	uint8_t *headers = malloc(segmenter->header_length);

	segment_headers(segmenter, index, headers);
	require(segmenter->header_length + segment_length(segmenter, index) == length);
	require(memcmp(headers, expected, segmenter->header_length) == 0);
	free(headers);
	free(expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct frame frame = {0};
	struct segmenter segmenter;
	struct vnet header;

	if (size <= VNET_HEADER)
		return 0;
	vnet_decode(input, &header);
	frame.length = (uint32_t)(size - VNET_HEADER);
	frame.offset = ENCAP;
	frame.encap_length = ENCAP;
	uint8_t *start = malloc(ENCAP + frame.length);
	memset(start, 8, ENCAP);
	memcpy(start + ENCAP, input + VNET_HEADER, frame.length);

	if (geometry_from_vnet(&header, start + ENCAP, &frame) == 0 && frame.gso_type != FRAME_GSO_NONE) {
		uint32_t covered = 0;
		segmenter_open(&segmenter, &frame, start + ENCAP, frame.header_length);
		require(segmenter.count > 0);
		for (uint32_t i = 0; i < segmenter.count; i++) {
			require(segment_length(&segmenter, i) > 0);
			covered += segment_length(&segmenter, i);
			check_segment(&frame, start, &segmenter, i);
		}
		require(covered + frame.header_length == frame.length);
	}
	free(start);
	return 0;
}
