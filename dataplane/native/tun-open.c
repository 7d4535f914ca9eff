#include "tun-open.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

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

static int open_namespace(const char *netns)
{
	int fd = open(netns, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	/* A regular file, or a namespace of another type, gives ENOTTY or another number. */
	if (ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET) {
		close(fd);
		return -EINVAL;
	}
	return fd;
}

static int open_within(const char *netns, int (*open_it)(void))
{
	if (netns == NULL)
		return open_it();

	int target = open_namespace(netns);
	if (target < 0)
		return target;
	int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (home < 0) {
		int error = -errno;
		close(target);
		return error;
	}

	int result;
	if (setns(target, CLONE_NEWNET) != 0) {
		result = -errno;
	} else {
		result = open_it();
		if (setns(home, CLONE_NEWNET) != 0) {
			fprintf(stderr, "weft: cannot leave network namespace %s: %s; aborting\n", netns,
				strerror(errno));
			abort();
		}
	}
	close(home);
	close(target);
	return result;
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
	int fd = open_namespace(netns);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}
