/* A ring (ring.h) whose kernel is the fuzz target. */
#ifndef WEFT_FUZZ_KERNEL_RING_H
#define WEFT_FUZZ_KERNEL_RING_H

#include "ring.h"

/** kernel_ring_open() - @refuses: which call of each run it refuses, with all behind it, counted from 1; 0: none */
void kernel_ring_open(struct ring *ring, uint32_t refuses);

#endif
