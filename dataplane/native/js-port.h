/*
 * The ports that one environment (the main thread, or a worker) has open, and their events. All state hangs
 * on the environment, so each thread that loads the addon has its own.
 */
#ifndef WEFT_JS_PORT_H
#define WEFT_JS_PORT_H

#include <node_api.h>

#include "poller.h"
#include "tap.h"
#include "udp.h"

enum { REF_ARENA, REF_BATCH, REF_COUNTERS, REF_ON_FRAMES, REF_ON_LOST, REFS };

struct module {
	napi_env env;
	struct waiter waiter;
	struct ring *ring; /* opened with the first port that wants one; NULL before */
	napi_async_cleanup_hook_handle hook;
	bool ending;
	uint32_t handles; /* the waiter's and the pollers': opened and not yet let go of by the loop */
	uint32_t generation;
	uint32_t capacity;
	struct port **ports; /* by index; NULL where free */
};

struct port {
	struct poller poller; /* first: a poller's address is its port's */
	struct module *module;
	uint32_t handle;
	bool is_tap;
	bool open;
	uint32_t slot_count;
	uint32_t slot_size;
	uint32_t frame_start;
	uint32_t piece_table;
	uint32_t piece_count;
	napi_ref refs[REFS];
	struct ring *ring; /* NULL: plain calls */
	union {
		struct tap tap;
		struct udp udp;
	} device;
};

/*
 * The memory of a port, fetched anew each time control comes from JavaScript: a buffer that was detached is
 * empty.
 */
struct memory {
	struct slots slots;
	struct pieces pieces;
	struct frame *frames;
	uint32_t capacity;
	struct counters *counters;
};

/** port_memory() - Return: false if any of it was detached since the port was opened */
bool port_memory(const struct port *port, struct memory *memory);

/**
 * port_find() - the open port of a handle that JavaScript gave; NULL if it was closed, or with RangeError
 * pending
 */
struct port *port_find(napi_env env, napi_value handle);

/**
 * port_create() - read `receiver` (batch-io.ts) into a new port. Return: NULL with an exception pending if
 * it is wrong
 */
struct port *port_create(napi_env env, napi_value receiver, bool is_tap);

/**
 * port_start() - hear of @fd; not if the port only writes. Return: the handle (>= 0), or -errno and the port is as
 * before
 */
int64_t port_start(struct port *port, int fd, bool reads);

/** port_discard() - forget a port that was created but not started */
void port_discard(struct port *port);

/**
 * port_close() - close its descriptors now, its poller on the loop's next turn; legal inside its own
 * handlers
 */
void port_close(struct port *port);

/** module_create() - state for this environment. Return: false with an exception pending */
bool module_create(napi_env env);

#endif
