/*
 * hold-socket PATH NAME COMMAND [ARGUMENT...]: what systemd does for a socket unit. Listens on the Unix socket and starts the command when
 * somebody connects, with the socket as descriptor 3 (sd_listen_fds(3)); again when the command has ended and somebody connects. Prints
 * {"ready":true}, and {"pid":N} for each start.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FIRST_DESCRIPTOR = 3, BACKLOG = 128 };

static void fail(const char *what)
{
	fprintf(stderr, "hold-socket: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int listen_on(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof address.sun_path) {
		errno = ENAMETOOLONG;
		fail(path);
	}
	strcpy(address.sun_path, path);
	/* What an earlier one has left. */
	unlink(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, BACKLOG) < 0)
		fail(path);
	return fd;
}

static void start(int fd, const char *name, char **command)
{
	char pid[16];
	snprintf(pid, sizeof pid, "%d", (int)getpid());
	/* Nobody else would end it, if we are killed. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* As descriptor 3 it is not closed by the exec. */
	if (fd == FIRST_DESCRIPTOR ? fcntl(fd, F_SETFD, 0) < 0 : dup2(fd, FIRST_DESCRIPTOR) < 0)
		fail("descriptor 3");
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	setenv("LISTEN_FDNAMES", name, 1);
	execvp(command[0], command);
	fail(command[0]);
}

int main(int count, char **arguments)
{
	if (count < 4) {
		fprintf(stderr, "usage: hold-socket PATH NAME COMMAND [ARGUMENT...]\n");
		return 2;
	}
	int fd = listen_on(arguments[1]);
	printf("{\"ready\":true}\n");
	fflush(stdout);
	for (;;) {
		struct pollfd waiting = { .fd = fd, .events = POLLIN };
		if (poll(&waiting, 1, -1) < 0 && errno != EINTR)
			fail("poll");
		pid_t child = fork();
		if (child < 0)
			fail("fork");
		if (child == 0)
			start(fd, arguments[2], arguments + 3);
		printf("{\"pid\":%d}\n", (int)child);
		fflush(stdout);
		while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
			;
	}
}
