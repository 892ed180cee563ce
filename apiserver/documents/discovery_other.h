/* apiserver/documents/discovery_other.h: what another server says of its resources, in the form of
 * aggregated discovery. Pure. Source: apiserver pkg/endpoints ConvertGroupVersionIntoToDiscovery.
 */
#pragma once
#include "base/json.h"

/* The `resources` of an APIVersionDiscovery, from an APIResourceList. What is malformed is left
 * out. New reference. */
json_t *discovery_convert(const json_t *list, const char *group, const char *version);
