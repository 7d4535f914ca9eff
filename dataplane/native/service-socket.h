/* Sockets for a service that the daemon offers inside another network namespace: to a container, on its own loopback. */
#ifndef WEFT_SERVICE_SOCKET_H
#define WEFT_SERVICE_SOCKET_H

#include <netinet/in.h>

/**
 * service_socket_open() - a bound IPv4 socket in another network namespace, non-blocking and close-on-exec
 * @netns: path of a namespace file, or NULL for the thread's own
 * @type: SOCK_DGRAM, or SOCK_STREAM: then it listens
 * Return: descriptor, or -errno: what netns_run() says, EADDRINUSE, EADDRNOTAVAIL (the loopback is down), EMFILE
 *
 * The socket keeps the namespace alive as long as it is open, also when nobody else is in it any more.
 */
int service_socket_open(const char *netns, int type, const struct sockaddr_in *address);

#endif
