/* Changes of network namespaces for JavaScript, carried out on libuv's pool. */
#ifndef WEFT_JS_NET_H
#define WEFT_JS_NET_H

#include <node_api.h>

/** The function of the same name in batch-io.ts. */
napi_value js_change_net(napi_env env, napi_callback_info info);

#endif
