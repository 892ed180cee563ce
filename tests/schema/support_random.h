/* tests/schema/support_random.h: random objects of any type, in canonical form, from a seed. */
#pragma once
#include <stdint.h>

#include "base/document.h"
#include "schema/type.h"

/* The same seed makes the same object. New reference. */
json_t *random_object(const struct type *type, uint64_t seed);
