/* A TAP device: one frame a system call, each with its vnet header (vnet.h). */
#ifndef WEFT_TAP_H
#define WEFT_TAP_H

#include "port.h"

struct tap {
	int fd; /* non-blocking, TUNSETVNETHDRSZ 12, TUNSETVNETLE 1 */
};

/**
 * tap_receive() - read until the device is empty or `capacity` frames are there
 * @capacity: descriptors in `frames`
 *
 * A frame with impossible metadata is counted and its slot used again.
 */
struct received tap_receive(const struct tap *tap, const struct slots *slots, struct frame *frames,
			    uint32_t capacity, struct counters *counters);

/**
 * tap_write() - write each frame and set its status to 0 or an errno; the device keeps what it accepted in
 * order
 */
void tap_write(const struct tap *tap, const struct span *arena, struct frame *frames, uint32_t count,
	       struct counters *counters);

#endif
