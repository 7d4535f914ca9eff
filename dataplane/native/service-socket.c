#include "service-socket.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netns.h"

/* A container that opens so many connections before the daemon looks has no claim to more. */
#define BACKLOG 16

struct opening {
	int type;
	const struct sockaddr_in *address;
	int result;
};

static bool is_bound(int fd, const struct opening *opening)
{
	const struct sockaddr *address = (const struct sockaddr *)opening->address;
	int on = 1;

	if (opening->type != SOCK_STREAM)
		return bind(fd, address, sizeof(*opening->address)) == 0;
	/* Connections of an earlier socket in TIME_WAIT are not in the way. */
	return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	       bind(fd, address, sizeof(*opening->address)) == 0 && listen(fd, BACKLOG) == 0;
}

static void carry_out(void *context)
{
	struct opening *opening = context;
	int fd = socket(AF_INET, opening->type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	opening->result = fd < 0 ? -errno : fd;
	if (fd >= 0 && !is_bound(fd, opening)) {
		opening->result = -errno;
		close(fd);
	}
}

int service_socket_open(const char *netns, int type, const struct sockaddr_in *address)
{
	struct opening opening = {.type = type, .address = address};
	int refused = netns_run(netns, carry_out, &opening);

	return refused != 0 ? refused : opening.result;
}
