/* apiserver/documents/openapi_merge.h: one Swagger 2.0 document of this server's and another's.
 * Pure. Source: kube-openapi pkg/aggregator (FilterSpecByPaths, MergeSpecs). */
#pragma once
#include "base/json.h"

/* Adds to `spec` what `other` has at `prefix` ("/apis/GROUP/VERSION") and below, with the
 * definitions that this refers to. A definition that is there already with other contents comes
 * under another name. */
void openapi_merge(json_t *spec, const json_t *other, const char *prefix);
