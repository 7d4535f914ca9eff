/* What JavaScript asks of the kernel: interfaces, and whether IPsec lies on the way. */
#ifndef WEFT_JS_KERNEL_H
#define WEFT_JS_KERNEL_H

#include <node_api.h>

/** The functions of the same names in batch-io.ts. */
napi_value js_has_carrier(napi_env env, napi_callback_info info);
napi_value js_link_features(napi_env env, napi_callback_info info);
napi_value js_ipsec_policies(napi_env env, napi_callback_info info);

#endif
