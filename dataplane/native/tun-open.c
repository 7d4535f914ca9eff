#include "tun-open.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netns.h"

static int open_tun_device(void)
{
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int open_control_socket(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

struct opening {
	int (*open_it)(void);
	int result;
};

static void carry_out(void *context)
{
	struct opening *opening = context;

	opening->result = opening->open_it();
}

static int open_within(const char *netns, int (*open_it)(void))
{
	struct opening opening = {.open_it = open_it};
	int refused = netns_run(netns, carry_out, &opening);

	return refused != 0 ? refused : opening.result;
}

int tun_open(const char *netns)
{
	return open_within(netns, open_tun_device);
}

int control_socket_open(const char *netns)
{
	return open_within(netns, open_control_socket);
}

int namespace_check(const char *netns)
{
	int fd = netns_open(netns);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}
