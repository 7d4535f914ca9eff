#include "packet.h"

#include <arpa/inet.h>
#include <string.h>

#include "checksum.h"

#define TCP_HEADER 20u
#define UDP_HEADER 8u

/* Extension headers of RFC 8200 section 4, behind which TCP or UDP may follow. */
#define PROTOCOL_HOP_BY_HOP 0u
#define PROTOCOL_ROUTING 43u
#define PROTOCOL_FRAGMENT 44u
#define PROTOCOL_DESTINATION 60u

/* As geometry.c: more than any real stack sends. */
#define OPTION_HEADERS_MAX 8

static uint32_t load32(const uint8_t *bytes)
{
	uint32_t word;
	memcpy(&word, bytes, sizeof(word));
	return word;
}

static uint16_t load16(const uint8_t *bytes)
{
	uint16_t half;
	memcpy(&half, bytes, sizeof(half));
	return half;
}

/* ---- the flow ---- */

static uint32_t mix(uint64_t addresses, uint32_t ports, uint8_t protocol)
{
	/* Multiply-shift with the golden ratio. Who makes flows collide only keeps his own from being merged. */
	uint64_t hash = addresses * 0x9e3779b97f4a7c15u;
	hash ^= (hash >> 29) + ports + protocol;
	hash *= 0x9e3779b97f4a7c15u;
	return (uint32_t)(hash >> 32);
}

/* IPv4: 2, IPv6: 8 words of 32 bits, source and destination. */
static const uint8_t *addresses_of(const uint8_t *data, int *words)
{
	bool ipv4 = packet_is_ipv4(data);

	*words = ipv4 ? 2 : 8;
	return data + ETHERNET_HEADER + (ipv4 ? IPV4_ADDRESSES : IPV6_ADDRESSES);
}

static uint32_t hash_flow(const uint8_t *data, uint32_t ports, uint8_t protocol)
{
	int words;
	const uint8_t *addresses = addresses_of(data, &words);
	uint64_t fingerprint = 0;

	for (int i = 0; i < words; i++)
		fingerprint = (fingerprint << 32 | fingerprint >> 32) + load32(addresses + 4 * i) * 0x85ebca6bu;
	return mix(fingerprint, ports, protocol);
}

uint16_t packet_pseudo_sum(const uint8_t *data, uint8_t protocol, uint32_t length)
{
	int words;
	const uint8_t *addresses = addresses_of(data, &words);
	uint64_t sum = (uint64_t)htons(protocol) + htons((uint16_t)length);

	for (int i = 0; i < words; i++)
		sum += load32(addresses + 4 * i);
	return checksum_fold(sum);
}

/* What family, protocol and ports say; `ip_payload` is the length that the IP header gives to TCP or UDP. */
static void set_flow(const uint8_t *data, uint8_t protocol, uint32_t ip_payload, struct packet *packet)
{
	bool ipv4 = packet_is_ipv4(data);

	packet->pseudo = packet_pseudo_sum(data, protocol, ip_payload);
	packet->hash = hash_flow(data, load32(data + packet->transport), protocol);
	if (protocol == PACKET_UDP)
		packet->gso_type = FRAME_GSO_UDP_L4;
	else
		packet->gso_type = ipv4 ? FRAME_GSO_TCPV4 : FRAME_GSO_TCPV6;
	packet->kind = PACKET_SINGLE;
}

/* ---- TCP and UDP ---- */

static void parse_tcp(const uint8_t *data, uint32_t end, struct packet *packet)
{
	const uint8_t *tcp = data + packet->transport;
	uint32_t header = (tcp[TCP_DATA_OFFSET] >> 4) * 4u;

	if (header < TCP_HEADER || header > end - packet->transport)
		return;
	packet->headers = (uint16_t)(packet->transport + header);
	packet->sequence = ntohl(load32(tcp + TCP_SEQUENCE));
	packet->partial = load16(tcp + TCP_CHECKSUM) == packet->pseudo;
	/*
	 * ACK, perhaps with PSH or ECE, and nothing else; reserved bits are zero. What opens, ends, interrupts or answers
	 * a congestion signal (SYN, FIN, RST, URG, CWR) happens once, and a super-frame would repeat or move it.
	 */
	bool plain = (tcp[TCP_FLAGS] & (uint8_t) ~(TCP_FLAG_PSH | TCP_FLAG_ECE)) == TCP_FLAG_ACK &&
		     (tcp[TCP_DATA_OFFSET] & 0x0f) == 0;
	if (plain && end > packet->headers)
		packet->kind = PACKET_DATA;
}

static void parse_udp(const uint8_t *data, uint32_t end, struct packet *packet)
{
	const uint8_t *udp = data + packet->transport;
	uint32_t length = end - packet->transport;

	if (get_be16(udp + UDP_LENGTH) != length)
		return;
	packet->headers = (uint16_t)(packet->transport + UDP_HEADER);
	packet->partial = load16(udp + UDP_CHECKSUM) == packet->pseudo;
	/* A zero checksum means none (RFC 768): nothing tells whether the datagram is whole. */
	if (length > UDP_HEADER && load16(udp + UDP_CHECKSUM) != 0)
		packet->kind = PACKET_DATA;
}

/* `plain`: the IP header is one that a super-frame may have; `end` is where the IP packet ends. */
static void parse_transport(const uint8_t *data, uint8_t protocol, uint32_t end, bool plain, struct packet *packet)
{
	uint32_t room = end - packet->transport;

	if (protocol != PACKET_TCP && protocol != PACKET_UDP) {
		packet->kind = PACKET_OTHER;
		return;
	}
	if (room < (protocol == PACKET_TCP ? TCP_HEADER : UDP_HEADER))
		return;
	set_flow(data, protocol, room, packet);
	if (protocol == PACKET_TCP)
		parse_tcp(data, end, packet);
	else
		parse_udp(data, end, packet);
	if (packet->kind == PACKET_DATA && (!plain || packet->partial))
		packet->kind = PACKET_SINGLE;
}

/* ---- IP ---- */

static void parse_ipv4(const uint8_t *data, uint32_t length, struct packet *packet)
{
	const uint8_t *ip = data + ETHERNET_HEADER;
	uint32_t room = length - ETHERNET_HEADER;

	if (room < IPV4_HEADER || ip[0] >> 4 != 4)
		return;
	uint32_t header = (ip[0] & 0x0fu) * 4u;
	uint32_t total = get_be16(ip + IPV4_TOTAL_LENGTH);
	packet->kind = PACKET_OBSCURE;
	/* More fragments, or an offset: the ports are elsewhere, or not all of the datagram is here. */
	if (header < IPV4_HEADER || total < header || total > room || (get_be16(ip + IPV4_FLAGS) & 0x3fff) != 0)
		return;
	packet->transport = (uint16_t)(ETHERNET_HEADER + header);
	parse_transport(data, ip[IPV4_PROTOCOL], ETHERNET_HEADER + total, header == IPV4_HEADER && total == room, packet);
	/* Bytes behind the packet would be summed with it. */
	packet->partial &= total == room;
}

/*
 * Walks over headers of options. Not over a routing header: the pseudo header has another destination then (RFC 8200
 * section 8.1). `at`: from the IP header. Return: what follows there, or PROTOCOL_FRAGMENT if it cannot be told
 */
static uint8_t skip_options(const uint8_t *ip, uint32_t end, uint32_t *at)
{
	uint8_t next = ip[IPV6_NEXT_HEADER];

	for (int headers = 0; next == PROTOCOL_HOP_BY_HOP || next == PROTOCOL_DESTINATION; headers++) {
		if (headers == OPTION_HEADERS_MAX || end - *at < 8)
			return PROTOCOL_FRAGMENT;
		/* RFC 8200 section 4.3: length in 8-octet units, not including the first 8 octets. */
		uint32_t length = (ip[*at + 1] + 1u) * 8u;
		if (length > end - *at)
			return PROTOCOL_FRAGMENT;
		next = ip[*at];
		*at += length;
	}
	return next;
}

static void parse_ipv6(const uint8_t *data, uint32_t length, struct packet *packet)
{
	const uint8_t *ip = data + ETHERNET_HEADER;
	uint32_t room = length - ETHERNET_HEADER;

	if (room < IPV6_HEADER || ip[0] >> 4 != 6)
		return;
	uint32_t end = IPV6_HEADER + get_be16(ip + IPV6_PAYLOAD_LENGTH);
	uint32_t at = IPV6_HEADER;
	packet->kind = PACKET_OBSCURE;
	if (end > room)
		return;
	uint8_t protocol = skip_options(ip, end, &at);
	if (protocol == PROTOCOL_FRAGMENT || protocol == PROTOCOL_ROUTING)
		return;
	packet->transport = (uint16_t)(ETHERNET_HEADER + at);
	parse_transport(data, protocol, ETHERNET_HEADER + end, at == IPV6_HEADER && end == room, packet);
	packet->partial &= end == room;
}

void packet_parse(const uint8_t *data, uint32_t length, struct packet *packet)
{
	*packet = (struct packet){.kind = PACKET_OTHER};
	if (length < ETHERNET_HEADER)
		return;
	uint16_t type = get_be16(data + ETHERNET_HEADER - 2);
	if (type == PACKET_IPV4)
		parse_ipv4(data, length, packet);
	else if (type == PACKET_IPV6)
		parse_ipv6(data, length, packet);
}

/* ---- comparisons ---- */

bool packet_is_intact(const uint8_t *data, uint32_t length, const struct packet *packet)
{
	if (packet_is_ipv4(data) && checksum_sum(data + ETHERNET_HEADER, IPV4_HEADER) != 0xffff)
		return false;
	uint16_t sum = checksum_sum(data + packet->transport, length - packet->transport);
	return checksum_fold((uint64_t)sum + packet->pseudo) == 0xffff;
}

bool packet_same_addresses(const uint8_t *one, const uint8_t *other)
{
	bool ipv4 = packet_is_ipv4(one);

	if (ipv4 != packet_is_ipv4(other))
		return false;
	size_t at = ETHERNET_HEADER + (ipv4 ? IPV4_ADDRESSES : IPV6_ADDRESSES);
	return memcmp(one + at, other + at, ipv4 ? 8 : 32) == 0;
}

bool packet_same_flow(const uint8_t *one, const struct packet *a, const uint8_t *other, const struct packet *b)
{
	/* The type tells TCP from UDP; of UDP the family is compared with the addresses. */
	return a->gso_type == b->gso_type && load32(one + a->transport) == load32(other + b->transport) &&
	       packet_same_addresses(one, other);
}

static bool same_ip_header(const uint8_t *head, const uint8_t *next)
{
	if (head[0] >> 4 != 4)
		/* Version, traffic class and flow label. */
		return load32(head) == load32(next) && head[IPV6_HOP_LIMIT] == next[IPV6_HOP_LIMIT];
	/* Version, header length and TOS; then DF and the reserved bit. */
	return load16(head) == load16(next) && load16(head + IPV4_FLAGS) == load16(next + IPV4_FLAGS) &&
	       head[IPV4_TTL] == next[IPV4_TTL];
}

static bool same_tcp_header(const uint8_t *head, const uint8_t *next, uint32_t length)
{
	/* PSH ends a super-frame, so `head` has none, and that of `next` does not matter. */
	return load32(head + TCP_ACKNOWLEDGMENT) == load32(next + TCP_ACKNOWLEDGMENT) &&
	       head[TCP_DATA_OFFSET] == next[TCP_DATA_OFFSET] &&
	       ((head[TCP_FLAGS] ^ next[TCP_FLAGS]) & (uint8_t)~TCP_FLAG_PSH) == 0 &&
	       load16(head + TCP_WINDOW) == load16(next + TCP_WINDOW) &&
	       memcmp(head + TCP_URGENT, next + TCP_URGENT, length - TCP_URGENT) == 0;
}

bool packet_same_headers(const uint8_t *head, const uint8_t *next, const struct packet *packet)
{
	if (memcmp(head, next, ETHERNET_HEADER) != 0)
		return false;
	if (!packet_is_tcp(packet->gso_type))
		return same_ip_header(head + ETHERNET_HEADER, next + ETHERNET_HEADER);
	return same_tcp_header(head + packet->transport, next + packet->transport,
			       (uint32_t)(packet->headers - packet->transport)) &&
	       same_ip_header(head + ETHERNET_HEADER, next + ETHERNET_HEADER);
}
