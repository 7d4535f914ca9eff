/*
 * libFuzzer target: what packet.c says of a received frame, against reference.c; and of two frames, whether one header
 * could stand for both.
 *
 *   0                     2
 *   ┌─────────────────────┬─────────┬───────────┐
 *   │ bytes of frame 1, LE │ frame 1 │ frame 2 … │
 *   └─────────────────────┴─────────┴───────────┘
 */
#include "packet.h"

#include <string.h>

#include "reference.h"
#include "require.h"

struct side {
	uint8_t *data;
	uint32_t length;
	struct packet packet;
	struct reference_layout layout;
	bool found;
};

static bool behind_routing_header(const struct side *side)
{
	const uint8_t *ip = side->data + side->layout.network;
	uint8_t next = ip[6];

	for (uint32_t at = 40; side->layout.family == 6 && (next == 0 || next == 60); at += 8 * (ip[at + 1] + 1u))
		next = ip[at];
	return side->layout.family == 6 && next == 43;
}

/* TCP or UDP in a frame that ends with the IP packet, its header whole. */
static bool is_whole_transport(const struct side *side)
{
	const struct reference_layout *layout = &side->layout;

	if (!side->found || layout->network != ETHERNET_HEADER || layout->headers == 0 || !layout->whole ||
	    behind_routing_header(side))
		return false;
	return layout->protocol == 6 ||
	       get_be16(side->data + layout->transport + 4) == side->length - layout->transport;
}

static uint32_t pseudo_of(const struct side *side)
{
	return reference_pseudo(side->data + ETHERNET_HEADER, side->layout.protocol,
				side->length - side->layout.transport);
}

static const uint8_t *checksum_of(const struct side *side)
{
	return side->data + side->layout.transport + (side->layout.protocol == 6 ? 16 : 6);
}

static bool expect_partial(const struct side *side)
{
	return is_whole_transport(side) && get_be16(checksum_of(side)) == pseudo_of(side);
}

/* The rules at the head of coalesce.h, as far as one frame can break them. */
static bool expect_data(const struct side *side)
{
	const struct reference_layout *layout = &side->layout;

	if (!is_whole_transport(side) || expect_partial(side) || layout->headers == side->length)
		return false;
	if (layout->transport != (layout->family == 4 ? 34u : 54u))
		return false;
	const uint8_t *transport = side->data + layout->transport;
	if (layout->protocol == 17)
		return get_be16(checksum_of(side)) != 0;
	uint8_t flags = transport[13];
	return (transport[12] & 0x0f) == 0 && (flags == 0x10 || flags == 0x18 || flags == 0x50 || flags == 0x58);
}

static bool expect_intact(const struct side *side)
{
	uint32_t length = side->length - side->layout.transport;

	if (side->layout.family == 4 && reference_sum(side->data + ETHERNET_HEADER, 20, 0) != 0xffff)
		return false;
	return reference_sum(side->data + side->layout.transport, length, pseudo_of(side)) == 0xffff;
}

static struct side open_side(const uint8_t *bytes, size_t size)
{
	struct side side = {.data = malloc(size), .length = (uint32_t)size};

	memcpy(side.data, bytes, size);
	packet_parse(side.data, side.length, &side.packet);
	side.found = reference_find(side.data, side.length, &side.layout);
	return side;
}

static void check_side(const struct side *side)
{
	const struct packet *packet = &side->packet;

	REQUIRE(packet->partial == expect_partial(side));
	REQUIRE((packet->kind == PACKET_DATA) == expect_data(side));
	if (packet->kind == PACKET_SINGLE || packet->kind == PACKET_DATA)
		REQUIRE(packet->transport + 4u <= side->length && packet->headers <= side->length);
	if (packet->partial || packet->kind == PACKET_DATA)
		REQUIRE(packet->transport == side->layout.transport && packet->headers == side->layout.headers);
	if (packet->kind == PACKET_DATA)
		REQUIRE(packet_is_intact(side->data, side->length, packet) == expect_intact(side));
}

/* The headers without what may differ between the segments of a super-frame. */
static void mask(const struct side *side, uint8_t *headers)
{
	uint8_t *ip = headers + ETHERNET_HEADER;
	uint8_t *transport = headers + side->layout.transport;

	memcpy(headers, side->data, side->layout.headers);
	if (side->layout.family == 4) {
		memset(ip + 2, 0, 4);
		memset(ip + 10, 0, 2);
	} else {
		memset(ip + 4, 0, 2);
	}
	if (side->layout.protocol == 6) {
		memset(transport + 4, 0, 4);
		transport[13] &= 0xf7;
		memset(transport + 16, 0, 2);
	} else {
		memset(transport + 4, 0, 4);
	}
}

static void check_pair(const struct side *one, const struct side *other)
{
	uint8_t a[128], b[128];
	uint32_t addresses = one->layout.family == 4 ? 8 : 32;
	uint32_t at = one->layout.family == 4 ? 26 : 22;
	bool same_flow = one->layout.family == other->layout.family &&
			 one->layout.protocol == other->layout.protocol &&
			 memcmp(one->data + at, other->data + at, addresses) == 0 &&
			 memcmp(one->data + one->layout.transport, other->data + other->layout.transport, 4) == 0;

	REQUIRE(packet_same_flow(one->data, &one->packet, other->data, &other->packet) == same_flow);
	if (!same_flow)
		return;
	REQUIRE(one->packet.hash == other->packet.hash);
	bool same = one->layout.headers == other->layout.headers;
	if (same) {
		mask(one, a);
		mask(other, b);
		same = memcmp(a, b, one->layout.headers) == 0;
	}
	/* The first of two has no PSH: nothing follows one that has. */
	if (one->layout.protocol == 17 || !(one->data[one->layout.transport + 13] & 0x08))
		REQUIRE(packet_same_headers(one->data, other->data, &other->packet) == same);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	if (size < 2)
		return 0;
	size_t first = input[0] + input[1] * 256u;
	if (first > size - 2)
		first = size - 2;
	struct side one = open_side(input + 2, first);
	struct side other = open_side(input + 2 + first, size - 2 - first);

	check_side(&one);
	check_side(&other);
	if (one.packet.kind == PACKET_DATA && other.packet.kind == PACKET_DATA)
		check_pair(&one, &other);
	free(one.data);
	free(other.data);
	return 0;
}
