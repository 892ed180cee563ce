/* Warnings about files in volumes that lie over each other. A path counts as inside another when it
 * begins with the same text, as upstream has it. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/strset.h"
#include "schema/advice_internal.h"

#define PATHS_MAX                                                                                  \
    128 /* of one volume; more are not looked at, since each is compared with each                 \
         */

struct paths {
    const char *items[PATHS_MAX]; /* borrowed */
    size_t count;
};

/* The path without the slashes at its end; owned. */
static char *trimmed(const char *path)
{
    char *text = xstrdup(path ? path : "");
    for (size_t len = strlen(text); len && text[len - 1] == '/'; len--)
        text[len - 1] = '\0';
    return text;
}

/* Whether `inner` with a slash behind it begins with `outer`. */
static bool begins(const char *inner, const char *outer)
{
    size_t len = strlen(inner), outer_len = strlen(outer);
    return strncmp(inner, outer, len < outer_len ? len : outer_len) == 0 &&
           (outer_len <= len || (outer_len == len + 1 && outer[len] == '/'));
}

static const char *collision(const struct strset *paths, const char *path)
{
    for (size_t i = 0; i < paths->count; i++) {
        const char *item = paths->items[i];
        if (!*item || !*path)
            return NULL;
        if (begins(item, path) || begins(path, item))
            return item;
    }
    return NULL;
}

static void compare(const struct paths *paths, const char *what, struct warnings *warnings)
{
    CLEANUP(strset_clear) struct strset seen = {0};
    for (size_t i = 0; i < paths->count && warnings->count < WARNINGS_MAX; i++) {
        CLEANUP(free_ptr) char *path = trimmed(paths->items[i]);
        const char *met = collision(&seen, path);
        if (met) {
            CLEANUP(free_ptr)
            char *text = xasprintf("%s: overlapping paths: \"%s\" with \"%s\"", what, path, met);
            warnings_add(warnings, text);
        }
        (void)strset_add(&seen, path); /* once is enough */
    }
}

static void add_path(struct paths *paths, const char *path)
{
    if (path && paths->count < PATHS_MAX)
        paths->items[paths->count++] = path;
}

/* The path of a source, or those of its items. */
static void list_paths(const json_t *source, struct paths *paths)
{
    size_t i;
    json_t *item;
    add_path(paths, json_text(source, "path"));
    json_array_foreach (json_object_get(source, "items"), i, item)
        add_path(paths, json_text(item, "path"));
}

static const struct source_row {
    const char *member, *kind;
    const char *names[2]; /* what it is called by; NULL: nothing */
} source_rows[] = {
    {"configMap", "ConfigMap", {"name", NULL}},
    {"secret", "Secret", {"secretName", "name"}},
    {"downwardAPI", "DownwardAPI", {NULL, NULL}},
    {"serviceAccountToken", "ServiceAccountToken", {NULL, NULL}},
};

/* `volume "v" (Projected ConfigMap "c")`; owned. */
static char *describe(const char *volume, const char *projected, const struct source_row *row,
                      const json_t *source)
{
    const char *name = row->names[0] ? json_text(source, row->names[0]) : NULL;
    if (!name && row->names[1])
        name = json_text(source, row->names[1]);
    if (!row->names[0])
        return xasprintf("volume \"%s\" (%s%s)", volume, projected, row->kind);
    return xasprintf("volume \"%s\" (%s%s \"%s\")", volume, projected, row->kind, name ? name : "");
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A source's own paths once each, then together with those of the sources before it, which are kept
 * in `all`. */
static void compare_source(const struct paths *own, struct strset *all, const char *what,
                           struct warnings *warnings)
{
    CLEANUP(strset_clear) struct strset unique = {0};
    struct paths together = {0};
    for (size_t i = 0; i < own->count; i++)
        if (strset_add(&unique, own->items[i]))
            add_path(&together, own->items[i]);
    for (size_t i = 0; i < all->count; i++)
        add_path(&together, all->items[i]);
    qsort(together.items, together.count, sizeof(*together.items), by_text);
    compare(own, what, warnings);
    compare(&together, what, warnings);
    for (size_t i = 0; i < unique.count && all->count < PATHS_MAX; i++)
        (void)strset_add(all, unique.items[i]); /* known ones stay */
}

static void about_projected(const char *volume, const json_t *sources, struct warnings *warnings)
{
    CLEANUP(strset_clear) struct strset all = {0};
    size_t i;
    json_t *item;
    json_array_foreach (sources, i, item) {
        if (json_object_size(item) == 0) {
            CLEANUP(free_ptr)
            char *text = xasprintf("volume \"%s\" (Projected) has no sources provided", volume);
            warnings_add(warnings, text);
        }
        for (size_t k = 0; k < ARRAY_LEN(source_rows); k++) {
            const json_t *source = json_object_get(item, source_rows[k].member);
            struct paths paths = {0};
            list_paths(source, &paths);
            CLEANUP(free_ptr) char *what = describe(volume, "Projected ", &source_rows[k], source);
            if (paths.count)
                compare_source(&paths, &all, what, warnings);
        }
    }
}

void advise_paths(const json_t *volumes, struct warnings *warnings)
{
    size_t i;
    json_t *item;
    json_array_foreach (volumes, i, item) {
        const char *name = json_text(item, "name");
        for (size_t k = 0; name && k < ARRAY_LEN(source_rows); k++) {
            const json_t *source = json_object_get(item, source_rows[k].member);
            struct paths paths = {0};
            list_paths(source, &paths);
            CLEANUP(free_ptr) char *what = describe(name, "", &source_rows[k], source);
            compare(&paths, what, warnings);
        }
        if (name)
            about_projected(name, json_at(item, "projected", "sources"), warnings);
    }
}
