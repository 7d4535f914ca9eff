/*
 * What one received Ethernet frame is to the coalescer (coalesce.h): which flow it belongs to, whether it could be
 * part of a super-frame, whether its checksum was left to a network card. Pure functions over memory.
 */
#ifndef WEFT_PACKET_H
#define WEFT_PACKET_H

#include <stdbool.h>

#include "frame.h"

/* IANA numbers: ethertypes (IEEE 802 registry) and IP protocols. */
#define PACKET_IPV4 0x0800u
#define PACKET_IPV6 0x86ddu
#define PACKET_TCP 6u
#define PACKET_UDP 17u

#define IPV4_HEADER 20u /* without options */
#define IPV6_HEADER 40u /* without extension headers */

/* Where fields lie: RFC 791 section 3.1, RFC 8200 section 3, RFC 9293 section 3.1, RFC 768. */
#define IPV4_TOTAL_LENGTH 2u
#define IPV4_IDENTIFICATION 4u
#define IPV4_FLAGS 6u
#define IPV4_TTL 8u
#define IPV4_PROTOCOL 9u
#define IPV4_CHECKSUM 10u
#define IPV4_ADDRESSES 12u
#define IPV6_PAYLOAD_LENGTH 4u
#define IPV6_NEXT_HEADER 6u
#define IPV6_HOP_LIMIT 7u
#define IPV6_ADDRESSES 8u
#define TCP_SEQUENCE 4u
#define TCP_ACKNOWLEDGMENT 8u
#define TCP_DATA_OFFSET 12u
#define TCP_FLAGS 13u
#define TCP_WINDOW 14u
#define TCP_CHECKSUM 16u
#define TCP_URGENT 18u
#define UDP_LENGTH 4u
#define UDP_CHECKSUM 6u

#define TCP_FLAG_PSH 0x08u
#define TCP_FLAG_ACK 0x10u
#define TCP_FLAG_ECE 0x40u

#define IPV4_FLAG_DF 0x4000u

enum packet_kind {
	/* No TCP and no UDP: it stands in no order to any of them. */
	PACKET_OTHER,
	/*
	 * Part of some TCP or UDP flow between its two addresses, but which one cannot be told: a fragment, for one, or
	 * what lies behind a routing header.
	 */
	PACKET_OBSCURE,
	/* Belongs to a flow and has its place in it, and goes as it is. */
	PACKET_SINGLE,
	/* Data that a super-frame could hold. */
	PACKET_DATA,
};

struct packet {
	enum packet_kind kind;
	uint8_t gso_type; /* FRAME_GSO_* of its protocol and family; with SINGLE and DATA */
	/* The checksum field holds only the sum of the pseudo header: the rest was left to a network card. */
	bool partial;
	uint16_t transport; /* where TCP or UDP begins; with SINGLE and DATA */
	uint16_t headers; /* end of that header; 0 if it is not whole */
	uint16_t pseudo; /* sum of the pseudo header, as checksum_sum gives it */
	uint32_t sequence; /* TCP */
	uint32_t hash; /* equal for frames of one flow */
};

/** packet_parse() - every field of `packet`, from `length` bytes that begin with the Ethernet header */
void packet_parse(const uint8_t *data, uint32_t length, struct packet *packet);

/** packet_pseudo_sum() - as checksum_sum, of RFC 9293 section 3.1 or RFC 8200 section 8.1, by the frame's type */
uint16_t packet_pseudo_sum(const uint8_t *data, uint8_t protocol, uint32_t length);

/** packet_is_intact() - are the IPv4 header checksum and the transport checksum right? Only of PACKET_DATA */
bool packet_is_intact(const uint8_t *data, uint32_t length, const struct packet *packet);

/** packet_same_addresses() - equal IP family, source and destination? Of two frames that are not PACKET_OTHER */
bool packet_same_addresses(const uint8_t *one, const uint8_t *other);

/** packet_same_flow() - equal addresses, protocol and ports? The two are described by `a` and `b` */
bool packet_same_flow(const uint8_t *one, const struct packet *a, const uint8_t *other, const struct packet *b);

/**
 * packet_same_headers() - could one header, advanced, stand for both? Two of PACKET_DATA and of one flow: everything
 * must be equal but lengths, checksums, identification, sequence number and the PSH flag
 */
bool packet_same_headers(const uint8_t *head, const uint8_t *next, const struct packet *packet);

static inline uint16_t get_be16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static inline void put_be16(uint8_t *bytes, uint32_t value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

static inline bool packet_is_tcp(uint8_t gso_type)
{
	return gso_type != FRAME_GSO_UDP_L4;
}

static inline bool packet_is_ipv4(const uint8_t *data)
{
	return get_be16(data + ETHERNET_HEADER - 2) == PACKET_IPV4;
}

static inline bool packet_is_ipv6(const uint8_t *data)
{
	return get_be16(data + ETHERNET_HEADER - 2) == PACKET_IPV6;
}

/* Where the checksum is, from the beginning of the transport header. */
static inline uint16_t packet_checksum_field(uint8_t gso_type)
{
	return packet_is_tcp(gso_type) ? TCP_CHECKSUM : UDP_CHECKSUM;
}

#endif
