#include "js-kernel.h"

#include <limits.h>
#include <net/if.h>

#include "ipsec.h"
#include "js-value.h"
#include "link-state.h"

struct interface {
	int control;
	char name[IFNAMSIZ];
};

/* Arguments (control, name). Return: false with an exception pending if they are wrong */
static bool read_interface(napi_env env, napi_callback_info info, struct interface *interface)
{
	size_t count = 2, length;
	napi_value arguments[2];
	int64_t control;

	napi_get_cb_info(env, info, &count, arguments, NULL, NULL);
	if (!js_integer(env, arguments[0], "control", 0, INT_MAX, &control))
		return false;
	if (napi_get_value_string_utf8(env, arguments[1], interface->name, IFNAMSIZ, &length) != napi_ok) {
		napi_throw_type_error(env, NULL, "name");
		return false;
	}
	interface->control = (int)control;
	return true;
}

napi_value js_has_carrier(napi_env env, napi_callback_info info)
{
	struct interface interface;

	if (!read_interface(env, info, &interface))
		return NULL;
	return js_number(env, link_has_carrier(interface.control, interface.name));
}

struct names {
	napi_env env;
	napi_value array;
	uint32_t count;
};

static void add_name(void *context, const char *name)
{
	struct names *names = context;
	napi_value value;

	if (napi_create_string_utf8(names->env, name, NAPI_AUTO_LENGTH, &value) == napi_ok)
		napi_set_element(names->env, names->array, names->count++, value);
}

napi_value js_link_features(napi_env env, napi_callback_info info)
{
	struct interface interface;
	struct names names = {.env = env};

	if (!read_interface(env, info, &interface) || napi_create_array(env, &names.array) != napi_ok)
		return NULL;
	int error = link_features(interface.control, interface.name, add_name, &names);
	return error != 0 ? js_number(env, error) : names.array;
}

napi_value js_ipsec_policies(napi_env env, napi_callback_info info)
{
	(void)info;
	return js_number(env, ipsec_outgoing_policies());
}
