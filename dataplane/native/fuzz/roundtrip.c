/*
 * Random super-frames through segmentation and coalescing: `build/roundtrip COUNT SEED` (as a test: `make roundtrip-run`).
 *
 *   super-frames of 1 … 4 flows ── segment.c ──► their segments, mixed, each behind its encapsulation
 *                               ── coalesce.c ──► super-frames again
 *
 * Every segment is the one that reference.c cuts; every segment comes back, once, in order, whole (handed-on.h); and what
 * may be merged is merged: there are as few frames as merged_frames() says, which knows only the rules at the head of
 * coalesce.h. So a super-frame that breaks none of them comes back byte for byte.
 *
 * Round n is made from SEED + n alone: `build/roundtrip 1 SEED` with the seed that a failure prints repeats it.
 */
#include <inttypes.h>
#include <signal.h>
#include <string.h>

#include "coalesce.h"
#include "geometry.h"
#include "handed-on.h"
#include "reference.h"
#include "require.h"
#include "segment.h"

#define ENCAP 8u
#define FLOWS_MAX 4u
#define SEGMENTS_MAX (HANDED_ON_MAX / FLOWS_MAX)
#define HEADERS_MAX (ENCAP + ETHERNET_HEADER + 60u + 60u)
#define SPACE (HANDED_ON_MAX * HEADERS_MAX + FLOWS_MAX * 65536u)
#define TABLE ((SPACE + 7u) / 8u * 8u)

/* splitmix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators", 2014) */
static uint64_t state;

static uint32_t next_random(void)
{
	uint64_t z = (state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (uint32_t)((z ^ (z >> 31)) >> 16);
}

/* first … last */
static uint32_t between(uint32_t first, uint32_t last)
{
	return first + next_random() % (last - first + 1);
}

static bool one_in(uint32_t n)
{
	return next_random() % n == 0;
}

static void put16(uint8_t *bytes, uint32_t value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

/* ---- a random super-frame ---- */

struct flow {
	uint8_t memory[ENCAP + FRAME_MAX_LENGTH];
	struct frame frame;
	bool ipv4;
	bool tcp;
	bool plain; /* its IP header is one that a super-frame from the coalescer may have */
	uint32_t headers; /* bytes to the end of the transport header, without encapsulation */
	uint32_t segments;
	bool looks_partial[SEGMENTS_MAX];
	struct segmenter segmenter;
};

static uint8_t *data_of(struct flow *flow)
{
	return flow->memory + ENCAP;
}

/* Return: where the transport header begins */
static uint32_t write_network(struct flow *flow, uint32_t index)
{
	uint8_t *ip = data_of(flow) + ETHERNET_HEADER;
	uint8_t protocol = flow->tcp ? 6 : 17;

	flow->ipv4 = !one_in(3);
	flow->plain = true;
	memcpy(data_of(flow), "\2\0\0\0\0\2\2\0\0\0\0\1\x08\0", ETHERNET_HEADER);
	if (flow->ipv4) {
		uint32_t options = one_in(16) ? between(1, 10) : 0;
		memset(ip, 1, 20 + 4 * options); /* RFC 791: no operation */
		ip[0] = (uint8_t)(0x45 + options);
		ip[1] = one_in(8) ? (uint8_t)next_random() : 0;
		put16(ip + 4, next_random());
		put16(ip + 6, one_in(4) ? 0 : 0x4000);
		ip[8] = (uint8_t)between(1, 255);
		ip[9] = protocol;
		put16(ip + 12, 0xc612);
		put16(ip + 14, index);
		put16(ip + 16, 0xc612);
		put16(ip + 18, one_in(2) ? 200 : index + 100);
		flow->plain = options == 0;
		return ETHERNET_HEADER + 20 + 4 * options;
	}
	put16(data_of(flow) + 12, 0x86dd);
	uint32_t options = one_in(16) ? 8 * between(1, 3) : 0;
	memset(ip, 0, 40 + options);
	put16(ip, 0x6000 + next_random() % 0x1000);
	put16(ip + 2, next_random());
	ip[6] = options > 0 ? 60 : protocol; /* destination options: Pad1 and nothing else */
	ip[7] = (uint8_t)between(1, 255);
	ip[8] = ip[24] = 0x20;
	put16(ip + 22, index);
	put16(ip + 38, 200);
	if (options > 0) {
		ip[40] = protocol;
		ip[41] = (uint8_t)(options / 8 - 1);
	}
	flow->plain = options == 0;
	return ETHERNET_HEADER + 40 + options;
}

static uint32_t write_transport(struct flow *flow, uint32_t at, uint32_t index)
{
	uint8_t *transport = data_of(flow) + at;

	put16(transport, 40000 + index);
	put16(transport + 2, 5001);
	if (!flow->tcp)
		return at + 8;
	uint32_t options = one_in(2) ? 12 : 4 * between(0, 10);
	for (uint32_t i = 4; i < 20 + options; i++)
		transport[i] = (uint8_t)next_random();
	if (one_in(8))
		put16(transport + 4, 0xffff); /* the sequence number wraps */
	transport[12] = (uint8_t)((20 + options) / 4 << 4 | (one_in(64) ? 1 : 0));
	transport[13] = 0x10;
	if (one_in(3))
		transport[13] |= 0x08; /* PSH */
	if (one_in(12))
		transport[13] = (uint8_t)next_random();
	return at + 20 + options;
}

/* Sizes as they are in bulk, up to the longest IP packet, and small ones. */
static void choose_sizes(struct flow *flow)
{
	uint32_t room = ETHERNET_HEADER + 65535 - flow->headers;
	if (!flow->ipv4)
		room = ETHERNET_HEADER + 40 + 65535 - flow->headers;
	/* FRAME_MAX_LENGTH, which no IPv6 packet of full length keeps, is not asked for here. */
	if (room > 65535 - flow->headers)
		room = one_in(2) ? 65535 - flow->headers : 65535 + ETHERNET_HEADER - flow->headers;
	uint32_t kind = next_random() % 8;
	uint32_t payload = kind == 0 ? between(room - 3000, room) : kind < 3 ? between(1, 16000) : between(1, 3000);
	uint32_t size = one_in(2) ? between(500, 1448) : between(8, 3000);

	if (one_in(8))
		payload = payload / size * size + (payload < size ? size : 0); /* no short tail */
	payload = payload < room ? payload : room;
	if ((payload + size - 1) / size > SEGMENTS_MAX)
		size = (payload + SEGMENTS_MAX - 1) / SEGMENTS_MAX;
	flow->frame.gso_size = (uint16_t)size;
	flow->frame.length = flow->headers + payload;
	flow->segments = (payload + size - 1) / size;
}

static void finish_headers(struct flow *flow, uint32_t transport)
{
	uint8_t *ip = data_of(flow) + ETHERNET_HEADER;
	uint32_t total = flow->frame.length - ETHERNET_HEADER;
	uint32_t part = flow->frame.length - transport;

	if (flow->ipv4) {
		put16(ip + 2, total);
		put16(ip + 10, 0);
		put16(ip + 10, 0xffff - reference_sum(ip, (ip[0] & 0x0fu) * 4, 0));
	} else {
		put16(ip + 4, total - 40);
	}
	if (!flow->tcp)
		put16(data_of(flow) + transport + 4, part);
	flow->frame.csum_start = (uint16_t)transport;
	flow->frame.csum_offset = flow->tcp ? 16 : 6;
	put16(data_of(flow) + transport + flow->frame.csum_offset, reference_pseudo(ip, flow->tcp ? 6 : 17, part));
}

static void make_flow(struct flow *flow, uint32_t index)
{
	flow->frame = (struct frame){.offset = ENCAP, .encap_length = ENCAP, .flags = FRAME_NEEDS_CSUM};
	flow->tcp = !one_in(3);
	memcpy(flow->memory, "\x08\0\0\0\0\0\x2a\0", ENCAP);
	uint32_t transport = write_network(flow, index);
	flow->headers = write_transport(flow, transport, index);
	choose_sizes(flow);
	for (uint32_t i = flow->headers; i < flow->frame.length; i += 4) {
		uint32_t word = next_random();
		memcpy(data_of(flow) + i, &word, 4);
	}
	finish_headers(flow, transport);
	flow->frame.gso_type = flow->tcp ? (flow->ipv4 ? FRAME_GSO_TCPV4 : FRAME_GSO_TCPV6) : FRAME_GSO_UDP_L4;
	REQUIRE(reference_is_honest(&flow->frame, data_of(flow), flow->frame.length));
	REQUIRE(geometry_offload(&flow->frame, data_of(flow), &flow->frame.header_length) == 0);
	REQUIRE(flow->frame.header_length == flow->headers);
	segmenter_open(&flow->segmenter, &flow->frame, data_of(flow), flow->frame.header_length);
	REQUIRE(flow->segmenter.count == flow->segments);
}

/* ---- how far it can be put together again ---- */

static bool merges(const struct flow *flow, uint32_t index)
{
	const uint8_t *tcp = flow->memory + ENCAP + flow->frame.csum_start;
	uint8_t flags = tcp[13];

	if (!flow->plain || flow->looks_partial[index])
		return false;
	if (!flow->tcp)
		return true;
	if (index > 0)
		flags &= 0x7f;
	if (index + 1 < flow->segments)
		flags &= 0xf6;
	return (tcp[12] & 0x0f) == 0 && (flags & ~0x48) == 0x10;
}

/* The fewest frames that the rules allow for the segments of one flow that come in order. */
static uint32_t merged_frames(const struct flow *flow)
{
	uint32_t frames = 0, members = 0, length = 0;
	uint32_t size = flow->frame.gso_size;
	uint32_t payload = flow->frame.length - flow->headers;

	for (uint32_t i = 0; i < flow->segments; i++) {
		uint32_t bytes = i + 1 < flow->segments ? size : payload - i * size;
		bool follows = members > 0 && members < COALESCE_SEGMENTS_MAX && merges(flow, i) &&
			       length + bytes <= COALESCE_LENGTH_MAX;
		if (follows) {
			members++;
			length += bytes;
			continue;
		}
		frames++;
		/* What cannot lead: not data of its own kind, or of TCP less than the least segment. */
		bool leads = merges(flow, i) && (!flow->tcp || bytes >= TCP_GSO_SIZE_MIN);
		members = leads ? 1 : 0;
		length = flow->headers + bytes;
	}
	return frames;
}

/* ---- one round ---- */

struct batch {
	uint8_t *arena;
	uint8_t *before;
	uint32_t used;
	uint32_t count;
	struct frame frames[HANDED_ON_MAX];
};

/* One right checksum of 65,536 is by chance the sum of the pseudo header, and then it goes alone. */
static bool looks_partial(const struct flow *flow, const uint8_t *data, uint32_t length)
{
	const uint8_t *field = data + flow->frame.csum_start + flow->frame.csum_offset;
	uint32_t part = length - flow->frame.csum_start;

	return field[0] * 256u + field[1] == reference_pseudo(data + ETHERNET_HEADER, flow->tcp ? 6 : 17, part);
}

static void add_segment(struct batch *batch, struct flow *flow, uint32_t index)
{
	const struct segmenter *segmenter = &flow->segmenter;
	uint32_t payload = segment_length(segmenter, index);
	uint8_t *at = batch->arena + batch->used;
	uint32_t length;

	segment_headers(segmenter, index, at);
	memcpy(at + segmenter->header_length, segmenter->payload + index * segmenter->gso_size, payload);
	uint8_t *expected = reference_segment(&flow->frame, flow->memory, ENCAP, segmenter->header_length, index, &length);
	REQUIRE(length == segmenter->header_length + payload);
	REQUIRE(memcmp(at, expected, length) == 0);
	free(expected);
	flow->looks_partial[index] = looks_partial(flow, at + ENCAP, length - ENCAP);
	batch->frames[batch->count++] = (struct frame){.offset = batch->used + ENCAP, .length = length - ENCAP,
						       .encap_length = ENCAP, .family = 4, .port = 50000};
	batch->used += length;
}

/* The segments of all flows, in order within each. */
static void mix_segments(struct batch *batch, struct flow *flows, uint32_t count)
{
	uint32_t next[FLOWS_MAX] = {0};
	uint32_t left = 0;
	uint32_t run = between(1, 8);

	for (uint32_t i = 0; i < count; i++)
		left += flows[i].segments;
	while (left > 0) {
		uint32_t i = next_random() % count;
		for (uint32_t n = 0; n < run && next[i] < flows[i].segments; n++, left--)
			add_segment(batch, &flows[i], next[i]++);
	}
}

/* Whether a super-frame has come back as it was. */
static bool is_whole(const struct flow *flow, const struct batch *batch, const struct frame *frame)
{
	return frame->length == flow->frame.length && frame->gso_size == flow->frame.gso_size &&
	       frame->gso_type == flow->frame.gso_type && frame->csum_start == flow->frame.csum_start &&
	       memcmp(batch->arena + frame->offset, flow->memory + ENCAP, flow->headers) == 0;
}

struct totals {
	uint64_t super_frames;
	uint64_t segments;
	uint64_t whole; /* super-frames that came back byte for byte */
	uint64_t frames;
};

static void check_round(struct batch *batch, const struct flow *flows, uint32_t count, struct totals *totals)
{
	static struct coalescer coalescer;
	struct frame output[COALESCE_FRAMES_MAX];
	struct handed_on handed_on = {
		.arena = {batch->arena, TABLE + COALESCE_FRAMES_MAX * PIECES_OF_FRAME * sizeof(union piece)},
		.pieces = {(union piece *)(void *)(batch->arena + TABLE), COALESCE_FRAMES_MAX * PIECES_OF_FRAME},
		.before = batch->before,
		.received = batch->frames,
		.count = batch->count,
	};
	uint32_t taken = 0, frames = 0, calls = 0;

	coalescer.protocols = COALESCE_TCP | COALESCE_UDP;
	for (; taken < batch->count; calls++) {
		coalesce_begin(&coalescer, &handed_on.arena, &handed_on.pieces, output, COALESCE_FRAMES_MAX);
		while (taken < batch->count && coalesce_add(&coalescer, &batch->frames[taken]))
			taken++;
		uint32_t some = coalesce_finish(&coalescer);
		for (uint32_t i = 0; i < some; i++) {
			handed_on_check(&handed_on, &output[i]);
			for (uint32_t f = 0; output[i].piece_count > 0 && f < count; f++)
				totals->whole += is_whole(&flows[f], batch, &output[i]);
		}
		frames += some;
	}
	handed_on_end(&handed_on);
	uint32_t expected = 0;
	for (uint32_t f = 0; f < count; f++)
		expected += merged_frames(&flows[f]);
	/* A batch that was full has cut some in two. */
	REQUIRE(calls == 1 ? frames == expected : frames >= expected);
	totals->frames += frames;
	totals->segments += batch->count;
}

static void play_round(uint64_t seed, struct totals *totals)
{
	static struct flow flows[FLOWS_MAX];
	static struct batch batch;
	uint32_t count;

	state = seed;
	if (batch.arena == NULL) {
		batch.arena = aligned_alloc(8, TABLE + COALESCE_FRAMES_MAX * PIECES_OF_FRAME * sizeof(union piece));
		batch.before = malloc(SPACE);
	}
	batch.used = batch.count = 0;
	count = between(1, FLOWS_MAX);
	for (uint32_t i = 0; i < count; i++)
		make_flow(&flows[i], i);
	mix_segments(&batch, flows, count);
	memcpy(batch.before, batch.arena, batch.used);
	check_round(&batch, flows, count, totals);
	totals->super_frames += count;
}

static uint64_t current_seed;

static void tell_seed(int number)
{
	(void)number;
	printf("not ok - random super-frames through segmentation and coalescing\n# again: build/roundtrip 1 %" PRIu64 "\n",
	       current_seed);
	fflush(stdout);
	_Exit(1);
}

int main(int count, char **arguments)
{
	struct totals totals = {0};

	if (count != 3) {
		fprintf(stderr, "usage: %s COUNT SEED\n", arguments[0]);
		return 2;
	}
	uint64_t wanted = strtoull(arguments[1], NULL, 10);
	uint64_t seed = strtoull(arguments[2], NULL, 10);
	signal(SIGABRT, tell_seed);
	for (uint64_t round = 0; totals.super_frames < wanted; round++) {
		current_seed = seed + round;
		play_round(current_seed, &totals);
	}
	printf("ok - %" PRIu64 " random super-frames through segmentation and coalescing (seed %" PRIu64 "): %" PRIu64
	       " segments, %" PRIu64 " frames again, %" PRIu64 " super-frames byte for byte\n",
	       totals.super_frames, seed, totals.segments, totals.frames, totals.whole);
	return 0;
}
