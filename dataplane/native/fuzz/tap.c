/*
 * libFuzzer target: what a TAP hands over, and what is written to one. The target is the device: it reads from the
 * input, and takes nothing that Linux would believe though it is wrong (reference_is_honest). First all that was read is
 * written again; then descriptors follow whose every byte the input chooses, as hostile as JavaScript could be.
 *
 *   0      1        2
 *   ┌──────┬────────┬──────────────────────────────────────────────┬───┬───────────────────────┬───
 *   │ MODE │ frames │ bytes LE 2 │ struct virtio_net_hdr and frame │ … │ descriptor 64, pieces │ …
 *   └──────┴────────┴──────────────────────────────────────────────┴───┴───────────────────────┴───
 */
#include "tap.h"

#include <errno.h>
#include <sanitizer/asan_interface.h>
#include <string.h>
#include <sys/uio.h>

#include "kernel-ring.h"
#include "reference.h"
#include "require.h"
#include "vnet.h"

#define MODE_REFUSES 0x01u /* the device answers EINVAL to every super-frame */
#define MODE_INTERRUPTED 0x02u /* every other call is interrupted */
#define MODE_RING 0x04u /* several calls share a system call; bits 3 to 5: which of a run the ring refuses */

#define SLOTS 4u
#define SLOT_SIZE 512u
#define FRAME_START 66u
#define TABLE (SLOTS * SLOT_SIZE)
#define PIECES 80u
#define ARENA (TABLE + PIECES * sizeof(union piece))
#define ROOM (SLOT_SIZE - FRAME_START + VNET_HEADER)

ssize_t kernel_read(int fd, void *bytes, size_t room);
ssize_t kernel_writev(int fd, const struct iovec *parts, int count);

static const uint8_t *rest;
static size_t left;
static uint8_t mode;
static uint32_t calls, waiting;
static uint32_t read_good, read_bad, read_long, written;
static uint8_t last[FRAME_MAX_LENGTH + VNET_HEADER];
static size_t last_length;

static struct frame offload_of(const uint8_t *bytes)
{
	struct vnet header;

	vnet_decode(bytes, &header);
	struct frame offload = {.flags = header.flags, .gso_type = header.gso_type};
	if (header.gso_type != 0)
		offload.gso_size = header.gso_size;
	if (header.flags & VNET_F_NEEDS_CSUM) {
		offload.csum_start = header.csum_start;
		offload.csum_offset = header.csum_offset;
	}
	return offload;
}

static bool is_interrupted(void)
{
	return mode & MODE_INTERRUPTED && calls++ % 2 == 0;
}

static void count_read(const uint8_t *bytes, size_t size, size_t room)
{
	if (size >= room) {
		read_long++;
		return;
	}
	if (size < VNET_HEADER) {
		read_bad++;
		return;
	}
	struct frame offload = offload_of(bytes);
	bool strange = offload.flags > 3;
	/* DATA_VALID asks nothing of the reader. */
	offload.flags &= 1;
	if (strange || !reference_is_honest(&offload, bytes + VNET_HEADER, (uint32_t)size - VNET_HEADER))
		read_bad++;
	else
		read_good++;
}

ssize_t kernel_read(int fd, void *bytes, size_t room)
{
	(void)fd;
	if (is_interrupted()) {
		errno = EINTR;
		return -1;
	}
	if (waiting == 0 || left < 2) {
		errno = EAGAIN;
		return -1;
	}
	size_t size = rest[0] + rest[1] * 256u;
	waiting--;
	rest += 2;
	left -= 2;
	size = size < left ? size : left;
	if (size == 0) {
		errno = EINVAL;
		return -1;
	}
	const uint8_t *data = rest;
	rest += size;
	left -= size;
	count_read(data, size, room);
	size = size < room ? size : room;
	ASAN_UNPOISON_MEMORY_REGION(bytes, size);
	memcpy(bytes, data, size);
	return (ssize_t)size;
}

ssize_t kernel_writev(int fd, const struct iovec *parts, int count)
{
	(void)fd;
	if (is_interrupted()) {
		errno = EINTR;
		return -1;
	}
	REQUIRE(count >= 2 && count <= 1024);
	last_length = 0;
	for (int i = 0; i < count; i++) {
		REQUIRE(parts[i].iov_len <= sizeof(last) - last_length);
		memcpy(last + last_length, parts[i].iov_base, parts[i].iov_len);
		last_length += parts[i].iov_len;
	}
	REQUIRE(last_length >= VNET_HEADER + ETHERNET_HEADER);
	struct frame offload = offload_of(last);
	/* Nor does it take DATA_VALID: 1 is all that is ever said. */
	REQUIRE(reference_is_honest(&offload, last + VNET_HEADER, (uint32_t)(last_length - VNET_HEADER)));
	if (offload.gso_type != 0 && mode & MODE_REFUSES) {
		errno = EINVAL;
		return -1;
	}
	written++;
	return (ssize_t)last_length;
}

/* A super-frame that the device does not take is an error, or has gone segment by segment: then the last came last. */
static void check_refused(const struct frame *frame, const uint8_t *data)
{
	uint32_t payload = frame->length - frame->header_length;
	uint32_t count = (payload + frame->gso_size - 1) / frame->gso_size;
	uint32_t length;

	if (frame->status != 0) {
		REQUIRE(frame->status == EINVAL);
		return;
	}
	uint8_t *segment = reference_segment(frame, data, 0, frame->header_length, count - 1, &length);
	REQUIRE(last_length == VNET_HEADER + length && memcmp(last + VNET_HEADER, segment, length) == 0);
	free(segment);
}

/* Every frame that was read is written as it came. */
static void write_again(struct tap *tap, const struct span *arena, const struct pieces *pieces, struct frame *frame)
{
	struct counters counters = {0};
	uint8_t before[VNET_HEADER];
	struct vnet came;

	memcpy(before, arena->data + frame->offset - VNET_HEADER, VNET_HEADER);
	vnet_decode(before, &came);
	tap_write(tap, arena, pieces, frame, 1, &counters);
	if (frame->gso_type != 0 && mode & MODE_REFUSES) {
		check_refused(frame, arena->data + frame->offset);
		return;
	}
	REQUIRE(frame->status == 0 && counters.tx_frames == 1);
	REQUIRE(last_length == VNET_HEADER + frame->length);
	REQUIRE(memcmp(last + VNET_HEADER, arena->data + frame->offset, frame->length) == 0);
	struct frame said = offload_of(last), meant = offload_of(before);
	REQUIRE(said.flags == (meant.flags & 1) && said.gso_type == meant.gso_type && said.gso_size == meant.gso_size);
	REQUIRE(said.csum_start == meant.csum_start && said.csum_offset == meant.csum_offset);
}

/* The same in one call: as many writes, and the last one last. */
static void write_together(struct tap *tap, const struct span *arena, const struct pieces *pieces, struct frame *frames,
			   uint32_t count)
{
	struct counters counters = {0};
	uint32_t before = written;

	if (count == 0 || mode & MODE_REFUSES)
		return;
	tap_write(tap, arena, pieces, frames, count, &counters);
	REQUIRE(counters.tx_frames == count && counters.tx_errors == 0 && written == before + count);
	/* What was interrupted in the ring comes after what was not: a write that may not wait never is. */
	if (mode & MODE_INTERRUPTED)
		return;
	const struct frame *end = &frames[count - 1];
	REQUIRE(last_length == VNET_HEADER + end->length);
	REQUIRE(memcmp(last + VNET_HEADER, arena->data + end->offset, end->length) == 0);
}

static void read_and_write(struct tap *tap, const struct slots *slots, const struct pieces *pieces)
{
	struct counters counters = {0};
	struct frame frames[SLOTS];
	struct received received = tap_receive(tap, slots, frames, SLOTS, &counters);

	REQUIRE(received.count == read_good && (uint32_t)counters.rx_frames == read_good);
	REQUIRE((uint32_t)counters.rx_bad_geometry == read_bad && (uint32_t)counters.rx_truncated == read_long);
	for (uint32_t i = 0; i < received.count; i++) {
		REQUIRE(frames[i].offset % SLOT_SIZE == FRAME_START && frames[i].length < ROOM - VNET_HEADER);
		REQUIRE(i == 0 || frames[i].offset > frames[i - 1].offset);
		write_again(tap, &slots->arena, pieces, &frames[i]);
	}
	write_together(tap, &slots->arena, pieces, frames, received.count);
}

static void write_hostile(struct tap *tap, const struct span *arena, const struct pieces *pieces)
{
	struct counters counters = {0};
	struct frame frame;

	while (left >= sizeof(frame)) {
		memcpy(&frame, rest, sizeof(frame));
		rest += sizeof(frame);
		left -= sizeof(frame);
		/* What follows is the table, from its second entry on, until the next descriptor. */
		size_t entries = frame.piece_count < PIECES - 1 ? frame.piece_count : PIECES - 1;
		entries = entries * sizeof(union piece) < left ? entries : left / sizeof(union piece);
		memcpy(pieces->table + 1, rest, entries * sizeof(union piece));
		rest += entries * sizeof(union piece);
		left -= entries * sizeof(union piece);
		uint32_t before = written;
		tap_write(tap, arena, pieces, &frame, 1, &counters);
		REQUIRE(frame.status != 0 || written > before);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	if (size < 2)
		return 0;
	rest = input + 2;
	left = size - 2;
	mode = input[0];
	waiting = input[1] % (SLOTS + 1);
	calls = read_good = read_bad = read_long = written = 0;
	uint8_t *arena = aligned_alloc(8, ARENA);
	struct slots slots = {.arena = {arena, ARENA}, .count = SLOTS, .size = SLOT_SIZE, .frame_start = FRAME_START};
	struct pieces pieces = {(union piece *)(void *)(arena + TABLE), PIECES};
	static struct ring ring;
	kernel_ring_open(&ring, mode >> 3 & 7u);
	struct tap tap = {.fd = 0, .ring = mode & MODE_RING ? &ring : NULL};

	memset(arena, 0, ARENA);
	ASAN_POISON_MEMORY_REGION(arena, TABLE);
	read_and_write(&tap, &slots, &pieces);
	ASAN_UNPOISON_MEMORY_REGION(arena, ARENA);
	write_hostile(&tap, &slots.arena, &pieces);
	free(arena);
	return 0;
}
