#include "reference.h"

#include <stdlib.h>
#include <string.h>

static uint32_t get16(const uint8_t *bytes)
{
	return bytes[0] * 256u + bytes[1];
}

static uint32_t get32(const uint8_t *bytes)
{
	return get16(bytes) * 65536u + get16(bytes + 2);
}

static void put16(uint8_t *bytes, uint32_t value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

static uint32_t fold(uint32_t sum)
{
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

uint32_t reference_sum(const uint8_t *bytes, uint32_t length, uint32_t initial)
{
	uint32_t sum = initial;

	/* 32,768 words of 16 bits do not overflow. */
	for (uint32_t i = 0; i < length; i++)
		sum += i % 2 == 0 ? bytes[i] * 256u : bytes[i];
	return fold(sum);
}

uint32_t reference_pseudo(const uint8_t *ip, uint8_t protocol, uint32_t length)
{
	bool ipv4 = ip[0] >> 4 == 4;
	uint32_t sum = reference_sum(ip + (ipv4 ? 12 : 8), ipv4 ? 8 : 32, protocol);

	return fold(sum + (length & 0xffff) + (length >> 16));
}

/* ---- layout ---- */

/* 0x8100 and 0x88a8 are the VLAN tags of IEEE 802.1Q; behind a third nobody looks. */
static bool find_network(const uint8_t *data, uint32_t length, struct reference_layout *layout)
{
	uint32_t end = 14;

	for (int tags = 0; tags <= 2; tags++, end += 4) {
		if (length < end)
			return false;
		uint32_t type = get16(data + end - 2);
		if (type == 0x8100 || type == 0x88a8)
			continue;
		layout->network = type == 0x0800 || type == 0x86dd ? end : 0;
		layout->network_end = end;
		layout->family = type == 0x0800 ? 4 : 6;
		return true;
	}
	return false;
}

static bool find_ipv4(const uint8_t *ip, uint32_t room, struct reference_layout *layout)
{
	if (room < 20 || ip[0] < 0x45 || ip[0] > 0x4f || (ip[0] - 0x40u) * 4 > room)
		return false;
	layout->network_end = layout->network + (ip[0] - 0x40u) * 4;
	layout->whole = get16(ip + 2) == room;
	layout->protocol = ip[9];
	/* MF, or an offset */
	bool fragment = (ip[6] & 0x20) != 0 || (ip[6] & 0x1f) != 0 || ip[7] != 0;
	layout->transport = fragment ? 0 : layout->network_end;
	return true;
}

static bool find_ipv6(const uint8_t *ip, uint32_t room, struct reference_layout *layout)
{
	uint32_t at = 40;
	uint8_t next;

	if (room < 40 || (ip[0] & 0xf0) != 0x60)
		return false;
	layout->network_end = layout->network + 40;
	layout->whole = get16(ip + 4) + 40 == room;
	next = ip[6];
	/* Hop-by-hop, routing and destination options; a ninth is too many. */
	for (int headers = 0; next == 0 || next == 43 || next == 60; headers++) {
		if (headers == 8 || at + 8 > room || at + 8 * (ip[at + 1] + 1u) > room)
			return false;
		next = ip[at];
		at += 8 * (ip[at + 1] + 1u);
	}
	layout->protocol = next;
	layout->transport = layout->network + at;
	return true;
}

bool reference_find(const uint8_t *data, uint32_t length, struct reference_layout *layout)
{
	*layout = (struct reference_layout){0};
	if (!find_network(data, length, layout))
		return false;
	if (layout->network == 0)
		return true;
	const uint8_t *ip = data + layout->network;
	uint32_t room = length - layout->network;
	if (!(layout->family == 4 ? find_ipv4 : find_ipv6)(ip, room, layout))
		return false;
	if (layout->transport == 0)
		return true;
	const uint8_t *transport = data + layout->transport;
	uint32_t rest = length - layout->transport;
	if (layout->protocol == 17 && rest >= 8)
		layout->headers = layout->transport + 8;
	if (layout->protocol == 6 && rest >= 20 && transport[12] >= 0x50 && (transport[12] >> 4) * 4u <= rest)
		layout->headers = layout->transport + (transport[12] >> 4) * 4u;
	return true;
}

/* ---- offload ---- */

static bool is_honest_checksum(const struct frame *offload, uint32_t length, const struct reference_layout *layout)
{
	uint32_t start = offload->csum_start;

	return start % 2 == 0 && offload->csum_offset % 2 == 0 && start >= layout->network_end &&
	       start + offload->csum_offset + 2 <= length;
}

static bool is_honest_super_frame(const struct frame *offload, const uint8_t *data, uint32_t length,
				  const struct reference_layout *layout)
{
	bool udp = offload->gso_type == 5;
	uint32_t type = offload->gso_type & 0x7f;

	if (!udp && !(type == 1 && layout->family == 4) && !(type == 4 && layout->family == 6))
		return false;
	if (layout->network == 0 || layout->headers == 0 || !layout->whole || offload->flags != 1)
		return false;
	if (layout->protocol != (udp ? 17 : 6) || offload->csum_start != layout->transport ||
	    offload->csum_offset != (udp ? 6 : 16))
		return false;
	uint32_t payload = length - layout->headers;
	if (!udp)
		return payload > 0 && offload->gso_size >= 8;
	return payload > 0 && offload->gso_size >= 1 && payload <= offload->gso_size * 128u &&
	       get16(data + layout->transport + 4) == payload + 8;
}

bool reference_is_honest(const struct frame *offload, const uint8_t *data, uint32_t length)
{
	struct reference_layout layout;

	if (length < 14 || offload->flags > 1)
		return false;
	if (offload->flags == 0 && offload->gso_type == 0)
		return true;
	if (!reference_find(data, length, &layout))
		return false;
	if (offload->flags == 1 && !is_honest_checksum(offload, length, &layout))
		return false;
	return offload->gso_type == 0 || is_honest_super_frame(offload, data, length, &layout);
}

/* ---- segmentation ---- */

static void set_network(uint8_t *ip, uint32_t length, uint32_t index)
{
	if (ip[0] >> 4 == 6) {
		put16(ip + 4, length - 40);
		return;
	}
	put16(ip + 2, length);
	put16(ip + 4, get16(ip + 4) + index);
	put16(ip + 10, 0);
	put16(ip + 10, 0xffff - reference_sum(ip, (ip[0] & 0x0fu) * 4u, 0));
}

/* FIN 0x01 and PSH 0x08 belong to the last, CWR 0x80 to the first. */
static void set_tcp(uint8_t *tcp, uint32_t skipped, bool first, bool last)
{
	uint32_t sequence = get32(tcp + 4) + skipped;

	put16(tcp + 4, sequence >> 16);
	put16(tcp + 6, sequence);
	if (!last)
		tcp[13] &= 0xf6;
	if (!first)
		tcp[13] &= 0x7f;
}

/* What the field holds is the sum of the pseudo header; that of the segment has another length. */
static void set_checksum(uint8_t *transport, uint32_t field, uint32_t whole, uint32_t part)
{
	put16(transport + field, fold(get16(transport + field) + (0xffff - whole) + part));
	uint32_t sum = 0xffff - reference_sum(transport, part, 0);
	put16(transport + field, sum == 0 ? 0xffff : sum);
}

uint8_t *reference_segment(const struct frame *frame, const uint8_t *start, uint32_t encap, uint32_t headers,
			   uint32_t index, uint32_t *length)
{
	uint32_t skipped = index * frame->gso_size;
	uint32_t rest = frame->length + encap - headers - skipped;
	uint32_t payload = rest < frame->gso_size ? rest : frame->gso_size;
	uint8_t *bytes = malloc(headers + payload);
	uint32_t network = encap + 14;

	*length = headers + payload;
	memcpy(bytes, start, headers);
	memcpy(bytes + headers, start + headers + skipped, payload);
	while (get16(bytes + network - 2) != 0x0800 && get16(bytes + network - 2) != 0x86dd)
		network += 4;
	set_network(bytes + network, *length - network, index);
	uint8_t *transport = bytes + encap + frame->csum_start;
	uint32_t part = *length - encap - frame->csum_start;
	if (frame->gso_type == 5)
		put16(transport + 4, part);
	else
		set_tcp(transport, skipped, index == 0, rest <= frame->gso_size);
	set_checksum(transport, frame->csum_offset, frame->length - frame->csum_start, part);
	return bytes;
}
