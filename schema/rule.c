/* Field paths, causes and reading: what checks and kinds' rules are made of. */
#include "schema/rule_internal.h"

#include <stdlib.h>

#include "schema/go_text.h"

static void write_path(struct buf *out, const struct path *path)
{
    if (path->up)
        write_path(out, path->up);
    if (path->name)
        buf_printf(out, "%s%s", path->up ? "." : "", path->name);
    else if (path->key)
        buf_printf(out, "[%s]", path->key);
    else
        buf_printf(out, "[%zu]", path->index);
}

char *path_text(const struct path *path)
{
    struct buf out = BUF_TEXT;
    if (path)
        write_path(&out, path);
    else
        buf_add_text(&out, "<nil>");
    return buf_take(&out);
}

/* Down to `max` bytes, not within a character. */
static void cut(struct buf *text, size_t max)
{
    while (max && ((unsigned char)text->data[max] & 0xc0) == 0x80)
        max--;
    text->len = max;
    text->data[max] = '\0';
    buf_add_text(text, "...");
}

static bool is_full(const struct error *err)
{
    return err->cause_count >= RULE_CAUSES_MAX;
}

static char *value_text(const json_t *value)
{
    struct buf out = BUF_TEXT;
    if (!value || json_is_null(value))
        buf_add_text(&out, "null");
    else if (json_is_string(value))
        go_quote(&out, str_of(json_string_value(value)));
    else
        json_write(&out, value);
    if (!json_is_string(value) && out.len > RULE_SHOWN_MAX)
        cut(&out, RULE_SHOWN_MAX);
    char *text = buf_take(&out);
    return text ? text : xstrdup("null");
}

void rule_invalid(struct error *err, const struct path *path, const json_t *value,
                  const char *format, ...)
{
    if (is_full(err))
        return;
    CLEANUP(free_ptr) char *where = path_text(path);
    CLEANUP(free_ptr) char *shown = value_text(value);
    struct buf detail = BUF_TEXT;
    va_list args;
    va_start(args, format);
    buf_vprintf(&detail, format, args);
    va_end(args);
    CLEANUP(free_ptr) char *text = buf_take(&detail);
    error_add_cause(err, CAUSE_INVALID, where, "Invalid value: %s%s%s", shown, *text ? ": " : "",
                    text);
}

void rule_invalid_text(struct error *err, const struct path *path, const char *value,
                       const char *detail)
{
    if (is_full(err))
        return;
    CLEANUP(free_ptr) char *where = path_text(path);
    error_add_invalid(err, where, value, detail);
}

void rule_invalid_raw(struct error *err, const struct path *path, const char *value,
                      const char *detail)
{
    if (is_full(err))
        return;
    CLEANUP(free_ptr) char *where = path_text(path);
    error_add_cause(err, CAUSE_INVALID, where, "Invalid value: %s%s%s", value, *detail ? ": " : "",
                    detail);
}

void rule_invalid_bare(struct error *err, const struct path *path, const char *detail)
{
    if (is_full(err))
        return;
    CLEANUP(free_ptr) char *where = path_text(path);
    error_add_cause(err, CAUSE_INVALID, where, "Invalid value: %s", detail);
}

void rule_required(struct error *err, const struct path *path, const char *detail)
{
    if (is_full(err))
        return;
    CLEANUP(free_ptr) char *where = path_text(path);
    error_add_required(err, where, detail);
}

void rule_forbidden(struct error *err, const struct path *path, const char *format, ...)
{
    if (is_full(err))
        return;
    CLEANUP(free_ptr) char *where = path_text(path);
    struct buf detail = BUF_TEXT;
    va_list args;
    va_start(args, format);
    buf_vprintf(&detail, format, args);
    va_end(args);
    CLEANUP(free_ptr) char *text = buf_take(&detail);
    error_add_cause(err, CAUSE_FORBIDDEN, where, "Forbidden%s%s", *text ? ": " : "", text);
}

static void about_value(struct error *err, enum cause_kind kind, const struct path *path,
                        const char *what, const json_t *value)
{
    if (is_full(err))
        return;
    CLEANUP(free_ptr) char *where = path_text(path);
    CLEANUP(free_ptr) char *shown = value_text(value);
    error_add_cause(err, kind, where, "%s: %s", what, shown);
}

void rule_duplicate(struct error *err, const struct path *path, const json_t *value)
{
    about_value(err, CAUSE_DUPLICATE, path, "Duplicate value", value);
}

void rule_duplicate_told(struct error *err, const struct path *path, const json_t *value,
                         const char *detail)
{
    CLEANUP(free_ptr) char *shown = value_text(value);
    CLEANUP(free_ptr) char *where = path_text(path);
    if (!is_full(err))
        error_add_cause(err, CAUSE_DUPLICATE, where, "Duplicate value: %s: %s", shown, detail);
}

void rule_not_found(struct error *err, const struct path *path, const json_t *value)
{
    about_value(err, CAUSE_NOT_FOUND, path, "Not found", value);
}

void rule_too_long(struct error *err, const struct path *path, size_t max)
{
    if (is_full(err))
        return;
    CLEANUP(free_ptr) char *where = path_text(path);
    error_add_cause(err, CAUSE_TOO_LONG, where, "Too long: may not be more than %zu bytes", max);
}

void rule_too_many(struct error *err, const struct path *path, size_t actual, size_t max)
{
    if (is_full(err))
        return;
    CLEANUP(free_ptr) char *where = path_text(path);
    error_add_cause(err, CAUSE_TOO_MANY, where, "Too many: %zu: must have at most %zu item%s",
                    actual, max, max == 1 ? "" : "s");
}

void rule_not_supported(struct error *err, const struct path *path, const json_t *value,
                        const char *const *allowed)
{
    if (is_full(err))
        return;
    CLEANUP(free_ptr) char *where = path_text(path);
    CLEANUP(free_ptr) char *shown = value_text(value ? value : NULL);
    struct buf list = BUF_TEXT;
    for (size_t i = 0; allowed[i]; i++) {
        buf_add_text(&list, i ? ", " : "");
        go_quote(&list, str_of(allowed[i]));
    }
    CLEANUP(free_ptr) char *text = buf_take(&list);
    error_add_cause(err, CAUSE_NOT_SUPPORTED, where, "Unsupported value: %s: supported values: %s",
                    value ? shown : "\"\"", text);
}

const char *rule_text(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text ? text : "";
}

bool rule_has(const json_t *object, const char *member)
{
    const json_t *value = json_object_get(object, member);
    return value && !json_is_null(value);
}

static bool is_empty(const json_t *value)
{
    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_NULL:
    case JSON_FALSE:
        return true;
    case JSON_STRING:
        return json_string_length(value) == 0;
    case JSON_INTEGER:
        return json_integer_value(value) == 0;
    case JSON_OBJECT:
        return json_object_size(value) == 0;
    case JSON_ARRAY:
        return json_array_size(value) == 0;
    default:
        return false;
    }
}

bool rule_filled(const json_t *object, const char *member)
{
    return !is_empty(json_object_get(object, member));
}

int64_t rule_int(const json_t *object, const char *member, int64_t fallback)
{
    return json_int_or(json_object_get(object, member), fallback);
}

bool rule_bool(const json_t *object, const char *member)
{
    return json_is_true(json_object_get(object, member));
}

/* Absent where Go's DeepEqual makes no difference: nil and empty maps and lists, and text that was
 * left out. */
static bool is_void(const json_t *value)
{
    return is_empty(value) && !json_is_integer(value) && !json_is_boolean(value);
}

/* Members of `a` that are not the same in `b`. */
static bool objects_agree(const json_t *a, const json_t *b)
{
    const char *key;
    json_t *value;
    MAP_EACH (a, key, value) {
        if (!rule_equal(value, json_object_get(b, key)))
            return false;
    }
    return true;
}

bool rule_equal(const json_t *a, const json_t *b)
{
    if (a == b || (is_void(a) && is_void(b)))
        return true;
    if (!a || !b || json_typeof(a) != json_typeof(b))
        return (json_is_object(a) && !b && objects_agree(a, NULL)) ||
               (json_is_object(b) && !a && objects_agree(b, NULL));
    if (json_is_object(a))
        return objects_agree(a, b) && objects_agree(b, a);
    if (!json_is_array(a))
        return json_equal(a, b);
    if (json_array_size(a) != json_array_size(b))
        return false;
    for (size_t i = 0; i < json_array_size(a); i++)
        if (!rule_equal(json_array_get(a, i), json_array_get(b, i)))
            return false;
    return true;
}

bool rule_one_of(const char *text, const char *const *allowed)
{
    for (; *allowed; allowed++)
        if (strcmp(text, *allowed) == 0)
            return true;
    return false;
}

bool rule_same_except(const json_t *a, const json_t *b, const char *const *except)
{
    const char *key;
    json_t *value;
    MAP_EACH (a, key, value) {
        if (!rule_one_of(key, except) && !rule_equal(value, json_object_get(b, key)))
            return false;
    }
    MAP_EACH (b, key, value) {
        if (!rule_one_of(key, except) && !json_object_get(a, key) && !rule_equal(value, NULL))
            return false;
    }
    return true;
}

json_t *rule_set(const json_t *list)
{
    return json_array_size(list) > 1 ? json_object() : NULL;
}

bool rule_seen(json_t *set, const char *text)
{
    if (!set)
        return false;
    if (json_object_get(set, text))
        return true;
    json_object_set_new(set, text, json_true());
    return false;
}

json_t *rule_index(const json_t *list, const char *member)
{
    json_t *index = json_array_size(list) ? json_object() : NULL, *item;
    LIST_EACH (list, i, item) {
        if (!json_object_get(index, rule_text(item, member)))
            json_object_set(index, rule_text(item, member), item);
    }
    return index;
}

json_t *member_object(const json_t *object, const char *member)
{
    json_t *value = json_object_get(object, member);
    return json_is_object(value) ? value : NULL;
}

json_t *member_array(const json_t *object, const char *member)
{
    json_t *value = json_object_get(object, member);
    return json_is_array(value) ? value : NULL;
}

void default_text(json_t *object, const char *member, const char *value)
{
    if (object && !*rule_text(object, member))
        json_object_set_new(object, member, json_string(value));
}

void default_int(json_t *object, const char *member, int64_t value)
{
    if (object && !rule_has(object, member))
        json_object_set_new(object, member, json_integer(value));
}

void default_int_zero(json_t *object, const char *member, int64_t value)
{
    if (object && !rule_filled(object, member))
        json_object_set_new(object, member, json_integer(value));
}

void default_bool(json_t *object, const char *member, bool value)
{
    if (object && !rule_has(object, member))
        json_object_set_new(object, member, json_boolean(value));
}

json_t *default_object(json_t *object, const char *member)
{
    if (object && !rule_has(object, member))
        json_object_set_new(object, member, json_object());
    return member_object(object, member);
}

void strategy_drop(json_t *object, const char *member)
{
    (void)json_object_del(object, member); /* absent is fine */
}

void strategy_keep(json_t *object, const json_t *old, const char *member)
{
    json_t *value = json_object_get(old, member);
    if (value)
        json_object_set(object, member, value);
    else
        strategy_drop(object, member);
}

void strategy_status_create(json_t *object)
{
    strategy_drop(object, "status");
}

void strategy_status_update(json_t *object, const json_t *old, const char *subresource)
{
    strategy_keep(object, old, is_sub(subresource, "status") ? "spec" : "status");
}

void strategy_status_alone(json_t *object, const json_t *old, const char *subresource)
{
    static const char *const members[] = {"labels", "annotations", "finalizers", "ownerReferences"};
    strategy_status_update(object, old, subresource);
    if (!is_sub(subresource, "status"))
        return;
    json_t *meta = json_ensure_object(object, "metadata");
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        strategy_keep(meta, json_object_get(old, "metadata"), members[i]);
}

static void set_generation(json_t *object, int64_t generation)
{
    json_object_set_new(json_ensure_object(object, "metadata"), "generation",
                        json_integer(generation));
}

void strategy_generation_create(json_t *object)
{
    set_generation(object, 1);
}

void strategy_generation_update(json_t *object, const json_t *old, bool changed)
{
    int64_t generation = json_int_or(json_at(old, "metadata", "generation"), 0);
    set_generation(object, generation + (changed ? 1 : 0));
}

json_t *rule_value_at(const json_t *object, const char *dotted)
{
    char member[64];
    const json_t *at = object;
    struct str rest = str_of(dotted);
    while (at && rest.data) {
        struct str part = str_cut(&rest, '.');
        if (part.len >= sizeof(member))
            return NULL;
        memcpy(member, part.data, part.len);
        member[part.len] = '\0';
        at = json_object_get(at, member);
    }
    return (json_t *)(uintptr_t)at;
}

const char *rule_text_at(const json_t *object, const char *dotted)
{
    const char *text = json_string_value(rule_value_at(object, dotted));
    return text ? text : "";
}

void index_paths(const json_t *object, const char *const *paths, index_add_fn add, void *arg)
{
    for (; *paths; paths++)
        if (*rule_text_at(object, *paths))
            add(arg, *paths, rule_text_at(object, *paths));
}
