#include "unix-datagram.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* As much as systemd asks for (SNDBUF_SIZE in journal-send.c): a datagram has to fit as a whole. */
#define SEND_BUFFER (8 * 1024 * 1024)

/* Return: the length of @address, or a negative errno */
static int read_address(const char *path, struct sockaddr_un *address)
{
	size_t length = path == NULL ? 0 : strlen(path);

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

int unix_datagram_open(const char *path)
{
	const int size = SEND_BUFFER;
	struct sockaddr_un address;
	int length = read_address(path, &address);

	if (length < 0)
		return length;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* The privileged way goes beyond net.core.wmem_max; where it is refused, the other gives what is to be had. */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (connect(fd, (struct sockaddr *)&address, (socklen_t)length) < 0) {
		int error = errno;

		close(fd);
		return -error;
	}
	return fd;
}
