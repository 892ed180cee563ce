/* schema/apply_reset.h: what an endpoint does not let its writers change, and so nobody comes to
 * own through it. Of schema/apply.c and its siblings alone.
 *
 * Source: upstream's strategies, GetResetFields and GetResetFieldsFilter of Kubernetes 1.32. */
#pragma once
#include "schema/apply.h"

/* Drops that from `set`. */
void apply_drop_reset(const struct apply *apply, struct field_set *set);
