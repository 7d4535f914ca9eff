#include <netinet/in.h>
#include <string.h>

#include "checksum.h"
#include "packet.h"
#include "tunnel.h"
#include "vnet.h"

/* linux/virtio_net.h, Linux 6.17: a GSO packet in a UDP tunnel, over IPv4 or IPv6; the outer checksum is wanted too. */
#define GSO_UDP_TUNNEL_IPV4 0x20u
#define GSO_UDP_TUNNEL_IPV6 0x40u
#define F_UDP_TUNNEL_CSUM 0x08u

/* Where the two offsets of struct virtio_net_hdr_v1_hash_tunnel are. */
#define OUTER_TRANSPORT 20u
#define INNER_NETWORK 22u

#define UDP_HEADER 8u

static void put_le16(uint8_t *bytes, uint32_t value)
{
	bytes[0] = (uint8_t)value;
	bytes[1] = (uint8_t)(value >> 8);
}

static void put_ethernet(const struct tunnel_hop *hop, uint8_t family, uint8_t *out)
{
	memcpy(out, hop->destination, 6);
	memcpy(out + 6, hop->source, 6);
	put_be16(out + 12, family == 6 ? PACKET_IPV6 : PACKET_IPV4);
}

/* DF: RFC 7348 section 4.3, "VTEPs MUST NOT fragment VXLAN packets". */
static void put_ipv4(const struct tunnel_origin *origin, const struct frame *frame, uint32_t length,
		     uint16_t identification, uint8_t *ip)
{
	memset(ip, 0, IPV4_HEADER);
	ip[0] = 0x45;
	ip[1] = frame->tos;
	put_be16(ip + IPV4_TOTAL_LENGTH, IPV4_HEADER + length);
	put_be16(ip + IPV4_IDENTIFICATION, identification);
	put_be16(ip + IPV4_FLAGS, IPV4_FLAG_DF);
	ip[IPV4_TTL] = origin->hop_limit;
	ip[IPV4_PROTOCOL] = PACKET_UDP;
	memcpy(ip + IPV4_ADDRESSES, origin->address, 4);
	memcpy(ip + IPV4_ADDRESSES + 4, frame->address, 4);
	uint16_t checksum = (uint16_t)~checksum_sum(ip, IPV4_HEADER);
	memcpy(ip + IPV4_CHECKSUM, &checksum, sizeof(checksum));
}

/*
 * The flow label is made from the source port, which is a hash of the inner flow already: constant for a flow, as
 * RFC 6437 section 3 has it and RFC 6438 section 3 wants for tunnels. The multiplier is Knuth's, 2^32 / golden ratio.
 */
static void put_ipv6(const struct tunnel_origin *origin, const struct frame *frame, uint32_t length, uint16_t port,
		     uint8_t *ip)
{
	uint32_t label = port * 2654435761u >> 12;
	uint32_t first = 6u << 28 | (uint32_t)frame->tos << 20 | label;

	put_be16(ip, first >> 16);
	put_be16(ip + 2, first);
	put_be16(ip + IPV6_PAYLOAD_LENGTH, length);
	ip[IPV6_NEXT_HEADER] = PACKET_UDP;
	ip[IPV6_HOP_LIMIT] = origin->hop_limit;
	memcpy(ip + IPV6_ADDRESSES, origin->address, 16);
	memcpy(ip + IPV6_ADDRESSES + 16, frame->address, 16);
}

/* The UDP header, its checksum field holding the sum of the pseudo header. */
static void put_udp(const struct tunnel_origin *origin, const struct tunnel_frame *tunnel_frame, uint32_t length,
		    uint8_t *udp)
{
	const struct frame *frame = tunnel_frame->frame;
	size_t address = origin->family == 6 ? 16 : 4;

	put_be16(udp, tunnel_frame->port);
	put_be16(udp + 2, frame->port);
	put_be16(udp + UDP_LENGTH, length);
	uint64_t sum = (uint64_t)checksum_sum(origin->address, address) + checksum_sum(frame->address, address) +
		       htons((uint16_t)length) + htons(PACKET_UDP);
	uint16_t pseudo = checksum_fold(sum);
	memcpy(udp + UDP_CHECKSUM, &pseudo, sizeof(pseudo));
}

/*
 * A frame whose checksum is still to be completed by whoever sends it: then what that range sums to is known already, the
 * complement of the seed in its checksum field. So the outer checksum needs the headers only (local checksum offload,
 * Documentation/networking/checksum-offloads.rst).
 */
static void complete_udp(const struct tunnel_frame *tunnel_frame, uint8_t *udp)
{
	const struct frame *frame = tunnel_frame->frame;
	const uint8_t *encapsulation = tunnel_frame->data - frame->encap_length;
	uint16_t seed;

	memcpy(&seed, tunnel_frame->data + frame->csum_start + frame->csum_offset, sizeof(seed));
	uint64_t sum = (uint64_t)checksum_sum(udp, UDP_HEADER) +
		       checksum_sum(encapsulation, (size_t)frame->encap_length + frame->csum_start) + (uint16_t)~seed;
	uint16_t checksum = (uint16_t)~checksum_fold(sum);
	/* RFC 768: "If the computed checksum is zero, it is transmitted as all ones". */
	if (checksum == 0)
		checksum = 0xffff;
	memcpy(udp + UDP_CHECKSUM, &checksum, sizeof(checksum));
}

/* What the kernel is to do; offsets count from the outer Ethernet header. `inner`: where the frame begins. */
static void put_vnet(const struct tunnel_origin *origin, const struct tunnel_frame *tunnel_frame, uint32_t transport,
		     uint32_t inner, uint8_t *out)
{
	const struct frame *frame = tunnel_frame->frame;
	struct vnet header = {.flags = VNET_F_NEEDS_CSUM};

	if (frame->flags & FRAME_NEEDS_CSUM) {
		header.csum_start = (uint16_t)(inner + frame->csum_start);
		header.csum_offset = frame->csum_offset;
		header.header_length = (uint16_t)(inner + tunnel_frame->header_length);
	} else {
		header.csum_start = (uint16_t)transport;
		header.csum_offset = UDP_CHECKSUM;
		header.header_length = (uint16_t)(transport + UDP_HEADER);
	}
	if (tunnel_frame->segments > 1) {
		header.flags |= F_UDP_TUNNEL_CSUM;
		header.gso_type =
			(uint8_t)(frame->gso_type | (origin->family == 6 ? GSO_UDP_TUNNEL_IPV6 : GSO_UDP_TUNNEL_IPV4));
		header.gso_size = frame->gso_size;
	}
	memset(out, 0, TUNNEL_VNET_HEADER);
	vnet_encode(&header, out);
	if (tunnel_frame->segments > 1) {
		put_le16(out + OUTER_TRANSPORT, transport);
		put_le16(out + INNER_NETWORK, inner + ETHERNET_HEADER);
	}
}

uint32_t tunnel_headers(const struct tunnel_origin *origin, const struct tunnel_hop *hop,
			const struct tunnel_frame *tunnel_frame, uint16_t identification,
			uint8_t out[TUNNEL_HEADERS_MAX])
{
	const struct frame *frame = tunnel_frame->frame;
	uint32_t transport = ETHERNET_HEADER + tunnel_ip_header(origin->family);
	uint32_t length = UDP_HEADER + frame->encap_length + frame->length;
	uint8_t *ethernet = out + TUNNEL_VNET_HEADER;
	uint8_t *udp = ethernet + transport;

	put_ethernet(hop, origin->family, ethernet);
	if (origin->family == 6)
		put_ipv6(origin, frame, length, tunnel_frame->port, ethernet + ETHERNET_HEADER);
	else
		put_ipv4(origin, frame, length, identification, ethernet + ETHERNET_HEADER);
	put_udp(origin, tunnel_frame, length, udp);
	if (tunnel_frame->segments == 1 && frame->flags & FRAME_NEEDS_CSUM)
		complete_udp(tunnel_frame, udp);
	put_vnet(origin, tunnel_frame, transport, transport + UDP_HEADER + frame->encap_length, out);
	return TUNNEL_VNET_HEADER + transport + UDP_HEADER;
}
