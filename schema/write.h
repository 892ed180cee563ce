/* schema/write.h: objects as Go prints them: members of structs in the order in which they are
 * declared, keys of maps, and all of a custom resource, sorted. What its owner keeps as it came
 * (RawExtension, JSON, FieldsV1) stays so. Pure. Source: encoding/json; apimachinery's
 * unstructured. */
#pragma once
#include "base/json.h"
#include "schema/type.h"
#include "store/object.h"

/* The type that `object` says it has; NULL: none that is built in. */
const struct type *schema_type_of(const json_t *object);
/* Appends compact JSON; `type` NULL: in the order that is there. */
void schema_write(struct buf *out, const struct type *type, const json_t *value);
/* object_draft_make() in that order. */
MUST_CHECK bool schema_draft_make(const struct type *type, json_t *object, struct buf *out,
                                  struct object_draft *draft, struct error *err);
