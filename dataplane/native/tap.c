#include "tap.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "geometry.h"
#include "segment.h"
#include "vnet.h"

/*
 * A batch ends when it has so many bytes: four super-frames. To send one takes up to 0.1 ms, and what the other ports have,
 * a small answer perhaps, waits for the whole batch. More would bring nothing, for each super-frame is a send of its own.
 */
#define BATCH_BYTES (256u * 1024u)

/* Fills `frame` from the `bytes` that a read left before and at `offset`. Return: 0 or -EINVAL */
static int accept_frame(const struct slots *slots, uint32_t offset, size_t bytes, struct frame *frame)
{
	struct vnet header;

	memset(frame, 0, sizeof(*frame));
	if (bytes < VNET_HEADER)
		return -EINVAL;
	frame->offset = offset;
	frame->length = (uint32_t)(bytes - VNET_HEADER);
	vnet_decode(slots->arena.data + offset - VNET_HEADER, &header);
	return geometry_from_vnet(&header, slots->arena.data + offset, frame);
}

/*
 * Reads that share a run of the ring. One too many costs a seventh of a system call (ADR 15); so many super-frames are
 * twice BATCH_BYTES.
 */
#define READS_AT_ONCE 8u

static int32_t result_of(ssize_t bytes)
{
	return bytes < 0 ? -errno : (int32_t)bytes;
}

/* The vnet header falls into the headroom, which is free until an encapsulation is written there. */
static uint8_t *slot_start(const struct slots *slots, uint32_t slot)
{
	return slots->arena.data + slot * slots->size + slots->frame_start - VNET_HEADER;
}

/* Bytes to read at most: what fills them all is too long. */
static uint32_t slot_room(const struct slots *slots)
{
	return slots->size - slots->frame_start + VNET_HEADER;
}

_Static_assert(VNET_HEADER <= RING_HEADER, "the ring has room for the header of each frame");
_Static_assert(2 + PIECES_OF_FRAME <= RING_PARTS, "an empty ring takes any frame");

/* Reads into `count` slots from `first` on. `results`: bytes or -errno, of each */
static void read_slots(const struct tap *tap, const struct slots *slots, uint32_t first, uint32_t count, int32_t *results)
{
	if (count == 1) {
		results[0] = result_of(read(tap->fd, slot_start(slots, first), slot_room(slots)));
		return;
	}
	for (uint32_t i = 0; i < count; i++)
		ring_read(tap->ring, tap->fd, slot_start(slots, first + i), slot_room(slots));
	ring_run(tap->ring);
	memcpy(results, tap->ring->results, count * sizeof(*results));
	for (uint32_t i = 0; i < count; i++)
		if (ring_was_refused(tap->ring, results[i]))
			results[i] = result_of(read(tap->fd, slot_start(slots, first + i), slot_room(slots)));
}

/* How many to read at once when at most `most` are wanted. */
static uint32_t reads_at_once(const struct tap *tap, uint32_t most)
{
	if (!ring_is_usable(tap->ring))
		return 1;
	return most < READS_AT_ONCE ? most : READS_AT_ONCE;
}

/* Takes note of what one read brought. Return: false if the device has no more, now or ever */
static bool accept_read(const struct slots *slots, uint32_t slot, int32_t result, struct frame *frames,
			struct received *received, struct counters *counters)
{
	struct frame *frame = &frames[received->count];

	if (result == -EINTR)
		return true;
	if (result < 0) {
		received->error = result == -EAGAIN ? 0 : -result;
		counters->rx_errors += result != -EAGAIN;
		/* EINVAL is one frame that Linux could not describe; it is gone. The rest is about the device. */
		return result == -EINVAL;
	}
	if (result == 0) {
		/* A TAP has no end of file; whatever this is, it would be readable for ever. */
		received->error = ENODEV;
		return false;
	}
	if ((uint32_t)result >= slot_room(slots))
		counters->rx_truncated++;
	else if (accept_frame(slots, slot * slots->size + slots->frame_start, (size_t)result, frame) != 0)
		counters->rx_bad_geometry++;
	else
		received->count++;
	return true;
}

struct received tap_receive(struct tap *tap, const struct slots *slots, struct frame *frames,
			    uint32_t capacity, struct counters *counters)
{
	struct received received = {0};
	uint32_t limit = appetite_limit(&tap->appetite, capacity < slots->count ? capacity : slots->count);
	int32_t results[READS_AT_ONCE];
	uint32_t bytes_read = 0;
	bool more = true;

	/* Bad frames count as attempts: a flood of them must not keep this loop from its end. */
	for (uint32_t attempts = 0; more && attempts < limit && bytes_read < BATCH_BYTES;) {
		uint32_t some = reads_at_once(tap, limit - attempts);
		uint32_t before = received.count;
		read_slots(tap, slots, attempts, some, results);
		for (uint32_t i = 0; i < some; i++)
			more &= accept_read(slots, attempts + i, results[i], frames, &received, counters);
		for (uint32_t i = before; i < received.count; i++)
			bytes_read += frames[i].length;
		attempts += some;
	}
	appetite_had(&tap->appetite, limit, received.count);
	received.lone = received.count == 1 && frames[0].length <= SMALL_FRAME;
	counters->rx_frames += received.count;
	counters->rx_bytes += (double)bytes_read;
	counters->rx_batches += received.count > 0;
	counters->ring_error = ring_error(tap->ring);
	return received;
}

/* Return: 0 or -errno */
static int write_parts(int fd, struct iovec *parts, uint32_t count, struct counters *counters)
{
	ssize_t written;

	do {
		written = writev(fd, parts, (int)count);
	} while (written < 0 && errno == EINTR);
	if (written < 0)
		return -errno;
	counters->tx_batches++;
	return 0;
}

static void fill_header(const struct frame *frame, uint16_t header_length, uint8_t bytes[VNET_HEADER])
{
	struct vnet header = {.header_length = header_length};

	if (frame->flags & FRAME_NEEDS_CSUM) {
		header.flags = VNET_F_NEEDS_CSUM;
		header.csum_start = frame->csum_start;
		header.csum_offset = frame->csum_offset;
	}
	if (frame->gso_type != FRAME_GSO_NONE) {
		header.gso_type = frame->gso_type;
		header.gso_size = frame->gso_size;
	}
	vnet_encode(&header, bytes);
}

/* A frame on its way to the device: it, and what was found out about it. */
struct outgoing {
	struct frame *frame;
	const struct span *arena;
	const struct pieces *pieces;
	uint32_t head; /* bytes at its offset */
	uint16_t header_length;
};

/* The parts of a frame that is written whole. `bytes`: room for its vnet header. Return: how many */
static uint32_t gather(const struct outgoing *out, uint8_t bytes[VNET_HEADER], struct iovec *parts)
{
	const struct frame *frame = out->frame;

	/* Beside the frame, not before it: those bytes may hold the encapsulation of another copy of this frame. */
	fill_header(frame, out->header_length, bytes);
	parts[0] = (struct iovec){bytes, VNET_HEADER};
	parts[1] = (struct iovec){out->arena->data + frame->offset, out->head};
	for (uint32_t i = 0; i < frame->piece_count; i++) {
		const union piece *piece = &out->pieces->table[frame->first_piece + 1u + i];
		parts[2 + i] = (struct iovec){out->arena->data + piece->payload.offset, piece->payload.length};
	}
	return 2u + frame->piece_count;
}

static int write_whole(const struct tap *tap, const struct outgoing *out, struct counters *counters)
{
	uint8_t bytes[VNET_HEADER];
	struct iovec parts[2 + PIECES_OF_FRAME];

	return write_parts(tap->fd, parts, gather(out, bytes, parts), counters);
}

/* The segments of a super-frame that was merged here, as they came. All that the device takes; the first error counts. */
static int write_merged(const struct tap *tap, const struct outgoing *out, struct counters *counters)
{
	uint8_t bytes[VNET_HEADER] = {0};
	uint8_t headers[PIECES_HEADERS_MAX];
	int result = 0;

	for (uint32_t i = 0; i <= out->frame->piece_count; i++) {
		struct iovec parts[3] = {{bytes, sizeof(bytes)}};
		int error = pieces_segment(out->frame, out->arena, out->pieces, out->head, out->header_length, i,
					   headers, parts + 1);
		if (error == 0)
			error = write_parts(tap->fd, parts, 3, counters);
		if (result == 0)
			result = error;
	}
	return result;
}

/* The segments of a super-frame that came as one: from another TAP, or from the kernel's vxlan on the same box. */
static int write_cut(const struct tap *tap, const struct outgoing *out, struct counters *counters)
{
	uint8_t bytes[VNET_HEADER] = {0};
	uint8_t headers[UINT8_MAX + 1];
	struct frame bare = *out->frame;
	struct segmenter segmenter;
	int result = 0;

	/* The bytes before the frame are no matter of a TAP. */
	bare.encap_length = 0;
	if (out->header_length > sizeof(headers))
		return -EINVAL;
	segmenter_open(&segmenter, &bare, out->arena->data + bare.offset, out->header_length);
	for (uint32_t i = 0; i < segmenter.count; i++) {
		uint8_t *payload = out->arena->data + bare.offset + out->header_length + i * segmenter.gso_size;
		struct iovec parts[3] = {{bytes, sizeof(bytes)},
					 {headers, out->header_length},
					 {payload, segment_length(&segmenter, i)}};
		segment_headers(&segmenter, i, headers);
		int error = write_parts(tap->fd, parts, 3, counters);
		if (result == 0)
			result = error;
	}
	return result;
}

static struct tap_offload *offload_of(struct tap *tap, const struct frame *frame)
{
	return frame->gso_type == FRAME_GSO_UDP_L4 ? &tap->uso : &tap->tso;
}

static int write_super(struct tap *tap, const struct outgoing *out, struct counters *counters)
{
	struct tap_offload *offload = offload_of(tap, out->frame);
	int refusal = 0;

	if (!offload->off && offload->error == 0) {
		refusal = offload->injected_error != 0 ? -offload->injected_error : write_whole(tap, out, counters);
		if (refusal != -EINVAL) {
			offload->proven |= refusal == 0;
			return refusal;
		}
	}
	counters->tx_gso_refused++;
	int error = out->frame->piece_count > 0 ? write_merged(tap, out, counters) : write_cut(tap, out, counters);
	/* If the segments pass, it is super-frames as such that this device or kernel does not take. */
	if (error == 0 && refusal != 0)
		offload->error = -refusal;
	return error;
}

/* Return: 0, or -EINVAL for what must not be written */
static int examine(struct outgoing *out)
{
	const struct frame *frame = out->frame;

	if (pieces_check(frame, out->arena, out->pieces, &out->head) != 0 || out->head < ETHERNET_HEADER)
		return -EINVAL;
	if (geometry_head(frame, out->arena->data + frame->offset, out->head, &out->header_length) != 0)
		return -EINVAL;
	return frame->gso_type == FRAME_GSO_NONE && frame->piece_count > 0 ? -EINVAL : 0;
}

static void conclude(struct frame *frame, int error, struct counters *counters)
{
	frame->status = (uint16_t)-error;
	if (error != 0) {
		counters->tx_errors++;
		return;
	}
	counters->tx_frames++;
	counters->tx_bytes += frame->length;
}

static void write_now(struct tap *tap, struct outgoing *out, struct counters *counters)
{
	bool is_super = out->frame->gso_type != FRAME_GSO_NONE;

	conclude(out->frame, is_super ? write_super(tap, out, counters) : write_whole(tap, out, counters), counters);
}

/* Frames that wait in the ring, in its order. */
struct waiting {
	uint32_t count;
	struct outgoing frames[RING_CALLS];
};

static void write_waiting(struct tap *tap, struct waiting *waiting, struct counters *counters)
{
	struct ring *ring = tap->ring;
	uint32_t count = waiting->count;

	waiting->count = 0;
	if (count == 0)
		return;
	ring_run(ring);
	counters->tx_batches++;
	for (uint32_t i = 0; i < count; i++) {
		struct outgoing *out = &waiting->frames[i];
		int32_t result = ring->results[i];
		/* EINVAL is about super-frames, and for write_super to deal with. */
		bool again = ring_was_refused(ring, result) || result == -EINTR ||
			     (result == -EINVAL && out->frame->gso_type != FRAME_GSO_NONE);
		if (again)
			write_now(tap, out, counters);
		else
			conclude(out->frame, result < 0 ? result : 0, counters);
	}
}

/* What may be refused for what it is and written otherwise is written by itself: what follows would overtake it. */
static bool may_wait(struct tap *tap, const struct frame *frame)
{
	if (frame->gso_type == FRAME_GSO_NONE)
		return true;
	const struct tap_offload *offload = offload_of(tap, frame);
	return offload->proven && !offload->off && offload->error == 0 && offload->injected_error == 0;
}

static void wait_in_ring(struct tap *tap, struct waiting *waiting, const struct outgoing *out, struct counters *counters)
{
	if (!ring_takes(tap->ring, 2u + out->frame->piece_count))
		write_waiting(tap, waiting, counters);
	/* It may have been given up just now. */
	if (!ring_is_usable(tap->ring)) {
		struct outgoing copy = *out;
		write_now(tap, &copy, counters);
		return;
	}
	uint32_t count = gather(out, ring_next_header(tap->ring), ring_next_parts(tap->ring));
	ring_writev(tap->ring, tap->fd, count);
	waiting->frames[waiting->count++] = *out;
}

void tap_write(struct tap *tap, const struct span *arena, const struct pieces *pieces, struct frame *frames,
	       uint32_t count, struct counters *counters)
{
	struct waiting waiting;

	waiting.count = 0;
	for (uint32_t i = 0; i < count; i++) {
		struct outgoing out = {.frame = &frames[i], .arena = arena, .pieces = pieces};
		int error = examine(&out);

		if (error != 0) {
			conclude(&frames[i], error, counters);
		} else if (count > 1 && ring_is_usable(tap->ring) && may_wait(tap, &frames[i])) {
			wait_in_ring(tap, &waiting, &out, counters);
		} else {
			write_waiting(tap, &waiting, counters);
			write_now(tap, &out, counters);
		}
	}
	write_waiting(tap, &waiting, counters);
	counters->tx_tso_error = tap->tso.error;
	counters->tx_uso_error = tap->uso.error;
	counters->ring_error = ring_error(tap->ring);
}
