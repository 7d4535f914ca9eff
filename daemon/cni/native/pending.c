#include "pending.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char *const VARIABLES[] = { "CNI_COMMAND", "CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_ARGS" };

static void write_environment(struct text *text)
{
	for (size_t i = 0; i < sizeof(VARIABLES) / sizeof(*VARIABLES); i++) {
		const char *value = getenv(VARIABLES[i]);

		if (value == NULL || strchr(value, '\n') != NULL)
			continue;
		text_append(text, VARIABLES[i], strlen(VARIABLES[i]));
		text_append(text, "=", 1);
		text_append(text, value, strlen(value));
		text_append(text, "\n", 1);
	}
	text_append(text, "\n", 1);
}

static int write_file(int directory, const char *name, const struct text *text)
{
	int fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	ssize_t written = write(fd, text->bytes, text->length);
	int error = written == (ssize_t)text->length ? 0 : written < 0 ? -errno : -EIO;

	if (close(fd) != 0 && error == 0)
		error = -errno;
	return error;
}

int pending_remember(const char *socket_path, const struct text *config)
{
	char path[PATH_MAX], aside[80], name[64];
	const char *slash = strrchr(socket_path, '/');
	size_t length = slash == NULL ? 0 : (size_t)(slash - socket_path);

	if (slash == NULL || length + sizeof("/cni") > sizeof(path))
		return -ENAMETOOLONG;
	snprintf(path, sizeof(path), "%.*s/cni", (int)length, socket_path);
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return errno == ENOENT ? 0 : -errno;
	int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (directory < 0)
		return -errno;
	struct text text = { 0 };
	struct timespec now;

	/* Not the wall clock, which may be set between two of them; what is here does not outlive the machine. */
	clock_gettime(CLOCK_BOOTTIME, &now);
	/* In the order in which they came; the daemon passes over what has no such name. */
	snprintf(name, sizeof(name), "%010lld.%09ld-%d.del", (long long)now.tv_sec, now.tv_nsec, getpid());
	snprintf(aside, sizeof(aside), ".%s", name);
	write_environment(&text);
	text_append(&text, config->bytes == NULL ? "" : config->bytes, config->length);
	int error = write_file(directory, aside, &text);

	if (error == 0 && renameat(directory, aside, directory, name) != 0)
		error = -errno;
	if (error != 0)
		unlinkat(directory, aside, 0);
	free(text.bytes);
	close(directory);
	return error;
}
