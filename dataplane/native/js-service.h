/* What JavaScript tells the service manager. */
#ifndef WEFT_JS_SERVICE_H
#define WEFT_JS_SERVICE_H

#include <node_api.h>

/** The functions of the same names in batch-io.ts. */
napi_value js_notify_service(napi_env env, napi_callback_info info);
napi_value js_tell_service(napi_env env, napi_callback_info info);
napi_value js_adopt_descriptor(napi_env env, napi_callback_info info);

#endif
