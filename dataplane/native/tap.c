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

struct received tap_receive(struct tap *tap, const struct slots *slots, struct frame *frames,
			    uint32_t capacity, struct counters *counters)
{
	struct received received = {0};
	uint32_t limit = appetite_limit(&tap->appetite, capacity < slots->count ? capacity : slots->count);
	size_t room = slots->size - slots->frame_start + VNET_HEADER;

	/* Bad frames count as attempts: a flood of them must not keep this loop from its end. */
	uint32_t bytes_read = 0;
	for (uint32_t attempts = 0; attempts < limit && bytes_read < BATCH_BYTES; attempts++) {
		uint32_t offset = received.count * slots->size + slots->frame_start;
		/*
		 * The vnet header falls into the headroom, which is free until an encapsulation is written
		 * there.
		 */
		ssize_t bytes = read(tap->fd, slots->arena.data + offset - VNET_HEADER, room);

		if (bytes < 0) {
			if (errno == EINTR)
				continue;
			received.error = errno == EAGAIN ? 0 : errno;
			counters->rx_errors += errno != EAGAIN;
			/*
			 * EINVAL is one frame that Linux could not describe; it is gone. The rest is about
			 * the device.
			 */
			if (errno != EINVAL)
				break;
		} else if (bytes == 0) {
			/* A TAP has no end of file; whatever this is, it would be readable for ever. */
			received.error = ENODEV;
			break;
		} else if ((size_t)bytes >= room) {
			counters->rx_truncated++;
		} else if (accept_frame(slots, offset, (size_t)bytes, &frames[received.count]) != 0) {
			counters->rx_bad_geometry++;
		} else {
			bytes_read += frames[received.count].length;
			received.count++;
		}
	}
	appetite_had(&tap->appetite, limit, received.count);
	received.lone = received.count == 1 && frames[0].length <= SMALL_FRAME;
	counters->rx_frames += received.count;
	counters->rx_bytes += (double)bytes_read;
	counters->rx_batches += received.count > 0;
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
	const struct frame *frame;
	const struct span *arena;
	const struct pieces *pieces;
	uint32_t head; /* bytes at its offset */
	uint16_t header_length;
};

static int write_whole(const struct tap *tap, const struct outgoing *out, struct counters *counters)
{
	const struct frame *frame = out->frame;
	uint8_t bytes[VNET_HEADER];
	/* Beside the frame, not before it: those bytes may hold the encapsulation of another copy of this frame. */
	struct iovec parts[2 + PIECES_OF_FRAME] = {{bytes, sizeof(bytes)}, {out->arena->data + frame->offset, out->head}};

	fill_header(frame, out->header_length, bytes);
	for (uint32_t i = 0; i < frame->piece_count; i++) {
		const union piece *piece = &out->pieces->table[frame->first_piece + 1u + i];
		parts[2 + i] = (struct iovec){out->arena->data + piece->payload.offset, piece->payload.length};
	}
	return write_parts(tap->fd, parts, 2u + frame->piece_count, counters);
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

static int write_super(struct tap *tap, const struct outgoing *out, struct counters *counters)
{
	struct tap_offload *offload = out->frame->gso_type == FRAME_GSO_UDP_L4 ? &tap->uso : &tap->tso;
	int refusal = 0;

	if (!offload->off && offload->error == 0) {
		refusal = offload->injected_error != 0 ? -offload->injected_error : write_whole(tap, out, counters);
		if (refusal != -EINVAL)
			return refusal;
	}
	counters->tx_gso_refused++;
	int error = out->frame->piece_count > 0 ? write_merged(tap, out, counters) : write_cut(tap, out, counters);
	/* If the segments pass, it is super-frames as such that this device or kernel does not take. */
	if (error == 0 && refusal != 0)
		offload->error = -refusal;
	return error;
}

/* Return: 0 or -errno */
static int write_frame(struct tap *tap, struct outgoing *out, struct counters *counters)
{
	const struct frame *frame = out->frame;

	if (pieces_check(frame, out->arena, out->pieces, &out->head) != 0 || out->head < ETHERNET_HEADER)
		return -EINVAL;
	if (geometry_head(frame, out->arena->data + frame->offset, out->head, &out->header_length) != 0)
		return -EINVAL;
	if (frame->gso_type != FRAME_GSO_NONE)
		return write_super(tap, out, counters);
	return frame->piece_count == 0 ? write_whole(tap, out, counters) : -EINVAL;
}

void tap_write(struct tap *tap, const struct span *arena, const struct pieces *pieces, struct frame *frames,
	       uint32_t count, struct counters *counters)
{
	for (uint32_t i = 0; i < count; i++) {
		struct outgoing out = {.frame = &frames[i], .arena = arena, .pieces = pieces};
		int error = write_frame(tap, &out, counters);

		frames[i].status = (uint16_t)-error;
		if (error != 0) {
			counters->tx_errors++;
			continue;
		}
		counters->tx_frames++;
		counters->tx_bytes += frames[i].length;
	}
	counters->tx_tso_error = tap->tso.error;
	counters->tx_uso_error = tap->uso.error;
}
