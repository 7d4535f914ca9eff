/*
 * weft-relay COMMAND [ARGUMENT...]: what systemd takes for the main process of weft.service.
 *
 *   systemd ── signals ──► relay ── the same signals ──► weft daemon (its child)
 *      ▲                     │ ▲                              │
 *      └── the same end ─────┘ └──── one byte: "released" ────┘
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
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/* As a shell has it for a program that cannot be run. */
#define EXIT_NOT_RUN 127

/* Names the descriptor on which the daemon says that it has let go; daemon/handover/relay.ts reads it. */
#define RELEASE_VARIABLE "WEFT_RELAY"

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

static void run_child(char **command, const sigset_t *mask, pid_t relay, int release)
{
	char text[32];

	/* Before the relay is looked for: it may have ended in between. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		fail("prctl");
	if (getppid() != relay)
		_exit(EXIT_NOT_RUN);
	name_child("LISTEN_PID", relay);
	name_child("WATCHDOG_PID", relay);
	snprintf(text, sizeof(text), "%d", release);
	setenv(RELEASE_VARIABLE, text, 1);
	if (fcntl(release, F_SETFD, 0) < 0 || sigprocmask(SIG_SETMASK, mask, NULL) < 0)
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

/* Whether the daemon has let go. At the end of the pipe it has ended, of which SIGCHLD tells. */
static bool is_released(int release)
{
	char byte;

	return read(release, &byte, 1) == 1;
}

int main(int argc, char **argv)
{
	sigset_t taken, former;
	int release[2];

	if (argc < 2) {
		fprintf(stderr, "usage: weft-relay COMMAND [ARGUMENT...]\n");
		return EXIT_NOT_RUN;
	}
	sigemptyset(&taken);
	for (size_t i = 0; i < sizeof(SIGNALS) / sizeof(SIGNALS[0]); i++)
		sigaddset(&taken, SIGNALS[i]);
	if (sigprocmask(SIG_BLOCK, &taken, &former) < 0 || pipe2(release, O_CLOEXEC) < 0)
		fail("cannot start");
	pid_t relay = getpid();
	pid_t child = fork();
	if (child < 0)
		fail("fork");
	if (child == 0)
		run_child(argv + 1, &former, relay, release[1]);
	/* Passed descriptors among them: who holds a listening socket or a TAP without reading it loses what comes. */
	int kept = dup2(release[0], STDERR_FILENO + 1);
	if (kept < 0 || close_range((unsigned int)kept + 1, UINT_MAX, 0) < 0)
		fail("close_range");
	int signals = signalfd(-1, &taken, SFD_NONBLOCK | SFD_CLOEXEC);
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
		if (is_released(kept))
			return 0;
		/* poll(2) passes over it from now on. */
		waits[1].fd = -1;
	}
}
