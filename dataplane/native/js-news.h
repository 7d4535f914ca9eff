/* kernel-news.h on the loop of the thread that asks, for JavaScript. */
#ifndef WEFT_JS_NEWS_H
#define WEFT_JS_NEWS_H

#include <node_api.h>

napi_value js_open_kernel_news(napi_env env, napi_callback_info info);
napi_value js_close_kernel_news(napi_env env, napi_callback_info info);

#endif
