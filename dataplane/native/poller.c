#include "poller.h"

static void on_poll(uv_poll_t *handle, int status, int events)
{
	struct poller *poller = handle->data;

	(void)events;
	/* libuv turns POLLERR into UV_EBADF and stops the handle (uv__poll_io). */
	poller->ready(poller, status < 0);
}

static void start(struct poller *poller)
{
	uv_poll_start(&poller->poll, UV_READABLE, on_poll);
}

static void on_timer(uv_timer_t *handle)
{
	start(handle->data);
}

static void on_closed(uv_handle_t *handle)
{
	struct poller *poller = handle->data;

	if (--poller->handles == 0)
		poller->closed(poller);
}

int poller_open(struct poller *poller, uv_loop_t *loop, int fd, bool reads, poller_ready *ready,
		poller_closed *closed)
{
	int error = uv_poll_init(loop, &poller->poll, fd);

	if (error != 0)
		return error;
	uv_timer_init(loop, &poller->timer);
	poller->handles = 2;
	poller->poll.data = poller;
	poller->timer.data = poller;
	poller->ready = ready;
	poller->closed = closed;
	if (reads)
		start(poller);
	return 0;
}

void poller_pause(struct poller *poller, unsigned int milliseconds)
{
	uv_poll_stop(&poller->poll);
	uv_timer_start(&poller->timer, on_timer, milliseconds, 0);
}

void poller_stop(struct poller *poller)
{
	uv_poll_stop(&poller->poll);
	uv_timer_stop(&poller->timer);
}

void poller_close(struct poller *poller)
{
	uv_close((uv_handle_t *)&poller->poll, on_closed);
	uv_close((uv_handle_t *)&poller->timer, on_closed);
}
