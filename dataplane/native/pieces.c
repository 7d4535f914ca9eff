#include "pieces.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "checksum.h"
#include "packet.h"

static bool lies_inside(uint32_t offset, uint32_t length, size_t size)
{
	return offset <= size && length <= size - offset;
}

int pieces_check(const struct frame *frame, const struct span *arena, const struct pieces *pieces, uint32_t *head)
{
	uint32_t end = (uint32_t)frame->first_piece + 1u + frame->piece_count;
	uint32_t rest = frame->length;

	*head = frame->length;
	if (frame->length > FRAME_MAX_LENGTH)
		return -EINVAL;
	if (frame->piece_count > 0 && (frame->piece_count >= PIECES_OF_FRAME || end > pieces->count))
		return -EINVAL;
	for (uint32_t i = frame->first_piece + 1u; frame->piece_count > 0 && i < end; i++) {
		const union piece *piece = &pieces->table[i];

		if (!lies_inside(piece->payload.offset, piece->payload.length, arena->size))
			return -EINVAL;
		if (piece->payload.length == 0 || piece->payload.length >= rest)
			return -EINVAL;
		rest -= piece->payload.length;
	}
	*head = rest;
	return lies_inside(frame->offset, rest, arena->size) ? 0 : -EINVAL;
}

static void copy16(uint8_t *to, const uint16_t *from)
{
	memcpy(to, from, sizeof(*from));
}

/* Undoes in a copy of the head's headers what merging has changed. */
static void restore(uint8_t *headers, const struct frame *frame, const struct piece_head *before)
{
	uint8_t *ip = headers + ETHERNET_HEADER;
	uint8_t *transport = headers + frame->csum_start;

	if (packet_is_ipv4(headers)) {
		copy16(ip + IPV4_TOTAL_LENGTH, &before->ip_length);
		copy16(ip + IPV4_CHECKSUM, &before->ip_checksum);
	} else {
		copy16(ip + IPV6_PAYLOAD_LENGTH, &before->ip_length);
	}
	copy16(transport + packet_checksum_field(frame->gso_type), &before->checksum);
	copy16(transport + (packet_is_tcp(frame->gso_type) ? TCP_DATA_OFFSET : UDP_LENGTH), &before->tcp_flags);
}

/* The first two bytes of IP hold the congestion mark, and are equal in all segments until JavaScript changes the head. */
static void carry_mark(uint8_t *headers, const uint8_t *marked, const uint8_t *original)
{
	uint8_t *ip = headers + ETHERNET_HEADER;
	uint16_t before, after, checksum;

	if (memcmp(marked, original, 2) == 0)
		return;
	memcpy(&before, original, 2);
	memcpy(&after, marked, 2);
	memcpy(ip, marked, 2);
	if (!packet_is_ipv4(headers))
		return;
	memcpy(&checksum, ip + IPV4_CHECKSUM, 2);
	checksum = checksum_update(checksum, before, after);
	memcpy(ip + IPV4_CHECKSUM, &checksum, 2);
}

int pieces_segment(const struct frame *frame, const struct span *arena, const struct pieces *pieces, uint32_t head,
		   uint16_t header_length, uint32_t index, uint8_t headers[PIECES_HEADERS_MAX], struct iovec parts[2])
{
	const union piece *chain = pieces->table + frame->first_piece;
	const uint8_t *super = arena->data + frame->offset;

	if (header_length > PIECES_HEADERS_MAX || header_length >= head)
		return -EINVAL;
	if (chain[1].payload.offset < header_length || (index > 0 && chain[index].payload.offset < header_length))
		return -EINVAL;
	/* The headers of the second segment, which nobody has changed. */
	const uint8_t *original = arena->data + chain[1].payload.offset - header_length;
	if (index == 0) {
		memcpy(headers, super, header_length);
		restore(headers, frame, &chain[0].head);
		parts[1] = (struct iovec){arena->data + frame->offset + header_length, head - header_length};
	} else {
		uint8_t *payload = arena->data + chain[index].payload.offset;
		memcpy(headers, payload - header_length, header_length);
		parts[1] = (struct iovec){payload, chain[index].payload.length};
	}
	carry_mark(headers, super + ETHERNET_HEADER, original + ETHERNET_HEADER);
	parts[0] = (struct iovec){headers, header_length};
	return 0;
}
