/*
 * libFuzzer target: a batch of received frames. The input is a program: each step takes the next segment of one of eight
 * flows, with a right checksum, and then may change a byte of it, before or after the checksum is made. The frames stand
 * without gaps in memory of their exact size, so that AddressSanitizer sees one byte too far at the end.
 *
 * Whatever the frames are: handed-on.h judges what becomes of them.
 */
#include <string.h>

#include "checksum.h"
#include "coalesce.h"
#include "handed-on.h"
#include "packet.h"
#include "require.h"

#define STEP 8u
#define FRAMES_MAX 200u
#define ENCAP 8u
#define FLOWS 8u

struct flow {
	uint32_t sequence;
	uint16_t id;
};

/* Flow bits: 1 IPv6, 2 UDP, 4 another port. Return: bytes of the frame */
static uint32_t write_frame(uint8_t *data, uint8_t which, struct flow *flow, uint8_t payload, uint8_t tcp_flags)
{
	bool ipv4 = !(which & 1);
	bool tcp = !(which & 2);
	uint8_t *ip = data + ETHERNET_HEADER;
	uint32_t ip_header = ipv4 ? IPV4_HEADER : IPV6_HEADER;
	uint32_t length = (tcp ? 20u : 8u) + payload;
	uint8_t *transport = ip + ip_header;

	memset(data, 0, ETHERNET_HEADER + ip_header + length);
	memcpy(data, "\2\0\0\0\0\2\2\0\0\0\0\1", 12);
	put_be16(data + 12, ipv4 ? PACKET_IPV4 : PACKET_IPV6);
	if (ipv4) {
		ip[0] = 0x45;
		put_be16(ip + IPV4_TOTAL_LENGTH, ip_header + length);
		put_be16(ip + IPV4_IDENTIFICATION, flow->id);
		put_be16(ip + IPV4_FLAGS, which & 4 ? 0 : IPV4_FLAG_DF);
		ip[IPV4_TTL] = 64;
		ip[IPV4_PROTOCOL] = tcp ? PACKET_TCP : PACKET_UDP;
		memcpy(ip + IPV4_ADDRESSES, "\306\22\0\1\306\22\0\2", 8);
	} else {
		ip[0] = 0x60;
		put_be16(ip + IPV6_PAYLOAD_LENGTH, length);
		ip[IPV6_NEXT_HEADER] = tcp ? PACKET_TCP : PACKET_UDP;
		ip[IPV6_HOP_LIMIT] = 64;
		ip[IPV6_ADDRESSES] = 0x20;
		ip[IPV6_ADDRESSES + 16] = 0x20;
	}
	put_be16(transport, which);
	put_be16(transport + 2, 5001);
	if (tcp) {
		put_be16(transport + TCP_SEQUENCE, flow->sequence >> 16);
		put_be16(transport + TCP_SEQUENCE + 2, flow->sequence);
		transport[TCP_DATA_OFFSET] = 5 << 4;
		transport[TCP_FLAGS] = tcp_flags;
	} else {
		put_be16(transport + UDP_LENGTH, length);
	}
	for (uint32_t i = 0; i < payload; i++)
		transport[length - payload + i] = (uint8_t)(i + flow->id);
	flow->sequence += payload;
	flow->id++;
	return ETHERNET_HEADER + ip_header + length;
}

static void write_checksums(uint8_t *data, uint32_t length, uint8_t which, bool partial)
{
	uint8_t *ip = data + ETHERNET_HEADER;
	uint32_t transport = ETHERNET_HEADER + (which & 1 ? IPV6_HEADER : IPV4_HEADER);
	uint8_t protocol = which & 2 ? PACKET_UDP : PACKET_TCP;
	uint32_t field = transport + (which & 2 ? UDP_CHECKSUM : TCP_CHECKSUM);
	uint16_t pseudo = packet_pseudo_sum(data, protocol, length - transport);

	if (!(which & 1)) {
		memset(ip + IPV4_CHECKSUM, 0, 2);
		uint16_t sum = (uint16_t)~checksum_sum(ip, IPV4_HEADER);
		memcpy(ip + IPV4_CHECKSUM, &sum, 2);
	}
	memcpy(data + field, &pseudo, 2);
	if (!partial)
		checksum_complete(data + transport, length - transport, field - transport);
}

struct batch {
	uint8_t *memory;
	uint8_t *before; /* the same, untouched */
	uint32_t table;
	size_t size;
	uint32_t count;
	struct frame frames[FRAMES_MAX];
};

static void compose(struct batch *batch, const uint8_t *input, size_t size)
{
	static uint8_t space[FRAMES_MAX * 512];
	struct flow flows[FLOWS] = {{0}};
	uint32_t end = 0;

	for (uint32_t i = 0; i < FLOWS; i++)
		flows[i] = (struct flow){.sequence = 0xfffffe00u, .id = 0xfff0};
	for (; size >= STEP && batch->count < FRAMES_MAX; input += STEP, size -= STEP) {
		uint8_t which = input[0] % FLOWS;
		struct frame *frame = &batch->frames[batch->count++];

		*frame = (struct frame){.family = 4, .encap_length = ENCAP, .tos = input[5] & 3, .gso_size = input[6] & 7};
		memset(space + end, 0, ENCAP);
		frame->offset = end + ENCAP;
		frame->length = write_frame(space + frame->offset, which, &flows[which], input[1],
					    input[2] & 0x80 ? input[2] & 0x7f : TCP_FLAG_ACK);
		uint8_t *edited = space + frame->offset + input[3] % frame->length;
		bool early = input[4] & 1;
		if (early)
			*edited ^= input[7];
		if (!(input[4] & 2))
			write_checksums(space + frame->offset, frame->length, which, input[4] & 4);
		if (!early)
			*edited ^= input[7];
		/* Cut or lengthened, whatever its header says. */
		if (input[4] & 8)
			frame->length = input[6] % (frame->length + 1u);
		end = frame->offset + frame->length;
	}
	batch->table = (end + 7) / 8 * 8;
	batch->size = batch->table + (size_t)COALESCE_FRAMES_MAX * PIECES_OF_FRAME * sizeof(union piece);
	batch->memory = aligned_alloc(8, batch->size);
	batch->before = malloc(batch->size);
	memset(batch->memory, 0, batch->size);
	memcpy(batch->memory, space, end);
	memcpy(batch->before, batch->memory, batch->size);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static struct batch batch;
	static struct coalescer coalescer;
	struct frame output[COALESCE_FRAMES_MAX];
	uint32_t taken = 0;

	if (size < 1)
		return 0;
	memset(&batch, 0, sizeof(batch));
	compose(&batch, input + 1, size - 1);
	struct handed_on handed_on = {
		.arena = {batch.memory, batch.size},
		.pieces = {(union piece *)(void *)(batch.memory + batch.table), COALESCE_FRAMES_MAX * PIECES_OF_FRAME},
		.before = batch.before,
		.received = batch.frames,
		.count = batch.count,
	};
	coalescer.protocols = COALESCE_TCP | COALESCE_UDP;
	while (taken < batch.count) {
		uint32_t before = taken;
		coalesce_begin(&coalescer, &handed_on.arena, &handed_on.pieces, output, 1 + input[0] % COALESCE_FRAMES_MAX);
		while (taken < batch.count && coalesce_add(&coalescer, &batch.frames[taken]))
			taken++;
		uint32_t count = coalesce_finish(&coalescer);
		REQUIRE(taken > before && count <= taken - before);
		for (uint32_t i = 0; i < count; i++)
			handed_on_check(&handed_on, &output[i]);
	}
	handed_on_end(&handed_on);
	free(batch.memory);
	free(batch.before);
	return 0;
}
