#include "js-coalesce.h"

#include "coalesce.h"
#include "geometry.h"
#include "js-value.h"

/* coalesce(arena, pieceTable, pieceCount, input, count, output, protocols) */
#define ARGUMENTS 7

struct task {
	struct span arena;
	struct pieces pieces;
	struct frame *input;
	uint32_t count;
	struct frame *output;
	uint32_t capacity;
	uint8_t protocols;
};

static bool read_task(napi_env env, const napi_value *arguments, struct task *task)
{
	struct span input = js_memory(env, arguments[3]);
	struct span output = js_memory(env, arguments[5]);
	int64_t table, pieces, count, protocols;

	task->arena = js_memory(env, arguments[0]);
	if (task->arena.data == NULL || input.data == NULL || output.data == NULL) {
		napi_throw_range_error(env, NULL, "arena, input or output");
		return false;
	}
	if (!js_integer(env, arguments[1], "pieceTable", 0, (int64_t)task->arena.size, &table) ||
	    !js_integer(env, arguments[2], "pieceCount", 0,
			((int64_t)task->arena.size - table) / (int64_t)sizeof(union piece), &pieces) ||
	    !js_integer(env, arguments[4], "count", 0, (int64_t)(input.size / sizeof(struct frame)), &count) ||
	    !js_integer(env, arguments[6], "protocols", 0, COALESCE_TCP | COALESCE_UDP, &protocols))
		return false;
	if (table % (int64_t)sizeof(union piece) != 0) {
		napi_throw_range_error(env, NULL, "pieceTable");
		return false;
	}
	task->pieces.table = (union piece *)(void *)(task->arena.data + table);
	task->pieces.count = (uint32_t)pieces;
	task->input = (struct frame *)(void *)input.data;
	task->count = (uint32_t)count;
	task->output = (struct frame *)(void *)output.data;
	task->capacity = (uint32_t)(output.size / sizeof(struct frame));
	task->protocols = (uint8_t)protocols;
	return true;
}

/* Return: how many frames were taken, or -EINVAL */
static int64_t run(const struct task *task, uint32_t *frames)
{
	struct coalescer coalescer = {.protocols = task->protocols};
	uint32_t taken = 0;

	for (uint32_t i = 0; i < task->count; i++)
		if (geometry_bounds(&task->input[i], task->arena.size) != 0)
			return -1;
	coalesce_begin(&coalescer, &task->arena, &task->pieces, task->output, task->capacity);
	while (taken < task->count && coalesce_add(&coalescer, &task->input[taken]))
		taken++;
	*frames = coalesce_finish(&coalescer);
	return taken;
}

napi_value js_coalesce(napi_env env, napi_callback_info info)
{
	size_t count = ARGUMENTS;
	napi_value arguments[ARGUMENTS], result;
	struct task task;
	uint32_t frames = 0;

	napi_get_cb_info(env, info, &count, arguments, NULL, NULL);
	if (!read_task(env, arguments, &task))
		return NULL;
	int64_t taken = run(&task, &frames);
	if (taken < 0) {
		napi_throw_range_error(env, NULL, "input");
		return NULL;
	}
	napi_create_array_with_length(env, 2, &result);
	napi_set_element(env, result, 0, js_number(env, taken));
	napi_set_element(env, result, 1, js_number(env, frames));
	return result;
}
