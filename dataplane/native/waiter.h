/*
 * Waits for the descriptors of all ports of one thread, in place of the loop's own wait.
 *
 *   uv_run   timers ─► prepare ──────────────────────────────────► poll (returns at once) ─► check ─► closing ─┐
 *     ▲                 └► epoll_wait: ports, and the loop's own epoll ─► ready() ─┐                            │
 *     │                      ▲ as long as only ports are ready                     │                            │
 *     │                      └─────────────────────────────────────────────────────┘                            │
 *     └─────────────────────────────────────────────────────────────────────────────────────────────────────────┘
 *
 * While frames come, the thread goes from one epoll_wait to the next and does not pass through the loop, which with Node's
 * settings asks twice for each wake-up (UV_METRICS_IDLE_TIME). Whatever else the loop waits for ends the stay: its
 * epoll is one of our descriptors, its next timer is our timeout. This is the way that libuv offers to those who embed
 * it: uv_backend_fd, uv_backend_timeout.
 */
#ifndef WEFT_WAITER_H
#define WEFT_WAITER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "spin.h"

struct poller;
struct waiter;

/** The loop has let go of the waiter: its memory may be freed. */
typedef void waiter_closed(struct waiter *waiter);

struct waiter {
	uv_loop_t *loop;
	uv_prepare_t prepare;
	int fd; /* the epoll of the ports */
	uint32_t pollers; /* in it; with none, the loop may end */
	bool held; /* none of them is served */
	double time; /* ms of CLOCK_MONOTONIC, when the thread was last woken: whoever serves a port reads it for nothing */
	struct spin spin;
	waiter_closed *closed;
};

/** waiter_open() - Return: 0, or -errno and then `closed` is never called */
int waiter_open(struct waiter *waiter, uv_loop_t *loop, waiter_closed *closed);

/**
 * waiter_add() - call the poller's `ready` while @fd is readable
 * Return: 0 or -errno
 */
int waiter_add(struct waiter *waiter, struct poller *poller, int fd);

/** waiter_remove() - legal within `ready`, also of another poller */
void waiter_remove(struct waiter *waiter, int fd);

/** waiter_hold() - serve no port until it is called again with false; what comes meanwhile waits in the kernel */
void waiter_hold(struct waiter *waiter, bool held);

/** waiter_close() - after all pollers were removed; `closed` follows on a later turn of the loop */
void waiter_close(struct waiter *waiter);

#endif
