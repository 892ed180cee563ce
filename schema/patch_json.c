/* JSON patch (RFC 6902) over JSON pointers (RFC 6901).
 *
 * Bounded: operations by PATCH_OPERATIONS_MAX, depth by the pointers' length, memory by what copies
 * may add up to. As upstream, which is not always as the RFC: array indexes may be negative (from
 * the end); what is before a pointer's first slash is passed over; a member that is not there is
 * null for `copy`, and made by `replace`; a `value` that is left out is null. What cannot be
 * applied is one 422 without details. Source: gopkg.in/evanphx/json-patch.v4, patch.go. */
#include "base/parse.h"
#include "schema/decode_internal.h"
#include "schema/go_text.h"
#include "schema/patch.h"

#define COPIED_MAX ((size_t)3 << 20) /* bytes of JSON that "copy" may add, as upstream */
#define WALKED_MAX ((size_t)10000000)

struct change {
    json_t *root;  /* owned */
    size_t copied; /* bytes, by "copy" */
    size_t walked; /* nodes, by depth checks */
};

/* A place: member `key` of an object, or an index of an array; `parent` NULL: the whole document.
 */
struct place {
    json_t *parent;
    char *key;
};

static void place_clear(struct place *place)
{
    free(place->key);
    *place = (struct place){0};
}

/* One unescaped part of a pointer; a `~` that neither 0 nor 1 follows stays. NULL when it is too
 * long. */
static char *unescape(struct str part)
{
    struct buf out = BUF_TEXT;
    for (size_t i = 0; i < part.len; i++) {
        char c = part.data[i], next = i + 1 < part.len ? part.data[i + 1] : '\0';
        bool escape = c == '~' && (next == '0' || next == '1');
        if (escape)
            c = next == '0' ? '~' : '/';
        buf_add_char(&out, c);
        i += escape;
    }
    return buf_take(&out);
}

/* An index of an array of `size`, as Go's Atoi reads it; negative ones count from the end. */
static bool array_index(const char *key, size_t size, size_t *index)
{
    int64_t value;
    bool plus = key[0] == '+' && key[1] != '-';
    if (!parse_i64(str_of(key + plus), INT32_MIN, INT32_MAX, &value))
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
    struct str rest = pointer;
    (void)str_cut(&rest, '/'); /* what is before it means nothing */
    if (!rest.data)
        return false;
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
    return json_is_array(place->parent) &&
           array_index(place->key, json_array_size(place->parent), &index) &&
           json_array_remove(place->parent, index) == 0;
}

struct operation {
    const json_t *value; /* NULL when the member is absent */
    struct str path_text;
    struct place path, from;
};

/* New reference. */
static json_t *value_of(const struct operation *op)
{
    return op->value ? json_deep_copy(op->value) : json_null();
}

static bool do_add(struct change *change, const struct operation *op)
{
    return op->path.parent && insert(change, &op->path, value_of(op));
}

static bool do_remove(struct change *change, const struct operation *op)
{
    return get(change, &op->path) && op->path.parent && remove_at(&op->path);
}

static bool do_replace(struct change *change, const struct operation *op)
{
    bool fits = op->path.parent || json_is_object(op->value) || json_is_array(op->value);
    return fits && overwrite(change, &op->path, value_of(op));
}

static bool same_value(const json_t *a, const json_t *b);

/* Reals are compared as they are written: 1.0 is not 1.00. */
static bool same_real(const json_t *a, const json_t *b)
{
    CLEANUP(buf_free) struct buf one = BUF_TEXT;
    CLEANUP(buf_free) struct buf other = BUF_TEXT;
    go_value_kind(&one, a, true);
    go_value_kind(&other, b, true);
    return str_eq(buf_str(&one), buf_str(&other));
}

static bool same_members(const json_t *a, const json_t *b)
{
    const char *key;
    json_t *value;
    json_object_foreach (a, key, value)
        if (!same_value(value, json_object_get(b, key)))
            return false;
    return json_object_size(a) == json_object_size(b);
}

static bool same_items(const json_t *a, const json_t *b)
{
    for (size_t i = 0; i < json_array_size(a); i++)
        if (!same_value(json_array_get(a, i), json_array_get(b, i)))
            return false;
    return json_array_size(a) == json_array_size(b);
}

static bool same_value(const json_t *a, const json_t *b)
{
    if (json_is_object(a) && json_is_object(b))
        return same_members(a, b);
    if (json_is_array(a) && json_is_array(b))
        return same_items(a, b);
    return json_is_real(a) && json_is_real(b) ? same_real(a, b) : json_equal(a, b);
}

static bool do_test(struct change *change, const struct operation *op)
{
    const json_t *have = get(change, &op->path);
    bool wants_null = !op->value || json_is_null(op->value);
    if (!have && json_is_array(op->path.parent))
        return false;
    if (!have || json_is_null(have))
        return wants_null;
    return !wants_null && same_value(have, op->value);
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
    if (!op->from.parent || !op->path.parent)
        return false;
    if (!value && json_is_object(op->from.parent))
        return insert(change, &op->path, json_null());
    if (!value || !is_shallow(change, value, JSON_DEPTH_MAX))
        return false;
    json_write(&text, value);
    change->copied += text.len;
    bool fits = buf_ok(&text) && change->copied <= COPIED_MAX;
    buf_free(&text);
    return fits && insert(change, &op->path, json_deep_copy(value));
}

/* Takes `value` and what is in `to`. */
static bool moved(struct change *change, struct place *to, json_t *value)
{
    bool ok = insert(change, to, value);
    place_clear(to);
    return ok;
}

static bool do_move(struct change *change, const struct operation *op)
{
    struct place to;
    json_t *value = get(change, &op->from);
    if (!value || !op->from.parent || !is_shallow(change, value, JSON_DEPTH_MAX))
        return false;
    json_incref(value);
    bool ok = remove_at(&op->from) &&
              locate(change->root, op->path_text, &to); /* the removal may shift indexes */
    if (!ok) {
        json_decref(value);
        return false;
    }
    if (to.parent)
        return moved(change, &to, value);
    json_decref(value);
    return false;
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
    struct operation op = {.value = json_object_get(entry, "value"),
                           .path_text = str_of(json_string_value(path))};
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

/* What the members of an operation are, to upstream's strict decoder, which comes first. */
static const char *const text_members[] = {"op", "path", "from"};

/* The first member that is no text, and the operation's `*name` of it; NULL: all are. */
static const json_t *odd_member(const json_t *entry, const char **name)
{
    for (size_t i = 0; i < ARRAY_LEN(text_members); i++) {
        const json_t *value = json_object_get(entry, text_members[i]);
        *name = text_members[i];
        if (value && !json_is_string(value) && !json_is_null(value))
            return value;
    }
    return NULL;
}

/* False for what is no list of operations, in the strict decoder's words. A null among them is no
 * operation, but may be there. */
static bool check_strictly(const json_t *tree, struct error *err)
{
    static const char start[] = "error decoding patch: json: cannot unmarshal";
    CLEANUP(buf_free) struct buf kind = BUF_TEXT;
    if (!json_is_array(tree) && !json_is_null(tree)) {
        go_value_kind(&kind, tree, false);
        return error_bad_request(err, "%s %s into Go value of type []handlers.jsonPatchOp", start,
                                 kind.data);
    }
    for (size_t i = 0; i < json_array_size(tree); i++) {
        const json_t *entry = json_array_get(tree, i), *odd;
        const char *name;
        if (!json_is_object(entry) && !json_is_null(entry)) {
            go_value_kind(&kind, entry, false);
            return error_bad_request(err, "%s %s into Go value of type handlers.jsonPatchOp", start,
                                     kind.data);
        }
        odd = odd_member(entry, &name);
        if (!odd)
            continue;
        go_value_kind(&kind, odd, false);
        return error_bad_request(err, "%s %s into Go struct field jsonPatchOp.%s of type string",
                                 start, kind.data, name);
    }
    return true;
}

/* The same in the words of the patch library's decoder. */
static bool check_shape(const json_t *tree, struct error *err)
{
    CLEANUP(buf_free) struct buf kind = BUF_TEXT;
    const json_t *wrong = json_is_array(tree) || json_is_null(tree) ? NULL : tree;
    for (size_t i = 0; !wrong && i < json_array_size(tree); i++) {
        const json_t *entry = json_array_get(tree, i);
        wrong = json_is_object(entry) || json_is_null(entry) ? NULL : entry;
    }
    if (!wrong)
        return true;
    go_value_kind(&kind, wrong, false);
    return error_bad_request(err, "json: cannot unmarshal %s into Go value of type jsonpatch.%s",
                             kind.data, wrong == tree ? "Patch" : "Operation");
}

/* Whether an operation has members that none has. */
static bool has_unknown(const json_t *tree)
{
    for (size_t i = 0; i < json_array_size(tree); i++) {
        const json_t *entry = json_array_get(tree, i);
        size_t known = json_object_get(entry, "value") != NULL;
        for (size_t k = 0; k < ARRAY_LEN(text_members); k++)
            known += json_object_get(entry, text_members[k]) != NULL;
        if (json_object_size(entry) != known)
            return true;
    }
    return false;
}

static json_t *decode(struct str patch, struct warnings *found, struct error *err)
{
    bool duplicates = false;
    json_auto_t *tree = strict_parse(patch, found ? &duplicates : NULL, err);
    if (!tree && found)
        error_wrap(err, "error decoding patch");
    if (!tree || !(found ? check_strictly(tree, err) : check_shape(tree, err)))
        return NULL;
    if (found && (duplicates || has_unknown(tree)))
        strict_scan_operations(patch, found);
    if (json_array_size(tree) <= PATCH_OPERATIONS_MAX)
        return TAKE(tree);
    error_set(err, ERROR_TOO_LARGE, "The allowed maximum operations in a JSON patch is %d, got %zu",
              PATCH_OPERATIONS_MAX, json_array_size(tree));
    return NULL;
}

json_t *patch_json(const json_t *target, struct str patch, struct warnings *found,
                   struct error *err)
{
    json_auto_t *entries = decode(patch, found, err);
    if (!entries)
        return NULL;
    struct change change = {.root = json_deep_copy(target)};
    for (size_t i = 0; i < json_array_size(entries); i++) {
        if (apply_one(&change, json_array_get(entries, i)))
            continue;
        json_decref(change.root);
        error_set(err, ERROR_INVALID,
                  "the server rejected our request due to an error in our request");
        return NULL;
    }
    return change.root;
}
