#include "js-service.h"

#include <limits.h>
#include <stdlib.h>

#include "js-value.h"
#include "service-notify.h"

/* A message is a few lines; status text is cut by the caller. */
#define MESSAGE_MAX 4096

/* Return: how many descriptors @array holds, or -1 with an exception pending */
static int read_descriptors(napi_env env, napi_value array, int fds[NOTIFY_MAX_FDS])
{
	uint32_t count;

	if (napi_get_array_length(env, array, &count) != napi_ok || count > NOTIFY_MAX_FDS) {
		napi_throw_range_error(env, NULL, "fds");
		return -1;
	}
	for (uint32_t i = 0; i < count; i++) {
		napi_value element;
		int64_t fd;

		if (napi_get_element(env, array, i, &element) != napi_ok ||
		    !js_integer(env, element, "fd", 0, INT_MAX, &fd))
			return -1;
		fds[i] = (int)fd;
	}
	return (int)count;
}

struct message {
	char text[MESSAGE_MAX];
	size_t length;
	int fds[NOTIFY_MAX_FDS];
	size_t fd_count;
};

/* Return: whether @text and @array are a message; otherwise an exception is pending */
static bool read_message(napi_env env, napi_value text, napi_value array, struct message *message)
{
	if (napi_get_value_string_utf8(env, text, message->text, sizeof(message->text), &message->length) != napi_ok) {
		napi_throw_type_error(env, NULL, "message");
		return false;
	}
	int fd_count = read_descriptors(env, array, message->fds);
	message->fd_count = (size_t)fd_count;
	return fd_count >= 0;
}

napi_value js_notify_service(napi_env env, napi_callback_info info)
{
	size_t count = 3, path_length;
	napi_value arguments[3];
	/* One more than an address has, so that a longer one is seen to be too long. */
	char path[128];
	struct message message;

	napi_get_cb_info(env, info, &count, arguments, NULL, NULL);
	if (napi_get_value_string_utf8(env, arguments[0], path, sizeof(path), &path_length) != napi_ok) {
		napi_throw_type_error(env, NULL, "path");
		return NULL;
	}
	if (!read_message(env, arguments[1], arguments[2], &message))
		return NULL;
	return js_number(env, service_notify(path, message.text, message.length, message.fds, message.fd_count));
}

napi_value js_tell_service(napi_env env, napi_callback_info info)
{
	size_t count = 3;
	napi_value arguments[3];
	int64_t socket;
	struct message message;

	napi_get_cb_info(env, info, &count, arguments, NULL, NULL);
	if (!js_integer(env, arguments[0], "socket", 0, INT_MAX, &socket) ||
	    !read_message(env, arguments[1], arguments[2], &message))
		return NULL;
	return js_number(env, service_tell((int)socket, message.text, message.length, message.fds, message.fd_count));
}

napi_value js_adopt_descriptor(napi_env env, napi_callback_info info)
{
	size_t count = 1;
	napi_value argument;
	int64_t fd;

	napi_get_cb_info(env, info, &count, &argument, NULL, NULL);
	if (!js_integer(env, argument, "fd", 0, INT_MAX, &fd))
		return NULL;
	return js_number(env, service_adopt((int)fd));
}
