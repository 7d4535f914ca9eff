/*
 * Many system calls in one: io_uring (io_uring_enter(2)) used as a vector of calls, and as nothing else.
 *
 *   queue     read TAP │ read TAP │ … │ writev TAP │ sendmsg socket 3 │ sendmsg socket 7 │ …
 *   ring_run  one system call, in which the kernel carries them out in this order, on this thread
 *   results   bytes │ -EAGAIN │ … │ bytes │ bytes │ -EMSGSIZE │ …
 *
 * None of the calls may wait (RWF_NOWAIT, MSG_DONTWAIT), so all have ended when ring_run returns: nothing stays in flight,
 * no memory is the kernel's in between, and frames keep their order. On a machine that does without io_uring (EPERM:
 * kernel.io_uring_disabled or a seccomp filter; ENOSYS), or with a call that cannot be asked not to wait (EOPNOTSUPP),
 * everything is done by plain calls.
 */
#ifndef WEFT_RING_H
#define WEFT_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* The most calls of one run: a full batch of a port. */
#define RING_CALLS 64u
/* Parts that the vectors of one run share: fifteen merged super-frames (pieces.h), or any 64 small frames. */
#define RING_PARTS 1024u
/* Bytes that the caller may have kept for each call: a vnet header (vnet.h), or the outer headers of a tunnel (tunnel.h). */
#define RING_HEADER 88u

struct io_uring_sqe;
struct io_uring_cqe;

struct ring {
	int fd; /* -1: there is none, or not any more */
	int error; /* the errno for which it was given up while running; 0: it was not */
	int injected_error; /* for tests: the errno that meets each call; 0: none */
	void *rings; /* what the kernel shares: indices and results */
	size_t rings_size;
	struct io_uring_sqe *entries;
	size_t entries_size;
	uint32_t *submit_tail;
	uint32_t submit_mask;
	uint32_t *complete_head;
	uint32_t *complete_tail;
	uint32_t complete_mask;
	struct io_uring_cqe *completions;
	uint32_t tail;
	uint32_t queued;
	uint32_t parts_used;
	int32_t results[RING_CALLS]; /* of the last run: bytes, or -errno */
	struct iovec parts[RING_PARTS];
	uint8_t headers[RING_CALLS][RING_HEADER];
};

/** ring_open() - @injected_error: for tests, the answer of the kernel; 0: ask it. Return: 0, or -errno and there is none */
int ring_open(struct ring *ring, int injected_error);

/** ring_close() - twice is once, and one that was never there is closed */
void ring_close(struct ring *ring);

static inline bool ring_is_usable(const struct ring *ring)
{
	return ring != NULL && ring->fd >= 0;
}

/** ring_error() - the errno for which it was given up; 0: it was not, or there never was one */
static inline int ring_error(const struct ring *ring)
{
	return ring != NULL ? ring->error : 0;
}

/** ring_takes() - whether another call, with so many parts, finds room; an empty one takes any frame */
static inline bool ring_takes(const struct ring *ring, uint32_t parts)
{
	return ring->queued < RING_CALLS && parts <= RING_PARTS - ring->parts_used;
}

/** ring_read() - read(2) into `room` bytes */
void ring_read(struct ring *ring, int fd, void *bytes, uint32_t room);

/**
 * ring_next_parts(), ring_next_header() - room for the call that ring_writev() queues next: as many parts as ring_takes() was
 * asked for, and RING_HEADER bytes
 */
struct iovec *ring_next_parts(struct ring *ring);
uint8_t *ring_next_header(struct ring *ring);

/** ring_writev() - writev(2) of the `count` parts at ring_next_parts() */
void ring_writev(struct ring *ring, int fd, uint32_t count);

/** ring_sendmsg() - sendmsg(2); `header` and what it points to stay as they are until ring_run() */
void ring_sendmsg(struct ring *ring, int fd, const struct msghdr *header);

/**
 * ring_run() - carry out what was queued
 * Return: how many calls there are results of. One that ring_was_refused() did nothing: it is to be done by a plain call
 */
uint32_t ring_run(struct ring *ring);

/** ring_was_refused() - the ring did not carry out the call of this result, and was given up (`error`) */
bool ring_was_refused(struct ring *ring, int32_t result);

#endif
