#include "service-notify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdalign.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unix-datagram.h"

int service_tell(int socket, const char *message, size_t length, const int *fds, size_t count)
{
	alignas(struct cmsghdr) char control[CMSG_SPACE(NOTIFY_MAX_FDS * sizeof(int))];
	struct iovec text = {.iov_base = (void *)message, .iov_len = length};
	struct msghdr header = {.msg_iov = &text, .msg_iovlen = 1};

	if (count > NOTIFY_MAX_FDS)
		return -EINVAL;
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
	return sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

int service_notify(const char *path, const char *message, size_t length, const int *fds, size_t count)
{
	int sender = unix_datagram_open(path);

	if (sender < 0)
		return sender;
	int error = service_tell(sender, message, length, fds, count);
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
