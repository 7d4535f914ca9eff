#include "js-port.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "js-value.h"
#include "vnet.h"

/* A handle is generation * 2^16 + index: one that was closed never means the port that took its place. */
#define PORTS_MAX 65536u
#define GENERATIONS 32768u

/*
 * How long a descriptor that is readable yet yields only errors is left alone: at most 100 wake-ups a
 * second.
 */
#define PAUSE_MS 10u

static const char *const REF_NAMES[REFS] = {"arena", "batch", "counters", "onFrames", "onLost"};

static struct span referenced_memory(const struct port *port, int ref)
{
	napi_value value = NULL;

	if (napi_get_reference_value(port->module->env, port->refs[ref], &value) != napi_ok || value == NULL)
		return (struct span){NULL, 0};
	return js_memory(port->module->env, value);
}

bool port_memory(const struct port *port, struct memory *memory)
{
	struct span counters = referenced_memory(port, REF_COUNTERS);
	struct span batch = referenced_memory(port, REF_BATCH);

	memory->slots = (struct slots){.arena = referenced_memory(port, REF_ARENA),
				       .count = port->slot_count,
				       .size = port->slot_size,
				       .frame_start = port->frame_start};
	memory->pieces = (struct pieces){.table = (union piece *)(void *)(memory->slots.arena.data + port->piece_table),
					 .count = port->piece_count};
	memory->frames = (struct frame *)(void *)batch.data;
	memory->capacity = (uint32_t)(batch.size / sizeof(struct frame));
	memory->counters = (struct counters *)(void *)counters.data;
	return counters.size >= sizeof(struct counters) && memory->capacity > 0 &&
	       memory->slots.arena.size >= (size_t)port->slot_count * port->slot_size &&
	       memory->slots.arena.size >= port->piece_table + (size_t)port->piece_count * sizeof(union piece);
}

/* ---- events of a port ---- */

static void call_handler(const struct port *port, int ref, uint32_t argument)
{
	napi_env env = port->module->env;
	napi_value global, handler, value;

	if (napi_get_global(env, &global) != napi_ok ||
	    napi_get_reference_value(env, port->refs[ref], &handler) != napi_ok ||
	    napi_create_uint32(env, argument, &value) != napi_ok)
		return;
	if (napi_make_callback(env, NULL, global, handler, 1, &value, NULL) != napi_pending_exception)
		return;
	/*
	 * What the handler threw is an uncaught exception of this thread; if the thread is ending, nothing
	 * happens.
	 */
	napi_value exception;
	if (napi_get_and_clear_last_exception(env, &exception) == napi_ok)
		napi_fatal_exception(env, exception);
}

/* After these the descriptor can never yield anything again. */
static bool is_final(int error)
{
	return error == EBADFD || error == EBADF || error == ENODEV || error == ENXIO || error == ENOTSOCK ||
	       error == EFAULT;
}

static void settle(struct port *port, struct received received, bool failed)
{
	if (is_final(received.error)) {
		poller_stop(&port->poller);
		call_handler(port, REF_ON_LOST, (uint32_t)received.error);
	} else if (failed || (received.count == 0 && received.error != 0)) {
		poller_pause(&port->poller, PAUSE_MS);
	}
}

static struct received drain_tap(struct port *port, struct memory *memory)
{
	struct received received = tap_receive(&port->device.tap, &memory->slots, memory->frames, memory->capacity,
					       memory->counters);

	if (received.count > 0)
		call_handler(port, REF_ON_FRAMES, received.count);
	return received;
}

/* One receive call, whose datagrams may be more than a batch can describe: the handler is called for each batch. */
static struct received drain_udp(struct port *port, struct memory *memory)
{
	struct udp *udp = &port->device.udp;
	struct received received = udp_receive(&udp->inbox, udp->fd, &memory->slots, memory->counters);
	uint32_t count;

	while ((count = udp_take(&udp->inbox, &memory->slots, &memory->pieces, memory->frames, memory->capacity,
				 memory->counters)) > 0) {
		call_handler(port, REF_ON_FRAMES, count);
		if (!port->open)
			break;
		if (!port_memory(port, memory)) {
			received.error = EFAULT;
			break;
		}
	}
	return received;
}

static bool on_ready(struct poller *poller, bool failed)
{
	struct port *port = (struct port *)poller;
	struct received received = {.error = EFAULT};
	struct memory memory;
	napi_handle_scope scope;

	if (napi_open_handle_scope(port->module->env, &scope) != napi_ok)
		return false;
	if (port_memory(port, &memory))
		received = port->is_tap ? drain_tap(port, &memory) : drain_udp(port, &memory);
	/* The handler may have closed this port; its memory lives until the loop's next turn. */
	if (port->open)
		settle(port, received, failed);
	napi_close_handle_scope(port->module->env, scope);
	return received.lone;
}

/* ---- opening and closing ---- */

static void finish_cleanup(struct module *module)
{
	if (module->ending && module->handles == 0 && module->hook != NULL) {
		napi_remove_async_cleanup_hook(module->hook);
		module->hook = NULL;
	}
}

static void on_waiter_closed(struct waiter *waiter)
{
	struct module *module = (struct module *)((uint8_t *)waiter - offsetof(struct module, waiter));

	module->handles--;
	finish_cleanup(module);
}

static void on_closed(struct poller *poller)
{
	struct module *module = ((struct port *)poller)->module;

	free(poller);
	module->handles--;
	finish_cleanup(module);
}

static void release(struct port *port)
{
	for (int i = 0; i < REFS; i++)
		if (port->refs[i] != NULL)
			napi_delete_reference(port->module->env, port->refs[i]);
	port->module->ports[port->handle % PORTS_MAX] = NULL;
}

void port_discard(struct port *port)
{
	release(port);
	free(port);
}

void port_close(struct port *port)
{
	port->open = false;
	release(port);
	poller_close(&port->poller);
	if (port->is_tap)
		close(port->device.tap.fd);
	else
		udp_close(&port->device.udp);
}

struct port *port_find(napi_env env, napi_value value)
{
	struct module *module;
	int64_t handle;

	if (napi_get_instance_data(env, (void **)&module) != napi_ok ||
	    !js_integer(env, value, "port", INT_MIN, INT_MAX, &handle))
		return NULL;
	uint32_t index = (uint32_t)handle % PORTS_MAX;
	struct port *port = index < module->capacity ? module->ports[index] : NULL;
	return port != NULL && port->handle == (uint32_t)handle ? port : NULL;
}

/* Return: 0 or -errno; on success the port is in the table under its new handle */
static int enter_port(struct module *module, struct port *port)
{
	uint32_t index = 0;

	while (index < module->capacity && module->ports[index] != NULL)
		index++;
	if (index == PORTS_MAX)
		return -EMFILE;
	if (index == module->capacity) {
		uint32_t capacity = module->capacity == 0 ? 16 : module->capacity * 2;
		struct port **ports = realloc(module->ports, capacity * sizeof(*ports));
		if (ports == NULL)
			return -ENOMEM;
		memset(ports + module->capacity, 0, (capacity - module->capacity) * sizeof(*ports));
		module->ports = ports;
		module->capacity = capacity;
	}
	module->generation = (module->generation + 1) % GENERATIONS;
	port->handle = module->generation * PORTS_MAX + index;
	module->ports[index] = port;
	return 0;
}

/* Takes strong references to everything in `receiver`, so that it lives as long as the port. */
static bool refer(napi_env env, napi_value receiver, struct port *port)
{
	for (int i = 0; i < REFS; i++) {
		napi_value value;
		napi_valuetype type;
		if (napi_get_named_property(env, receiver, REF_NAMES[i], &value) != napi_ok ||
		    napi_typeof(env, value, &type) != napi_ok ||
		    type != (i < REF_ON_FRAMES ? napi_object : napi_function) ||
		    napi_create_reference(env, value, 1, &port->refs[i]) != napi_ok) {
			napi_throw_type_error(env, NULL, REF_NAMES[i]);
			return false;
		}
	}
	return true;
}

/*
 * The ring of this thread, opened for the first port that wants one and tried only once. Where there is none, ports do
 * without.
 */
static struct ring *ring_of(struct module *module, int probe_error, int injected_error)
{
	if (module->ring != NULL)
		return module->ring;
	module->ring = malloc(sizeof(*module->ring));
	if (module->ring != NULL && ring_open(module->ring, probe_error) == 0)
		module->ring->injected_error = injected_error;
	return module->ring;
}

struct port *port_create(napi_env env, napi_value receiver, bool is_tap)
{
	struct module *module;
	struct memory memory;
	int64_t count, size, start, table, pieces, ring, injected, probe;

	if (napi_get_instance_data(env, (void **)&module) != napi_ok ||
	    !js_option(env, receiver, "slotCount", 1, 65536, &count) ||
	    !js_option(env, receiver, "slotSize", 128, 1 << 20, &size) ||
	    !js_option(env, receiver, "frameStart", VNET_HEADER, size - (int64_t)ETHERNET_HEADER, &start) ||
	    !js_option(env, receiver, "pieceTable", 0, UINT32_MAX, &table) ||
	    !js_option(env, receiver, "pieceCount", 0, UINT16_MAX, &pieces) ||
	    !js_option(env, receiver, "ring", 0, 1, &ring) ||
	    !js_option(env, receiver, "injectedRing", 0, UINT16_MAX, &injected) ||
	    !js_option(env, receiver, "injectedRingProbe", 0, UINT16_MAX, &probe))
		return NULL;
	if (table % (int64_t)sizeof(union piece) != 0) {
		napi_throw_range_error(env, NULL, "pieceTable");
		return NULL;
	}
	struct port *port = calloc(1, sizeof(*port));
	int error = port == NULL ? -ENOMEM : enter_port(module, port);
	if (error != 0) {
		free(port);
		napi_throw_error(env, NULL, strerror(-error));
		return NULL;
	}
	port->module = module;
	port->is_tap = is_tap;
	port->slot_count = (uint32_t)count;
	port->slot_size = (uint32_t)size;
	port->frame_start = (uint32_t)start;
	port->piece_table = (uint32_t)table;
	port->piece_count = (uint32_t)pieces;
	port->ring = ring != 0 ? ring_of(module, (int)probe, (int)injected) : NULL;
	if (!refer(env, receiver, port)) {
		port_discard(port);
		return NULL;
	}
	if (!port_memory(port, &memory) || memory.slots.arena.size > UINT32_MAX) {
		port_discard(port);
		napi_throw_range_error(env, NULL, "arena, batch or counters have the wrong size");
		return NULL;
	}
	return port;
}

int64_t port_start(struct port *port, int fd, bool reads)
{
	int error = poller_open(&port->poller, &port->module->waiter, fd, reads, on_ready, on_closed);

	if (error != 0)
		return error;
	port->open = true;
	port->module->handles++;
	return port->handle;
}

/* ---- the environment's end ---- */

/*
 * Runs when the thread ends (worker.terminate, process.exit in a worker): a loop with open handles would
 * abort.
 */
static void on_cleanup(napi_async_cleanup_hook_handle hook, void *data)
{
	struct module *module = data;

	module->ending = true;
	module->hook = hook;
	for (uint32_t i = 0; i < module->capacity; i++)
		if (module->ports[i] != NULL)
			port_close(module->ports[i]);
	waiter_close(&module->waiter);
	finish_cleanup(module);
}

static void free_module(napi_env env, void *data, void *hint)
{
	struct module *module = data;

	(void)env;
	(void)hint;
	if (module->ring != NULL)
		ring_close(module->ring);
	free(module->ring);
	free(module->ports);
	free(module);
}

bool module_create(napi_env env)
{
	struct module *module = calloc(1, sizeof(*module));
	uv_loop_t *loop;

	if (module == NULL || napi_get_uv_event_loop(env, &loop) != napi_ok ||
	    waiter_open(&module->waiter, loop, on_waiter_closed) != 0) {
		free(module);
		napi_throw_error(env, NULL, "cannot tie the addon to this thread");
		return false;
	}
	module->handles = 1;
	module->env = env;
	return napi_add_async_cleanup_hook(env, on_cleanup, module, &module->hook) == napi_ok &&
	       napi_set_instance_data(env, module, free_module, NULL) == napi_ok;
}
