/* Datagrams to a Unix socket, which Node has no way to open. */
#ifndef WEFT_UNIX_DATAGRAM_H
#define WEFT_UNIX_DATAGRAM_H

/**
 * unix_datagram_open() - a datagram socket that is connected to the one at @path, close-on-exec: each write() to it is one datagram
 *
 * @path: from the root, or a name of the abstract namespace after "@"
 *
 * It does not block: a receiver that stands still must not stop the process (EAGAIN).
 * Return: descriptor, or -errno: -EINVAL (no such address), -ENOENT, -ECONNREFUSED (nobody has it open), -EACCES, -EPROTOTYPE (no
 * datagram socket), -ENAMETOOLONG
 */
int unix_datagram_open(const char *path);

#endif
