/*
 * When to ask again instead of going to sleep. To be woken costs a thread two passes through the scheduler, and where
 * processors idle a wake-up from the other one as well: more than all the rest of a small frame's way. Who asks for one
 * frame after the other (request and response) pays it at each of them; so for a moment after such a frame the thread
 * does not sleep, but lets others run and looks again.
 *
 * It costs only processor time that nobody else wants, and little:
 *   - only after SPIN_STREAK rounds that brought a lone frame each: never in bulk, where frames come together anyway,
 *   - no longer than SPIN_NS after the last frame,
 *   - what was spent in vain is taken from a credit, which SPIN_SHARE of the time fills: without traffic there is none,
 *   - not where another process has kept the processor to itself when it was let through, nor on a single processor.
 */
#ifndef WEFT_SPIN_H
#define WEFT_SPIN_H

#include <stdbool.h>
#include <stdint.h>

/* One round trip between two hosts of one box, with room; a data centre's is about as long. */
#define SPIN_NS 50000
#define SPIN_STREAK 4u
/* 1 / 16 of a processor at the most is spent in vain. */
#define SPIN_SHARE 16
#define SPIN_CREDIT_MAX_NS 1000000
/* Who was let through and came back no sooner wants the processor for itself; then nothing is tried for the longer time. */
#define SPIN_CROWDED_NS 200000
#define SPIN_PAUSE_NS 100000000

struct spin {
	bool possible; /* there is more than one processor */
	uint32_t streak; /* rounds in a row that brought one lone frame */
	int64_t credit; /* ns */
	int64_t credited; /* when it was last filled; all times are of CLOCK_MONOTONIC, in ns */
	int64_t not_before; /* after it was crowded */
};

/** Asks for events without waiting. Return: as epoll_wait */
typedef int spin_look(void *context);

/** spin_init() - for the thread that calls it */
void spin_init(struct spin *spin);

/** spin_round() - tell what a round has brought */
static inline void spin_round(struct spin *spin, bool lone)
{
	spin->streak = lone ? spin->streak + 1 : 0;
}

/** spin_wait() - look again and again, if that is worth it. Return: 0 if there was nothing: now sleep; else as @look */
int spin_wait(struct spin *spin, spin_look *look, void *context);

#endif
