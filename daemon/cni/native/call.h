#ifndef WEFT_CNI_CALL_H
#define WEFT_CNI_CALL_H

#include <stddef.h>

/* A text that grows; `bytes` is terminated by NUL and to be freed. */
struct text {
	char *bytes;
	size_t length;
};

/* Appends; ends the process when there is no memory. */
void text_append(struct text *text, const void *bytes, size_t length);
void text_print(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Reads a descriptor to its end; returns 0, or -errno; -EFBIG beyond `limit`. */
int text_read(struct text *text, int fd, size_t limit);

/* What the daemon has answered. */
struct answer {
	/* Of the header `X-Weft-Cni`: `ok`, or `error`. */
	char verdict[16];
	struct text body;
};

/*
 * Asks the daemon on this socket: POST /v1/cni with the environment of a plugin as headers, and this body, which with
 * `is_delegated` has what an IPAM plugin has said as well (daemon/cni/call.ts). Returns 0, or
 * -errno: -ECONNREFUSED and -ENOENT when no daemon is there, -EAGAIN when it does not answer within `seconds`.
 */
int call_daemon(const char *socket_path, const struct text *body, int is_delegated, int seconds, struct answer *answer);

#endif
