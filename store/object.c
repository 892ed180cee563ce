#include "store/object.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/refs.h"

#define BODY_MAX (3 << 19) /* 1.5 MiB, as etcd's default */

static object_index_fn index_fields;

void object_set_index(object_index_fn index)
{
    index_fields = index;
}

struct object *object_ref(struct object *object)
{
    refs_take(&object->refs);
    return object;
}

void object_unref(struct object *object)
{
    if (object && refs_drop(&object->refs))
        free(object);
}

void object_unref_ptr(struct object **object)
{
    object_unref(*object);
}

static int compare_pairs(const void *a, const void *b)
{
    return strcmp(((const struct object_pair *)a)->key, ((const struct object_pair *)b)->key);
}

static const char *pair_find(const struct object_pair *pairs, uint32_t count, const char *key)
{
    struct object_pair want = {.key = key};
    const struct object_pair *found =
        count ? bsearch(&want, pairs, count, sizeof(*pairs), compare_pairs) : NULL;
    return found ? found->value : NULL;
}

const char *object_label(const struct object *object, const char *key)
{
    return pair_find(object->labels, object->label_count, key);
}

bool object_same_labels(const struct object *a, const struct object *b)
{
    bool same = a->label_count == b->label_count;
    for (uint32_t i = 0; i < a->label_count && same; i++) /* by key */
        same = strcmp(a->labels[i].key, b->labels[i].key) == 0 &&
               strcmp(a->labels[i].value, b->labels[i].value) == 0;
    return same;
}

const char *object_field(const struct object *object, const char *path)
{
    if (strcmp(path, "metadata.name") == 0)
        return object->name;
    if (strcmp(path, "metadata.namespace") == 0)
        return object->ns;
    const char *value = pair_find(object->fields, object->field_count, path);
    return value ? value : "";
}

json_t *object_json(const struct object *object)
{
    struct error ignored = {0};
    json_t *value = json_parse(object->body, JSON_LOAD_LENIENT, &ignored);
    error_clear(&ignored); /* the store wrote it: it parses */
    return value;
}

/* ---- drafts ---- */

static void write_member(struct buf *out, const char *key, const json_t *value)
{
    char last = out->len ? out->data[out->len - 1] : '{';
    if (last != '{')
        buf_add_char(out, ',');
    json_write_string(out, str_of(key));
    buf_add_char(out, ':');
    json_write(out, value);
}

static void write_all_but(struct buf *out, const json_t *object, const char *const *left_out)
{
    const char *key;
    json_t *member;
    json_object_foreach (object, key, member) {
        bool skip = false;
        for (const char *const *name = left_out; *name && !skip; name++)
            skip = strcmp(*name, key) == 0;
        if (!skip)
            write_member(out, key, member);
    }
}

bool object_draft_of(const json_t *value, const struct buf *text, size_t revision_at,
                     struct object_draft *draft, struct error *err)
{
    const json_t *metadata = json_object_get(value, "metadata");
    if (!buf_ok(text) || text->len > BODY_MAX)
        return error_set(err, ERROR_TOO_LARGE, "Request entity too large: limit is %d", BODY_MAX);
    const char *ns = json_text(metadata, "namespace"), *name = json_text(metadata, "name");
    const char *uid = json_text(metadata, "uid");
    *draft = (struct object_draft){.ns = ns ? ns : "",
                                   .name = name ? name : "",
                                   .uid = uid ? uid : "",
                                   .body = buf_str(text),
                                   .revision_at = revision_at};
    return true;
}

bool object_draft_make(json_t *value, struct buf *out, struct object_draft *draft,
                       struct error *err)
{
    static const char *const first[] = {"kind", "apiVersion", "metadata", NULL};
    static const char *const stripped[] = {"resourceVersion", NULL};
    buf_clear(out);
    buf_add_char(out, '{');
    for (size_t i = 0; i < 2; i++)
        if (json_object_get(value, first[i]))
            write_member(out, first[i], json_object_get(value, first[i]));
    buf_add_text(out, out->len > 1 ? ",\"metadata\":{" : "\"metadata\":{");
    size_t revision_at = out->len;
    write_all_but(out, json_object_get(value, "metadata"), stripped);
    buf_add_char(out, '}');
    write_all_but(out, value, first);
    buf_add_char(out, '}');
    return object_draft_of(value, out, revision_at, draft, err);
}

/* ---- building ---- */

struct pairs {
    struct object_pair *items; /* while it is built: owned copies */
    size_t count, capacity, text_bytes;
};

static void pairs_add(void *arg, const char *key, const char *value)
{
    struct pairs *pairs = arg;
    if (pairs->count == pairs->capacity) {
        pairs->capacity = pairs->capacity ? pairs->capacity * 2 : 8;
        pairs->items = xreallocarray(pairs->items, pairs->capacity, sizeof(*pairs->items));
    }
    pairs->text_bytes += strlen(key) + strlen(value) + 2;
    pairs->items[pairs->count++] = (struct object_pair){xstrdup(key), xstrdup(value)};
}

static void pairs_free(struct pairs *pairs)
{
    for (size_t i = 0; i < pairs->count; i++) {
        free((char *)(uintptr_t)pairs->items[i].key);
        free((char *)(uintptr_t)pairs->items[i].value);
    }
    free(pairs->items);
}

static void index_value(const char *resource, const json_t *value, struct pairs *labels,
                        struct pairs *fields)
{
    const char *key;
    json_t *member, *map = json_at(value, "metadata", "labels");
    json_object_foreach (map, key, member) {
        if (json_is_string(member))
            pairs_add(labels, key, json_string_value(member));
    }
    if (index_fields)
        index_fields(resource, value, pairs_add, fields);
    if (labels->count)
        qsort(labels->items, labels->count, sizeof(*labels->items), compare_pairs);
    if (fields->count)
        qsort(fields->items, fields->count, sizeof(*fields->items), compare_pairs);
}

static const char *put_bytes(char **at, const char *data, size_t len)
{
    char *start = *at;
    memcpy(start, data, len);
    start[len] = '\0';
    *at += len + 1;
    return start;
}

static const char *put_text(char **at, const char *text)
{
    return put_bytes(at, text, strlen(text));
}

static void put_pairs(char **at, struct object_pair *out, const struct pairs *pairs)
{
    for (size_t i = 0; i < pairs->count; i++)
        out[i] = (struct object_pair){put_text(at, pairs->items[i].key),
                                      put_text(at, pairs->items[i].value)};
}

/* The body with resourceVersion put in, and the end of the line behind it. */
static struct str put_body(char **at, const struct object_draft *draft, struct str version)
{
    char *start = *at;
    size_t split = draft->revision_at <= draft->body.len ? draft->revision_at : draft->body.len;
    memcpy(*at, draft->body.data, split);
    *at += split;
    memcpy(*at, version.data, version.len);
    *at += version.len;
    memcpy(*at, draft->body.data + split, draft->body.len - split);
    *at += draft->body.len - split;
    *(*at)++ = '\n';
    return (struct str){start, (size_t)(*at - start) - 1};
}

/* `"resourceVersion":"N"` with the comma that it needs there; nothing for what has none. */
static struct str version_text(char *out, size_t size, const struct object_draft *draft,
                               int64_t revision)
{
    const struct str body = draft->body;
    size_t at = draft->revision_at;
    if (!revision)
        return (struct str){out, 0};
    bool last = at < body.len && body.data[at] == '}',
         first = !last || !at || body.data[at - 1] == '{';
    int len = snprintf(out, size, "%s\"resourceVersion\":\"%lld\"%s", first ? "" : ",",
                       (long long)revision, last ? "" : ",");
    return (struct str){out, (size_t)len};
}

struct object *object_new(const char *resource, const struct object_draft *draft, int64_t revision,
                          const json_t *value)
{
    CLEANUP(pairs_free) struct pairs labels = {0};
    CLEANUP(pairs_free) struct pairs fields = {0};
    struct error ignored = {0};
    json_auto_t *parsed = value ? NULL : json_parse(draft->body, JSON_LOAD_LENIENT, &ignored);
    error_clear(&ignored); /* what does not parse has no labels */
    if (!value)
        value = parsed;
    index_value(resource, value, &labels, &fields);
    const char *uid = draft->uid ? draft->uid : json_text(value, "metadata", "uid");
    if (!uid)
        uid = "";

    char version[64];
    struct str spliced = version_text(version, sizeof(version), draft, revision);
    size_t pair_count = labels.count + fields.count;
    size_t size = sizeof(struct object) + pair_count * sizeof(struct object_pair) +
                  labels.text_bytes + fields.text_bytes + strlen(draft->ns) + strlen(draft->name) +
                  strlen(uid) + 3 + draft->body.len + spliced.len + 1;
    struct object *object = xmalloc(size);
    struct object_pair *pairs = (struct object_pair *)(object + 1);
    char *at = (char *)(pairs + pair_count);
    put_pairs(&at, pairs, &labels);
    put_pairs(&at, pairs + labels.count, &fields);
    *object = (struct object){.revision = revision,
                              .resource = resource,
                              .ns = put_text(&at, draft->ns),
                              .name = put_text(&at, draft->name),
                              .uid = put_text(&at, uid),
                              .body = put_body(&at, draft, spliced),
                              .label_count = (uint32_t)labels.count,
                              .field_count = (uint32_t)fields.count,
                              .labels = pairs,
                              .fields = pairs + labels.count};
    atomic_init(&object->refs, 1);
    return object;
}
