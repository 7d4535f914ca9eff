#include "service-notify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdalign.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Return: the length of @address, or a negative errno */
static int read_address(const char *path, struct sockaddr_un *address)
{
	size_t length = strlen(path);

	if (length < 2 || (path[0] != '/' && path[0] != '@'))
		return -EINVAL;
	if (length >= sizeof(address->sun_path))
		return -ENAMETOOLONG;
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(address->sun_path, path, length);
	if (path[0] == '@')
		address->sun_path[0] = '\0';
	/* A name of the abstract namespace has no end but its length (unix(7)). */
	return (int)(offsetof(struct sockaddr_un, sun_path) + length + (path[0] == '/' ? 1 : 0));
}

int service_notify(const char *path, const char *message, size_t length, const int *fds, size_t count)
{
	alignas(struct cmsghdr) char control[CMSG_SPACE(NOTIFY_MAX_FDS * sizeof(int))];
	struct sockaddr_un address;
	struct iovec text = {.iov_base = (void *)message, .iov_len = length};
	struct msghdr header = {.msg_name = &address, .msg_iov = &text, .msg_iovlen = 1};
	int address_length = read_address(path, &address);

	if (address_length < 0)
		return address_length;
	if (count > NOTIFY_MAX_FDS)
		return -EINVAL;
	header.msg_namelen = (socklen_t)address_length;
	if (count > 0) {
		memset(control, 0, sizeof(control));
		header.msg_control = control;
		header.msg_controllen = CMSG_SPACE(count * sizeof(int));
		struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
		rights->cmsg_level = SOL_SOCKET;
		rights->cmsg_type = SCM_RIGHTS;
		rights->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(rights), fds, count * sizeof(int));
	}
	int sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sender < 0)
		return -errno;
	ssize_t sent = sendmsg(sender, &header, MSG_NOSIGNAL);
	int error = sent < 0 ? -errno : 0;
	close(sender);
	return error;
}

int service_adopt(int fd)
{
	int flags = fcntl(fd, F_GETFD);

	if (flags < 0 || fcntl(fd, F_SETFD, flags | FD_CLOEXEC) < 0)
		return -errno;
	return 0;
}
