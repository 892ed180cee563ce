/* schema/crd.h: CustomResourceDefinitions: their own rules, and the resources that they make.
 *
 * A definition is compiled once into rows of the same kind as the built-in ones
 * (schema/resource.h); everything that works from rows and types then serves it. Immutable,
 * counted, any thread. */
#pragma once
#include "base/error.h"
#include "base/json.h"
#include "schema/resource.h"

#define CRD_STORAGE   "customresourcedefinitions.apiextensions.k8s.io"
#define CRD_FINALIZER "customresourcecleanup.apiextensions.k8s.io"
#define CRD_APPROVED  "api-approved.kubernetes.io"

#define CRD_VERSIONS_MAX 100

struct crd {
    const char *name, *group, *storage_version; /* borrowed from the definition */
    const json_t *names;                        /* status.acceptedNames */
    const json_t
        *conversion; /* spec.conversion when a webhook converts; NULL: versions differ in name */
    const struct resource *const
        *rows;                       /* served versions, the preferred one first; then the others */
    size_t row_count, version_count; /* row_count: served */
    bool terminating;                /* no object may be created any more */
    const struct resource *stored;   /* the version that objects are stored in, served or not */
};

/* NULL when the definition cannot be served: its names are not accepted, its schema does not
 * compile, or its objects would lie among those of a built-in resource. */
const struct crd *crd_new(const json_t *definition);
const struct crd *crd_ref(const struct crd *crd);
void crd_unref(const struct crd *crd);

/* Whether `definition` is served as this one is: neither spec nor accepted names are others. */
bool crd_serves(const struct crd *crd, const json_t *definition);

/* The row of "group/version", served or not; NULL when it is no version of the definition. */
const struct resource *crd_row(const struct crd *crd, const char *api_version);

/* Fills in what the object's own version, that of its apiVersion, has defaults for. */
void crd_default_stored(const struct crd *crd, json_t *object);

/* Whether a definition may be of its group, by its annotation; `why` is what to say of one that may
 * not be. */
enum crd_approval {
    CRD_APPROVAL_FREE, /* anybody's group */
    CRD_APPROVAL_MISSING,
    CRD_APPROVAL_BYPASSED,
    CRD_APPROVAL_GIVEN,
    CRD_APPROVAL_INVALID,
};
enum crd_approval crd_approval(const json_t *definition, const char **why);
/* What speaks against serving one. */
struct crd_verdict {
    const char *conflict_reason, *conflict; /* why its names are taken; NULL when they are free */
    bool broken_bundle;                     /* its webhook's caBundle holds no certificate */
};
/* Writes status: accepted names, stored versions, and the conditions NamesAccepted, Established and
 * Terminating. What is established stays so. */
void crd_set_status(json_t *definition, const struct crd_verdict *verdict, int64_t now_us);
/* The condition's status is "True". */
bool crd_condition(const json_t *definition, const char *type);
void crd_set_condition(json_t *definition, const char *type, const char *status, const char *reason,
                       const char *message, int64_t now_us);

/* The type of a row's objects as admission's expressions are checked against, all of metadata
 * included; NULL when they cannot be. Lives as long as the definition. */
struct cel_type;
const struct cel_type *crd_cel_type(const struct resource *row);

/* For qsort of version names: the most stable and newest first. */
int crd_compare_versions(const void *a, const void *b);

/* ---- custom resources, by `row->type->custom` ---- */

/* Generation and the status subresource; `old` NULL on create. */
void crd_object_prepare(const struct resource *row, json_t *object, const json_t *old,
                        const char *subresource);
/* A write of one: `old` NULL on create. */
struct crd_write {
    const struct resource *row;
    const json_t *object, *old;
    const char *subresource;
};
struct warnings;
void crd_object_validate(const struct crd_write *write, struct warnings *warnings,
                         struct error *err);
/* Scale of a custom resource, by the paths that its definition names. */
void crd_scale_validate(const struct resource *row, const json_t *object, bool status_only,
                        struct error *err);
/* Where the definition says that a scale's replicas are. Borrowed. */
const char *crd_scale_path(const struct resource *row);
/* The replicas of a Scale whose custom resource has none; a write that leaves it so is refused. */
#define CRD_SCALE_UNSET INT32_MIN
bool crd_scale_has_replicas(const struct resource *row, const json_t *stored);
json_t *crd_scale_show(const struct resource *row, const json_t *stored);
json_t *crd_scale_accept(const struct resource *row, const json_t *shown, const json_t *old,
                         struct error *err);
