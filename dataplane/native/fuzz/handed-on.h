/*
 * Whether what the coalescer hands on is what was received: every frame once, whole, in the order of its flow, and every
 * super-frame one that a network card cuts into the very frames that it was merged from.
 */
#ifndef WEFT_FUZZ_HANDED_ON_H
#define WEFT_FUZZ_HANDED_ON_H

#include <stdbool.h>

#include "pieces.h"

#define HANDED_ON_MAX 256u

struct handed_on {
	struct span arena;
	struct pieces pieces;
	const uint8_t *before; /* the arena as it was received */
	const struct frame *received;
	uint32_t count;
	bool seen[HANDED_ON_MAX];
	uint32_t merged; /* super-frames so far */
};

/** handed_on_check() - one frame that was handed on; to be called in their order */
void handed_on_check(struct handed_on *handed_on, const struct frame *frame);

/** handed_on_end() - all are there */
void handed_on_end(const struct handed_on *handed_on);

#endif
