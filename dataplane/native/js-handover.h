/* How JavaScript hands over to the next daemon. */
#ifndef WEFT_JS_HANDOVER_H
#define WEFT_JS_HANDOVER_H

#include <node_api.h>

/** The functions of the same names in batch-io.ts. */
napi_value js_socket_pair(napi_env env, napi_callback_info info);
napi_value js_take_descriptor(napi_env env, napi_callback_info info);
napi_value js_outlive_parent(napi_env env, napi_callback_info info);

#endif
