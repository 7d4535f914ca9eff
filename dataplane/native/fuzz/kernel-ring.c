/*
 * The ring of fuzz targets: what is queued is carried out by the kernel of the target (FAKE_KERNEL), call by call. A target gives
 * its port such a ring, or none; with `refuses` it gives up in the middle of a run, as a real one may.
 */
#include "kernel-ring.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "require.h"

uint32_t kernel_ring_refuses;

/* For targets that never queue such a call. */
__attribute__((weak)) ssize_t kernel_read(int fd, void *bytes, size_t room);
__attribute__((weak)) ssize_t kernel_writev(int fd, const struct iovec *parts, int count);
__attribute__((weak)) ssize_t kernel_sendmsg(int fd, const struct msghdr *header, int flags);

static struct call {
	enum { CALL_READ, CALL_WRITEV, CALL_SENDMSG } kind;
	int fd;
	const void *what;
	uint32_t size;
} calls[RING_CALLS];

static void queue(struct ring *ring, struct call call)
{
	REQUIRE(ring->fd >= 0 && ring->queued < RING_CALLS);
	calls[ring->queued++] = call;
}

void ring_read(struct ring *ring, int fd, void *bytes, uint32_t room)
{
	queue(ring, (struct call){CALL_READ, fd, bytes, room});
}

struct iovec *ring_next_parts(struct ring *ring)
{
	return ring->parts + ring->parts_used;
}

uint8_t *ring_next_header(struct ring *ring)
{
	REQUIRE(ring->queued < RING_CALLS);
	return ring->headers[ring->queued];
}

void ring_writev(struct ring *ring, int fd, uint32_t count)
{
	REQUIRE(count >= 1 && count <= RING_PARTS - ring->parts_used);
	queue(ring, (struct call){CALL_WRITEV, fd, ring_next_parts(ring), count});
	ring->parts_used += count;
}

void ring_sendmsg(struct ring *ring, int fd, const struct msghdr *header)
{
	queue(ring, (struct call){CALL_SENDMSG, fd, header, 1});
}

static ssize_t carry_out(const struct call *call)
{
	switch (call->kind) {
	case CALL_READ:
		return read(call->fd, (void *)(uintptr_t)call->what, call->size);
	case CALL_WRITEV:
		return writev(call->fd, call->what, (int)call->size);
	default:
		return sendmsg(call->fd, call->what, 0);
	}
}

uint32_t ring_run(struct ring *ring)
{
	uint32_t count = ring->queued;

	for (uint32_t i = 0; i < count; i++) {
		if (kernel_ring_refuses > 0 && i + 1 >= kernel_ring_refuses) {
			ring->results[i] = -EOPNOTSUPP;
			continue;
		}
		ssize_t result = carry_out(&calls[i]);
		ring->results[i] = result < 0 ? -errno : (int32_t)result;
	}
	ring->queued = 0;
	ring->parts_used = 0;
	return count;
}

bool ring_was_refused(struct ring *ring, int32_t result)
{
	if (result != -EOPNOTSUPP)
		return false;
	ring->error = EOPNOTSUPP;
	ring->fd = -1;
	return true;
}

void kernel_ring_open(struct ring *ring, uint32_t refuses)
{
	memset(ring, 0, sizeof(*ring));
	kernel_ring_refuses = refuses;
}
