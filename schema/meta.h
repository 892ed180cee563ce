/* schema/meta.h: metadata and the names in it. Source: apimachinery's validation and
 * pkg/api/validation. */
#pragma once
#include "base/error.h"
#include "base/json.h"
#include "schema/resource.h"

/* Borrowed; "" when absent. */
const char *meta_name(const json_t *object);
const char *meta_namespace(const json_t *object);
const char *meta_uid(const json_t *object);
const char *meta_resource_version(const json_t *object);
const char *meta_label(const json_t *object, const char *key);      /* NULL when absent */
const char *meta_annotation(const json_t *object, const char *key); /* NULL when absent */
bool meta_deleting(const json_t *object);                           /* has deletionTimestamp */
bool meta_has_finalizer(const json_t *object, const char *finalizer);
/* The ownerReference with controller: true, or NULL. Borrowed. */
const json_t *meta_controller(const json_t *object);
void meta_set_annotation(json_t *object, const char *key, const char *value);
void meta_set_label(json_t *object, const char *key, const char *value);
/* Drops owner references that are there more than once; appends their UIDs, "a, b". False when
 * there were none. */
bool meta_drop_duplicate_owners(json_t *object, struct buf *uids);

/* Each returns NULL when `value` is fine, else upstream's detail text (static). Formats of
 * name-formats. */
const char *name_check_dns_subdomain(const char *value);
const char *name_check_dns_label(const char *value);
const char *name_check_dns_1035_label(const char *value);
const char *name_check_path_segment(const char *value);
const char *name_check_qualified(const char *value); /* label and annotation keys, finalizers */
const char *name_check_label_value(const char *value);
/* All that is wrong, as upstream tells it, into `faults`, which has room for NAME_FAULTS_MAX; how
 * many. */
#define NAME_FAULTS_MAX 8
size_t name_faults_dns_subdomain(const char *value, const char *faults[]);
size_t name_faults_dns_label(const char *value, const char *faults[]);
size_t name_faults_dns_1035_label(const char *value, const char *faults[]);
size_t name_faults_qualified(const char *value, const char *faults[]);
size_t name_faults_label_value(const char *value, const char *faults[]);
/* By kind_rules.name_format. */
const char *name_check(const char *format, const char *value, bool is_prefix);

/* Takes out of the metadata of what is to be created what only the server says: uid and times. */
void meta_wipe_system_fields(json_t *meta);
/* ValidateObjectMeta and ValidateObjectMetaUpdate: append causes under "metadata". */
void meta_validate(const struct resource *resource, const json_t *object, struct error *err);
void meta_validate_update(const struct resource *resource, const json_t *object, const json_t *old,
                          struct error *err);
/* Of two of its members alone, upstream's paths ("metadata.labels", "metadata.annotation"). */
void meta_validate_labels(const json_t *labels, struct error *err);
void meta_validate_annotations(const json_t *annotations, struct error *err);
struct path;
/* The first for metadata of a resource inside another, which needs no name. */
void meta_validate_embedded(const json_t *meta, const struct path *at, struct error *err);
