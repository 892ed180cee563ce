/* apiserver/view.h: resources and subresources that are shown in another form than they are stored
 * in. */
#pragma once
#include "apiserver/request.h"

/* NULL when it is stored as it is shown, which is the rule. */
const struct view *view_find(const struct resource *resource, const char *sub);
/* Where the request's Scale is of a custom resource that has no replicas, marks them in `scale` as
 * not set: a write that leaves them so is refused. */
void view_mark_unset(const struct request *request, json_t *scale);
