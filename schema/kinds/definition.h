/* schema/kinds/definition.h: what CustomResourceDefinitions say about how their objects are shown,
 * selected, scaled and merged. */
#pragma once
#include "schema/kinds/kinds.h"

/* Of every version, after crd_check(). With `old`, nothing when that was wrong already. */
void check_definition_versions(const json_t *definition, const json_t *old, struct error *err);
