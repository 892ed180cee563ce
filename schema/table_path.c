/* Paths in columns' sources: our own notation and the part of JSONPath that CRDs' columns use. */
#include "schema/table_internal.h"

#include "base/parse.h"

#define PATH_DEPTH_MAX 32

struct walk {
    bool (*each)(void *arg, const json_t *value);
    void *arg;
};

/* Takes a member's name: up to an unescaped '.' or '['. `\.` is a dot. */
static bool take_name(struct str *path, char *name, size_t size)
{
    size_t used = 0, at = 0;
    for (; at < path->len && path->data[at] != '.' && path->data[at] != '['; at++) {
        if (path->data[at] == '\\' && at + 1 < path->len)
            at++;
        if (used + 1 >= size)
            return false;
        name[used++] = path->data[at];
    }
    name[used] = '\0';
    *path = (struct str){path->data + at, path->len - at};
    return used > 0;
}

/* Takes "[...]", quotes minded; what is inside goes to `*inside`. */
static bool take_brackets(struct str *path, struct str *inside)
{
    char quote = '\0';
    for (size_t i = 1; i < path->len; i++) {
        char c = path->data[i];
        if (quote) {
            quote = c == quote ? '\0' : quote;
        } else if (c == '"' || c == '\'') {
            quote = c;
        } else if (c == ']') {
            *inside = (struct str){path->data + 1, i - 1};
            *path = (struct str){path->data + i + 1, path->len - i - 1};
            return true;
        }
    }
    return false;
}

static struct str unquote(struct str text)
{
    text = str_trim(text);
    if (text.len >= 2 && (text.data[0] == '"' || text.data[0] == '\'') &&
        text.data[text.len - 1] == text.data[0])
        return (struct str){text.data + 1, text.len - 2};
    return text;
}

static bool value_is(const json_t *value, struct str text)
{
    struct buf shown = BUF_TEXT;
    bool same = cell_scalar(&shown, value) && str_eq(buf_str(&shown), text);
    buf_free(&shown);
    return same;
}

static bool walk(const struct walk *walk_, const json_t *value, struct str path, unsigned depth);

/* Items for which MEMBER == VALUE. */
static bool walk_matching(const struct walk *w, const json_t *list, struct str member,
                          struct str value, bool equal, struct str rest, unsigned depth)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        if (value_is(cell_first(item, member), value) == equal && !walk(w, item, rest, depth + 1))
            return false;
    }
    return true;
}

/* `?(@.type=="Ready")` */
static bool walk_filter(const struct walk *w, const json_t *list, struct str filter,
                        struct str rest, unsigned depth)
{
    for (size_t i = 0; i + 1 < filter.len; i++) {
        bool equal = filter.data[i] == '=' && filter.data[i + 1] == '=';
        if (!equal && !(filter.data[i] == '!' && filter.data[i + 1] == '='))
            continue;
        struct str member = str_trim((struct str){filter.data, i});
        struct str value = unquote((struct str){filter.data + i + 2, filter.len - i - 2});
        if (member.len && member.data[0] == '@')
            member = (struct str){member.data + 1, member.len - 1};
        return walk_matching(w, list, member, value, equal, rest, depth);
    }
    return true;
}

static bool walk_all(const struct walk *w, const json_t *value, struct str rest, unsigned depth)
{
    const char *key;
    json_t *item;
    for (size_t i = 0; i < json_array_size(value); i++)
        if (!walk(w, json_array_get(value, i), rest, depth + 1))
            return false;
    json_object_foreach (value, key, item) {
        if (!walk(w, item, rest, depth + 1))
            return false;
    }
    return true;
}

static bool walk_brackets(const struct walk *w, const json_t *value, struct str inside,
                          struct str rest, unsigned depth)
{
    int64_t index;
    struct str after = inside;
    if (str_is(inside, "*"))
        return walk_all(w, value, rest, depth);
    if (inside.len > 3 && str_starts(inside, STR("?(")) && inside.data[inside.len - 1] == ')')
        return walk_filter(w, value, (struct str){inside.data + 2, inside.len - 3}, rest, depth);
    if (inside.len && (inside.data[0] == '\'' || inside.data[0] == '"')) {
        CLEANUP(free_ptr) char *key = str_dup(unquote(inside));
        return walk(w, json_object_get(value, key), rest, depth + 1);
    }
    if (parse_i64(inside, INT32_MIN, INT32_MAX, &index)) {
        if (index < 0)
            index += (int64_t)json_array_size(value);
        return walk(w, index < 0 ? NULL : json_array_get(value, (size_t)index), rest, depth + 1);
    }
    struct str member = str_cut(&after, '=');
    return after.data ? walk_matching(w, value, member, after, true, rest, depth) : true;
}

/* False when the caller has seen enough. */
static bool walk(const struct walk *walk_, const json_t *value, struct str path, unsigned depth)
{
    char name[256];
    struct str inside;
    if (!value || depth > PATH_DEPTH_MAX)
        return true;
    if (path.len == 0)
        return walk_->each(walk_->arg, value);
    if (path.data[0] == '[')
        return take_brackets(&path, &inside) ? walk_brackets(walk_, value, inside, path, depth)
                                             : true;
    if (path.data[0] == '.')
        path = (struct str){path.data + 1, path.len - 1};
    if (path.len == 0)
        return walk_->each(walk_->arg, value);
    if (path.data[0] == '[')
        return walk(walk_, value, path, depth + 1);
    if (!take_name(&path, name, sizeof(name)))
        return true;
    return strcmp(name, "*") == 0 ? walk_all(walk_, value, path, depth)
                                  : walk(walk_, json_object_get(value, name), path, depth + 1);
}

void cell_walk(const json_t *root, struct str path, bool (*each)(void *arg, const json_t *value),
               void *arg)
{
    struct walk w = {each, arg};
    (void)walk(&w, root, path, 0); /* whether it was stopped is no matter */
}

static bool keep_first(void *arg, const json_t *value)
{
    *(const json_t **)arg = value;
    return false;
}

const json_t *cell_first(const json_t *root, struct str path)
{
    const json_t *found = NULL;
    cell_walk(root, path, keep_first, &found);
    return found;
}
