/* Messages to the service manager, with descriptors for its store: sd_notify(3), sd_pid_notify_with_fds(3). */
#ifndef WEFT_SERVICE_NOTIFY_H
#define WEFT_SERVICE_NOTIFY_H

#include <stddef.h>

/** Descriptors of one message: SCM_MAX_FD of include/net/scm.h. */
#define NOTIFY_MAX_FDS 253

/**
 * service_notify() - sends @message to the socket of the service manager
 *
 * @path: its address, as NOTIFY_SOCKET gives it: a path, or a name of the abstract namespace after "@"
 * @fds: @count descriptors that go with it, which stay the caller's; at most NOTIFY_MAX_FDS
 *
 * Does not wait: a manager whose queue is full is told nothing (-EAGAIN). Return: 0, or a negative errno.
 */
int service_notify(const char *path, const char *message, size_t length, const int *fds, size_t count);

/** service_tell() - the same by @socket, which is connected and stays the caller's (daemon/handover/relay.ts) */
int service_tell(int socket, const char *message, size_t length, const int *fds, size_t count);

/** service_adopt() - makes sure that @fd is open, and that programs started from now on do not get it. Return: 0 or -errno */
int service_adopt(int fd);

#endif
