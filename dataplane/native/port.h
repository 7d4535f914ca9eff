/* What the two kinds of port share: where they receive into, what they count, what a receive call reports. */
#ifndef WEFT_PORT_H
#define WEFT_PORT_H

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
	double rx_messages;
	double rx_merged;
	double tx_gso_refused;
};

#define COUNTER_NAMES                                                                                              \
	"rxFrames", "rxBytes", "rxBatches", "rxBadGeometry", "rxTruncated", "rxErrors", "txFrames", "txBytes",     \
		"txBatches", "txErrors", "rxQueueOverflow", "txSegments", "txGsoSends", "txGsoError",              \
		"txTsoError", "txUsoError", "rxMessages", "rxMerged", "txGsoRefused"
#define COUNTER_COUNT 19
_Static_assert(sizeof(struct counters) == COUNTER_COUNT * sizeof(double), "COUNTER_NAMES lists every counter");

/*
 * The outcome of draining a port once. `error` is the errno that ended it early; 0 if it was emptied or
 * filled.
 */
struct received {
	uint32_t count;
	int error;
};

/* The most datagrams of one recvmmsg or sendmmsg. */
#define PORT_BATCH 64u

#endif
