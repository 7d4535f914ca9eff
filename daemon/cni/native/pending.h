#ifndef WEFT_CNI_PENDING_H
#define WEFT_CNI_PENDING_H

#include "call.h"

/*
 * Remembers a DEL that no daemon could take: a file beside the socket, in `cni/`, with the environment in lines, an empty
 * line and the configuration. The daemon carries it out when it starts. Where there is no directory of the socket, no daemon has run since
 * the machine has started, and there is nothing to delete.
 *
 * Returns 0, or -errno.
 */
int pending_remember(const char *socket_path, const struct text *config);

#endif
