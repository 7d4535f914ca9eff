/* Changes of network namespaces for JavaScript, carried out on libuv's pool, and sockets in them. */
#ifndef WEFT_JS_NET_H
#define WEFT_JS_NET_H

#include <node_api.h>

/** The functions of the same names in batch-io.ts. */
napi_value js_change_net(napi_env env, napi_callback_info info);
napi_value js_open_service_socket(napi_env env, napi_callback_info info);

#endif
