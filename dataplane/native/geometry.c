#include "geometry.h"

#include <errno.h>
#include <stdbool.h>

#include "checksum.h"

/* IANA numbers: ethertypes (IEEE 802 registry) and IP protocols. */
#define TYPE_IPV4 0x0800u
#define TYPE_IPV6 0x86ddu
#define TYPE_VLAN 0x8100u
#define TYPE_QINQ 0x88a8u
#define PROTOCOL_HOP_BY_HOP 0u
#define PROTOCOL_TCP 6u
#define PROTOCOL_UDP 17u
#define PROTOCOL_ROUTING 43u
#define PROTOCOL_DESTINATION 60u

#define IPV4_HEADER 20u
#define IPV6_HEADER 40u
#define TCP_HEADER 20u
#define UDP_HEADER 8u
#define TCP_CHECKSUM 16u /* RFC 9293 section 3.1 */
#define UDP_CHECKSUM 6u /* RFC 768 */

/* More than any real stack sends; bounds the walk over hostile chains. */
#define VLAN_TAGS_MAX 2
#define EXTENSION_HEADERS_MAX 8

struct layout {
	uint16_t type; /* ethertype behind the VLAN tags */
	uint32_t network; /* where that header begins */
	uint32_t network_end; /* end of the fixed part: with options for IPv4, without extensions for IPv6 */
	uint32_t transport; /* 0 if unknown: a fragment, or an extension that is not walked */
	uint8_t protocol;
	bool whole; /* the IP length field says exactly what is there */
};

static uint16_t get_be16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static int find_network(const uint8_t *data, uint32_t length, struct layout *layout)
{
	uint32_t at = ETHERNET_HEADER - 2;

	if (length < ETHERNET_HEADER)
		return -EINVAL;
	layout->type = get_be16(data + at);
	for (int tags = 0; layout->type == TYPE_VLAN || layout->type == TYPE_QINQ; tags++) {
		at += 4;
		if (tags == VLAN_TAGS_MAX || length < at + 2)
			return -EINVAL;
		layout->type = get_be16(data + at);
	}
	layout->network = at + 2;
	layout->network_end = layout->network;
	layout->transport = 0;
	layout->protocol = 0;
	layout->whole = false;
	return 0;
}

static int find_ipv4_transport(const uint8_t *data, uint32_t length, uint32_t total, struct layout *layout)
{
	const uint8_t *ip = data + layout->network;
	uint32_t room = length - layout->network;

	if (room < IPV4_HEADER || ip[0] >> 4 != 4)
		return -EINVAL;
	uint32_t header = (ip[0] & 0x0fu) * 4u;
	if (header < IPV4_HEADER || header > room)
		return -EINVAL;
	layout->network_end = layout->network + header;
	layout->whole = get_be16(ip + 2) == total - layout->network;
	/* More fragments, or an offset: the transport header is not whole here. */
	if ((get_be16(ip + 6) & 0x3fff) == 0) {
		layout->protocol = ip[9];
		layout->transport = layout->network_end;
	}
	return 0;
}

static bool is_walked(uint8_t header)
{
	return header == PROTOCOL_HOP_BY_HOP || header == PROTOCOL_ROUTING || header == PROTOCOL_DESTINATION;
}

static int find_ipv6_transport(const uint8_t *data, uint32_t length, uint32_t total, struct layout *layout)
{
	const uint8_t *ip = data + layout->network;
	uint32_t room = length - layout->network;

	if (room < IPV6_HEADER || ip[0] >> 4 != 6)
		return -EINVAL;
	uint32_t at = IPV6_HEADER;
	uint8_t next = ip[6];
	layout->network_end = layout->network + IPV6_HEADER;
	layout->whole = get_be16(ip + 4) == total - layout->network_end;
	for (int headers = 0; is_walked(next); headers++) {
		if (headers == EXTENSION_HEADERS_MAX || room - at < 8)
			return -EINVAL;
		/* RFC 8200 section 4.3: length in 8-octet units, not including the first 8 octets. */
		uint32_t extension = (ip[at + 1] + 1u) * 8u;
		if (extension > room - at)
			return -EINVAL;
		next = ip[at];
		at += extension;
	}
	layout->protocol = next;
	layout->transport = layout->network + at;
	return 0;
}

/* The frame has `total` bytes, and the first `length` of them are at `data`. */
static int find_layout(const uint8_t *data, uint32_t length, uint32_t total, struct layout *layout)
{
	int error = find_network(data, length, layout);

	if (error != 0)
		return error;
	if (layout->type == TYPE_IPV4)
		return find_ipv4_transport(data, length, total, layout);
	if (layout->type == TYPE_IPV6)
		return find_ipv6_transport(data, length, total, layout);
	return 0;
}

/*
 * The range that is summed lies inside the frame and behind the network header. It need not be the transport
 * header of that network header: a tunnel inside the container leaves the checksum of its innermost packet
 * to us.
 */
static int check_checksum(const struct frame *frame, uint32_t length, const struct layout *layout)
{
	uint32_t start = frame->csum_start;
	uint32_t field = frame->csum_offset;

	if (start % 2 != 0 || field % 2 != 0)
		return -EINVAL;
	if (start < layout->network_end || start + field + 2 > length)
		return -EINVAL;
	return 0;
}

static int check_segmentation(const struct frame *frame, const uint8_t *data, const struct layout *layout,
			      uint32_t headers)
{
	uint8_t type = frame->gso_type & (uint8_t)~FRAME_GSO_ECN;
	bool tcp = type == FRAME_GSO_TCPV4 || type == FRAME_GSO_TCPV6;

	if (!tcp && (type != FRAME_GSO_UDP_L4 || frame->gso_type & FRAME_GSO_ECN))
		return -EINVAL;
	if (type == FRAME_GSO_TCPV4 && layout->type != TYPE_IPV4)
		return -EINVAL;
	if (type == FRAME_GSO_TCPV6 && layout->type != TYPE_IPV6)
		return -EINVAL;
	if (layout->protocol != (tcp ? PROTOCOL_TCP : PROTOCOL_UDP))
		return -EINVAL;
	/* `whole` also refuses an IP length that has wrapped at 64 KiB. */
	if (!(frame->flags & FRAME_NEEDS_CSUM) || !layout->whole || headers == 0 || headers >= frame->length)
		return -EINVAL;

	uint32_t payload = frame->length - headers;
	if (frame->gso_size < (tcp ? TCP_GSO_SIZE_MIN : 1u))
		return -EINVAL;
	if (!tcp && payload > frame->gso_size * UDP_SEGMENTS_MAX)
		return -EINVAL;
	/* A super-frame's UDP length covers the whole of it. */
	if (!tcp && get_be16(data + layout->transport + 4) != payload + UDP_HEADER)
		return -EINVAL;
	return 0;
}

/*
 * The end of the transport header at csum_start, or 0 when that is no whole TCP or UDP header of this
 * packet.
 */
static uint32_t transport_end(const struct frame *frame, const uint8_t *data, uint32_t length,
			      const struct layout *layout)
{
	uint32_t start = frame->csum_start;

	if (layout->transport == 0 || start != layout->transport)
		return 0;
	if (layout->protocol == PROTOCOL_TCP && frame->csum_offset == TCP_CHECKSUM) {
		if (length - start < TCP_HEADER)
			return 0;
		uint32_t header = (data[start + 12] >> 4) * 4u;
		return header < TCP_HEADER || header > length - start ? 0 : start + header;
	}
	if (layout->protocol == PROTOCOL_UDP && frame->csum_offset == UDP_CHECKSUM) {
		if (length - start < UDP_HEADER)
			return 0;
		return start + UDP_HEADER;
	}
	return 0;
}

int geometry_bounds(const struct frame *frame, size_t arena_size)
{
	if (frame->offset > arena_size || frame->length > arena_size - frame->offset)
		return -EINVAL;
	if (frame->encap_length > frame->offset || frame->length > FRAME_MAX_LENGTH)
		return -EINVAL;
	return frame->piece_count > 0 ? -EINVAL : 0;
}

int geometry_offload(const struct frame *frame, const uint8_t *data, uint16_t *header_length)
{
	return geometry_head(frame, data, frame->length, header_length);
}

int geometry_head(const struct frame *frame, const uint8_t *data, uint32_t length, uint16_t *header_length)
{
	struct layout layout;

	*header_length = 0;
	if (frame->flags & (uint8_t)~FRAME_NEEDS_CSUM)
		return -EINVAL;
	if (frame->flags == 0 && frame->gso_type == FRAME_GSO_NONE)
		return 0;
	if (find_layout(data, length, frame->length, &layout) != 0)
		return -EINVAL;
	if (frame->flags & FRAME_NEEDS_CSUM && check_checksum(frame, length, &layout) != 0)
		return -EINVAL;

	uint32_t headers = transport_end(frame, data, length, &layout);
	if (frame->gso_type != FRAME_GSO_NONE && check_segmentation(frame, data, &layout, headers) != 0)
		return -EINVAL;
	/* Nothing above bounds it for a chain of extension headers; a wrapped value would be a lie. */
	if (headers > UINT16_MAX)
		return -EINVAL;
	*header_length = (uint16_t)headers;
	return 0;
}

int geometry_from_vnet(const struct vnet *header, const uint8_t *data, struct frame *frame)
{
	/*
	 * Anything else (RSC_INFO) gives the checksum fields another meaning. DATA_VALID asks nothing of us.
	 */
	if (header->flags & (uint8_t)~(VNET_F_NEEDS_CSUM | VNET_F_DATA_VALID))
		return -EINVAL;
	if (frame->length < ETHERNET_HEADER || frame->length > FRAME_MAX_LENGTH)
		return -EINVAL;
	if (header->flags & VNET_F_NEEDS_CSUM) {
		frame->flags = FRAME_NEEDS_CSUM;
		frame->csum_start = header->csum_start;
		frame->csum_offset = header->csum_offset;
	}
	frame->gso_type = header->gso_type;
	if (header->gso_type != FRAME_GSO_NONE)
		frame->gso_size = header->gso_size;
	/*
	 * hdr_len is not looked at: on the forward path Linux gives the length of the first fragment there.
	 */
	return geometry_offload(frame, data, &frame->header_length);
}

int geometry_complete_checksum(struct frame *frame, uint8_t *arena, size_t arena_size)
{
	uint16_t header_length;

	if (geometry_bounds(frame, arena_size) != 0)
		return -EINVAL;
	uint8_t *data = arena + frame->offset;
	if (geometry_offload(frame, data, &header_length) != 0)
		return -EINVAL;
	if (frame->gso_type != FRAME_GSO_NONE || !(frame->flags & FRAME_NEEDS_CSUM))
		return 0;
	checksum_complete(data + frame->csum_start, frame->length - frame->csum_start, frame->csum_offset);
	frame->flags &= (uint8_t)~FRAME_NEEDS_CSUM;
	return 0;
}
