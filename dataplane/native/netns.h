/* Network namespaces: entered by one thread, for as long as one piece of work takes. */
#ifndef WEFT_NETNS_H
#define WEFT_NETNS_H

/**
 * netns_open() - the namespace file @path, close-on-exec
 * Return: descriptor, or -errno; -EINVAL if it is not a network namespace
 */
int netns_open(const char *path);

/**
 * netns_run() - do @work in another network namespace, or in the thread's own if @netns is NULL
 * Return: 0, or -errno and nothing was done: what netns_open() says, EPERM (no CAP_SYS_ADMIN)
 *
 * Only the calling thread changes, and it is back in its own namespace on return. If the kernel refuses the way back,
 * the process aborts, because everything the thread did from then on would happen in a container.
 */
int netns_run(const char *netns, void (*work)(void *context), void *context);

#endif
