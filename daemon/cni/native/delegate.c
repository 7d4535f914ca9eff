#include "delegate.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a plugin may answer. */
#define MAX_OUTPUT (1024 * 1024)

static int find_plugin(const char *name, char *path, size_t size)
{
	const char *directories = getenv("CNI_PATH");

	if (directories == NULL || *name == '\0' || strchr(name, '/') != NULL)
		return -ENOENT;
	for (const char *at = directories; *at != '\0';) {
		size_t length = strcspn(at, ":");
		int written = snprintf(path, size, "%.*s/%s", (int)length, at, name);

		if (length > 0 && written > 0 && (size_t)written < size && access(path, X_OK) == 0)
			return 0;
		at += length + (at[length] == ':');
	}
	return -ENOENT;
}

static void run_plugin(const char *path, const char *command, const int in[2], const int out[2])
{
	if (dup2(in[0], STDIN_FILENO) < 0 || dup2(out[1], STDOUT_FILENO) < 0)
		_exit(127);
	close(in[0]);
	close(in[1]);
	close(out[0]);
	close(out[1]);
	if (command != NULL)
		setenv("CNI_COMMAND", command, 1);
	execl(path, path, (char *)NULL);
	_exit(127);
}

static void write_all(int fd, const struct text *text)
{
	for (size_t written = 0; written < text->length;) {
		ssize_t count = write(fd, text->bytes + written, text->length - written);

		if (count < 0 && errno == EINTR)
			continue;
		/* A plugin need not read what it does not need. */
		if (count < 0)
			return;
		written += (size_t)count;
	}
}

int delegate_run(const char *name, const char *command, const struct text *input, struct text *output)
{
	char path[PATH_MAX];
	int in[2], out[2];
	int error = find_plugin(name, path, sizeof(path));

	if (error != 0)
		return error;
	if (pipe(in) != 0)
		return -errno;
	if (pipe(out) != 0) {
		error = -errno;
		close(in[0]);
		close(in[1]);
		return error;
	}
	signal(SIGPIPE, SIG_IGN);
	pid_t child = fork();

	if (child == 0)
		run_plugin(path, command, in, out);
	error = child < 0 ? -errno : 0;
	close(in[0]);
	close(out[1]);
	/* A configuration is smaller than a pipe (64 KiB), or the plugin reads it while it writes nothing yet. */
	if (child > 0)
		write_all(in[1], input);
	close(in[1]);
	if (child > 0)
		error = text_read(output, out[0], MAX_OUTPUT);
	close(out[0]);
	if (child < 0)
		return error;
	int status = 0;

	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (error != 0)
		return error;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
