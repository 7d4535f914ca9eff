#include "handover.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int handover_pair(int ends[2])
{
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0 ? -errno : 0;
}

int handover_take(pid_t pid, int fd)
{
	int process = (int)syscall(SYS_pidfd_open, pid, 0);

	if (process < 0)
		return -errno;
	int taken = (int)syscall(SYS_pidfd_getfd, process, fd, 0);
	int error = taken < 0 ? -errno : taken;
	close(process);
	return error;
}

int handover_outlive(void)
{
	return prctl(PR_SET_PDEATHSIG, 0) < 0 ? -errno : 0;
}
