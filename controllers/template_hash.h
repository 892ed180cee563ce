/* controllers/template_hash.h: a short name for what a Pod template says: pod-template-hash,
 * controller-revision-hash. */
#pragma once
#include "base/json.h"

/* The same text for the same meaning and count of collisions, in upstream's alphabet of safe
 * characters. Owned. */
char *template_hash(const json_t *template, int64_t collisions);
