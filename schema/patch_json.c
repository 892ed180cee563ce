/* JSON patch (RFC 6902) over JSON pointers (RFC 6901).
 *
 * Bounded: operations by PATCH_OPERATIONS_MAX, depth by the pointers' length, memory by what copies may add up to.
 * As upstream, array indexes may be negative (from the end), and what cannot be applied is one 422 without details. */
#include "base/parse.h"
#include "schema/patch.h"

#define COPIED_MAX ((size_t)3 << 20) /* bytes of JSON that "copy" may add, as upstream */
#define WALKED_MAX ((size_t)10000000)

struct change {
    json_t *root;  /* owned */
    size_t copied; /* bytes, by "copy" */
    size_t walked; /* nodes, by depth checks */
};

/* A place: member `key` of an object, or an index of an array; `parent` NULL: the whole document. */
struct place {
    json_t *parent;
    char *key;
};

static void place_clear(struct place *place)
{
    free(place->key);
    *place = (struct place){0};
}

/* One unescaped part of a pointer; NULL when a `~` is not followed by 0 or 1. */
static char *unescape(struct str part)
{
    struct buf out = BUF_TEXT;
    for (size_t i = 0; i < part.len; i++) {
        char c = part.data[i];
        if (c == '~') {
            char next = ++i < part.len ? part.data[i] : '\0';
            if (next != '0' && next != '1') {
                buf_free(&out);
                return NULL;
            }
            c = next == '0' ? '~' : '/';
        }
        buf_add_char(&out, c);
    }
    return buf_take(&out);
}

/* An index of an array of `size`; negative ones count from the end. */
static bool array_index(const char *key, size_t size, size_t *index)
{
    int64_t value;
    if (!parse_i64(str_of(key), INT32_MIN, INT32_MAX, &value))
        return false;
    if (value < 0)
        value += (int64_t)size;
    if (value < 0 || value >= (int64_t)size)
        return false;
    *index = (size_t)value;
    return true;
}

static json_t *child(const json_t *parent, const char *key)
{
    size_t index;
    if (json_is_object(parent))
        return json_object_get(parent, key);
    if (json_is_array(parent) && array_index(key, json_array_size(parent), &index))
        return json_array_get(parent, index);
    return NULL;
}

/* Finds the parent of what `pointer` names; what it names need not exist. */
static bool locate(json_t *root, struct str pointer, struct place *place)
{
    unsigned depth = 0;
    json_t *at = root;
    *place = (struct place){0};
    if (pointer.len == 0)
        return true;
    if (pointer.data[0] != '/')
        return false;
    struct str rest = {pointer.data + 1, pointer.len - 1};
    for (bool last = false; !last;) {
        struct str part = rest;
        const char *slash = rest.len ? memchr(rest.data, '/', rest.len) : NULL;
        last = !slash;
        if (slash) {
            part.len = (size_t)(slash - rest.data);
            rest = (struct str){slash + 1, rest.len - part.len - 1};
        }
        CLEANUP(free_ptr) char *key = unescape(part);
        if (!key || ++depth > JSON_DEPTH_MAX || !(json_is_object(at) || json_is_array(at)))
            return false;
        place->parent = at;
        if (last)
            place->key = TAKE(key);
        else
            at = child(at, key);
    }
    return true;
}

static json_t *get(const struct change *change, const struct place *place)
{
    return place->parent ? child(place->parent, place->key) : change->root;
}

/* Takes `value`. */
static bool set_root(struct change *change, json_t *value)
{
    json_decref(change->root);
    change->root = value;
    return true;
}

/* Takes `value`. */
static bool insert(struct change *change, const struct place *place, json_t *value)
{
    size_t index, size;
    if (!place->parent)
        return set_root(change, value);
    if (json_is_object(place->parent))
        return json_object_set_new(place->parent, place->key, value) == 0;
    size = json_array_size(place->parent);
    if (strcmp(place->key, "-") == 0)
        return json_array_append_new(place->parent, value) == 0;
    if (array_index(place->key, size + 1, &index))
        return json_array_insert_new(place->parent, index, value) == 0;
    json_decref(value);
    return false;
}

/* Takes `value`. */
static bool overwrite(struct change *change, const struct place *place, json_t *value)
{
    size_t index;
    if (!place->parent)
        return set_root(change, value);
    if (json_is_object(place->parent))
        return json_object_set_new(place->parent, place->key, value) == 0;
    if (array_index(place->key, json_array_size(place->parent), &index))
        return json_array_set_new(place->parent, index, value) == 0;
    json_decref(value);
    return false;
}

static bool remove_at(const struct place *place)
{
    size_t index;
    if (json_is_object(place->parent))
        return json_object_del(place->parent, place->key) == 0;
    return json_is_array(place->parent) && array_index(place->key, json_array_size(place->parent), &index) &&
           json_array_remove(place->parent, index) == 0;
}

struct operation {
    const json_t *value; /* NULL when the member is absent */
    struct str path_text;
    struct place path, from;
};

static bool do_add(struct change *change, const struct operation *op)
{
    return op->value && insert(change, &op->path, json_deep_copy(op->value));
}

static bool do_remove(struct change *change, const struct operation *op)
{
    return get(change, &op->path) && op->path.parent && remove_at(&op->path);
}

static bool do_replace(struct change *change, const struct operation *op)
{
    return op->value && get(change, &op->path) && overwrite(change, &op->path, json_deep_copy(op->value));
}

static bool do_test(struct change *change, const struct operation *op)
{
    const json_t *have = get(change, &op->path);
    bool wants_null = !op->value || json_is_null(op->value);
    if (!have || json_is_null(have))
        return wants_null;
    return !wants_null && json_equal(have, op->value);
}

/* The depth of `value` is at most `max`; charges the walk. */
static bool is_shallow(struct change *change, const json_t *value, unsigned max)
{
    const char *key;
    json_t *item;
    if (++change->walked > WALKED_MAX)
        return false;
    if (!json_is_object(value) && !json_is_array(value))
        return true;
    if (max == 0)
        return false;
    for (size_t i = 0; json_is_array(value) && i < json_array_size(value); i++)
        if (!is_shallow(change, json_array_get(value, i), max - 1))
            return false;
    json_object_foreach (value, key, item) {
        if (!is_shallow(change, item, max - 1))
            return false;
    }
    return true;
}

static bool do_copy(struct change *change, const struct operation *op)
{
    const json_t *value = get(change, &op->from);
    struct buf text = BUF_INIT(COPIED_MAX);
    if (!value || !is_shallow(change, value, JSON_DEPTH_MAX))
        return false;
    json_write(&text, value);
    change->copied += text.len;
    bool fits = buf_ok(&text) && change->copied <= COPIED_MAX;
    buf_free(&text);
    return fits && insert(change, &op->path, json_deep_copy(value));
}

static bool do_move(struct change *change, const struct operation *op)
{
    struct place to;
    json_t *value = get(change, &op->from);
    if (!value || !op->from.parent || !is_shallow(change, value, JSON_DEPTH_MAX))
        return false;
    json_incref(value);
    bool ok = remove_at(&op->from) && locate(change->root, op->path_text, &to); /* the removal may shift indexes */
    if (!ok) {
        json_decref(value);
        return false;
    }
    ok = insert(change, &to, value);
    place_clear(&to);
    return ok;
}

static const struct operation_row {
    const char *name;
    bool (*apply)(struct change *change, const struct operation *op);
    bool has_from;
} rows[] = {
    {"add", do_add, false},   {"remove", do_remove, false}, {"replace", do_replace, false},
    {"test", do_test, false}, {"copy", do_copy, true},      {"move", do_move, true},
};

static bool apply_one(struct change *change, const json_t *entry)
{
    const json_t *path = json_object_get(entry, "path"), *from = json_object_get(entry, "from");
    const char *name = json_string_value(json_object_get(entry, "op"));
    struct operation op = {.value = json_object_get(entry, "value"), .path_text = str_of(json_string_value(path))};
    const struct operation_row *row = NULL;
    bool ok = false;
    for (size_t i = 0; name && i < ARRAY_LEN(rows); i++)
        if (strcmp(rows[i].name, name) == 0)
            row = &rows[i];
    if (row && json_is_string(path) && (!row->has_from || json_is_string(from)) &&
        locate(change->root, op.path_text, &op.path) &&
        (!row->has_from || locate(change->root, str_of(json_string_value(from)), &op.from)))
        ok = row->apply(change, &op);
    place_clear(&op.path);
    place_clear(&op.from);
    return ok;
}

static json_t *decode(struct str patch, struct error *err)
{
    json_t *tree = json_parse(patch, JSON_LOAD_LENIENT, err), *entry;
    size_t i;
    if (!tree)
        return NULL;
    bool fine = json_is_array(tree);
    json_array_foreach (tree, i, entry)
        fine = fine && json_is_object(entry);
    if (!fine)
        error_bad_request(err, "json: cannot unmarshal %s into Go value of type jsonpatch.Patch",
                          json_is_object(tree)  ? "object"
                          : json_is_array(tree) ? "array"
                                                : "value");
    else if (json_array_size(tree) > PATCH_OPERATIONS_MAX)
        error_set(err, ERROR_TOO_LARGE, "The allowed maximum operations in a JSON patch is %d, got %zu",
                  PATCH_OPERATIONS_MAX, json_array_size(tree));
    else
        return tree;
    json_decref(tree);
    return NULL;
}

json_t *patch_json(const json_t *target, struct str patch, struct error *err)
{
    json_auto_t *entries = decode(patch, err);
    if (!entries)
        return NULL;
    struct change change = {.root = json_deep_copy(target)};
    for (size_t i = 0; i < json_array_size(entries); i++) {
        if (apply_one(&change, json_array_get(entries, i)))
            continue;
        json_decref(change.root);
        error_set(err, ERROR_INVALID, "the server rejected our request due to an error in our request");
        return NULL;
    }
    return change.root;
}
