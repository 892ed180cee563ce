/* Events: both groups' events are one object, stored in the core group's form. */
#include "schema/kinds/kinds.h"
#include "schema/meta.h"

#define TEXT_MAX    128
#define MESSAGE_MAX 1024

/* Events that say when they happened are trusted with what they are about. */
static bool object_namespace_fits(const json_t *object, bool dated)
{
    const char *ns = meta_namespace(object),
               *involved = rule_text_at(object, "involvedObject.namespace");
    if (*involved)
        return dated || strcmp(ns, involved) == 0;
    return strcmp(ns, "default") == 0 || strcmp(ns, dated ? "kube-system" : "") == 0;
}

static void check_text(struct error *err, const json_t *object, const char *member)
{
    if (!check_required(err, NULL, object, member, NULL))
        return;
    if (strlen(rule_text(object, member)) > TEXT_MAX)
        rule_invalid_text(err, PATH(NULL, member), "", "can have at most 128 characters");
}

/* Events that say when they happened are of the new kind, and say more. */
static void check_new_style(const json_t *object, struct error *err)
{
    const char *controller = rule_text(object, "reportingComponent");
    const struct path *path = PATH(NULL, "reportingController");
    if (!*controller)
        rule_required(err, path, NULL);
    rule_named(err, path, controller, name_check_qualified);
    check_text(err, object, "reportingInstance");
    check_text(err, object, "action");
    check_text(err, object, "reason");
    if (strlen(rule_text(object, "message")) > MESSAGE_MAX)
        rule_invalid_text(err, PATH(NULL, "message"), "", "can have at most 1024 characters");
}

static void validate(const json_t *object, struct error *err)
{
    bool dated = *rule_text(object, "eventTime") != '\0';
    if (!object_namespace_fits(object, dated))
        rule_invalid_text(err, PATH(PATH(NULL, "involvedObject"), "namespace"),
                          rule_text_at(object, "involvedObject.namespace"),
                          "does not match event.namespace");
    if (dated)
        check_new_style(object, err);
}

static void validate_update(const json_t *object, const json_t *old, const char *subresource,
                            struct error *err)
{
    (void)old;
    (void)subresource;
    validate(object, err);
}

/* Both groups' names for the same fields. */
static const struct event_field {
    const char *path, *source;
} event_fields[] = {
    {"involvedObject.kind", "involvedObject.kind"},
    {"involvedObject.namespace", "involvedObject.namespace"},
    {"involvedObject.name", "involvedObject.name"},
    {"involvedObject.uid", "involvedObject.uid"},
    {"involvedObject.apiVersion", "involvedObject.apiVersion"},
    {"involvedObject.resourceVersion", "involvedObject.resourceVersion"},
    {"involvedObject.fieldPath", "involvedObject.fieldPath"},
    {"regarding.kind", "involvedObject.kind"},
    {"regarding.namespace", "involvedObject.namespace"},
    {"regarding.name", "involvedObject.name"},
    {"regarding.uid", "involvedObject.uid"},
    {"regarding.apiVersion", "involvedObject.apiVersion"},
    {"regarding.resourceVersion", "involvedObject.resourceVersion"},
    {"regarding.fieldPath", "involvedObject.fieldPath"},
    {"reason", "reason"},
    {"reportingComponent", "reportingComponent"},
    {"reportingController", "reportingComponent"},
    {"type", "type"},
};

static void index_fields(const json_t *object, index_add_fn add, void *arg)
{
    const char *component = rule_text_at(object, "source.component");
    for (size_t i = 0; i < ARRAY_LEN(event_fields); i++) {
        const char *value = rule_text_at(object, event_fields[i].source);
        if (*value)
            add(arg, event_fields[i].path, value);
    }
    add(arg, "source", *component ? component : rule_text(object, "reportingComponent"));
}

/* core/v1 prints them even when nobody is named. */
static void defaults(json_t *object)
{
    static const char *const members[] = {"reportingComponent", "reportingInstance"};
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (!rule_has(object, members[i]))
            json_object_set_new(object, members[i], json_string(""));
}

const struct kind_rules kind_events = {
    .resource = "events",
    .set_defaults = defaults,
    .validate = validate,
    .validate_update = validate_update,
    .index = index_fields,
};
