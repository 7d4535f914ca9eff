#include "js-value.h"

napi_value js_number(napi_env env, int64_t value)
{
	napi_value number = NULL;

	napi_create_int64(env, value, &number);
	return number;
}

bool js_integer(napi_env env, napi_value value, const char *name, int64_t min, int64_t max, int64_t *out)
{
	double number;

	if (napi_get_value_double(env, value, &number) != napi_ok || !(number >= (double)min) ||
	    !(number <= (double)max) || (double)(int64_t)number != number) {
		napi_throw_range_error(env, NULL, name);
		return false;
	}
	*out = (int64_t)number;
	return true;
}

bool js_option(napi_env env, napi_value object, const char *name, int64_t min, int64_t max, int64_t *out)
{
	napi_value value;

	if (napi_get_named_property(env, object, name, &value) != napi_ok) {
		napi_throw_type_error(env, NULL, name);
		return false;
	}
	return js_integer(env, value, name, min, max, out);
}

struct span js_memory(napi_env env, napi_value value)
{
	void *data = NULL;
	size_t size = 0;

	if (napi_get_arraybuffer_info(env, value, &data, &size) != napi_ok || data == NULL)
		size = 0;
	return (struct span){data, size};
}
