/* schema/kinds/definition.h: the parts of CustomResourceDefinitions: their schemas, and how their
 * objects are shown, selected and scaled. Source of all: apiextensions-apiserver
 * pkg/apis/apiextensions/validation. */
#pragma once
#include "schema/kinds/kinds.h"

/* What each version says for itself at spec.versions[i]. */
void check_definition_version(struct error *err, const json_t *spec, size_t i);
/* What all versions have in common, which upstream keeps, and blames, in the spec itself. */
void check_definition_common(struct error *err, const json_t *spec);

/* A version's {openAPIV3Schema} at `at`; `has_status`: with status as a subresource. */
void check_definition_schema(struct error *err, const struct path *at, const json_t *schema,
                             bool has_status);
/* Adds what keeps the schema from being structural, in the order of its texts. */
void check_definition_structure(struct error *err, const struct path *at, const json_t *schema);
/* A missing type is required, another than `wanted` wrong. */
void check_type_is(struct error *err, const struct path *at, const json_t *schema,
                   const char *wanted, const char *detail);

/* An error_cause_fn: whether a cause is not among those of `arg`, a struct error. */
bool definition_is_news(const struct error_cause *cause, const void *arg);
