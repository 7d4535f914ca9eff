#include "unix-datagram.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* As much as systemd asks for (SNDBUF_SIZE in journal-send.c): a datagram has to fit as a whole. */
#define SEND_BUFFER (8 * 1024 * 1024)

int unix_datagram_open(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const int size = SEND_BUFFER;
	int fd;

	if (path == NULL)
		return -EINVAL;
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* The privileged way goes beyond net.core.wmem_max; where it is refused, the other gives what is to be had. */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		int error = errno;

		close(fd);
		return -error;
	}
	return fd;
}
