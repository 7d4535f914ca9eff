#include "js-memory.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "js-port.h"
#include "js-value.h"

static void unmap(napi_env env, void *memory, void *size)
{
	(void)env;
	munmap(memory, (size_t)size);
}

/*
 * A fork write-protects all memory of the process, and whoever then writes to a page first pays for a fault and a copy.
 * The daemon forks to run `ip` while its workers write to their arenas, so these stay out of children, which need
 * nothing of them: they execute another program at once. Memory of malloc would be marked for good, also when it is
 * something else that a child does need; a mapping of its own ends with the arena.
 */
napi_value js_create_arena(napi_env env, napi_callback_info info)
{
	size_t count = 1;
	napi_value argument, arena = NULL;
	int64_t size;

	napi_get_cb_info(env, info, &count, &argument, NULL, NULL);
	if (!js_integer(env, argument, "size", 1, UINT32_MAX, &size))
		return NULL;
	void *memory = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED) {
		napi_throw_error(env, NULL, strerror(errno));
		return NULL;
	}
	/* Where it cannot be marked it is only slower. */
	madvise(memory, (size_t)size, MADV_DONTFORK);
	if (napi_create_external_arraybuffer(env, memory, (size_t)size, unmap, (void *)(size_t)size, &arena) !=
	    napi_ok) {
		munmap(memory, (size_t)size);
		napi_throw_error(env, NULL, "cannot make an arena");
		return NULL;
	}
	return arena;
}

napi_value js_thread_time(napi_env env, napi_callback_info info)
{
	struct module *module;
	napi_value memory = NULL;

	(void)info;
	/* The module lives as long as JavaScript runs in this thread. */
	if (napi_get_instance_data(env, (void **)&module) != napi_ok ||
	    napi_create_external_arraybuffer(env, &module->waiter.time, sizeof(module->waiter.time), NULL, NULL,
					     &memory) != napi_ok)
		napi_throw_error(env, NULL, "cannot share the time");
	return memory;
}
