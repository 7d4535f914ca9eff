#include "handed-on.h"

#include <string.h>

#include "geometry.h"
#include "reference.h"
#include "require.h"

/* ---- the order within a flow ---- */

static uint64_t mix(uint64_t hash, const uint8_t *bytes, uint32_t length)
{
	/* FNV-1a */
	for (uint32_t i = 0; i < length; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3u;
	return hash;
}

/* Of encapsulation, addresses, protocol and ports; 0 where there are none. */
static uint64_t flow_of(const struct handed_on *handed_on, const struct frame *frame)
{
	const uint8_t *data = handed_on->before + frame->offset;
	struct reference_layout layout;

	if (!reference_find(data, frame->length, &layout) || layout.network != ETHERNET_HEADER ||
	    layout.transport == 0 || frame->length < layout.transport + 4)
		return 0;
	if (layout.protocol != 6 && layout.protocol != 17)
		return 0;
	bool ipv4 = layout.family == 4;
	uint64_t hash = mix(0xcbf29ce484222325u, data - frame->encap_length, frame->encap_length);
	hash = mix(hash, data + ETHERNET_HEADER + (ipv4 ? 12 : 8), ipv4 ? 8 : 32);
	hash = mix(hash, &layout.protocol, 1);
	return mix(hash, data + layout.transport, 4) | 1;
}

/* Nothing of its flow that came later was handed on before. */
static void check_order(const struct handed_on *handed_on, uint32_t index)
{
	uint64_t flow = flow_of(handed_on, &handed_on->received[index]);

	for (uint32_t i = index + 1; flow != 0 && i < handed_on->count; i++)
		REQUIRE(!handed_on->seen[i] || flow_of(handed_on, &handed_on->received[i]) != flow);
}

/* ---- one received frame ---- */

/* The received frame that begins at `offset`; each comes once. */
static const struct frame *claim(struct handed_on *handed_on, uint32_t offset)
{
	uint32_t i = 0;

	while (i < handed_on->count && (handed_on->received[i].offset != offset || handed_on->seen[i]))
		i++;
	REQUIRE(i < handed_on->count);
	check_order(handed_on, i);
	handed_on->seen[i] = true;
	return &handed_on->received[i];
}

static bool same_checksum(const uint8_t *one, const uint8_t *other)
{
	/* In one's complement 0x0000 and 0xffff are the same number. */
	static const uint8_t ZERO[2] = {0, 0}, ONES[2] = {0xff, 0xff};

	return memcmp(one, other, 2) == 0 || (memcmp(one, ZERO, 2) == 0 && memcmp(other, ONES, 2) == 0) ||
	       (memcmp(one, ONES, 2) == 0 && memcmp(other, ZERO, 2) == 0);
}

/*
 * `cut` is what a network card makes of the super-frame where `received` came. Under DF the identification means
 * nothing (RFC 6864 section 4), and is counted up.
 */
static void check_cut(const struct frame *frame, uint8_t *cut, const uint8_t *received, uint32_t length)
{
	uint8_t *ip = cut + ETHERNET_HEADER;
	const uint8_t *came = received + ETHERNET_HEADER;
	uint32_t field = frame->csum_start + frame->csum_offset;

	if (ip[0] >> 4 == 4) {
		if (ip[6] & 0x40) {
			memcpy(ip + 4, came + 4, 2);
			memset(ip + 10, 0, 2);
			uint32_t sum = 0xffff - reference_sum(ip, 20, 0);
			ip[10] = (uint8_t)(sum >> 8);
			ip[11] = (uint8_t)sum;
		}
		REQUIRE(same_checksum(ip + 10, came + 10));
		memcpy(ip + 10, came + 10, 2);
	}
	REQUIRE(same_checksum(cut + field, received + field));
	memcpy(cut + field, received + field, 2);
	REQUIRE(memcmp(cut, received, length) == 0);
}

/* ---- a super-frame ---- */

static uint8_t *gather(const struct handed_on *handed_on, const struct frame *frame, uint32_t head)
{
	uint8_t *whole = malloc(frame->length);
	uint32_t at = head;

	memcpy(whole, handed_on->arena.data + frame->offset, head);
	for (uint32_t i = 1; i <= frame->piece_count; i++) {
		const union piece *piece = &handed_on->pieces.table[frame->first_piece + i];
		memcpy(whole + at, handed_on->arena.data + piece->payload.offset, piece->payload.length);
		at += piece->payload.length;
	}
	REQUIRE(at == frame->length);
	return whole;
}

/* As the addon writes it where a device takes no super-frames: byte for byte. */
static void check_original(const struct handed_on *handed_on, const struct frame *received,
			   const struct iovec parts[2])
{
	const uint8_t *came = handed_on->before + received->offset;

	REQUIRE(parts[0].iov_len + parts[1].iov_len == received->length);
	REQUIRE(memcmp(parts[0].iov_base, came, parts[0].iov_len) == 0);
	REQUIRE(memcmp(parts[1].iov_base, came + parts[0].iov_len, parts[1].iov_len) == 0);
}

static void check_super_frame(struct handed_on *handed_on, const struct frame *frame, uint32_t head,
			      uint16_t header_length)
{
	uint8_t *whole = gather(handed_on, frame, head);
	uint32_t rest = frame->length - header_length;

	REQUIRE(reference_is_honest(frame, whole, frame->length));
	REQUIRE(frame->gso_type != FRAME_GSO_NONE && header_length == frame->header_length);
	handed_on->merged++;
	for (uint32_t i = 0; i <= frame->piece_count; i++) {
		uint8_t headers[PIECES_HEADERS_MAX];
		struct iovec parts[2];
		uint32_t length;
		uint32_t offset = frame->offset;

		if (i > 0)
			offset = handed_on->pieces.table[frame->first_piece + i].payload.offset - header_length;
		const struct frame *received = claim(handed_on, offset);
		REQUIRE(pieces_segment(frame, &handed_on->arena, &handed_on->pieces, head, header_length, i, headers,
				       parts) == 0);
		check_original(handed_on, received, parts);
		uint8_t *cut = reference_segment(frame, whole, 0, header_length, i, &length);
		REQUIRE(length == received->length);
		check_cut(frame, cut, handed_on->before + offset, length);
		free(cut);
		rest -= length - header_length;
	}
	REQUIRE(rest == 0);
	free(whole);
}

void handed_on_check(struct handed_on *handed_on, const struct frame *frame)
{
	uint32_t head;
	uint16_t header_length;

	REQUIRE(pieces_check(frame, &handed_on->arena, &handed_on->pieces, &head) == 0);
	REQUIRE(geometry_head(frame, handed_on->arena.data + frame->offset, head, &header_length) == 0);
	if (frame->piece_count > 0) {
		check_super_frame(handed_on, frame, head, header_length);
		return;
	}
	const struct frame *received = claim(handed_on, frame->offset);
	struct iovec parts[2] = {{handed_on->arena.data + frame->offset, 0},
				 {handed_on->arena.data + frame->offset, head}};
	check_original(handed_on, received, parts);
}

void handed_on_end(const struct handed_on *handed_on)
{
	for (uint32_t i = 0; i < handed_on->count; i++)
		REQUIRE(handed_on->seen[i]);
}
