#include "waiter.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "poller.h"

/* Descriptors served between two looks at the loop. More wait for the next round; none starves, for epoll rotates. */
#define EVENTS 32

/* What one epoll_wait found. */
struct round {
	const struct waiter *waiter;
	struct epoll_event events[EVENTS];
};

/* Return: whether something besides the ports is ready */
static bool serve(struct waiter *waiter, const struct epoll_event *events, int count)
{
	bool others = false;
	bool lone = count == 1;

	for (int i = 0; i < count; i++) {
		struct poller *poller = events[i].data.ptr;
		if (poller == NULL)
			others = true;
		else if (poller->armed) /* no poller before it in this round has stopped it */
			lone &= poller->ready(poller, (events[i].events & (EPOLLERR | EPOLLHUP)) != 0);
	}
	spin_round(&waiter->spin, lone && !others);
	return others;
}

static int look(void *context)
{
	struct round *round = context;

	return epoll_wait(round->waiter->fd, round->events, EVENTS, 0);
}

/* Return: as epoll_wait */
static int wait_for_events(struct waiter *waiter, struct round *round, int timeout)
{
	int count = timeout == 0 ? 0 : spin_wait(&waiter->spin, look, round);

	return count != 0 ? count : epoll_wait(waiter->fd, round->events, EVENTS, timeout);
}

static void on_prepare(uv_prepare_t *handle)
{
	struct waiter *waiter = handle->data;
	struct round round = {.waiter = waiter};
	bool others = false;

	/*
	 * 0: the loop has something to do at once. Handlers may have given it that, so it is asked each time. Then the
	 * ports are served once, without waiting.
	 */
	for (int timeout = -1; timeout != 0 && !others && waiter->pollers > 0 && !waiter->held;) {
		timeout = uv_backend_timeout(waiter->loop);
		int count = wait_for_events(waiter, &round, timeout);
		int error = count < 0 ? errno : 0;
		/* The loop's time is that of its last poll: without this it would wait for the same timer again. */
		uv_update_time(waiter->loop);
		waiter->time = (double)uv_now(waiter->loop);
		/* Not for a signal: the loop would go on to wait for what it has, and nobody for the ports. */
		if (error != 0 && error != EINTR)
			return;
		if (count > 0)
			others = serve(waiter, round.events, count);
		else
			spin_round(&waiter->spin, false);
	}
}

static void on_closed(uv_handle_t *handle)
{
	struct waiter *waiter = handle->data;

	waiter->closed(waiter);
}

static int add(const struct waiter *waiter, int fd, void *data)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = data};

	return epoll_ctl(waiter->fd, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

int waiter_open(struct waiter *waiter, uv_loop_t *loop, waiter_closed *closed)
{
	waiter->loop = loop;
	waiter->pollers = 0;
	waiter->held = false;
	waiter->time = (double)uv_now(loop);
	waiter->closed = closed;
	spin_init(&waiter->spin);
	waiter->fd = epoll_create1(EPOLL_CLOEXEC);
	if (waiter->fd < 0)
		return -errno;
	int error = add(waiter, uv_backend_fd(loop), NULL);
	if (error != 0) {
		close(waiter->fd);
		return error;
	}
	uv_prepare_init(loop, &waiter->prepare);
	waiter->prepare.data = waiter;
	return 0;
}

int waiter_add(struct waiter *waiter, struct poller *poller, int fd)
{
	int error = add(waiter, fd, poller);

	waiter->time = (double)uv_now(waiter->loop);
	if (error == 0 && waiter->pollers++ == 0 && !waiter->held)
		uv_prepare_start(&waiter->prepare, on_prepare);
	return error;
}

void waiter_remove(struct waiter *waiter, int fd)
{
	epoll_ctl(waiter->fd, EPOLL_CTL_DEL, fd, NULL);
	if (--waiter->pollers == 0)
		uv_prepare_stop(&waiter->prepare);
}

void waiter_hold(struct waiter *waiter, bool held)
{
	waiter->held = held;
	if (held)
		uv_prepare_stop(&waiter->prepare);
	else if (waiter->pollers > 0)
		uv_prepare_start(&waiter->prepare, on_prepare);
}

void waiter_close(struct waiter *waiter)
{
	close(waiter->fd);
	uv_close((uv_handle_t *)&waiter->prepare, on_closed);
}
