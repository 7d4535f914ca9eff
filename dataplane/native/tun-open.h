/*
 * Descriptors that belong to a network namespace. /dev/net/tun takes the namespace of the thread that opens
 * it, and so does a socket; a device made through the descriptor appears there (drivers/net/tun.c,
 * tun_chr_open).
 */
#ifndef WEFT_TUN_OPEN_H
#define WEFT_TUN_OPEN_H

/**
 * tun_open() - open /dev/net/tun, non-blocking and close-on-exec, in another network namespace
 * @netns: path of a namespace file, or NULL for the thread's own
 * Return: descriptor, or -errno. Errors of @netns are told from those of the device by namespace_check().
 *
 * The thread is back in its own namespace on return; if the kernel refuses the way back, the process aborts,
 * because everything it did from then on would happen in a container.
 */
int tun_open(const char *netns);

/**
 * control_socket_open() - a datagram socket for SIOC* ioctls in that namespace. Return: descriptor, or
 * -errno
 */
int control_socket_open(const char *netns);

/** namespace_check() - can @netns be opened, and is it a network namespace? Return: 0 or -errno */
int namespace_check(const char *netns);

#endif
