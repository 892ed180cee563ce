#include "apiserver/custom.h"

#include <pthread.h>
#include <string.h>

#include "apiserver/api_internal.h"
#include "apiserver/conversion.h"
#include "apiserver/documents/documents.h"
#include "auth/csr.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/json_scan.h"
#include "base/refs.h"
#include "schema/crd_schema.h"
#include "schema/meta.h"

#define BUNDLE_SHOWN_MAX ((size_t)4 << 10) /* bytes of one that is refused: each is told as six */

struct custom_slot {
    pthread_mutex_t making; /* held while definitions are compiled: never by an I/O thread */
    pthread_mutex_t lock;
    struct custom *custom; /* guarded by lock */
};

struct custom_slot *custom_slot_new(void)
{
    struct custom_slot *slot = xcalloc(1, sizeof(*slot));
    pthread_mutex_init(&slot->making, NULL);
    pthread_mutex_init(&slot->lock, NULL);
    return slot;
}

void custom_slot_free(struct custom_slot *slot)
{
    custom_unref(slot->custom);
    pthread_mutex_destroy(&slot->making);
    pthread_mutex_destroy(&slot->lock);
    free(slot);
}

struct custom *custom_ref(struct custom *custom)
{
    refs_take(&custom->refs);
    return custom;
}

void custom_unref(struct custom *custom)
{
    if (!custom || !refs_drop(&custom->refs))
        return;
    for (size_t i = 0; i < custom->count; i++)
        crd_unref(custom->crds[i]);
    documents_free(custom->documents);
    free(custom->crds);
    free(custom->revisions);
    free(custom->rows);
    free(custom);
}

/* ---- making ---- */

static int64_t newest(const struct object_list *list)
{
    int64_t revision = 0;
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i]->revision > revision)
            revision = list->items[i]->revision;
    return revision;
}

/* Whether the set is of these very definitions: as many, and none of them newer. */
static bool is_of(const struct custom *custom, const struct object_list *list)
{
    if (custom->seen != list->count)
        return false;
    return list->count == 0 || custom->revisions[list->count] == newest(list);
}

static const struct crd *take_over(const struct custom *old, const char *name, int64_t revision)
{
    for (size_t i = 0; old && i < old->count; i++)
        if (old->revisions[i] == revision && strcmp(old->crds[i]->name, name) == 0)
            return crd_ref(old->crds[i]);
    return NULL;
}

/* Built-in group versions are served whole: definitions add nothing to them. */
static bool is_hidden(const struct resource *row)
{
    const struct group_version *built_in = group_version_find(row->group, row->version);
    return built_in && !built_in->host_only && !built_in->aggregated;
}

static void add_rows(struct custom *custom)
{
    size_t room = 0;
    for (size_t i = 0; i < custom->count; i++)
        room += custom->crds[i]->row_count;
    custom->rows = xcalloc(room + 1, sizeof(*custom->rows));
    for (size_t i = 0; i < custom->count; i++)
        for (size_t k = 0; k < custom->crds[i]->row_count; k++)
            if (!is_hidden(custom->crds[i]->rows[k]))
                custom->rows[custom->row_count++] = custom->crds[i]->rows[k];
}

static struct custom *make(const struct custom *old, const struct object_list *list)
{
    struct custom *custom = xcalloc(1, sizeof(*custom));
    atomic_init(&custom->refs, 1);
    custom->crds = xcalloc(list->count + 1, sizeof(*custom->crds));
    custom->revisions = xcalloc(list->count + 1, sizeof(*custom->revisions));
    custom->seen = list->count;
    for (size_t i = 0; i < list->count; i++) {
        const struct object *object = list->items[i];
        const struct crd *crd = take_over(old, object->name, object->revision);
        if (!crd) {
            json_auto_t *tree = object_json(object);
            crd = crd_new(tree);
        }
        if (!crd)
            continue;
        custom->revisions[custom->count] = object->revision;
        custom->crds[custom->count++] = crd;
    }
    custom->revisions[list->count] = newest(list); /* see is_of() */
    custom->documents = documents_new();
    add_rows(custom);
    return custom;
}

/* Text of definitions that are to be compiled. */
static size_t news(const struct custom *old, const struct object_list *list)
{
    size_t bytes = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct object *object = list->items[i];
        const struct crd *known = take_over(old, object->name, object->revision);
        bytes += known ? 0 : object->body.len;
        crd_unref(known);
    }
    return bytes;
}

/* ---- loading ---- */

/* What was made last, referenced; NULL: nothing. */
static struct custom *last(struct custom_slot *slot)
{
    pthread_mutex_lock(&slot->lock);
    struct custom *custom = slot->custom ? custom_ref(slot->custom) : NULL;
    pthread_mutex_unlock(&slot->lock);
    return custom;
}

/* By one thread at a time, which holds `making`: others find it made. */
static struct custom *renew(struct custom_slot *slot, const struct object_list *list)
{
    struct custom *old = last(slot), *made = old;
    if (!old || !is_of(old, list)) {
        made = make(old, list);
        pthread_mutex_lock(&slot->lock);
        custom_unref(slot->custom);
        slot->custom = custom_ref(made);
        pthread_mutex_unlock(&slot->lock);
        custom_unref(old);
    }
    return made;
}

static enum step_result load(struct request *request, struct custom_slot *slot,
                             const struct object_list *list)
{
    struct custom *known = last(slot);
    if (known && is_of(known, list)) {
        request->custom = known;
        return STEP_NEXT;
    }
    size_t bytes = news(known, list);
    custom_unref(known);
    enum step_result result = request_compile_begin(request, &slot->making, bytes);
    if (result != STEP_NEXT)
        return result;
    request->custom = renew(slot, list);
    pthread_mutex_unlock(&slot->making);
    return STEP_NEXT;
}

enum step_result custom_load(struct request *request)
{
    const struct cache_range everything = {0};
    struct object_list list = {0};
    bool gone;
    if (request->custom)
        return STEP_NEXT;
    enum step_result result = request_list(request, CRD_STORAGE, &everything, &list, &gone);
    if (result != STEP_NEXT)
        return result;
    struct cluster_part *part = flow_part_get(request->cluster);
    result = load(request, flow_custom_slot(part), &list);
    cluster_part_unref(part);
    object_list_free(&list);
    return result;
}

/* ---- looking up ---- */

const struct resource *custom_find(const struct custom *custom, const char *group,
                                   const char *version, const char *plural)
{
    for (size_t i = 0; i < custom->row_count; i++) {
        const struct resource *row = custom->rows[i];
        if (strcmp(row->plural, plural) == 0 && strcmp(row->group, group) == 0 &&
            strcmp(row->version, version) == 0)
            return row;
    }
    return NULL;
}

static const struct crd *find_crd(const struct custom *custom, const char *key)
{
    for (size_t i = 0; i < custom->count; i++)
        if (strcmp(custom->crds[i]->name, key) == 0)
            return custom->crds[i];
    return NULL;
}

static const struct crd *crd_of(const struct request *request)
{
    const struct resource *row = request->resource;
    return request->custom && row && row->type && row->type->custom
               ? find_crd(request->custom, row->key)
               : NULL;
}

const struct resource *custom_by_key(const struct custom *custom, const char *key)
{
    const struct crd *crd = find_crd(custom, key);
    return crd ? crd->stored : NULL;
}

/* ---- changes ---- */

static bool same_member(struct str json, struct str other, struct str name)
{
    return str_eq(json_member(json, name), json_member(other, name));
}

/* Whether two texts of a definition serve the same: it changes often in its conditions alone. */
static bool same_served(struct str json, struct str other)
{
    return same_member(json, other, STR("spec")) &&
           same_member(json_member(json, STR("status")), json_member(other, STR("status")),
                       STR("acceptedNames"));
}

void custom_changed(struct api *api, struct cluster *cluster, enum event_type type,
                    const struct object *object, const struct object *before)
{
    if (strcmp(object->resource, CRD_STORAGE) != 0 || type == EVENT_ADDED ||
        (type == EVENT_MODIFIED && before && same_served(object->body, before->body)))
        return;
    streams_end(&api->streams, cluster, object->name);
}

static bool is_served(const struct request *request, size_t at)
{
    const struct custom *custom = request->custom;
    CLEANUP(object_unref_ptr) struct object *now = NULL;
    enum cache_result found =
        cache_peek(request->cluster, CRD_STORAGE, "", custom->crds[at]->name, &now);
    if (found != CACHE_HIT || now->revision == custom->revisions[at])
        return found != CACHE_ABSENT;
    json_auto_t *tree = object_json(now);
    return crd_serves(custom->crds[at], tree);
}

bool custom_is_served(const struct request *request)
{
    const struct custom *custom = request->custom;
    for (size_t i = 0; custom && i < custom->count; i++)
        if (strcmp(custom->crds[i]->name, request->storage) == 0)
            return is_served(request, i);
    return true;
}

/* ---- versions ---- */

static bool is_converted(const struct request *request)
{
    return request->resource && request->resource->type &&
           (request->resource->type->flags & TYPE_CONVERTED);
}

/* The schema may be younger than the object. What is read has the defaults of the version that it
 * is stored in, whichever it is shown in. */
static void default_stored(const struct request *request, json_t *object)
{
    const struct crd *crd = crd_of(request);
    if (crd)
        crd_default_stored(crd, object);
}

void custom_show(const struct request *request, json_t *object)
{
    if (!is_converted(request) || !object)
        return;
    default_stored(request, object);
    json_set_text(object, "apiVersion", request->resource->api_version);
}

const struct crd *custom_converter(const struct request *request)
{
    const struct crd *crd = crd_of(request);
    return crd && crd->conversion ? crd : NULL;
}

enum step_result custom_convert(struct request *request, json_t *object, const struct resource *row,
                                json_t **out)
{
    const struct crd *crd = custom_converter(request);
    json_t *copy = json_deep_copy(object);
    enum step_result result = STEP_NEXT;
    default_stored(request, copy);
    if (!crd)
        json_set_text(copy, "apiVersion", row->api_version);
    else if (!text_eq(json_text(copy, "apiVersion"), row->api_version))
        result = request_may_call(request);
    if (crd && result == STEP_NEXT &&
        !conversion_run(request->api, request->cluster, crd, row, &copy, 1, &request->error))
        result = STEP_FAIL;
    if (result == STEP_NEXT)
        *out = copy;
    else
        json_decref(copy);
    return result;
}

enum step_result custom_read(struct request *request, const struct object *object, json_t **out)
{
    json_auto_t *tree = object_json(object);
    if (custom_converter(request))
        return custom_convert(request, tree, request->resource, out);
    custom_show(request, tree);
    *out = json_incref(tree);
    return STEP_NEXT;
}

static enum step_result convert_stored(struct request *request, struct object **objects,
                                       size_t count)
{
    const struct crd *crd = custom_converter(request);
    if (!conversion_needed(crd, request->resource, objects, count))
        return STEP_NEXT;
    enum step_result result = request_may_call(request);
    if (result == STEP_NEXT &&
        !conversion_run_stored(request->api, request->cluster, crd, request->resource, objects,
                               count, &request->error))
        result = STEP_FAIL;
    return result;
}

enum step_result custom_list(struct request *request, struct object_list *list)
{
    return convert_stored(request, list->items, list->count);
}

enum step_result custom_reply(struct request *request)
{
    struct reply *reply = &request->reply;
    enum step_result result = STEP_NEXT;
    if (reply->kind == REPLY_OBJECT)
        result = convert_stored(request, &reply->object, 1);
    else if (reply->kind == REPLY_LIST)
        result = custom_list(request, &reply->list);
    return result == STEP_NEXT ? STEP_DONE : result;
}

static const struct resource *stored_row(const struct request *request)
{
    return is_converted(request) && request->custom
               ? custom_by_key(request->custom, request->resource->key)
               : NULL;
}

enum step_result custom_store(struct request *request)
{
    const struct resource *row = stored_row(request);
    json_decref(request->stored);
    request->stored = NULL;
    if (row && custom_converter(request) && row != request->resource)
        return custom_convert(request, request->object, row, &request->stored);
    if (row)
        json_set_text(request->object, "apiVersion", row->api_version);
    request->stored = json_incref(request->object);
    return STEP_NEXT;
}

bool custom_is_current(const struct request *request, const struct object *object)
{
    const struct resource *row = stored_row(request);
    return !row || str_is(conversion_version(object), row->api_version);
}

bool custom_may_create(struct request *request)
{
    const struct crd *crd = crd_of(request);
    return !crd || !crd->terminating ||
           error_set(
               &request->error, ERROR_METHOD_NOT_ALLOWED,
               "create is not supported on resources of kind \"%s\": create not allowed while "
               "custom resource definition is terminating",
               crd->name);
}

/* ---- names ---- */

/* Whether a definition itself is written, not its status. */
static bool is_definition(const struct request *request)
{
    return strcmp(request->storage, CRD_STORAGE) == 0 && !*request->route.sub;
}

static bool names_hold(const json_t *names, const char *name)
{
    return text_eq(json_text(names, "plural"), name) ||
           text_eq(json_text(names, "singular"), name) ||
           json_array_has_text(json_object_get(names, "shortNames"), name);
}

static bool kinds_hold(const json_t *names, const char *name)
{
    return text_eq(json_text(names, "kind"), name) || text_eq(json_text(names, "listKind"), name);
}

static const struct name_row {
    const char *member, *reason;
    bool (*held)(const json_t *names, const char *name);
} name_rows[] = {
    {"plural", "PluralConflict", names_hold},
    {"singular", "SingularConflict", names_hold},
    {"kind", "KindConflict", kinds_hold},
    {"listKind", "ListKindConflict", kinds_hold},
};

/* Why the names cannot be had, owned; NULL when they are free. */
static char *conflict_with(const json_t *names, const json_t *taken, const char **reason)
{
    json_t *item;
    size_t at;
    for (size_t i = 0; i < ARRAY_LEN(name_rows); i++) {
        const char *name = json_text(names, name_rows[i].member);
        if (!name || !name_rows[i].held(taken, name))
            continue;
        *reason = name_rows[i].reason;
        return xasprintf("\"%s\" is already in use", name);
    }
    json_array_foreach (json_object_get(names, "shortNames"), at, item) {
        const char *name = json_string_value(item);
        if (!name || !names_hold(taken, name))
            continue;
        *reason = "ShortNamesConflict";
        return xasprintf("\"%s\" is already in use", name);
    }
    return NULL;
}

/* ---- certificates ---- */

/* What a webhook's caBundle holds, in `out`; false when it is empty or has a certificate. */
static bool is_broken_bundle(const json_t *definition, struct buf *out)
{
    const char *text =
        json_text(definition, "spec", "conversion", "webhook", "clientConfig", "caBundle");
    if (!text || !*text)
        return false;
    if (!base64_decode(out, str_of(text), BASE64_STANDARD))
        return false; /* refused when it was read */
    buf_add_char(out, '\0');
    return buf_ok(out) && cert_end_us(out->data) == 0;
}

void custom_check_bundle(const struct request *request, struct error *err)
{
    CLEANUP(buf_free) struct buf bundle = BUF_INIT(BODY_MAX);
    CLEANUP(buf_free) struct buf before = BUF_INIT(BODY_MAX);
    CLEANUP(buf_free) struct buf shown = BUF_TEXT;
    if (!is_definition(request) || !is_broken_bundle(request->object, &bundle) ||
        is_broken_bundle(request->old, &before))
        return;
    for (size_t i = 0; i + 1 < bundle.len && i < BUNDLE_SHOWN_MAX; i++)
        buf_printf(&shown, "%s0x%x", i ? ", " : "", (unsigned char)bundle.data[i]);
    if (bundle.len > BUNDLE_SHOWN_MAX + 1)
        buf_add_text(&shown, ", ...");
    error_add_cause(err, CAUSE_INVALID, "spec.conversion.webhookClientConfig.caBundle",
                    "Invalid value: []byte{%s}: unable to load root certificates: data does not "
                    "contain any valid RSA or ECDSA certificates",
                    buf_ok(&shown) && shown.len ? shown.data : "");
}

enum step_result custom_define(struct request *request)
{
    json_t *object = request->object;
    const char *group = json_text(object, "spec", "group");
    CLEANUP(free_ptr) char *conflict = NULL;
    CLEANUP(buf_free) struct buf bundle = BUF_INIT(BODY_MAX);
    struct crd_verdict verdict = {0};
    if (!is_definition(request) || meta_deleting(object))
        return STEP_NEXT;
    enum step_result result = custom_load(request);
    if (result != STEP_NEXT)
        return result;
    for (size_t i = 0; !conflict && i < request->custom->count; i++) {
        const struct crd *other = request->custom->crds[i];
        if (strcmp(other->name, meta_name(object)) != 0 && text_eq(group, other->group))
            conflict = conflict_with(json_at(object, "spec", "names"), other->names,
                                     &verdict.conflict_reason);
    }
    verdict.conflict = conflict;
    verdict.broken_bundle = is_broken_bundle(object, &bundle);
    crd_set_status(object, &verdict, clock_now_us());
    return STEP_NEXT;
}
