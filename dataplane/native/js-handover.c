#include "js-handover.h"

#include <limits.h>

#include "handover.h"
#include "js-value.h"

napi_value js_socket_pair(napi_env env, napi_callback_info info)
{
	int ends[2];
	napi_value pair;

	(void)info;
	int error = handover_pair(ends);
	if (error < 0)
		return js_number(env, error);
	napi_create_array_with_length(env, 2, &pair);
	for (uint32_t i = 0; i < 2; i++)
		napi_set_element(env, pair, i, js_number(env, ends[i]));
	return pair;
}

napi_value js_take_descriptor(napi_env env, napi_callback_info info)
{
	size_t count = 2;
	napi_value arguments[2];
	int64_t pid, fd;

	napi_get_cb_info(env, info, &count, arguments, NULL, NULL);
	if (!js_integer(env, arguments[0], "pid", 1, INT_MAX, &pid) ||
	    !js_integer(env, arguments[1], "fd", 0, INT_MAX, &fd))
		return NULL;
	return js_number(env, handover_take((pid_t)pid, (int)fd));
}

napi_value js_outlive_parent(napi_env env, napi_callback_info info)
{
	(void)info;
	return js_number(env, handover_outlive());
}
