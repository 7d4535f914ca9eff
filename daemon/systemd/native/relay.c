/*
 * weft-relay COMMAND [ARGUMENT...]: what systemd takes for the main process of weft.service.
 *
 *   systemd ── signals ───► relay ── the same signals ──► weft daemon (its child)
 *      ▲                     │ ▲                               │
 *      ├── messages ─────────┤ └── messages of sd_notify(3) ───┘
 *      └── the same end ─────┘     with their descriptors, and "released"
 *
 * systemd starts the next process of a service when the main one has ended. A daemon that ends has to be loaded anew before
 * frames move again, and that takes longer than anything else. So the daemon, when it is asked to hand over (RestartKillSignal=),
 * lets go of all but its frames and says so: then this process ends, and with it, for systemd, the service. The daemon carries
 * frames until the next one is ready to (daemon/handover/).
 *
 * In all other cases it ends as its child does, and the child with it (PR_SET_PDEATHSIG).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* As a shell has it for a program that cannot be run. */
#define EXIT_NOT_RUN 127

/* Names the socket by which the daemon speaks; daemon/handover/relay.ts reads it. */
#define SOCKET_VARIABLE "WEFT_RELAY"

/* The message that is for the relay itself: the daemon has let go of all but its frames. */
#define RELEASE "weft-relay: released"

/* Bytes of a message (dataplane/native/js-service.c), and descriptors: SCM_MAX_FD of include/net/scm.h. */
#define MESSAGE_MAX 4096
#define FDS_MAX 253

/* All that is passed on; SIGCHLD is for the relay itself. */
static const int SIGNALS[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGABRT, SIGCONT, SIGCHLD};

static void fail(const char *what)
{
	fprintf(stderr, "weft-relay: %s: %s\n", what, strerror(errno));
	exit(EXIT_NOT_RUN);
}

/* Variables that name a process by its pid (sd_listen_fds(3), sd_watchdog_enabled(3)) mean the daemon where they meant the relay. */
static void name_child(const char *variable, pid_t relay)
{
	const char *value = getenv(variable);
	char text[32];

	if (value == NULL || strtol(value, NULL, 10) != relay)
		return;
	snprintf(text, sizeof(text), "%d", getpid());
	setenv(variable, text, 1);
}

static void run_child(char **command, const sigset_t *mask, pid_t relay, int socket)
{
	char text[32];

	/* Before the relay is looked for: it may have ended in between. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		fail("prctl");
	if (getppid() != relay)
		_exit(EXIT_NOT_RUN);
	name_child("LISTEN_PID", relay);
	name_child("WATCHDOG_PID", relay);
	snprintf(text, sizeof(text), "%d", socket);
	setenv(SOCKET_VARIABLE, text, 1);
	if (fcntl(socket, F_SETFD, 0) < 0 || sigprocmask(SIG_SETMASK, mask, NULL) < 0)
		fail("fork");
	execvp(command[0], command);
	fail(command[0]);
}

/* Ends as the child did, so that systemd sees what happened: a status, or a signal. */
static void end_as(int status)
{
	if (WIFEXITED(status))
		exit(WEXITSTATUS(status));
	const struct rlimit none = {0, 0};
	sigset_t all;

	/* The child has dumped its core. */
	setrlimit(RLIMIT_CORE, &none);
	signal(WTERMSIG(status), SIG_DFL);
	sigfillset(&all);
	raise(WTERMSIG(status));
	sigprocmask(SIG_UNBLOCK, &all, NULL);
	exit(128 + WTERMSIG(status));
}

static void take_signals(int signals, pid_t child)
{
	struct signalfd_siginfo info;

	while (read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		int status;

		if (info.ssi_signo != SIGCHLD)
			kill(child, (int)info.ssi_signo);
		else if (waitpid(child, &status, WNOHANG) == child)
			end_as(status);
	}
}

/* Return: a socket to the manager, or -1: there is none, or it cannot be spoken to */
static int connect_manager(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = path == NULL ? 0 : strlen(path);

	if (length < 2 || length > sizeof(address.sun_path))
		return -1;
	memcpy(address.sun_path, path, length);
	/* A name of the abstract namespace (unix(7)) begins with 0, which sd_notify(3) writes as "@". */
	if (address.sun_path[0] == '@')
		address.sun_path[0] = 0;
	int manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	if (manager >= 0 && connect(manager, (struct sockaddr *)&address, size) == 0)
		return manager;
	fprintf(stderr, "weft-relay: %s: %s\n", path, strerror(errno));
	return -1;
}

static void close_passed(struct msghdr *header)
{
	for (struct cmsghdr *part = CMSG_FIRSTHDR(header); part != NULL; part = CMSG_NXTHDR(header, part)) {
		if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
			close(fd);
		}
	}
}

enum outcome { PASSED, RELEASED, ENDED };

/* One message of the daemon, with its descriptors. Waits where the manager is busy: then the daemon's wait here. */
static enum outcome pass_message(int daemon, int manager)
{
	alignas(struct cmsghdr) char control[CMSG_SPACE(FDS_MAX * sizeof(int))];
	char text[MESSAGE_MAX];
	struct iovec part = {.iov_base = text, .iov_len = sizeof(text)};
	struct msghdr header = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	ssize_t length = recvmsg(daemon, &header, MSG_CMSG_CLOEXEC);

	if (length <= 0)
		return length < 0 && errno == EINTR ? PASSED : ENDED;
	if ((size_t)length == strlen(RELEASE) && memcmp(text, RELEASE, (size_t)length) == 0)
		return RELEASED;
	part.iov_len = (size_t)length;
	header.msg_flags = 0;
	/* What it refuses the daemon cannot mend: a watchdog that hears nothing ends it. */
	if (manager >= 0)
		(void)sendmsg(manager, &header, MSG_NOSIGNAL);
	close_passed(&header);
	return PASSED;
}

int main(int argc, char **argv)
{
	sigset_t taken, former;
	int ends[2];

	if (argc < 2) {
		fprintf(stderr, "usage: weft-relay COMMAND [ARGUMENT...]\n");
		return EXIT_NOT_RUN;
	}
	sigemptyset(&taken);
	for (size_t i = 0; i < sizeof(SIGNALS) / sizeof(SIGNALS[0]); i++)
		sigaddset(&taken, SIGNALS[i]);
	if (sigprocmask(SIG_BLOCK, &taken, &former) < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		fail("cannot start");
	pid_t relay = getpid();
	pid_t child = fork();
	if (child < 0)
		fail("fork");
	if (child == 0)
		run_child(argv + 1, &former, relay, ends[1]);
	/* Passed descriptors among them: who holds a listening socket or a TAP without reading it loses what comes. */
	int kept = dup2(ends[0], STDERR_FILENO + 1);
	if (kept < 0 || close_range((unsigned int)kept + 1, UINT_MAX, 0) < 0)
		fail("close_range");
	int signals = signalfd(-1, &taken, SFD_NONBLOCK | SFD_CLOEXEC);
	int manager = connect_manager(getenv("NOTIFY_SOCKET"));
	if (signals < 0)
		fail("signalfd");
	struct pollfd waits[] = {{.fd = signals, .events = POLLIN}, {.fd = kept, .events = POLLIN}};
	for (;;) {
		if (poll(waits, 2, -1) < 0 && errno != EINTR)
			fail("poll");
		if ((waits[0].revents & POLLIN) != 0)
			take_signals(signals, child);
		if (waits[1].revents == 0)
			continue;
		switch (pass_message(kept, manager)) {
		case RELEASED:
			return 0;
		case ENDED:
			/* Of which SIGCHLD tells; poll(2) passes over it from now on. */
			waits[1].fd = -1;
			break;
		case PASSED:
			break;
		}
	}
}
