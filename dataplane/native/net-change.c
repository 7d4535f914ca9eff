#include "net-change.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "netns.h"

static void refuse(struct net_change *change, const char *what, int error)
{
	change->refused = what;
	change->error = -error;
}

/* Any socket answers for the links of its namespace (net/socket.c, sock_do_ioctl). Return: index > 0, or -errno */
static int find_link(int fd, const char *name)
{
	struct ifreq request;

	memset(&request, 0, sizeof(request));
	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	return ioctl(fd, SIOCGIFINDEX, &request) == 0 ? request.ifr_ifindex : -errno;
}

static void close_all(const int *descriptors, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		close(descriptors[i]);
}

static void send_message(struct net_change *change, struct net_step *step, int fd)
{
	int targets[NET_MAX_PATCHES];
	uint32_t target_count = 0;

	for (uint32_t i = 0; i < step->patch_count; i++) {
		const struct net_patch *patch = &step->patches[i];
		bool is_link = patch->kind == NET_PATCH_IFINDEX;
		int value = is_link ? find_link(fd, patch->of) : netns_open(patch->of);
		if (value < 0) {
			refuse(change, is_link ? "link" : "target", value);
			snprintf(change->answer.words, sizeof(change->answer.words), "%s", patch->of);
			close_all(targets, target_count);
			return;
		}
		if (!is_link)
			targets[target_count++] = value;
		memcpy(step->message + patch->offset, &value, sizeof(value));
	}
	int error = rtnetlink_ask(fd, step->message, step->size, change->done + 1, &change->answer);
	close_all(targets, target_count);
	if (error != 0)
		refuse(change, "message", error);
}

/* /proc/sys/net shows the namespace of whoever opens a file of it: fs/proc/proc_sysctl.c, net/sysctl_net.c. */
static void write_file(struct net_change *change, const struct net_step *step)
{
	char path[PATH_MAX];
	size_t length = strlen(step->text);

	if (snprintf(path, sizeof(path), "/proc/sys/net/%s", step->file) >= (int)sizeof(path))
		return refuse(change, "file", -ENAMETOOLONG);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0) {
		if (errno != ENOENT)
			refuse(change, "file", -errno);
		return;
	}
	ssize_t written = write(fd, step->text, length);
	if (written < 0)
		refuse(change, "file", -errno);
	else if ((size_t)written != length)
		refuse(change, "file", -EIO);
	close(fd);
}

static void carry_out(void *context)
{
	struct net_change *change = context;
	int fd = rtnetlink_open();

	if (fd < 0)
		return refuse(change, "socket", fd);
	for (; change->done < change->count; change->done++) {
		struct net_step *step = &change->steps[change->done];
		if (step->message != NULL)
			send_message(change, step, fd);
		else
			write_file(change, step);
		if (change->error != 0)
			break;
	}
	close(fd);
}

void net_change_run(struct net_change *change)
{
	int error = netns_run(change->netns, carry_out, change);

	if (error != 0)
		refuse(change, "netns", error);
}

void net_change_free(struct net_change *change)
{
	if (change == NULL)
		return;
	for (uint32_t i = 0; change->steps != NULL && i < change->count; i++) {
		struct net_step *step = &change->steps[i];
		free(step->message);
		for (uint32_t j = 0; j < step->patch_count; j++)
			free(step->patches[j].of);
		free(step->file);
		free(step->text);
	}
	free(change->steps);
	free(change->netns);
	free(change->answer.data);
	free(change);
}
