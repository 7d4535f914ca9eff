/* What the two kinds of port share: where they receive into, what they count, what a receive call reports. */
#ifndef WEFT_PORT_H
#define WEFT_PORT_H

#include <stdbool.h>

#include "frame.h"

/* Memory that JavaScript owns. Valid only until control returns to JavaScript, which may detach it. */
struct span {
	uint8_t *data;
	size_t size;
};

/* The receive slots: slot i begins at arena + i * size, its Ethernet frame `frame_start` bytes further. */
struct slots {
	struct span arena;
	uint32_t count;
	uint32_t size;
	uint32_t frame_start;
};

/* Doubles, so that JavaScript reads them as a Float64Array with no call; COUNTER_NAMES has the same order. */
struct counters {
	double rx_frames;
	double rx_bytes;
	double rx_batches;
	double rx_bad_geometry;
	double rx_truncated;
	double rx_errors;
	double tx_frames;
	double tx_bytes;
	double tx_batches;
	double tx_errors;
	double rx_queue_overflow;
	double tx_segments;
	double tx_gso_sends;
	double tx_gso_error;
	double tx_tso_error;
	double tx_uso_error;
	double rx_gro_error;
	double rx_messages;
	double rx_merged;
	double tx_gso_refused;
	double tx_tunnel_frames;
	double tx_tunnel_error;
	double tx_tunnel_lost;
	double ring_error;
};

#define COUNTER_NAMES                                                                                              \
	"rxFrames", "rxBytes", "rxBatches", "rxBadGeometry", "rxTruncated", "rxErrors", "txFrames", "txBytes",     \
		"txBatches", "txErrors", "rxQueueOverflow", "txSegments", "txGsoSends", "txGsoError",              \
		"txTsoError", "txUsoError", "rxGroError", "rxMessages", "rxMerged", "txGsoRefused",               \
		"txTunnelFrames", "txTunnelError", "txTunnelLost", "ringError"
#define COUNTER_COUNT 24
_Static_assert(sizeof(struct counters) == COUNTER_COUNT * sizeof(double), "COUNTER_NAMES lists every counter");

/*
 * The outcome of draining a port once. `error` is the errno that ended it early; 0 if it was emptied or
 * filled. `lone`: it was a single frame, and small.
 */
struct received {
	uint32_t count;
	int error;
	bool lone;
};

/* Bytes of the largest frame that counts as small: what fits an MTU of 1500 with room, and no super-frame. */
#define SMALL_FRAME 2048u

/* The most datagrams of one recvmmsg or sendmmsg. */
#define PORT_BATCH 64u

/*
 * How many frames or messages to ask for at once. Each port is asked again as long as there is something, so to ask for no
 * more than there is saves the call that only says so; but what is asked for together can leave together. Begins with all,
 * shrinks to what there is, grows fast while all that was asked for is there.
 */
struct appetite {
	uint32_t limit; /* 0 at first: no limit */
};

static inline uint32_t appetite_limit(const struct appetite *appetite, uint32_t most)
{
	return appetite->limit > 0 && appetite->limit < most ? appetite->limit : most;
}

static inline void appetite_had(struct appetite *appetite, uint32_t limit, uint32_t count)
{
	appetite->limit = count >= limit ? limit * 4 : (limit + count) / 2;
	if (appetite->limit == 0)
		appetite->limit = 1;
}

#endif
