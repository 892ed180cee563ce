/* apiserver/hook.h: subresources that an upper floor serves (api_hook.sub). */
#pragma once
#include "apiserver/request.h"

extern const step_fn hook_sub_chain[];
