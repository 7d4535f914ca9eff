/* What one daemon needs of the kernel to hand over to the next while both run (daemon/handover/). */
#ifndef WEFT_HANDOVER_H
#define WEFT_HANDOVER_H

#include <sys/types.h>

/** handover_pair() - two ends of one stream, non-blocking and close-on-exec (unix(7)). Return: 0 or -errno */
int handover_pair(int ends[2]);

/**
 * handover_take() - a descriptor of our own for what descriptor @fd of process @pid stands for: pidfd_getfd(2)
 *
 * Close-on-exec. Return: the descriptor, or -errno: ESRCH (no such process), EBADF (it has no such descriptor), EPERM (needs
 * CAP_SYS_PTRACE), ENOSYS (Linux before 5.6).
 */
int handover_take(pid_t pid, int fd);

/** handover_outlive() - the end of our parent no longer ends us: PR_SET_PDEATHSIG(2const). Only from the main thread. Return: 0 or -errno */
int handover_outlive(void);

#endif
