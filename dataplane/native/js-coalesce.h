#ifndef WEFT_JS_COALESCE_H
#define WEFT_JS_COALESCE_H

#include <node_api.h>

/** js_coalesce() - `coalesce` of batch-io.ts: the coalescer on frames that JavaScript made, for tests */
napi_value js_coalesce(napi_env env, napi_callback_info info);

#endif
