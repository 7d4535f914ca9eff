#include "netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

int netns_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	/* A regular file, or a namespace of another type, gives ENOTTY or another number. */
	if (ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET) {
		close(fd);
		return -EINVAL;
	}
	return fd;
}

int netns_run(const char *netns, void (*work)(void *context), void *context)
{
	if (netns == NULL) {
		work(context);
		return 0;
	}

	int target = netns_open(netns);
	if (target < 0)
		return target;
	int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (home < 0) {
		int error = -errno;
		close(target);
		return error;
	}

	int result = 0;
	if (setns(target, CLONE_NEWNET) != 0) {
		result = -errno;
	} else {
		work(context);
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
