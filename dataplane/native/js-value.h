/* Arguments from JavaScript as plain C, each checked; results the other way. */
#ifndef WEFT_JS_VALUE_H
#define WEFT_JS_VALUE_H

#include <node_api.h>
#include <stdbool.h>

#include "port.h"

napi_value js_number(napi_env env, int64_t value);

/**
 * js_integer() - an integer from @min to @max
 *
 * Throws RangeError with @name as message, and returns false, for anything else: also for NaN, 1.5 and 2^53.
 */
bool js_integer(napi_env env, napi_value value, const char *name, int64_t min, int64_t max, int64_t *out);

/** js_option() - the same for property @name of @object */
bool js_option(napi_env env, napi_value object, const char *name, int64_t min, int64_t max, int64_t *out);

/** js_memory() - the bytes of an ArrayBuffer; empty if it was detached or is something else */
struct span js_memory(napi_env env, napi_value value);

#endif
