/*
 * Preloaded by super-frames.test.ts: a kernel that takes no super-frame of the kinds in WEFT_REFUSE, a list of gso_type
 * in decimal such as "1,4". A frame on a TAP begins with its vnet header of 12 bytes, gso_type being the second.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

ssize_t writev(int fd, const struct iovec *parts, int count)
{
	ssize_t (*next)(int, const struct iovec *, int) = (ssize_t(*)(int, const struct iovec *, int))dlsym(RTLD_NEXT, "writev");
	const char *refused = getenv("WEFT_REFUSE");

	if (refused != NULL && count > 1 && parts[0].iov_len == 12) {
		char type = (char)('0' + ((const char *)parts[0].iov_base)[1]);
		if (type != '0' && strchr(refused, type) != NULL) {
			errno = EINVAL;
			return -1;
		}
	}
	return next(fd, parts, count);
}
