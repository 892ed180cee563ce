/* schema/openapi_internal.h: between the parts that write OpenAPI documents. */
#pragma once
#include "base/strmap.h"
#include "schema/openapi.h"

#define META "io.k8s.apimachinery.pkg.apis.meta.v1."

enum openapi_version { OPENAPI_V2, OPENAPI_V3 };

/* A document being written. */
struct openapi {
    struct buf *out;
    enum openapi_version version;
    struct strmap schemas;    /* name -> type, of every schema that something refers to */
    unsigned special_schemas; /* bits of enum field_kind: Quantity, Time, ... */
};

/* JSON text: each member or item puts its own comma in front when it needs one. */
void doc_open(struct buf *out, char bracket); /* an item */
void doc_close(struct buf *out, char bracket);
void doc_key(struct buf *out, const char *key); /* then a value */
void doc_item(struct buf *out, const char *text);
void doc_text(struct buf *out, const char *key, const char *text); /* nothing when text is NULL */
void doc_raw(struct buf *out, const char *key, const char *json);
void doc_object(struct buf *out, const char *key); /* `"key":{`; close it */
void doc_array(struct buf *out, const char *key);

/* `"$ref":"#/.../NAME"`, and remembers that the type is needed. */
void openapi_ref(struct openapi *doc, const struct type *type);
/* `"x-kubernetes-group-version-kind":{...}` */
void openapi_gvk(struct openapi *doc, const char *group, const char *version, const char *kind);
/* The schema of a custom resource. */
void openapi_custom(struct openapi *doc, const struct type *type);
/* Every schema that is referred to, and those that they refer to, sorted by name, as members. */
void openapi_schemas(struct openapi *doc);
/* The members of `paths` for what says which groups and versions there are, and what the server is.
 */
void openapi_roots(struct openapi *doc);
/* The one whose openapi_root_name() is `name`; false when there is none. */
MUST_CHECK bool openapi_root(struct openapi *doc, const char *name);
/* The member of `paths` for a group's own URL, which says which versions it has. */
void openapi_group_root(struct openapi *doc, const char *group);
/* The members of `paths` for the rows of one group-version, and for its own URL. */
void openapi_paths(struct openapi *doc, const char *group, const char *version,
                   const struct resource *const *rows, size_t row_count);
