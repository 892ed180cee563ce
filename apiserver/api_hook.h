/* apiserver/api_hook.h: subresources that an upper floor serves (api_hook.sub). */
#pragma once
#include "apiserver/request.h"

extern const step_fn api_hook_chain[];
