/* store/object.h: one stored Kubernetes object: immutable, shared, ready to be sent.
 *
 * `body` is compact JSON as a client gets it, metadata.resourceVersion included. An index of labels
 * and of the fields that field selectors can name stands beside it, so that selecting never parses.
 * Any thread. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/document.h"
#include "base/error.h"
#include "base/str.h"

struct object_pair {
    const char *key, *value;
};

struct object {
    atomic_uint refs;
    bool converted;              /* no stored one: made of one in another version, for a reply */
    int64_t revision;            /* metadata.resourceVersion */
    const char *resource;        /* interned: "pods", "deployments.apps" (store_intern) */
    const char *ns, *name, *uid; /* in this block; ns is "" for cluster-scoped kinds */
    struct str body; /* compact JSON; a '\n' stands behind it, for who sends it as it is */
    uint32_t label_count, field_count;
    const struct object_pair *labels; /* by key */
    const struct object_pair
        *fields; /* by key: "spec.nodeName"; metadata.name and .namespace are not repeated */
};

struct object *object_ref(struct object *object);
void object_unref(struct object *object);
void object_unref_ptr(struct object **object); /* for CLEANUP */
/* NULL when it has none. */
const char *object_label(const struct object *object, const char *key);
bool object_same_labels(const struct object *a, const struct object *b);
/* "" when it has none; knows metadata.name and metadata.namespace. */
const char *object_field(const struct object *object, const char *path);
/* Parses the body: a new tree of the caller's. */
json_t *object_json(const struct object *object);

/* What is about to be stored: the body without resourceVersion and where it goes in. */
struct object_draft {
    const char *ns, *name, *uid; /* borrowed for the length of the call */
    struct str body;             /* compact JSON */
    size_t revision_at;          /* byte offset at which `"resourceVersion":"N"` is put in */
};

/* Serializes `value` (apiVersion, kind, metadata first; resourceVersion left out) into `out` and
 * fills `draft`, whose strings point into `value` and `out`. False (413) when it is larger than the
 * store takes (1.5 MiB). */
MUST_CHECK bool object_draft_make(json_t *value, struct buf *out, struct object_draft *draft,
                                  struct error *err);

/* The same of what was serialized elsewhere. */
MUST_CHECK bool object_draft_of(const json_t *value, const struct buf *text, size_t revision_at,
                                struct object_draft *draft, struct error *err);

/* Tells which fields of a resource go into the index: appends (path, value) pairs; set once, at
 * start. Both strings are copied. */
typedef void (*object_index_fn)(const char *resource, const json_t *value,
                                void (*add)(void *arg, const char *path, const char *value),
                                void *arg);
void object_set_index(object_index_fn index);

/* A new object with one reference; `revision` 0: of what is not stored, and has none. `value`, when
 * not NULL, spares parsing the body. */
struct object *object_new(const char *resource, const struct object_draft *draft, int64_t revision,
                          const json_t *value);
