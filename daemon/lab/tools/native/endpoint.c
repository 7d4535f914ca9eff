/* Sockets: opening them and moving whole messages through them. */
#include "traffic.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 4096

static void send_at_once(int fd, int type)
{
	const int on = 1;
	// Nagle's algorithm would hold a request back until the one before is acknowledged.
	if (type == SOCK_STREAM && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)
		fail("TCP_NODELAY");
}

int connect_to(const char *address, const char *port, int type)
{
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = type};
	struct addrinfo *found = NULL;
	errno = 0;
	if (getaddrinfo(address, port, &hints, &found) != 0)
		fail("the address or the port is none");
	const int fd = socket(found->ai_family, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		fail("socket");
	send_at_once(fd, type);
	if (connect(fd, found->ai_addr, found->ai_addrlen) != 0)
		fail("connect");
	freeaddrinfo(found);
	return fd;
}

int bind_to(const char *port, int type)
{
	const int fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0);
	const int on = 1;
	const struct sockaddr_in6 any = {
		.sin6_family = AF_INET6,
		.sin6_port = htons((uint16_t)number(port, 1, 65535)),
		.sin6_addr = IN6ADDR_ANY_INIT,
	};
	if (fd < 0)
		fail("socket");
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
		fail("SO_REUSEADDR");
	// Accepted sockets inherit it.
	send_at_once(fd, type);
	if (bind(fd, (const struct sockaddr *)&any, sizeof any) != 0)
		fail("bind");
	if (type == SOCK_STREAM && listen(fd, BACKLOG) != 0)
		fail("listen");
	return fd;
}

int write_all(int fd, const void *bytes, size_t length)
{
	const char *at = bytes;
	while (length > 0) {
		const ssize_t written = send(fd, at, length, MSG_NOSIGNAL);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -1;
		at += written;
		length -= (size_t)written;
	}
	return 0;
}

int read_all(int fd, void *bytes, size_t length)
{
	char *at = bytes;
	while (length > 0) {
		const ssize_t got = recv(fd, at, length, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got == 0)
			errno = 0;
		if (got <= 0)
			return -1;
		at += got;
		length -= (size_t)got;
	}
	return 0;
}
