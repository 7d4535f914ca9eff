#include "tap.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "geometry.h"
#include "vnet.h"

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

struct received tap_receive(const struct tap *tap, const struct slots *slots, struct frame *frames,
			    uint32_t capacity, struct counters *counters)
{
	struct received received = {0, 0};
	uint32_t limit = capacity < slots->count ? capacity : slots->count;
	size_t room = slots->size - slots->frame_start + VNET_HEADER;

	/* Bad frames count as attempts: a flood of them must not keep this loop from its end. */
	for (uint32_t attempts = 0; attempts < limit; attempts++) {
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
			counters->rx_bytes += (double)frames[received.count].length;
			received.count++;
		}
	}
	counters->rx_frames += received.count;
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

/* All that the device takes; the first error is that of the frame. */
static int write_segments(const struct tap *tap, const struct outgoing *out, struct counters *counters)
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

static int write_merged(struct tap *tap, const struct outgoing *out, struct counters *counters)
{
	int *refusal = out->frame->gso_type == FRAME_GSO_UDP_L4 ? &tap->uso_error : &tap->tso_error;

	if (*refusal == 0) {
		int error = write_whole(tap, out, counters);
		if (error != -EINVAL)
			return error;
		/* Its geometry is right, so it is segmentation as such that this device or kernel does not take. */
		*refusal = -error;
	}
	counters->tx_gso_refused++;
	return write_segments(tap, out, counters);
}

/* Return: 0 or -errno */
static int write_frame(struct tap *tap, struct outgoing *out, struct counters *counters)
{
	const struct frame *frame = out->frame;

	if (pieces_check(frame, out->arena, out->pieces, &out->head) != 0 || out->head < ETHERNET_HEADER)
		return -EINVAL;
	if (geometry_head(frame, out->arena->data + frame->offset, out->head, &out->header_length) != 0)
		return -EINVAL;
	if (frame->piece_count == 0)
		return write_whole(tap, out, counters);
	return frame->gso_type == FRAME_GSO_NONE ? -EINVAL : write_merged(tap, out, counters);
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
	counters->tx_tso_error = tap->tso_error;
	counters->tx_uso_error = tap->uso_error;
}
