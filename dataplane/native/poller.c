#include "poller.h"

#include <errno.h>
#include <fcntl.h>

static int start(struct poller *poller)
{
	int error = waiter_add(poller->waiter, poller, poller->fd);

	poller->armed = error == 0;
	return error;
}

static void disarm(struct poller *poller)
{
	if (poller->armed)
		waiter_remove(poller->waiter, poller->fd);
	poller->armed = false;
}

static void on_timer(uv_timer_t *handle)
{
	struct poller *poller = handle->data;

	/* Repeats until it works: there may be no memory just now. */
	if (start(poller) == 0)
		uv_timer_stop(handle);
}

static void on_closed(uv_handle_t *handle)
{
	struct poller *poller = handle->data;

	poller->closed(poller);
}

static int make_non_blocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 ? 0 : -errno;
}

int poller_open(struct poller *poller, struct waiter *waiter, int fd, bool reads, poller_ready *ready,
		poller_closed *closed)
{
	poller->waiter = waiter;
	poller->fd = fd;
	poller->armed = false;
	poller->ready = ready;
	poller->closed = closed;
	int error = make_non_blocking(fd);
	if (error == 0 && reads)
		error = start(poller);
	if (error != 0)
		return error;
	uv_timer_init(waiter->loop, &poller->timer);
	poller->timer.data = poller;
	return 0;
}

void poller_pause(struct poller *poller, unsigned int milliseconds)
{
	disarm(poller);
	uv_timer_start(&poller->timer, on_timer, milliseconds, milliseconds);
}

void poller_stop(struct poller *poller)
{
	disarm(poller);
	uv_timer_stop(&poller->timer);
}

void poller_close(struct poller *poller)
{
	disarm(poller);
	uv_close((uv_handle_t *)&poller->timer, on_closed);
}
