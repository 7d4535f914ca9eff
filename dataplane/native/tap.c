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
static int write_frame(int fd, const struct span *arena, const struct frame *frame)
{
	struct vnet header = {0};
	uint8_t bytes[VNET_HEADER];

	if (frame->length < ETHERNET_HEADER || geometry_bounds(frame, arena->size) != 0)
		return -EINVAL;
	uint8_t *data = arena->data + frame->offset;
	if (geometry_offload(frame, data, &header.header_length) != 0)
		return -EINVAL;
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

	/* Beside it, not before it: those bytes may hold the encapsulation of another copy of this frame. */
	struct iovec parts[2] = {{bytes, sizeof(bytes)}, {data, frame->length}};
	ssize_t written;
	do {
		written = writev(fd, parts, 2);
	} while (written < 0 && errno == EINTR);
	return written < 0 ? -errno : 0;
}

void tap_write(const struct tap *tap, const struct span *arena, struct frame *frames, uint32_t count,
	       struct counters *counters)
{
	for (uint32_t i = 0; i < count; i++) {
		int error = write_frame(tap->fd, arena, &frames[i]);

		frames[i].status = (uint16_t)-error;
		if (error != 0) {
			counters->tx_errors++;
			continue;
		}
		counters->tx_frames++;
		counters->tx_batches++;
		counters->tx_bytes += frames[i].length;
	}
}
