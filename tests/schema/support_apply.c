#include "tests/schema/support_apply.h"

#include <stdlib.h>
#include <string.h>

#include "tests/test.h"

char *apply_rendered(const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
    char *copy = xstrdup(text);
    free(text);
    return copy;
}

json_t *apply_tree(const char *text)
{
    json_error_t why;
    json_t *value = json_loads(text, JSON_DECODE_ANY, &why);
    if (!value)
        fail_msg("%s in %s", why.text, text);
    return value;
}

void apply_parse_set(struct arena *arena, struct field_set *set, const json_t *fields)
{
    CLEANUP(error_clear) struct error err = {0};
    assert_true(field_set_parse(arena, set, fields, &err));
}

char *apply_set_text(const struct field_set *set)
{
    json_auto_t *value = field_set_json(set);
    return apply_rendered(value);
}

struct apply apply_by(const char *manager)
{
    return (struct apply){.type = type_find(DEPLOYMENT),
                          .api_version = "apps/v1",
                          .kind = "Deployment",
                          .subresource = "",
                          .manager = manager,
                          .now_us = 1700000000000000};
}

json_t *apply_text(const struct apply *apply, const json_t *live, const char *config)
{
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *applied = apply_tree(config);
    json_t *result = apply_configuration(apply, live, applied, &err);
    if (!result)
        fail_msg("%s", err.message);
    return result;
}

char *apply_fields(const json_t *object, const char *manager)
{
    json_t *entry;
    size_t at;
    json_array_foreach (json_at(object, "metadata", "managedFields"), at, entry)
        if (text_eq(json_text(entry, "manager"), manager))
            return apply_rendered(json_object_get(entry, "fieldsV1"));
    return xstrdup("none");
}
