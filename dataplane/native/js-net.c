#include "js-net.h"

#include <limits.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "js-value.h"
#include "net-change.h"
#include "service-socket.h"

/* Of a file below /proc/sys/net, and of what is written to it. */
#define MAX_FILE 256
#define MAX_TEXT 64

struct work {
	napi_async_work work;
	napi_deferred deferred;
	struct net_change *change;
};

/*
 * A copy of a string of 1 … @space - 1 bytes without a zero in it. Return: NULL with TypeError @name pending if it is
 * something else
 */
static char *copy_text(napi_env env, napi_value value, const char *name, size_t space)
{
	size_t length = 0;
	char *text = NULL;

	if (napi_get_value_string_utf8(env, value, NULL, 0, &length) == napi_ok && length > 0 && length < space)
		text = malloc(length + 1);
	if (text != NULL && napi_get_value_string_utf8(env, value, text, length + 1, &length) == napi_ok &&
	    strlen(text) == length)
		return text;
	free(text);
	napi_throw_type_error(env, NULL, name);
	return NULL;
}

static char *copy_property(napi_env env, napi_value object, const char *name, size_t space)
{
	napi_value value;

	if (napi_get_named_property(env, object, name, &value) == napi_ok)
		return copy_text(env, value, name, space);
	napi_throw_type_error(env, NULL, name);
	return NULL;
}

/* The elements of an array of at most @max. Return: false with TypeError @name pending */
static bool read_count(napi_env env, napi_value array, const char *name, uint32_t max, uint32_t *count)
{
	if (napi_get_array_length(env, array, count) == napi_ok && *count <= max)
		return true;
	napi_throw_type_error(env, NULL, name);
	return false;
}

static bool read_patch(napi_env env, napi_value value, struct net_step *step)
{
	struct net_patch *patch = &step->patches[step->patch_count];
	napi_valuetype type;
	int64_t kind, offset;

	if (napi_typeof(env, value, &type) != napi_ok || type != napi_object) {
		napi_throw_type_error(env, NULL, "patches");
		return false;
	}
	if (!js_option(env, value, "kind", NET_PATCH_IFINDEX, NET_PATCH_NETNS, &kind) ||
	    !js_option(env, value, "offset", NLMSG_HDRLEN, (int64_t)step->size - (int64_t)sizeof(int), &offset))
		return false;
	patch->kind = (enum net_patch_kind)kind;
	patch->offset = (uint32_t)offset;
	patch->of = copy_property(env, value, "of", kind == NET_PATCH_IFINDEX ? IFNAMSIZ : PATH_MAX);
	step->patch_count += patch->of != NULL;
	return patch->of != NULL;
}

static bool read_message(napi_env env, napi_value message, struct net_step *step)
{
	struct nlmsghdr header;
	size_t size = 0;
	void *data = NULL;
	bool is_buffer = false;

	if (napi_is_buffer(env, message, &is_buffer) == napi_ok && is_buffer)
		napi_get_buffer_info(env, message, &data, &size);
	if (data != NULL && size >= sizeof(header) && size <= NET_MAX_MESSAGE) {
		memcpy(&header, data, sizeof(header));
		if (header.nlmsg_len == size && (header.nlmsg_flags & NLM_F_ACK) != 0)
			step->message = malloc(size);
	}
	if (step->message == NULL) {
		napi_throw_type_error(env, NULL, "message");
		return false;
	}
	memcpy(step->message, data, size);
	step->size = (uint32_t)size;
	return true;
}

/* Below /proc/sys/net: no way leads out of it. */
static bool is_below(const char *file)
{
	for (const char *at = file; at != NULL; at = strchr(at, '/')) {
		at += *at == '/';
		if (strncmp(at, "..", 2) == 0 && (at[2] == '/' || at[2] == '\0'))
			return false;
	}
	return true;
}

static bool read_file(napi_env env, napi_value value, struct net_step *step)
{
	step->file = copy_property(env, value, "file", MAX_FILE);
	if (step->file == NULL)
		return false;
	if (!is_below(step->file)) {
		napi_throw_type_error(env, NULL, "file");
		return false;
	}
	step->text = copy_property(env, value, "text", MAX_TEXT);
	return step->text != NULL;
}

static bool read_step(napi_env env, napi_value value, struct net_step *step)
{
	napi_value message, patches, patch;
	napi_valuetype type;
	uint32_t count;

	if (napi_typeof(env, value, &type) != napi_ok || type != napi_object ||
	    napi_get_named_property(env, value, "message", &message) != napi_ok ||
	    napi_typeof(env, message, &type) != napi_ok) {
		napi_throw_type_error(env, NULL, "steps");
		return false;
	}
	if (type == napi_undefined)
		return read_file(env, value, step);
	if (!read_message(env, message, step))
		return false;
	if (napi_get_named_property(env, value, "patches", &patches) != napi_ok ||
	    !read_count(env, patches, "patches", NET_MAX_PATCHES, &count))
		return false;
	for (uint32_t i = 0; i < count; i++) {
		if (napi_get_element(env, patches, i, &patch) != napi_ok || !read_patch(env, patch, step))
			return false;
	}
	return true;
}

static bool read_change(napi_env env, napi_value netns, napi_value steps, struct net_change *change)
{
	napi_valuetype type;
	napi_value step;
	uint32_t count;

	napi_typeof(env, netns, &type);
	if (type != napi_null) {
		change->netns = copy_text(env, netns, "netnsPath", PATH_MAX);
		if (change->netns == NULL)
			return false;
	}
	if (!read_count(env, steps, "steps", NET_MAX_STEPS, &count))
		return false;
	change->steps = calloc(count + 1, sizeof(*change->steps));
	change->answer.data = malloc(RTNETLINK_ANSWERS);
	if (change->steps == NULL || change->answer.data == NULL) {
		napi_throw_error(env, NULL, "no memory");
		return false;
	}
	for (uint32_t i = 0; i < count; i++) {
		change->count = i + 1;
		if (napi_get_element(env, steps, i, &step) != napi_ok || !read_step(env, step, &change->steps[i]))
			return false;
	}
	return true;
}

/* On a thread of the pool: no JavaScript here. */
static void execute(napi_env env, void *data)
{
	struct work *work = data;

	(void)env;
	net_change_run(work->change);
}

static napi_value describe(napi_env env, const struct net_change *change)
{
	napi_value result = NULL, value = NULL;

	napi_create_object(env, &result);
	napi_set_named_property(env, result, "done", js_number(env, change->done));
	napi_set_named_property(env, result, "errno", js_number(env, change->error));
	napi_create_string_utf8(env, change->refused == NULL ? "" : change->refused, NAPI_AUTO_LENGTH, &value);
	napi_set_named_property(env, result, "refused", value);
	napi_create_string_utf8(env, change->answer.words, NAPI_AUTO_LENGTH, &value);
	napi_set_named_property(env, result, "words", value);
	if (napi_create_buffer_copy(env, change->answer.size, change->answer.data, NULL, &value) == napi_ok)
		napi_set_named_property(env, result, "answers", value);
	return result;
}

static void discard(napi_env env, struct work *work)
{
	if (work->work != NULL)
		napi_delete_async_work(env, work->work);
	net_change_free(work->change);
	free(work);
}

/* When the environment is ending, JavaScript cannot be told any more, and each of these calls fails. */
static void complete(napi_env env, napi_status status, void *data)
{
	struct work *work = data;

	(void)status;
	napi_resolve_deferred(env, work->deferred, describe(env, work->change));
	discard(env, work);
}

napi_value js_change_net(napi_env env, napi_callback_info info)
{
	size_t count = 2;
	napi_value arguments[2], name, promise;
	struct work *work = calloc(1, sizeof(*work));

	if (work != NULL)
		work->change = calloc(1, sizeof(*work->change));
	if (work == NULL || work->change == NULL) {
		free(work);
		napi_throw_error(env, NULL, "no memory");
		return NULL;
	}
	napi_get_cb_info(env, info, &count, arguments, NULL, NULL);
	if (!read_change(env, arguments[0], arguments[1], work->change)) {
		discard(env, work);
		return NULL;
	}
	if (napi_create_string_utf8(env, "weft:changeNet", NAPI_AUTO_LENGTH, &name) != napi_ok ||
	    napi_create_async_work(env, NULL, name, execute, complete, work, &work->work) != napi_ok ||
	    napi_create_promise(env, &work->deferred, &promise) != napi_ok ||
	    napi_queue_async_work(env, work->work) != napi_ok) {
		discard(env, work);
		napi_throw_error(env, NULL, "cannot use the thread pool");
		return NULL;
	}
	return promise;
}

/* Arguments (netnsPath or null, isStream, address, port). */
napi_value js_open_service_socket(napi_env env, napi_callback_info info)
{
	size_t count = 4;
	napi_value arguments[4];
	napi_valuetype type;
	struct sockaddr_in address = {.sin_family = AF_INET};
	int64_t is_stream, host, port;
	char *netns = NULL;

	napi_get_cb_info(env, info, &count, arguments, NULL, NULL);
	if (!js_integer(env, arguments[1], "isStream", 0, 1, &is_stream) ||
	    !js_integer(env, arguments[2], "address", 0, UINT32_MAX, &host) ||
	    !js_integer(env, arguments[3], "port", 1, UINT16_MAX, &port))
		return NULL;
	address.sin_addr.s_addr = htonl((uint32_t)host);
	address.sin_port = htons((uint16_t)port);
	napi_typeof(env, arguments[0], &type);
	if (type != napi_null) {
		netns = copy_text(env, arguments[0], "netnsPath", PATH_MAX);
		if (netns == NULL)
			return NULL;
	}
	int result = service_socket_open(netns, is_stream != 0 ? SOCK_STREAM : SOCK_DGRAM, &address);
	free(netns);
	return js_number(env, result);
}
