/* apiserver/apply_versions.h: objects in the versions that their managers wrote, for
 * schema/apply.h. */
#pragma once
#include "apiserver/request.h"
#include "schema/apply.h"

/* The versions of the request's resource; they borrow the request. STEP_CALL where a webhook has to
 * be asked and may not be yet, else STEP_NEXT. */
enum step_result apply_versions_of(struct request *request, struct apply_versions *versions);
