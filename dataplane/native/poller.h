/*
 * One descriptor on the thread that owns it. Level-triggered: one call of `ready` for each round of the waiter
 * while there is something to read, so that no port starves the others.
 */
#ifndef WEFT_POLLER_H
#define WEFT_POLLER_H

#include "waiter.h"

/**
 * Readable, or (`failed`) the kernel reports EPOLLERR or EPOLLHUP.
 * Return: whether it was one lone frame, behind which the next one may be waited for (spin.h)
 */
typedef bool poller_ready(struct poller *poller, bool failed);

/** The loop has let go of the poller: its memory may be freed. */
typedef void poller_closed(struct poller *poller);

struct poller {
	struct waiter *waiter;
	int fd;
	bool armed;
	uv_timer_t timer;
	poller_ready *ready;
	poller_closed *closed;
};

/**
 * poller_open() - start polling for readability
 * @fd: becomes non-blocking; stays the caller's
 * @reads: false: it is never polled, and `ready` never called
 * Return: 0, or -errno and then `closed` is never called
 */
int poller_open(struct poller *poller, struct waiter *waiter, int fd, bool reads, poller_ready *ready,
		poller_closed *closed);

/**
 * poller_pause() - poll again only after `milliseconds`: for a descriptor that is readable yet yields only
 * errors
 */
void poller_pause(struct poller *poller, unsigned int milliseconds);

/** poller_stop() - never call `ready` again */
void poller_stop(struct poller *poller);

/**
 * poller_close() - as poller_stop, and `closed` follows on a later turn of the loop. The fd may be closed at
 * once.
 */
void poller_close(struct poller *poller);

#endif
