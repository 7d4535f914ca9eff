/* A TAP device: one frame a system call, each with its vnet header (vnet.h). */
#ifndef WEFT_TAP_H
#define WEFT_TAP_H

#include <stdbool.h>

#include "pieces.h"
#include "port.h"

struct tap {
	int fd; /* non-blocking, TUNSETVNETHDRSZ 12, TUNSETVNETLE 1 */
	/*
	 * The kernel refused a merged super-frame: a kernel without USO writes (before 6.2), or one with a bug in them
	 * (6.6.44 and its like refused short last segments). It is not asked again.
	 */
	int tso_error; /* the errno of the refusal; 0: none yet */
	int uso_error;
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
 *
 * A super-frame is one write; merged ones that the device does not take are written segment by segment as they came.
 */
void tap_write(struct tap *tap, const struct span *arena, const struct pieces *pieces, struct frame *frames,
	       uint32_t count, struct counters *counters);

#endif
