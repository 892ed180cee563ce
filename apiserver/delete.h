/* apiserver/delete.h: how a deletion goes, for steps that end in one. */
#pragma once
#include "apiserver/request.h"

/* Plans the deletion of request->current; `options` is a DeleteOptions tree or NULL. */
enum step_result delete_plan(struct request *request, const json_t *options);
