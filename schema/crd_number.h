/* schema/crd_number.h: numbers as upstream's validator sees them: Go's int64 or float64, by how
 * they were written. Pure. Source: kube-openapi's pkg/validation/validate. */
#pragma once
#include <stdbool.h>

#include "base/json.h"

/* An integer, or a real that passes for one: within 2^53 of 0, and so near to one that none in a
 * billion parts is missing. */
bool crd_is_whole(const json_t *number);
/* `bound` as `number` is compared with it: cut to an integer for integers. New reference. */
json_t *crd_bound_of(const json_t *number, const json_t *bound);
/* Less than, equal to or greater than 0, as `number` is to that. */
int crd_compare(const json_t *number, const json_t *bound);
/* `factor` is greater than 0. */
bool crd_is_multiple(const json_t *number, const json_t *factor);
/* Whether a member of an enum stands for `number`, which is converted to the member's type: 1.5 is
 * the integer 1. */
bool crd_is_member(const json_t *number, const json_t *member);
