/* Cells: the expressions in columns' sources, and their functions. */
#include <ctype.h>
#include <stdio.h>

#include "base/clock.h"
#include "schema/meta.h"
#include "schema/table.h"
#include "schema/table_internal.h"

/* Where an unquoted `wanted` stands outside of all parentheses and brackets; the text's length when
 * nowhere. */
static size_t find_top(struct str text, char wanted)
{
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c == '"')
            quoted = !quoted;
        else if (quoted)
            continue;
        else if (depth == 0 && c == wanted)
            return i;
        else if (c == '(' || c == '[')
            depth++;
        else if (c == ')' || c == ']')
            depth--;
    }
    return text.len;
}

static struct str before(struct str text, size_t at)
{
    return (struct str){text.data, at};
}

static struct str after(struct str text, size_t at)
{
    return at < text.len ? (struct str){text.data + at + 1, text.len - at - 1} : (struct str){0};
}

bool cell_scalar(struct buf *out, const json_t *value)
{
    if (json_is_string(value)) {
        buf_add(out, json_string_value(value), json_string_length(value));
        return json_string_length(value) > 0;
    }
    if (!json_is_number(value) && !json_is_boolean(value))
        return false;
    json_write(out, value);
    return true;
}

void cell_since(const struct cell *cell, int64_t from_us)
{
    *cell->age = (struct cell_age){true, cell->out->len, from_us};
}

void cell_age(const struct cell *cell, const char *time)
{
    int64_t from_us;
    if (time && *time && time_parse(str_of(time), &from_us))
        cell_since(cell, from_us);
    else
        buf_add_text(cell->out, "<unknown>");
}

/* The first text among the paths in `arg`: "path|path". */
static const char *first_text(const struct cell *cell, struct str arg)
{
    while (arg.data) {
        size_t at = find_top(arg, '|');
        const char *text = json_string_value(cell_first(cell->object, before(arg, at)));
        if (text && *text)
            return text;
        arg = after(arg, at);
    }
    return NULL;
}

static bool fn_age(const struct cell *cell, struct str arg)
{
    const char *time = first_text(cell, arg);
    if (time)
        cell_age(cell, time);
    return time != NULL;
}

static bool fn_text(const struct cell *cell, struct str arg)
{
    return cell_scalar(cell->out, cell_first(cell->object, arg));
}

static bool fn_trim(const struct cell *cell, struct str arg)
{
    const char *text = json_string_value(cell_first(cell->object, arg));
    buf_add_str(cell->out, str_trim(str_of(text ? text : "")));
    return true;
}

static bool fn_length(const struct cell *cell, struct str arg)
{
    const json_t *value = cell_first(cell->object, arg);
    buf_add_i64(cell->out,
                (int64_t)(json_is_array(value) ? json_array_size(value) : json_object_size(value)));
    return true;
}

struct join {
    struct cell_list list;
};

static bool join_one(void *arg, const json_t *value)
{
    struct buf text = BUF_TEXT;
    struct join *join = arg;
    if (cell_scalar(&text, value))
        cell_list_add(&join->list, text.data);
    buf_free(&text);
    return true;
}

/* "namespace/name" of ServiceAccounts. */
static bool join_account(void *arg, const json_t *value)
{
    struct join *join = arg;
    const char *ns = json_text(value, "namespace"), *name = json_text(value, "name");
    CLEANUP(free_ptr) char *text = xasprintf("%s/%s", ns ? ns : "", name ? name : "");
    cell_list_add(&join->list, text);
    return true;
}

/* join(",";path) */
static bool fn_join(const struct cell *cell, struct str arg)
{
    static const char pair[] = ".namespace/name";
    size_t at = find_top(arg, ';');
    struct str path = after(arg, at), quoted = before(arg, at);
    CLEANUP(free_ptr)
    char *separator = quoted.len > 2 ? xstrndup(quoted.data + 1, quoted.len - 2) : xstrdup(",");
    struct join join = {.list = {.out = cell->out, .separator = separator}};
    bool accounts = path.len > sizeof(pair) &&
                    memcmp(path.data + path.len - (sizeof(pair) - 1), pair, sizeof(pair) - 1) == 0;
    if (accounts)
        cell_walk(cell->object, before(path, path.len - (sizeof(pair) - 1)), join_account, &join);
    else if (json_is_array(cell_first(cell->object, path))) {
        struct str items = {0};
        CLEANUP(free_ptr) char *all = xasprintf(STR_FMT "[*]", STR_ARG(path));
        items = str_of(all);
        cell_walk(cell->object, items, join_one, &join);
    } else {
        cell_walk(cell->object, path, join_one, &join);
    }
    return join.list.count > 0;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted "k=v". */
static bool fn_labels(const struct cell *cell, struct str arg)
{
    const json_t *labels = cell_first(cell->object, arg);
    const char *key;
    json_t *value;
    size_t count = 0;
    if (json_object_size(labels) == 0)
        return false;
    const char **keys = xcalloc(json_object_size(labels), sizeof(*keys));
    json_object_foreach (labels, key, value)
        keys[count++] = key;
    qsort(keys, count, sizeof(*keys), compare_texts);
    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_object_get(labels, keys[i]));
        buf_printf(cell->out, "%s%s=%s", i ? "," : "", keys[i], text ? text : "");
    }
    free(keys);
    return true;
}

static bool fn_label_selector(const struct cell *cell, struct str arg)
{
    bool bad = false;
    if (cell_selector(cell->out, cell_first(cell->object, arg), &bad))
        return true;
    buf_add_text(cell->out, bad ? "<error>" : "<none>");
    return true;
}

static bool fn_selector_string(const struct cell *cell, struct str arg)
{
    bool bad = false;
    return cell_selector(cell->out, cell_first(cell->object, arg), &bad);
}

static bool fn_access_modes(const struct cell *cell, struct str arg)
{
    static const struct {
        const char *mode, *text;
    } modes[] = {{"ReadWriteOnce", "RWO"},
                 {"ReadOnlyMany", "ROX"},
                 {"ReadWriteMany", "RWX"},
                 {"ReadWriteOncePod", "RWOP"}};
    const json_t *list = cell_first(cell->object, arg);
    struct cell_list names = {.out = cell->out, .separator = ","};
    for (size_t i = 0; i < ARRAY_LEN(modes); i++)
        if (json_array_has_text(list, modes[i].mode))
            cell_list_add(&names, modes[i].text);
    return true;
}

/* bool(path:True/False) */
static bool fn_bool(const struct cell *cell, struct str arg)
{
    const json_t *value = cell_first(cell->object, before(arg, find_top(arg, ':')));
    if (!json_is_boolean(value))
        return false;
    buf_add_text(cell->out, json_is_true(value) ? "True" : "False");
    return true;
}

static bool fn_annotation(const struct cell *cell, struct str arg)
{
    CLEANUP(free_ptr) char *key = str_dup(arg);
    const char *value = meta_annotation(cell->object, key);
    buf_add_text(cell->out, value ? value : "");
    return value && *value;
}

/* Sorted addresses of a load balancer: each one's ip, else its hostname. */
static bool fn_sorted_set(const struct cell *cell, struct str arg)
{
    const json_t *ingress = json_at(cell->object, "status", "loadBalancer", "ingress");
    struct cell_list list = {.out = cell->out, .separator = ","};
    const char **names = xcalloc(json_array_size(ingress) + 1, sizeof(*names));
    size_t count = 0;
    (void)arg; /* there is one such set */
    for (size_t i = 0; i < json_array_size(ingress); i++) {
        const char *ip = json_text(json_array_get(ingress, i), "ip");
        const char *name = ip && *ip ? ip : json_text(json_array_get(ingress, i), "hostname");
        if (name && *name)
            names[count++] = name;
    }
    qsort(names, count, sizeof(*names), compare_texts);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || strcmp(names[i], names[i - 1]) != 0)
            cell_list_add(&list, names[i]);
    free(names);
    return count > 0;
}

/* Seconds in words. */
static bool fn_duration(const struct cell *cell, struct str arg)
{
    char text[32];
    const json_t *value = cell_first(cell->object, arg);
    if (!json_is_integer(value) || json_integer_value(value) > INT32_MAX)
        return false;
    human_duration(json_integer_value(value) * 1000000, text);
    buf_add_text(cell->out, text);
    return true;
}

static const struct cell_function {
    const char *name;
    bool (*call)(const struct cell *cell, struct str arg);
} functions[] = {
    {"age", fn_age},
    {"rfc3339", fn_text},
    {"trim", fn_trim},
    {"len", fn_length},
    {"join", fn_join},
    {"labels", fn_labels},
    {"labelSelector", fn_label_selector},
    {"selectorString", fn_selector_string},
    {"accessModes", fn_access_modes},
    {"bool", fn_bool},
    {"annotation", fn_annotation},
    {"sortedSet", fn_sorted_set},
    {"humanDuration", fn_duration},
};

/* True when `source` was a call; `*found` is its result. */
static bool try_call(const struct cell *cell, struct str source, bool *found)
{
    size_t open = 0;
    while (open < source.len && isalnum((unsigned char)source.data[open]))
        open++;
    if (open == 0 || open >= source.len || source.data[open] != '(' ||
        source.data[source.len - 1] != ')')
        return false;
    for (size_t i = 0; i < ARRAY_LEN(functions); i++)
        if (str_is(before(source, open), functions[i].name)) {
            *found = functions[i].call(cell,
                                       (struct str){source.data + open + 1, source.len - open - 2});
            return true;
        }
    return false;
}

static bool is_set(const json_t *value)
{
    return value && !json_is_null(value) && !json_is_false(value) &&
           !(json_is_string(value) && !json_string_length(value)) &&
           !(json_is_array(value) && !json_array_size(value));
}

/* .a.b, .a/.b or .cond?x:y */
static bool eval_path(const struct cell *cell, struct str source)
{
    size_t question = find_top(source, '?');
    if (question < source.len) {
        struct str choice = after(source, question);
        size_t colon = find_top(choice, ':');
        bool yes = is_set(cell_first(cell->object, before(source, question)));
        return cell_eval(cell, yes ? before(choice, colon) : after(choice, colon));
    }
    size_t slash = find_top(source, '/');
    if (slash == source.len)
        return cell_scalar(cell->out, cell_first(cell->object, source));
    const json_t *left = cell_first(cell->object, before(source, slash));
    const json_t *right = cell_first(cell->object, after(source, slash));
    if (!is_set(left) && !is_set(right))
        return false;
    (void)cell_scalar(cell->out, left); /* half a pair is shown as such */
    buf_add_char(cell->out, '/');
    (void)cell_scalar(cell->out, right);
    return true;
}

static bool eval_one(const struct cell *cell, struct str source)
{
    bool found = false;
    if (source.len && source.data[0] == '.')
        return eval_path(cell, source);
    if (source.len >= 2 && source.data[0] == '"') {
        buf_add(cell->out, source.data + 1, source.len - 2);
        return true;
    }
    if (try_call(cell, source, &found))
        return found;
    buf_add_str(cell->out, source);
    return true;
}

/* len(.data)+len(.binaryData) */
static bool eval_sum(const struct cell *cell, struct str source)
{
    size_t total = 0;
    static const char *const members[] = {"data", "binaryData"};
    (void)source;
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        total += json_object_size(json_object_get(cell->object, members[i]));
    buf_add_i64(cell->out, (int64_t)total);
    return true;
}

/* What stands behind the last '|'; empty when there is none. */
static struct str fallback_of(struct str source)
{
    struct str rest = after(source, find_top(source, '|')), last = {0};
    while (rest.data) {
        last = rest;
        rest = after(rest, find_top(rest, '|'));
    }
    return last;
}

bool cell_eval(const struct cell *cell, struct str source)
{
    if (str_is(source, "len(.data)+len(.binaryData)"))
        return eval_sum(cell, source);
    cell_fn computed = cell_computed(source);
    if (computed && computed(cell))
        return true;
    if (computed)
        source = fallback_of(source);
    while (source.data && source.len) {
        size_t at = find_top(source, '|');
        if (eval_one(cell, before(source, at)))
            return true;
        source = after(source, at);
    }
    return false;
}

void cell_list_add(struct cell_list *list, const char *text)
{
    if (!list->max || list->count < list->max)
        buf_printf(list->out, "%s%s", list->count ? list->separator : "", text);
    list->count++;
}

void cell_list_end(struct cell_list *list)
{
    if (list->max && list->count > list->max)
        buf_printf(list->out, " + %zu more...", list->count - list->max);
}
