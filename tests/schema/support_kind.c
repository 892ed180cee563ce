#include "tests/schema/support_kind.h"

#include <stdlib.h>
#include <string.h>

#include "schema/decode.h"

json_t *kind_json(const char *text)
{
    json_error_t why;
    CLEANUP(free_ptr) char *copy = xstrdup(text);
    for (char *at = copy; *at; at++)
        if (*at == '\'')
            *at = '"';
    json_t *value = json_loads(copy, JSON_DECODE_ANY, &why);
    if (!value)
        fail_msg("%s: %s", why.text, copy);
    return value;
}

static char *causes_text(const struct error *err)
{
    struct buf text = BUF_TEXT;
    for (size_t i = 0; i < err->cause_count; i++)
        buf_printf(&text, "%s%s: %s", i ? "\n" : "", err->causes[i].field, err->causes[i].message);
    return buf_take(&text);
}

static void run(const struct kind_case *row, struct error *err)
{
    const struct kind_rules *rules = kind_rules(row->resource);
    json_auto_t *object = kind_json(row->object), *old = row->old ? kind_json(row->old) : NULL;
    if (rules->set_defaults)
        rules->set_defaults(object);
    if (old && rules->set_defaults)
        rules->set_defaults(old);
    if (!old && rules->prepare_create)
        rules->prepare_create(object);
    if (old && rules->prepare_update)
        rules->prepare_update(object, old, row->subresource ? row->subresource : "");
    if (old && rules->validate_update)
        rules->validate_update(object, old, row->subresource ? row->subresource : "", err);
    else if (!old && rules->validate)
        rules->validate(object, err);
}

bool lines_begin(const char *got, const char *want)
{
    struct str have = str_of(got), wanted = str_of(want);
    if (!*want)
        return !*got;
    while (have.data && wanted.data)
        if (!str_starts(str_cut(&have, '\n'), str_cut(&wanted, '\n')))
            return false;
    return !have.data && !wanted.data;
}

void kind_check(const struct kind_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CLEANUP(error_clear) struct error err = {0};
        run(&cases[i], &err);
        CLEANUP(free_ptr) char *got = causes_text(&err);
        CLEANUP(free_ptr) char *want = xstrdup(cases[i].causes);
        for (char *at = want; *at; at++)
            if (*at == '\'')
                *at = '"';
        for (char *at = got; *at; at++)
            if (*at == '\'')
                *at = '"';
        if (!lines_begin(got, want))
            fail_msg("%s: got\n%s\nwant\n%s", cases[i].name, got, want);
    }
}

static const json_t *walk(const json_t *value, const char *path)
{
    struct str rest = str_of(path);
    while (value && rest.data) {
        CLEANUP(free_ptr) char *part = str_dup(str_cut(&rest, '.'));
        if (json_is_array(value))
            value = json_array_get(value, (size_t)strtoul(part, NULL, 10));
        else
            value = json_object_get(value, part);
    }
    return value;
}

/* The value at the path, with ' for "; "" when there is none. Owned. */
static char *shown_at(const json_t *object, const char *path)
{
    const json_t *value = walk(object, path);
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : xstrdup("");
    for (char *at = text; *at; at++)
        if (*at == '"')
            *at = '\'';
    return text;
}

/* A kind's own rules find nothing to do the second time. */
static bool settles(const char *resource, const char *text)
{
    const struct kind_rules *rules = kind_rules(resource);
    json_auto_t *object = kind_json(text);
    if (!rules->set_defaults)
        return true;
    rules->set_defaults(object);
    json_auto_t *again = json_deep_copy(object);
    rules->set_defaults(again);
    return json_equal(again, object);
}

void kind_check_defaults(const struct default_case *cases, size_t count)
{
    size_t wrong = 0;
    for (size_t i = 0; i < count; i++) {
        json_auto_t *object = kind_json(cases[i].object);
        schema_default(resource_by_key(cases[i].resource)->type, object);
        CLEANUP(free_ptr) char *got = shown_at(object, cases[i].path);
        bool settled = settles(cases[i].resource, cases[i].object);
        if (settled && strcmp(got, cases[i].value) == 0)
            continue;
        wrong++;
        print_message("%s: %s is %s, want %s%s\n", cases[i].name, cases[i].path, got,
                      cases[i].value, settled ? "" : "; does not settle");
    }
    assert_int_equal(wrong, 0);
}

void kind_check_strategies(const struct strategy_case *cases, size_t count)
{
    size_t wrong = 0;
    for (size_t i = 0; i < count; i++) {
        const struct kind_rules *rules = kind_rules(cases[i].resource);
        json_auto_t *object = kind_json(cases[i].object);
        json_auto_t *old = cases[i].old ? kind_json(cases[i].old) : NULL;
        if (old && rules->prepare_update)
            rules->prepare_update(object, old, cases[i].subresource);
        if (!old && rules->prepare_create)
            rules->prepare_create(object);
        CLEANUP(free_ptr) char *got = shown_at(object, cases[i].path);
        if (strcmp(got, cases[i].value) == 0)
            continue;
        wrong++;
        print_message("%s: %s is %s, want %s\n", cases[i].name, cases[i].path, got, cases[i].value);
    }
    assert_int_equal(wrong, 0);
}
