/* Memory that the addon makes for JavaScript, where an ArrayBuffer of JavaScript's own does not do. */
#ifndef WEFT_JS_MEMORY_H
#define WEFT_JS_MEMORY_H

#include <node_api.h>

/** js_create_arena() - `createArena` of batch-io.ts */
napi_value js_create_arena(napi_env env, napi_callback_info info);

/** js_thread_time() - `threadTime` of batch-io.ts */
napi_value js_thread_time(napi_env env, napi_callback_info info);

#endif
