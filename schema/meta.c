/* Reading, changing and validating metadata. Names' formats are in name.c. */
#include "schema/meta.h"

#include "schema/rule_internal.h"

#define MANAGER_MAX          128
#define SUBRESOURCE_MAX      256
#define FINALIZER_ORPHAN     "orphan"
#define FINALIZER_FOREGROUND "foregroundDeletion"

static const char *text_at(const json_t *object, const char *member)
{
    return rule_text(json_object_get(object, "metadata"), member);
}

const char *meta_name(const json_t *object)
{
    return text_at(object, "name");
}

const char *meta_namespace(const json_t *object)
{
    return text_at(object, "namespace");
}

const char *meta_uid(const json_t *object)
{
    return text_at(object, "uid");
}

const char *meta_resource_version(const json_t *object)
{
    return text_at(object, "resourceVersion");
}

const char *meta_label(const json_t *object, const char *key)
{
    return json_text(object, "metadata", "labels", key);
}

const char *meta_annotation(const json_t *object, const char *key)
{
    return json_text(object, "metadata", "annotations", key);
}

bool meta_deleting(const json_t *object)
{
    return *text_at(object, "deletionTimestamp") != '\0';
}

bool meta_has_finalizer(const json_t *object, const char *finalizer)
{
    return json_array_has_text(json_at(object, "metadata", "finalizers"), finalizer);
}

const json_t *meta_controller(const json_t *object)
{
    const json_t *owners = json_at(object, "metadata", "ownerReferences"), *owner;
    LIST_EACH (owners, i, owner) {
        if (rule_bool(owner, "controller"))
            return owner;
    }
    return NULL;
}

static void set_in(json_t *object, const char *map, const char *key, const char *value)
{
    json_set_text(json_ensure_object(json_ensure_object(object, "metadata"), map), key, value);
}

void meta_set_annotation(json_t *object, const char *key, const char *value)
{
    set_in(object, "annotations", key, value);
}

void meta_set_label(json_t *object, const char *key, const char *value)
{
    set_in(object, "labels", key, value);
}

/* Each is compared to each before it. */
#define OWNERS_COMPARED_MAX 500

bool meta_drop_duplicate_owners(json_t *object, struct buf *uids)
{
    json_t *owners = json_at(object, "metadata", "ownerReferences");
    bool found = false;
    if (json_array_size(owners) > OWNERS_COMPARED_MAX)
        return false;
    for (size_t i = 1; i < json_array_size(owners);) {
        const json_t *owner = json_array_get(owners, i);
        bool seen = false;
        for (size_t k = 0; k < i && !seen; k++)
            seen = json_equal(json_array_get(owners, k), owner);
        if (!seen) {
            i++;
            continue;
        }
        buf_printf(uids, "%s%s", found ? ", " : "", rule_text(owner, "uid"));
        json_array_remove(owners, i);
        found = true;
    }
    return found;
}

/* Annotations whose values the server gives a meaning to are checked by the kinds that have them.
 */
static void check_owner(struct error *err, const struct path *path, const json_t *owner)
{
    static const char *const members[] = {"kind", "name", "uid"};
    const char *api_version = rule_text(owner, "apiVersion");
    const char *slash = strchr(api_version, '/');
    if (!*(slash ? slash + 1 : api_version))
        rule_invalid_text(err, PATH(path, "apiVersion"), api_version, "version must not be empty");
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (!*rule_text(owner, members[i]))
            rule_invalid_text(err, PATH(path, members[i]), "", "must not be empty");
    if (strcmp(api_version, "v1") == 0 && strcmp(rule_text(owner, "kind"), "Event") == 0)
        rule_invalid(err, path, owner, "/v1, Kind=Event is disallowed from being an owner");
}

static void check_owners(struct error *err, const struct path *path, const json_t *owners)
{
    const json_t *owner;
    const char *controller = NULL;
    bool told = false;
    LIST_EACH (owners, i, owner) {
        check_owner(err, path, owner);
        if (!rule_bool(owner, "controller"))
            continue;
        if (controller && !told)
            rule_invalid(err, path, owners,
                         "Only one reference can have Controller set to true. Found \"true\" in "
                         "references for %s and %s",
                         controller, rule_text(owner, "name"));
        told = told || controller;
        controller = controller ? controller : rule_text(owner, "name");
    }
}

static bool is_standard_finalizer(const char *name)
{
    return rule_one_of(
        name, (const char *const[]){"kubernetes", FINALIZER_ORPHAN, FINALIZER_FOREGROUND, NULL});
}

/* What built-in kinds ask of them beside. */
static void check_known_finalizers(struct error *err, const struct path *path,
                                   const json_t *finalizers)
{
    const json_t *item;
    LIST_EACH (finalizers, i, item) {
        const char *name = json_string_value(item) ? json_string_value(item) : "";
        if (!strchr(name, '/') && !is_standard_finalizer(name))
            rule_invalid_text(
                err, PATH_AT(path, i), name,
                "name is neither a standard finalizer name nor is it fully qualified");
    }
}

static void check_finalizers(struct error *err, const struct path *path, const json_t *finalizers)
{
    const json_t *item;
    bool orphan = false, foreground = false;
    LIST_EACH (finalizers, i, item) {
        const char *name = json_string_value(item) ? json_string_value(item) : "";
        rule_named(err, path, name, name_check_qualified);
        orphan = orphan || strcmp(name, FINALIZER_ORPHAN) == 0;
        foreground = foreground || strcmp(name, FINALIZER_FOREGROUND) == 0;
    }
    if (orphan && foreground)
        rule_invalid(err, path, finalizers,
                     "finalizer " FINALIZER_ORPHAN " and " FINALIZER_FOREGROUND
                     " cannot be both set");
}

static void check_managed_fields(struct error *err, const struct path *path, const json_t *entries)
{
    const json_t *entry;
    if (json_array_size(entries) == 1 && json_object_size(json_array_get(entries, 0)) == 0)
        return; /* asks to forget all of them; never stored */
    LIST_EACH (entries, i, entry) {
        const struct path *at = PATH_AT(path, i);
        if (!rule_one_of(rule_text(entry, "operation"),
                         (const char *const[]){"Apply", "Update", NULL}))
            rule_invalid_text(err, PATH(at, "operation"), rule_text(entry, "operation"),
                              "must be `Apply` or `Update`");
        if (*rule_text(entry, "fieldsType") &&
            strcmp(rule_text(entry, "fieldsType"), "FieldsV1") != 0)
            rule_invalid_text(err, PATH(at, "fieldsType"), rule_text(entry, "fieldsType"),
                              "must be `FieldsV1`");
        check_max_text(err, at, entry, "manager", MANAGER_MAX);
        check_max_text(err, at, entry, "subresource", SUBRESOURCE_MAX);
    }
}

/* What creation and update have in common. */
static void check_common(bool built_in, const json_t *meta, const struct path *at,
                         struct error *err)
{
    check_min(err, at, meta, "generation", 0);
    check_labels(err, PATH(at, "labels"), member_object(meta, "labels"));
    check_annotation_map(err, PATH(at, "annotations"), member_object(meta, "annotations"));
    check_owners(err, PATH(at, "ownerReferences"), member_array(meta, "ownerReferences"));
    check_finalizers(err, PATH(at, "finalizers"), member_array(meta, "finalizers"));
    check_managed_fields(err, PATH(at, "managedFields"), member_array(meta, "managedFields"));
    if (built_in)
        check_known_finalizers(err, PATH(at, "finalizers"), member_array(meta, "finalizers"));
}

static void check_object_name(const struct resource *resource, const json_t *meta,
                              const struct path *at, struct error *err)
{
    const char *format = kind_rules(resource->key)->name_format;
    const char *name = rule_text(meta, "name"), *base = rule_text(meta, "generateName");
    const char *wrong = *base ? name_check(format, base, true) : NULL;
    if (wrong)
        rule_invalid_text(err, PATH(at, "generateName"), base, wrong);
    if (!*name) {
        rule_required(err, PATH(at, "name"), "name or generateName is required");
        return;
    }
    wrong = name_check(format, name, false);
    if (wrong)
        rule_invalid_text(err, PATH(at, "name"), name, wrong);
}

void meta_validate(const struct resource *resource, const json_t *object, struct error *err)
{
    const json_t *meta = json_object_get(object, "metadata");
    const struct path *at = PATH(NULL, "metadata");
    check_object_name(resource, meta, at, err);
    if (resource->namespaced)
        check_name_required(err, at, meta, "namespace", name_check_dns_label);
    else if (*rule_text(meta, "namespace"))
        rule_forbidden(err, PATH(at, "namespace"), "not allowed on this type");
    check_common(kind_is_built_in(resource->key), meta, at, err);
}

void meta_wipe_system_fields(json_t *meta)
{
    static const char *const fields[] = {"creationTimestamp", "uid", "deletionTimestamp",
                                         "deletionGracePeriodSeconds", "selfLink"};
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        json_object_del(meta, fields[i]);
}

void meta_validate_labels(const json_t *labels, struct error *err)
{
    check_labels(err, PATH(PATH(NULL, "metadata"), "labels"), labels);
}

void meta_validate_annotations(const json_t *annotations, struct error *err)
{
    check_annotation_map(err, PATH(PATH(NULL, "metadata"), "annotation"), annotations); /* sic */
}

void meta_validate_embedded(const json_t *meta, const struct path *at, struct error *err)
{
    const char *name = rule_text(meta, "name");
    const char *wrong = *name ? name_check_path_segment(name) : NULL;
    if (wrong)
        rule_invalid_text(err, PATH(at, "name"), name, wrong);
    if (*rule_text(meta, "namespace"))
        check_name_required(err, at, meta, "namespace", name_check_dns_label);
    check_common(false, meta, at, err);
}

/* An object that is being deleted gets no further finalizers. */
static void check_no_new_finalizers(const json_t *meta, const json_t *old, const struct path *at,
                                    struct error *err)
{
    const json_t *item;
    struct buf extra = BUF_TEXT;
    LIST_EACH (member_array(meta, "finalizers"), i, item) {
        if (json_is_string(item) &&
            !json_array_has_text(json_object_get(old, "finalizers"), json_string_value(item)))
            buf_printf(&extra, "%s\"%s\"", extra.len ? ", " : "", json_string_value(item));
    }
    if (extra.len)
        rule_forbidden(err, PATH(at, "finalizers"),
                       "no new finalizers can be added if the object is being deleted, found new "
                       "finalizers []string{%s}",
                       extra.data);
    buf_free(&extra);
}

void meta_validate_update(const struct resource *resource, const json_t *object, const json_t *old,
                          struct error *err)
{
    static const char *const fixed[] = {"name",
                                        "namespace",
                                        "uid",
                                        "creationTimestamp",
                                        "deletionTimestamp",
                                        "deletionGracePeriodSeconds"};
    const json_t *meta = json_object_get(object, "metadata"),
                 *before = json_object_get(old, "metadata");
    const struct path *at = PATH(NULL, "metadata");
    if (*rule_text(before, "deletionTimestamp"))
        check_no_new_finalizers(meta, before, at, err);
    if (!resource->unconditional_update && !*rule_text(meta, "resourceVersion"))
        rule_invalid_raw(err, PATH(at, "resourceVersion"), "0x0",
                         "must be specified for an update");
    if (rule_int(meta, "generation", 0) < rule_int(before, "generation", 0))
        rule_invalid(err, PATH(at, "generation"), json_object_get(meta, "generation"),
                     "must not be decremented");
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
        check_immutable(err, at, meta, before, fixed[i]);
    check_common(kind_is_built_in(resource->key), meta, at, err);
}
