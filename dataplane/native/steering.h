/* Which queue of a multi-queue TAP takes a frame that the kernel sends through it. */
#ifndef WEFT_STEERING_H
#define WEFT_STEERING_H

#include <stdint.h>

/**
 * steering_load() - load the program that TUNSETSTEERINGEBPF takes; the device uses its result modulo its queues
 * @seed: mixed into each hash, so that nobody outside can tell which flows share a queue
 *
 * The result is a function of the frame alone: of addresses, protocol and ports of TCP and UDP; of addresses and
 * protocol of other IP packets and of each part of a fragmented one; of the MAC addresses of the rest. Without a program
 * the kernel moves a flow to the queue that its answers were last written to, and frames that wait in the former queue
 * are overtaken.
 *
 * Return: a descriptor to close when the device has the program, or -errno: -EPERM (CAP_BPF is missing), -ENOSYS
 */
int steering_load(uint32_t seed);

#endif
