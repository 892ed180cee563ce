/* apiserver/conversion.h: custom resources from one version to another, by their definition's
 * webhook where it has one. Source: apiextensions-apiserver pkg/apiserver/conversion. */
#pragma once
#include "apiserver/request.h"
#include "schema/crd.h"

/* `{"apiVersion":"a/v1",` at the head of what is stored, without parsing it. */
struct str conversion_version(const struct object *object);

/* Converts trees, any thread that may wait outside: those in another version than `row`'s are
 * replaced in place by what the webhook made of them, in `row`'s shape. All or none. The failure's
 * words are upstream's: `conversion webhook for GROUP/V, Kind=K failed: ...`. */
MUST_CHECK bool conversion_run(struct api *api, struct cluster *cluster, const struct crd *crd,
                               const struct resource *row, json_t **objects, size_t count,
                               struct error *err);
/* The same for stored objects, each referenced: those in another version are exchanged for new ones
 * of the same revision. */
MUST_CHECK bool conversion_run_stored(struct api *api, struct cluster *cluster,
                                      const struct crd *crd, const struct resource *row,
                                      struct object **objects, size_t count, struct error *err);
/* Whether any of them has to go to the webhook. */
bool conversion_needed(const struct crd *crd, const struct resource *row,
                       struct object *const *objects, size_t count);
