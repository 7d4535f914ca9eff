#include "segment.h"

#include <arpa/inet.h>
#include <string.h>

#include "checksum.h"

#define TYPE_AT 12u /* ethertype, from the Ethernet header */
#define TYPE_IPV4 0x0800u
#define TYPE_VLAN 0x8100u
#define TYPE_QINQ 0x88a8u
#define VLAN_TAG 4u

/* RFC 791 section 3.1 */
#define IPV4_TOTAL_LENGTH 2u
#define IPV4_IDENTIFICATION 4u
#define IPV4_CHECKSUM 10u
/* RFC 8200 section 3: counts what follows the header, extension headers included */
#define IPV6_PAYLOAD_LENGTH 4u
#define IPV6_HEADER 40u
/* RFC 9293 section 3.1; CWR: RFC 3168 section 6.1 */
#define TCP_SEQUENCE 4u
#define TCP_OFFSET_AND_FLAGS 12u
#define TCP_FLAGS 13u
#define TCP_CHECKSUM 16u
#define TCP_FIN 0x01u
#define TCP_PSH 0x08u
#define TCP_CWR 0x80u
/* RFC 768 */
#define UDP_LENGTH 4u
#define UDP_CHECKSUM 6u

/* As it stands in memory: in the machine's order, for sums (RFC 1071 section 2(B)). */
static uint32_t word_at(const uint8_t *bytes)
{
	uint16_t word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

/* Takes a word out of a one's complement sum: adds its complement. */
static uint32_t without(const uint8_t *bytes)
{
	return 0xffffu - word_at(bytes);
}

/* Stores `value` in network order and returns it as a word of a sum. */
static uint32_t put_be16(uint8_t *bytes, uint32_t value)
{
	uint16_t word = htons((uint16_t)value);

	memcpy(bytes, &word, sizeof(word));
	return word;
}

/* The checksum for a sum of a few words. */
static uint16_t complement(uint32_t sum)
{
	sum = (sum & 0xffffu) + (sum >> 16);
	sum = (sum & 0xffffu) + (sum >> 16);
	return (uint16_t)~sum;
}

static uint32_t find_network(const uint8_t *data)
{
	uint32_t at = TYPE_AT;
	uint16_t type = ntohs((uint16_t)word_at(data + at));

	while (type == TYPE_VLAN || type == TYPE_QINQ) {
		at += VLAN_TAG;
		type = ntohs((uint16_t)word_at(data + at));
	}
	return at + 2;
}

static uint32_t sum_ipv4(const uint8_t *ip)
{
	uint32_t length = (ip[0] & 0x0fu) * 4u;

	return checksum_sum(ip, length) + without(ip + IPV4_TOTAL_LENGTH) + without(ip + IPV4_IDENTIFICATION) +
	       without(ip + IPV4_CHECKSUM);
}

/* The checksum field counts too: it holds the sum of the pseudo header, with the length of the super-frame. */
static uint32_t sum_transport(const struct segmenter *segmenter)
{
	const uint8_t *transport = segmenter->headers + segmenter->transport;
	uint32_t length = segmenter->header_length - segmenter->transport;
	uint8_t whole[2];
	uint32_t sum = checksum_sum(transport, length);

	put_be16(whole, length + segmenter->payload_length);
	sum += without(whole);
	if (!segmenter->tcp)
		return sum + without(transport + UDP_LENGTH);
	return sum + without(transport + TCP_SEQUENCE) + without(transport + TCP_SEQUENCE + 2) +
	       without(transport + TCP_OFFSET_AND_FLAGS);
}

void segmenter_open(struct segmenter *segmenter, const struct frame *frame, const uint8_t *data,
		    uint16_t header_length)
{
	uint32_t network = find_network(data);

	segmenter->headers = data - frame->encap_length;
	segmenter->payload = data + header_length;
	segmenter->header_length = (uint32_t)frame->encap_length + header_length;
	segmenter->payload_length = frame->length - header_length;
	segmenter->gso_size = frame->gso_size;
	segmenter->count = (segmenter->payload_length + frame->gso_size - 1) / frame->gso_size;
	segmenter->network = frame->encap_length + network;
	segmenter->transport = (uint32_t)frame->encap_length + frame->csum_start;
	segmenter->ipv4 = ntohs((uint16_t)word_at(data + network - 2)) == TYPE_IPV4;
	segmenter->tcp = frame->gso_type != FRAME_GSO_UDP_L4;
	segmenter->network_sum = segmenter->ipv4 ? sum_ipv4(data + network) : 0;
	segmenter->transport_sum = sum_transport(segmenter);
}

uint32_t segment_length(const struct segmenter *segmenter, uint32_t index)
{
	uint32_t rest = segmenter->payload_length - index * segmenter->gso_size;

	return rest < segmenter->gso_size ? rest : segmenter->gso_size;
}

/* Each segment is a packet of its own: its identification follows that of the one before, as Linux counts. */
static void finish_ipv4(const struct segmenter *segmenter, uint32_t index, uint8_t *ip, uint32_t length)
{
	const uint8_t *first = segmenter->headers + segmenter->network + IPV4_IDENTIFICATION;
	uint32_t identification = ntohs((uint16_t)word_at(first)) + index;
	uint32_t sum = segmenter->network_sum;

	sum += put_be16(ip + IPV4_TOTAL_LENGTH, length);
	sum += put_be16(ip + IPV4_IDENTIFICATION, identification);
	uint16_t checksum = complement(sum);
	memcpy(ip + IPV4_CHECKSUM, &checksum, sizeof(checksum));
}

/* FIN and PSH belong to the end of the data, CWR to its beginning. Returns what the sum lacks. */
static uint32_t finish_tcp(const struct segmenter *segmenter, uint32_t index, uint8_t *tcp)
{
	uint32_t sequence;

	memcpy(&sequence, tcp + TCP_SEQUENCE, sizeof(sequence));
	sequence = htonl(ntohl(sequence) + index * segmenter->gso_size);
	memcpy(tcp + TCP_SEQUENCE, &sequence, sizeof(sequence));
	if (index + 1 < segmenter->count)
		tcp[TCP_FLAGS] &= (uint8_t)~(TCP_FIN | TCP_PSH);
	if (index > 0)
		tcp[TCP_FLAGS] &= (uint8_t)~TCP_CWR;
	return word_at(tcp + TCP_SEQUENCE) + word_at(tcp + TCP_SEQUENCE + 2) +
	       word_at(tcp + TCP_OFFSET_AND_FLAGS);
}

void segment_headers(const struct segmenter *segmenter, uint32_t index, uint8_t *headers)
{
	uint32_t payload_length = segment_length(segmenter, index);
	uint32_t end = segmenter->header_length + payload_length;
	uint8_t *ip = headers + segmenter->network;
	uint8_t *transport = headers + segmenter->transport;
	uint8_t length[2];

	memcpy(headers, segmenter->headers, segmenter->header_length);
	if (segmenter->ipv4)
		finish_ipv4(segmenter, index, ip, end - segmenter->network);
	else
		put_be16(ip + IPV6_PAYLOAD_LENGTH, end - segmenter->network - IPV6_HEADER);

	/* The headers end on an even offset, so the sum of the payload is added as it is. */
	uint32_t sum = segmenter->transport_sum;
	sum += checksum_sum(segmenter->payload + index * segmenter->gso_size, payload_length);
	sum += put_be16(length, end - segmenter->transport);
	if (segmenter->tcp)
		sum += finish_tcp(segmenter, index, transport);
	else
		sum += put_be16(transport + UDP_LENGTH, end - segmenter->transport);
	/* 0 is stored as 0xffff: see checksum_complete(). */
	uint16_t checksum = complement(sum);
	if (checksum == 0)
		checksum = 0xffff;
	memcpy(transport + (segmenter->tcp ? TCP_CHECKSUM : UDP_CHECKSUM), &checksum, sizeof(checksum));
}
