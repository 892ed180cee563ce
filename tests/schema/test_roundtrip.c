/* Every type, with random objects: what is decoded is what was written, in JSON and through
 * protobuf; what is made wrong in one place is refused there. */
#include "tests/test.h"

#include <string.h>

#include "base/json.h"
#include "schema/decode.h"
#include "schema/protobuf.h"
#include "schema/resource.h"
#include "tests/schema/support_protobuf.h"
#include "tests/schema/support_random.h"

#define SEEDS 16

static char *rendered(const json_t *value)
{
    struct buf out = BUF_TEXT;
    json_write(&out, value);
    return buf_take(&out);
}

static bool is_object_type(const struct type *type)
{
    return !(type->flags & (TYPE_UNION | TYPE_UNWRAPPED));
}

static void each_object(void (*check)(const struct type *, json_t *))
{
    size_t count;
    const struct type *const *types = type_all(&count);
    for (size_t i = 0; i < count; i++) {
        for (uint64_t seed = 0; is_object_type(types[i]) && seed < SEEDS; seed++) {
            json_auto_t *object = random_object(types[i], seed * 1000 + i);
            check(types[i], object);
        }
    }
}

static void check_json(const struct type *type, json_t *object)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(free_ptr) char *text = rendered(object);
    json_auto_t *decoded = schema_decode(type, str_of(text), FIELD_VALIDATION_STRICT, NULL, &err);
    if (!decoded)
        fail_msg("%s: %s in %s", type->name, err.message, text);
    if (!json_equal(object, decoded)) {
        CLEANUP(free_ptr) char *other = rendered(decoded);
        fail_msg("%s:\n%s\n%s", type->name, text, other);
    }
}

static void json_round_trip(void **state)
{
    (void)state;
    each_object(check_json);
}

/* What a field that nobody set looks like after protobuf. */
static bool is_zero(const json_t *value)
{
    const char *key;
    json_t *member, *self = (json_t *)(uintptr_t)value;
    const char *text = json_string_value(value);
    if (json_is_object(value)) {
        json_object_foreach (self, key, member)
            if (!is_zero(member))
                return false;
        return true;
    }
    if (json_is_array(value))
        return !json_array_size(value);
    return json_is_null(value) || json_is_false(value) ||
           (json_is_integer(value) && !json_integer_value(value)) ||
           (json_is_number(value) && !(json_number_value(value) > 0) &&
            !(json_number_value(value) < 0)) ||
           (text && (!*text || strcmp(text, "0") == 0 || strcmp(text, "0s") == 0));
}

/* All of `part` is in `whole`; what is only in `whole` is zero. */
static bool extends(const json_t *whole, const json_t *part)
{
    const char *key;
    json_t *member, *self = (json_t *)(uintptr_t)whole;
    if (json_is_array(part)) {
        if (json_array_size(part) != json_array_size(whole))
            return false;
        for (size_t i = 0; i < json_array_size(part); i++)
            if (!extends(json_array_get(whole, i), json_array_get(part, i)))
                return false;
        return true;
    }
    if (!json_is_object(part) || !json_is_object(whole))
        return json_equal(whole, part);
    json_object_foreach (self, key, member) {
        const json_t *other = json_object_get(part, key);
        if (other ? !extends(member, other) : !is_zero(member))
            return false;
    }
    json_object_foreach (part, key, member)
        if (!json_object_get(whole, key))
            return false;
    return true;
}

static json_t *through_protobuf(const struct type *type, const json_t *object)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(buf_free) struct buf message = BUF_TEXT;
    if (!tree_encode(&message, type, object))
        fail_msg("%s: not encoded", type->name);
    json_t *decoded = tree_decode(type, buf_str(&message), &err);
    if (!decoded)
        fail_msg("%s: %s", type->name, err.message);
    return decoded;
}

static void check_protobuf(const struct type *type, json_t *object)
{
    if (type->flags & TYPE_NO_PROTOBUF)
        return;
    json_auto_t *once = through_protobuf(type, object), *twice = through_protobuf(type, once);
    CLEANUP(free_ptr) char *text = rendered(object);
    CLEANUP(free_ptr) char *text_once = rendered(once);
    CLEANUP(free_ptr) char *text_twice = rendered(twice);
    if (!extends(once, object))
        fail_msg("%s:\n%s\n%s", type->name, text, text_once);
    if (!json_equal(once, twice))
        fail_msg("%s:\n%s\n%s", type->name, text_once, text_twice);
}

static void protobuf_round_trip(void **state)
{
    (void)state;
    each_object(check_protobuf);
}

/* Each field of each type is among what was tried. */
static void no_field_is_left_out(void **state)
{
    (void)state;
    size_t count;
    const struct type *const *types = type_all(&count);
    for (size_t i = 0; i < count; i++) {
        json_auto_t *seen = json_object();
        for (uint64_t seed = 0; is_object_type(types[i]) && seed < SEEDS; seed++) {
            json_auto_t *object = random_object(types[i], seed * 1000 + i);
            json_object_update(seen, object);
        }
        for (size_t j = 0; is_object_type(types[i]) && j < types[i]->field_count; j++) {
            const struct field *field = &types[i]->fields[j];
            bool kept = !(field->flags & (FIELD_OFF | FIELD_TYPEMETA));
            if (kept && !json_object_get(seen, field->name))
                fail_msg("%s.%s", types[i]->name, field->name);
        }
    }
}

/* What is sent and never stored is among the types, too, and the list of every kind that is listed.
 */
static void options_reviews_and_lists_are_tried(void **state)
{
    static const char *const kinds[][3] = {
        {"", "v1", "DeleteOptions"},
        {"", "v1", "Status"},
        {"", "v1", "WatchEvent"},
        {"autoscaling", "v1", "Scale"},
        {"policy", "v1", "Eviction"},
        {"", "v1", "Binding"},
        {"authentication.k8s.io", "v1", "TokenRequest"},
        {"authentication.k8s.io", "v1", "TokenReview"},
        {"authorization.k8s.io", "v1", "SubjectAccessReview"},
        {"authorization.k8s.io", "v1", "SelfSubjectRulesReview"},
    };
    size_t count;
    const struct resource *const *rows = resource_all(&count);
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const struct type *type =
            type_of_kind(str_of(kinds[i][0]), str_of(kinds[i][1]), str_of(kinds[i][2]));
        if (!type || !is_object_type(type))
            fail_msg("%s is not tried", kinds[i][2]);
    }
    for (size_t i = 0; i < count; i++) {
        const struct type *type = type_of_kind(str_of(rows[i]->group), str_of(rows[i]->version),
                                               str_of(rows[i]->list_kind));
        if ((rows[i]->verbs & VERB_LIST) && (!type || !is_object_type(type)))
            fail_msg("%s is not tried", rows[i]->list_kind);
    }
}

/* ---- what is made wrong in one place ---- */

struct spoiler {
    uint64_t random;
    struct buf path;   /* `spec.containers[0].name` */
    struct buf fields; /* `spec.containers.name` */
    const struct type *type;
    json_t *object; /* a struct of that type somewhere inside */
};

static size_t below(struct spoiler *spoiler, size_t limit)
{
    spoiler->random = spoiler->random * 6364136223846793005ULL + 1442695040888963407ULL;
    return (size_t)(spoiler->random >> 33) % limit;
}

static const char *dot(const struct buf *path)
{
    return path->len ? "." : "";
}

/* A member by chance; NULL of an empty object. */
static void *pick_member(struct spoiler *spoiler, json_t *object)
{
    size_t size = json_object_size(object), skip = size ? below(spoiler, size) : 0;
    void *at = json_object_iter(object);
    while (skip--)
        at = json_object_iter_next(object, at);
    return at;
}

/* Goes into a struct of that field, through its list or map. */
static void enter(struct spoiler *spoiler, const struct field *field, json_t *value)
{
    buf_printf(&spoiler->path, "%s%s", dot(&spoiler->path), field->name);
    buf_printf(&spoiler->fields, "%s%s", dot(&spoiler->fields), field->name);
    if (field->card == CARD_LIST) {
        size_t at = below(spoiler, json_array_size(value));
        buf_printf(&spoiler->path, "[%zu]", at);
        value = json_array_get(value, at);
    } else if (field->card == CARD_MAP) {
        void *at = pick_member(spoiler, value);
        buf_printf(&spoiler->path, ".%s", json_object_iter_key(at));
        value = json_object_iter_value(at);
    }
    spoiler->type = field->ref;
    spoiler->object = value;
}

/* To a struct inside the object, by chance. */
static void descend(struct spoiler *spoiler)
{
    for (int tries = 0; tries < 12; tries++) {
        void *at = pick_member(spoiler, spoiler->object);
        const struct field *field =
            at ? type_field(spoiler->type, str_of(json_object_iter_key(at))) : NULL;
        if (field && field->kind == FIELD_REF && is_object_type(field->ref))
            enter(spoiler, field, json_object_iter_value(at));
    }
}

static void spoiler_clear(struct spoiler *spoiler)
{
    buf_free(&spoiler->path);
    buf_free(&spoiler->fields);
}

static void refused(const struct type *type, const json_t *object, const char *want)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(free_ptr) char *text = rendered(object);
    json_auto_t *decoded = schema_decode(type, str_of(text), FIELD_VALIDATION_STRICT, NULL, &err);
    if (decoded)
        fail_msg("%s: taken, not %s: %s", type->name, want, text);
    if (!strstr(err.message, want))
        fail_msg("%s: %s\nwant %s", type->name, err.message, want);
}

static void check_unknown(const struct type *type, json_t *object)
{
    CLEANUP(spoiler_clear)
    struct spoiler spoiler = {.random = json_object_size(object) * 77 + strlen(type->name),
                              .path = BUF_TEXT,
                              .fields = BUF_TEXT,
                              .type = type,
                              .object = object};
    descend(&spoiler);
    json_object_set_new(spoiler.object, "notThere", json_integer(1));
    CLEANUP(free_ptr)
    char *want = xasprintf("strict decoding error: unknown field \"%s%snotThere\"",
                           spoiler.path.len ? spoiler.path.data : "", dot(&spoiler.path));
    refused(type, object, want);
}

static void unknown_fields_are_named(void **state)
{
    (void)state;
    each_object(check_unknown);
}

/* The kinds of field whose type Go names with the path; others decode themselves. */
static bool names_its_path(const struct field *field)
{
    bool scalar = field->kind <= FIELD_BOOL && field->kind != FIELD_DOUBLE;
    bool plain = field->kind == FIELD_REF && is_object_type(field->ref);
    return !(field->flags & (FIELD_OFF | FIELD_TYPEMETA)) &&
           (field->card != CARD_ONE || scalar || plain);
}

static void check_wrong_type(const struct type *type, json_t *object)
{
    CLEANUP(spoiler_clear)
    struct spoiler spoiler = {.random = json_object_size(object) * 78 + strlen(type->name),
                              .path = BUF_TEXT,
                              .fields = BUF_TEXT,
                              .type = type,
                              .object = object};
    descend(&spoiler);
    for (size_t tries = 0; spoiler.type->field_count && tries < 8; tries++) {
        const struct field *field =
            &spoiler.type->fields[below(&spoiler, spoiler.type->field_count)];
        if (!names_its_path(field))
            continue;
        bool text = field->kind == FIELD_STRING && field->card == CARD_ONE;
        json_object_set_new(spoiler.object, field->name,
                            text ? json_true() : json_string("of another type"));
        const char *owner = strrchr(spoiler.type->name, '.') + 1;
        CLEANUP(free_ptr)
        char *want = xasprintf("cannot unmarshal %s into Go struct field %s.%s%s%s of type ",
                               text ? "bool" : "string", owner,
                               spoiler.fields.len ? spoiler.fields.data : "", dot(&spoiler.fields),
                               field->name);
        refused(type, object, want);
        return;
    }
}

static void wrong_types_are_named(void **state)
{
    (void)state;
    each_object(check_wrong_type);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_round_trip),
        cmocka_unit_test(protobuf_round_trip),
        cmocka_unit_test(no_field_is_left_out),
        cmocka_unit_test(unknown_fields_are_named),
        cmocka_unit_test(wrong_types_are_named),
        cmocka_unit_test(options_reviews_and_lists_are_tried),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
