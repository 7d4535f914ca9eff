/*
 * A TAP device: one frame a read or write, each with its vnet header (vnet.h). Several at once share a system call
 * (ring.h); a lone frame is a plain call, which is cheaper then.
 */
#ifndef WEFT_TAP_H
#define WEFT_TAP_H

#include <stdbool.h>

#include "pieces.h"
#include "port.h"
#include "ring.h"

/* Whether super-frames of one protocol are written whole. */
struct tap_offload {
	bool off; /* they must not be */
	/*
	 * The errno for which they are not any more; 0: none yet. The kernel refuses them: one without USO writes (before
	 * 6.2), or with a bug in them (6.6.44 and its like refused short last segments).
	 */
	int error;
	int injected_error; /* for tests: the errno that meets each; 0: none */
	bool proven; /* one was taken: only then may frames follow it in the same run of the ring, which it could not be before */
};

struct tap {
	struct ring *ring; /* of the thread; NULL or unusable: plain calls */
	int fd; /* non-blocking, TUNSETVNETHDRSZ 12, TUNSETVNETLE 1 */
	struct appetite appetite;
	struct tap_offload tso; /* super-frames of TCP */
	struct tap_offload uso; /* those of UDP */
};

/**
 * tap_receive() - read until the device is empty, or as many frames as its appetite and `capacity` allow are there
 * @capacity: descriptors in `frames`
 *
 * A frame with impossible metadata is counted, and its slot stays unused in this batch.
 */
struct received tap_receive(struct tap *tap, const struct slots *slots, struct frame *frames,
			    uint32_t capacity, struct counters *counters);

/**
 * tap_write() - write each frame and set its status to 0 or an errno; the device keeps what it accepted in
 * order
 *
 * A super-frame is one write. Where the device does not take it, it is written segment by segment: a merged one as its
 * segments came, one that was whole always cut as a network card would.
 */
void tap_write(struct tap *tap, const struct span *arena, const struct pieces *pieces, struct frame *frames,
	       uint32_t count, struct counters *counters);

#endif
