/* No field of any kind is lost, and none comes back: an object with that field alone is decoded,
 * defaulted and prepared as a create and updates are, and still has it; an update without it has it
 * no more.
 *
 * Nothing is validated, so that a field need not make sense by itself. What is meant to go or to
 * stay stands in a table, and that each of its rows is needed is looked at, too. */
#include "tests/schema/support_kind.h"

#include <string.h>

#include "schema/decode.h"
#include "schema/resource.h"
#include "schema/type.h"

#define DEPTH_MAX 14
#define SEEN_MAX  2 /* how often a type may stand inside itself */

/* One field on the way from the object to the value: the first item of a list, a map's "a". */
struct step {
    const struct step *up;
    const struct field *field;
};

enum request { CREATE, UPDATE, STATUS, REMOVAL, STATUS_REMOVAL, REQUEST_COUNT };
static const struct {
    const char *title, *subresource;
    bool of_status, is_removal;
} requests[] = {
    [CREATE] = {"a create loses", NULL, false, false},
    [UPDATE] = {"an update loses", "", false, false},
    [STATUS] = {"an update of the status loses", "status", true, false},
    [REMOVAL] = {"an update cannot remove", "", false, true},
    [STATUS_REMOVAL] = {"an update of the status cannot remove", "status", true, true},
};
#define IN(request) (1u << (request))

/* clang-format off */
static struct lost {
    const char *resource, *path; /* of every kind when ""; the path, and what is below it */
    unsigned requests;           /* IN(...) */
    const char *why;
    unsigned seen;
} lost[] = {
    {"", "metadata.generation", IN(CREATE) | IN(UPDATE) | IN(REMOVAL), "is counted", 0},
    {"", "spec.volumes.image", IN(CREATE) | IN(UPDATE), "the gate ImageVolume is off", 0},
    {"", "template.spec.volumes.image", IN(CREATE) | IN(UPDATE), "likewise", 0},
    {"", "spec.template.spec.volumes.image", IN(CREATE) | IN(UPDATE), "likewise", 0},
    {"", "spec.jobTemplate.spec.template.spec.volumes.image", IN(CREATE) | IN(UPDATE), "likewise", 0},
    {"certificatesigningrequests.certificates.k8s.io", "spec", IN(UPDATE) | IN(REMOVAL), "is said once", 0},
    {"namespaces", "spec.finalizers", IN(UPDATE) | IN(REMOVAL), "changes by finalize alone", 0},
    {"pods", "status.qosClass", IN(STATUS_REMOVAL), "stays", 0},
    {"secrets", "stringData", IN(CREATE) | IN(UPDATE), "becomes data", 0},
    {"serviceaccounts", "secrets.kind", IN(CREATE) | IN(UPDATE), "names alone are kept", 0},
    {"serviceaccounts", "secrets.namespace", IN(CREATE) | IN(UPDATE), "likewise", 0},
    {"serviceaccounts", "secrets.uid", IN(CREATE) | IN(UPDATE), "likewise", 0},
    {"serviceaccounts", "secrets.apiVersion", IN(CREATE) | IN(UPDATE), "likewise", 0},
    {"serviceaccounts", "secrets.resourceVersion", IN(CREATE) | IN(UPDATE), "likewise", 0},
    {"serviceaccounts", "secrets.fieldPath", IN(CREATE) | IN(UPDATE), "likewise", 0},
    {"services", "spec.sessionAffinityConfig", IN(CREATE) | IN(UPDATE), "goes without ClientIP", 0},
    {"services", "spec.clusterIP", IN(REMOVAL), "stays when nothing is said of it", 0},
    {"services", "spec.clusterIPs", IN(REMOVAL), "likewise", 0},
    {"services", "spec.ipFamilies", IN(REMOVAL), "likewise", 0},
    {"services", "spec.ipFamilyPolicy", IN(REMOVAL), "likewise", 0},
};
/* clang-format on */

struct run {
    const char *resource;
    const struct type *type;
    const struct kind_rules *rules;
    size_t path_count, wrong_count;
};

static json_t *scalar(const struct field *field)
{
    switch ((enum field_kind)field->kind) {
    case FIELD_INT32:
    case FIELD_INT64:
    case FIELD_INT_OR_STRING:
        return json_integer(7);
    case FIELD_BOOL:
        return json_true();
    case FIELD_DOUBLE:
        return json_real(1.5);
    case FIELD_BYTES:
        return json_string("dg==");
    case FIELD_TIME:
        return json_string("2026-01-02T03:04:05Z");
    case FIELD_MICRO_TIME:
        return json_string("2026-01-02T03:04:05.000006Z");
    case FIELD_DURATION:
        return json_string("5s");
    case FIELD_QUANTITY:
        return json_string("7");
    case FIELD_STRING:
        return json_string(!field->enums      ? "a"
                           : *field->enums[0] ? field->enums[0]
                                              : field->enums[1]);
    case FIELD_STRING_LIST:
    case FIELD_REF: /* a list of texts without a name: Verbs, ExtraValue */
        return json_pack("[s]", "a");
    default:
        return json_pack("{s:i}", "a", 7);
    }
}

static json_t *wrap(const struct step *at, json_t *value)
{
    for (; at; at = at->up) {
        if (at->field->card == CARD_LIST)
            value = json_pack("[o]", value);
        else if (at->field->card == CARD_MAP)
            value = json_pack("{s:o}", "a", value);
        value = json_pack("{s:o}", at->field->name, value);
    }
    return value;
}

static const json_t *find(const json_t *object, const struct step *at)
{
    const json_t *value = json_object_get(at->up ? find(object, at->up) : object, at->field->name);
    if (at->field->card == CARD_LIST)
        return json_array_get(value, 0);
    return at->field->card == CARD_MAP ? json_object_get(value, "a") : value;
}

static char *path_of(const struct step *at)
{
    CLEANUP(free_ptr) char *up = at->up ? path_of(at->up) : NULL;
    return xasprintf("%s%s%s", up ? up : "", up ? "." : "", at->field->name);
}

static bool is_meant(const struct run *run, const char *path, enum request request)
{
    bool meant = false;
    for (size_t i = 0; i < ARRAY_LEN(lost); i++) {
        size_t len = strlen(lost[i].path);
        bool fits = (!*lost[i].resource || strcmp(lost[i].resource, run->resource) == 0) &&
                    strncmp(path, lost[i].path, len) == 0 && (!path[len] || path[len] == '.');
        if (fits && (lost[i].requests & IN(request))) {
            lost[i].seen |= IN(request);
            meant = true;
        }
    }
    return meant;
}

static json_t *decode(const struct run *run, const json_t *object)
{
    CLEANUP(error_clear) struct error err = {0};
    struct warnings warnings = {0};
    CLEANUP(free_ptr) char *text = json_dumps(object, JSON_COMPACT);
    json_t *decoded =
        schema_decode(run->type, str_of(text), FIELD_VALIDATION_IGNORE, &warnings, &err);
    if (!decoded)
        fail_msg("%s: %s: %s", run->resource, text, err.message);
    warnings_free(&warnings);
    schema_default(run->type, decoded);
    return decoded;
}

static void prepare(const struct run *run, json_t *object, const json_t *old, enum request request)
{
    if (request == CREATE && run->rules->prepare_create)
        run->rules->prepare_create(object);
    else if (request != CREATE && run->rules->prepare_update)
        run->rules->prepare_update(object, old, requests[request].subresource);
}

static bool is_right(const struct run *run, const struct step *at, const json_t *value,
                     enum request request)
{
    json_auto_t *with = wrap(at, json_deep_copy(value)), *filled = decode(run, with);
    json_auto_t *without = json_pack("{s:{},s:{},s:{}}", "metadata", "spec", "status"),
                *empty = decode(run, without);
    bool is_removal = requests[request].is_removal;
    if (is_removal && json_equal(find(empty, at), value))
        return true; /* its default */
    prepare(run, is_removal ? empty : filled, is_removal ? filled : empty, request);
    return json_equal(find(is_removal ? empty : filled, at), value) != is_removal;
}

static void check_path(struct run *run, const struct step *at, const json_t *value)
{
    CLEANUP(free_ptr) char *path = path_of(at);
    bool of_status = strncmp(path, "status", 6) == 0;
    run->path_count++;
    for (enum request request = CREATE; request < REQUEST_COUNT; request++) {
        if (of_status != requests[request].of_status || is_right(run, at, value, request) ||
            is_meant(run, path, request))
            continue;
        run->wrong_count++;
        print_message("%s: %s %s\n", run->resource, requests[request].title, path);
    }
}

static unsigned times_seen(const struct step *at, const struct type *type)
{
    unsigned count = 0;
    for (; at; at = at->up)
        count += at->field->ref == type;
    return count;
}

static void check_fields(struct run *run, const struct type *type, const struct step *up,
                         unsigned depth)
{
    for (size_t i = 0; i < type->field_count; i++) {
        struct step at = {up, &type->fields[i]};
        const struct type *inner = at.field->kind == FIELD_REF ? at.field->ref : NULL;
        if (at.field->flags & (FIELD_OFF | FIELD_TYPEMETA))
            continue;
        if (inner && !(inner->flags & (TYPE_UNION | TYPE_UNWRAPPED))) {
            if (depth < DEPTH_MAX && times_seen(up, inner) < SEEN_MAX)
                check_fields(run, inner, &at, depth + 1);
            continue;
        }
        json_auto_t *value = inner && (inner->flags & TYPE_UNION) ? json_pack("{s:s}", "type", "a")
                                                                  : scalar(at.field);
        check_path(run, &at, value);
    }
}

static void test_kept(void **state)
{
    size_t count, path_count = 0, wrong_count = 0;
    const struct resource *const *all = resource_all(&count);
    (void)state;
    for (size_t i = 0; i < count; i++) {
        struct run run = {all[i]->key, all[i]->type, kind_rules(all[i]->key), 0, 0};
        if (!(all[i]->verbs & VERB_CREATE) || !(all[i]->verbs & VERB_WATCH))
            continue;
        check_fields(&run, run.type, NULL, 0);
        path_count += run.path_count;
        wrong_count += run.wrong_count;
    }
    print_message("%zu paths\n", path_count);
    assert_int_equal(wrong_count, 0);
}

static void test_meant(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lost); i++)
        if (lost[i].seen != lost[i].requests)
            fail_msg("%s %s does not: %s", lost[i].resource, lost[i].path, lost[i].why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kept), cmocka_unit_test(test_meant)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
