#include "apiserver/documents/openapi_merge.h"

#include <string.h>

#include "base/strmap.h"

#define DEFINITION "#/definitions/"
#define DEPTH_MAX  64
#define RENAME_MAX 1000

struct merge {
    json_t *spec, *definitions; /* of the first */
    const json_t *other;        /* definitions of the other */
    struct strmap names;        /* of definitions that are taken over -> owned new name */
};

static void take_definition(struct merge *merge, const char *name, unsigned depth);

/* The definition that a $ref names; NULL when it names none. */
static const char *referred(const json_t *value)
{
    const char *text = json_text(value, "$ref");
    return text && text_starts(text, DEFINITION) ? text + sizeof(DEFINITION) - 1 : NULL;
}

/* Takes over all definitions that `value` refers to. */
static void follow(struct merge *merge, const json_t *value, unsigned depth)
{
    const char *key, *name = json_is_object(value) ? referred(value) : NULL;
    json_t *member;
    size_t i;
    if (depth > DEPTH_MAX)
        return;
    if (name)
        take_definition(merge, name, depth + 1);
    if (json_is_object(value)) {
        json_object_foreach (value, key, member)
            follow(merge, member, depth + 1);
    } else {
        json_array_foreach (value, i, member)
            follow(merge, member, depth + 1);
    }
}

/* A name for it that is free, or means the same; owned. */
static char *name_for(const struct merge *merge, const char *name, const json_t *definition)
{
    char *chosen = xstrdup(name);
    for (unsigned i = 2; i < RENAME_MAX; i++) {
        const json_t *there = json_object_get(merge->definitions, chosen);
        if (!there || json_equal(there, definition))
            break;
        free(chosen);
        chosen = xasprintf("%s_v%u", name, i);
    }
    return chosen;
}

static void take_definition(struct merge *merge, const char *name, unsigned depth)
{
    const json_t *definition = json_object_get(merge->other, name);
    if (!definition || strmap_get(&merge->names, name))
        return;
    (void)strmap_put(&merge->names, name, name_for(merge, name, definition)); /* it is new */
    follow(merge, definition, depth);
}

/* A copy in which references bear the new names. */
static json_t *renamed(const struct merge *merge, const json_t *value, unsigned depth)
{
    const char *key, *name;
    json_t *member, *out;
    size_t i;
    if (depth > DEPTH_MAX)
        return json_null();
    if (json_is_array(value)) {
        out = json_array();
        json_array_foreach (value, i, member)
            json_array_append_new(out, renamed(merge, member, depth + 1));
        return out;
    }
    if (!json_is_object(value))
        return json_deep_copy(value);
    out = json_object();
    json_object_foreach (value, key, member)
        json_object_set_new(out, key, renamed(merge, member, depth + 1));
    name = referred(out);
    const char *chosen = name ? strmap_get(&merge->names, name) : NULL;
    if (chosen) {
        CLEANUP(free_ptr) char *reference = xasprintf(DEFINITION "%s", chosen);
        json_set_text(out, "$ref", reference);
    }
    return out;
}

static bool is_below(const char *path, const char *prefix)
{
    size_t len = strlen(prefix);
    return strncmp(path, prefix, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

static void add_definitions(struct merge *merge)
{
    const char *name;
    void *chosen;
    for (size_t i = 0; strmap_next(&merge->names, &i, &name, &chosen);)
        if (!json_object_get(merge->definitions, chosen))
            json_object_set_new(merge->definitions, chosen,
                                renamed(merge, json_object_get(merge->other, name), 0));
    for (size_t i = 0; strmap_next(&merge->names, &i, &name, &chosen);)
        free(chosen);
    strmap_clear(&merge->names);
}

void openapi_merge(json_t *spec, const json_t *other, const char *prefix)
{
    struct merge merge = {.spec = spec,
                          .definitions = json_ensure_object(spec, "definitions"),
                          .other = json_object_get(other, "definitions")};
    json_t *paths = json_ensure_object(spec, "paths"), *item;
    json_t *theirs = json_object_get(other, "paths");
    const char *path;
    json_object_foreach (theirs, path, item)
        if (is_below(path, prefix) && !json_object_get(paths, path))
            follow(&merge, item, 0);
    json_object_foreach (theirs, path, item)
        if (is_below(path, prefix) && !json_object_get(paths, path))
            json_object_set_new(paths, path, renamed(&merge, item, 0));
    add_definitions(&merge);
}
