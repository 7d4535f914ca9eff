#include "js-news.h"

#include <stdbool.h>
#include <stdlib.h>
#include <uv.h>

#include "js-value.h"
#include "kernel-news.h"

/* Told in one call. */
#define BATCH 256

struct watch {
	napi_env env;
	napi_ref handler;
	napi_async_cleanup_hook_handle hook;
	struct kernel_news news;
	uv_poll_t polls[2];
	int open; /* polls that the loop has not let go of */
	bool closing;
};

static void tell(struct watch *watch, const struct news *news, size_t count)
{
	napi_handle_scope scope;
	napi_value global, handler, buffer;

	if (napi_open_handle_scope(watch->env, &scope) != napi_ok)
		return;
	if (napi_get_global(watch->env, &global) == napi_ok &&
	    napi_get_reference_value(watch->env, watch->handler, &handler) == napi_ok &&
	    napi_create_buffer_copy(watch->env, count * sizeof(*news), news, NULL, &buffer) == napi_ok &&
	    napi_make_callback(watch->env, NULL, global, handler, 1, &buffer, NULL) == napi_pending_exception) {
		napi_value exception;
		if (napi_get_and_clear_last_exception(watch->env, &exception) == napi_ok)
			napi_fatal_exception(watch->env, exception);
	}
	napi_close_handle_scope(watch->env, scope);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
	struct watch *watch = poll->data;
	struct news news[BATCH];
	int more = 0;

	(void)status;
	(void)events;
	int fd = poll == &watch->polls[0] ? watch->news.route : watch->news.rules;
	size_t count = kernel_news_read(fd, news, BATCH, &more);
	/* What is left is told in the next round of the loop. */
	if (count > 0)
		tell(watch, news, count);
}

static void on_closed(uv_handle_t *handle)
{
	struct watch *watch = handle->data;

	if (--watch->open > 0)
		return;
	if (watch->hook != NULL)
		napi_remove_async_cleanup_hook(watch->hook);
	free(watch);
}

static void finish(struct watch *watch)
{
	if (watch->closing)
		return;
	watch->closing = true;
	napi_delete_reference(watch->env, watch->handler);
	for (int i = watch->open - 1; i >= 0; i--)
		uv_close((uv_handle_t *)&watch->polls[i], on_closed);
	kernel_news_close(&watch->news);
}

/* The thread ends with it open: a loop with open handles would abort. */
static void on_cleanup(napi_async_cleanup_hook_handle hook, void *data)
{
	struct watch *watch = data;

	watch->hook = hook;
	finish(watch);
}

static bool start(struct watch *watch, uv_loop_t *loop)
{
	const int fds[] = {watch->news.route, watch->news.rules};

	for (int i = 0; i < 2 && fds[i] >= 0; i++) {
		if (uv_poll_init(loop, &watch->polls[i], fds[i]) != 0)
			return false;
		watch->open++;
		watch->polls[i].data = watch;
		/* It keeps no process alive. */
		uv_unref((uv_handle_t *)&watch->polls[i]);
		if (uv_poll_start(&watch->polls[i], UV_READABLE, on_ready) != 0)
			return false;
	}
	return true;
}

napi_value js_open_kernel_news(napi_env env, napi_callback_info info)
{
	size_t count = 1;
	napi_value handler, external;
	napi_valuetype type;
	uv_loop_t *loop;

	napi_get_cb_info(env, info, &count, &handler, NULL, NULL);
	if (napi_typeof(env, handler, &type) != napi_ok || type != napi_function) {
		napi_throw_type_error(env, NULL, "onNews");
		return NULL;
	}
	struct watch *watch = calloc(1, sizeof(*watch));
	if (watch == NULL || napi_get_uv_event_loop(env, &loop) != napi_ok) {
		free(watch);
		napi_throw_error(env, NULL, "no memory");
		return NULL;
	}
	watch->env = env;
	int error = kernel_news_open(&watch->news);
	if (error != 0) {
		free(watch);
		return js_number(env, error);
	}
	if (napi_create_reference(env, handler, 1, &watch->handler) != napi_ok ||
	    napi_add_async_cleanup_hook(env, on_cleanup, watch, &watch->hook) != napi_ok || !start(watch, loop) ||
	    napi_create_external(env, watch, NULL, NULL, &external) != napi_ok) {
		napi_throw_error(env, NULL, "cannot tie the news of the kernel to this thread");
		return NULL;
	}
	return external;
}

napi_value js_close_kernel_news(napi_env env, napi_callback_info info)
{
	size_t count = 1;
	napi_value argument;
	void *watch = NULL;

	napi_get_cb_info(env, info, &count, &argument, NULL, NULL);
	if (napi_get_value_external(env, argument, &watch) != napi_ok || watch == NULL) {
		napi_throw_type_error(env, NULL, "news");
		return NULL;
	}
	finish(watch);
	return NULL;
}
