/* schema/table_internal.h: how a cell is made from its column's source.
 *
 * A source is a small expression: paths (`.spec.ports[0].name`, `[*]`, `[type=Ready]`, and
 * JSONPath's
 * `[?(@.type=="Ready")]`), `a|b` for the first that is there, `a/b` for both with a slash between,
 * `cond?a:b`, a literal (`<none>`, `"text"`), functions (`age(...)`, `join(",";path)`), and
 * `computed:NAME` for what is code. */
#pragma once
#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "schema/resource.h"

struct cell {
    const json_t *object;
    struct buf *out; /* text, unescaped */
    struct cell_age {
        bool there;
        size_t at; /* in `out`: where it belongs */
        int64_t from_us;
    } * age; /* the one that a cell may have: it is put in when the Table is sent */
};

/* Appends the text of `source`. False when there is nothing there, and no fallback. */
bool cell_eval(const struct cell *cell, struct str source);
/* Calls `each` for every value that the path names, until it returns false. */
void cell_walk(const json_t *root, struct str path, bool (*each)(void *arg, const json_t *value),
               void *arg);
/* The first value; NULL. Borrowed. */
const json_t *cell_first(const json_t *root, struct str path);
/* Appends a scalar; false for null, "" and what is not one. */
bool cell_scalar(struct buf *out, const json_t *value);
/* The time since a moment, or since a time's text, comes next: `<unknown>` for none. */
void cell_since(const struct cell *cell, int64_t from_us);
void cell_age(const struct cell *cell, const char *time);
/* "a=b,c in (d,e)"; false when empty. `*bad` when it cannot be read. */
bool cell_selector(struct buf *out, const json_t *selector, bool *bad);

/* The code behind `computed:NAME` and a few sources that are easier said in code; NULL when
 * `source` is neither. */
typedef bool (*cell_fn)(const struct cell *cell);
cell_fn cell_computed(struct str source);
/* Pods' cells. */
bool cell_pod_ready(const struct cell *cell);
bool cell_pod_status(const struct cell *cell);
bool cell_pod_restarts(const struct cell *cell);
bool cell_hpa_metrics(const struct cell *cell);

/* The first of `count` in text's order, " + N more..." after `max`. */
struct cell_list {
    struct buf *out;
    size_t max, count; /* max 0: all */
    const char *separator;
};
void cell_list_add(struct cell_list *list, const char *text);
void cell_list_end(struct cell_list *list);
