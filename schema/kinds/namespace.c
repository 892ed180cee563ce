/* Namespaces: the kubernetes finalizer, the name as a label, phases. */
#include "schema/kinds/kinds.h"
#include "schema/meta.h"

static void label_name(json_t *object)
{
    if (*meta_name(object))
        meta_set_label(object, "kubernetes.io/metadata.name", meta_name(object));
}

static void set_defaults(json_t *object)
{
    label_name(object);
    default_text(json_ensure_object(object, "status"), "phase", "Active");
}

static void prepare_create(json_t *object)
{
    json_t *finalizers = json_ensure_array(json_ensure_object(object, "spec"), "finalizers");
    label_name(object);
    json_object_set_new(object, "status", json_pack("{s:s}", "phase", "Active"));
    if (!json_array_has_text(finalizers, "kubernetes"))
        json_array_append_new(finalizers, json_string("kubernetes"));
}

static void prepare_update(json_t *object, const json_t *old, const char *subresource)
{
    if (is_sub(subresource, "status")) {
        strategy_keep(object, old, "spec");
        return;
    }
    strategy_keep(object, old, "status");
    if (is_main(subresource))
        strategy_keep(object, old, "spec");
}

/* What is wrong is said by two rules; on creation without the place in the list. */
static void check_spec_finalizers(const json_t *object, bool indexed, struct error *err)
{
    static const char *const standard[] = {"kubernetes", "orphan", "foregroundDeletion", NULL};
    const json_t *item;
    LIST_EACH (json_at(object, "spec", "finalizers"), i, item) {
        const struct path *list = PATH(PATH(NULL, "spec"), "finalizers");
        const struct path *path = indexed ? PATH_AT(list, i) : list;
        const char *name = json_string_value(item) ? json_string_value(item) : "";
        rule_named(err, path, name, name_check_qualified);
        if (!strchr(name, '/') && !rule_one_of(name, standard))
            rule_invalid_text(
                err, path, name,
                "name is neither a standard finalizer name nor is it fully qualified");
    }
}

static void validate(const json_t *object, struct error *err)
{
    check_spec_finalizers(object, false, err);
}

static void validate_update(const json_t *object, const json_t *old, const char *subresource,
                            struct error *err)
{
    const char *phase = rule_text_at(object, "status.phase");
    const struct path *path = PATH(PATH(NULL, "status"), "Phase");
    (void)old;
    if (is_sub(subresource, "finalize"))
        check_spec_finalizers(object, true, err);
    if (!is_sub(subresource, "status"))
        return;
    if (meta_deleting(object) && strcmp(phase, "Terminating") != 0)
        rule_invalid_text(err, path, phase,
                          "may only be 'Terminating' if `deletionTimestamp` is not empty");
    if (!meta_deleting(object) && strcmp(phase, "Active") != 0)
        rule_invalid_text(err, path, phase, "may only be 'Active' if `deletionTimestamp` is empty");
}

static void index_fields(const json_t *object, index_add_fn add, void *arg)
{
    index_paths(object, (const char *const[]){"status.phase", NULL}, add, arg);
}

const struct kind_rules kind_namespaces = {
    .resource = "namespaces",
    .set_defaults = set_defaults,
    .prepare_create = prepare_create,
    .prepare_update = prepare_update,
    .validate = validate,
    .validate_update = validate_update,
    .index = index_fields,
    .name_format = "dns-label",
};
