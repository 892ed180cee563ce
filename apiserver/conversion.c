#include "apiserver/conversion.h"

#include <string.h>

#include "apiserver/admission/webhook_client.h"
#include "base/clock.h"
#include "base/json_scan.h"
#include "schema/decode.h"
#include "schema/go_text.h"
#include "schema/meta.h"
#include "schema/write.h"

#define TIMEOUT_MS      30000
#define REVIEW_COUNT    500
#define REVIEW_BYTES    ((size_t)8 << 20)  /* of stored objects in one review */
#define REVIEW_TREE     ((size_t)64 << 20) /* that they take in memory */
#define ANSWER_MAX      ((size_t)32 << 20)
#define ANSWER_TIMES    4 /* as large as the review: one version says not much more than another */
#define STORED_MAX      ((size_t)8 << 20)
#define UNKNOWN_FAILURE 500

/* ---- which version ---- */

struct str conversion_version(const struct object *object)
{
    return json_member_text(object->body, STR("apiVersion"));
}

bool conversion_needed(const struct crd *crd, const struct resource *row,
                       struct object *const *objects, size_t count)
{
    for (size_t i = 0; crd && crd->conversion && i < count; i++)
        if (!str_is(conversion_version(objects[i]), row->api_version))
            return true;
    return false;
}

/* ---- the review ---- */

/* A failure that has no reason of Kubernetes' own: 500 and the words alone. */
PRINTF_LIKE(2, 3) static bool failed(struct error *err, const char *format, ...)
{
    struct buf text = BUF_TEXT;
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    error_clear(err);
    err->code = UNKNOWN_FAILURE;
    err->message = buf_take(&text);
    return false;
}

static bool read_answer(const json_t *answer, const char *version, const char *uid,
                        const json_t **converted, struct error *err)
{
    const json_t *response = json_object_get(answer, "response");
    const char *got_version = json_text(answer, "apiVersion"), *kind = json_text(answer, "kind");
    const char *got = json_text(response, "uid"), *status = json_text(response, "result", "status"),
               *message = json_text(response, "result", "message");
    bool strict = strcmp(version, "v1") == 0;
    if (strict &&
        (!text_eq(got_version, "apiextensions.k8s.io/v1") || !text_eq(kind, "ConversionReview")))
        return failed(
            err,
            "expected webhook response of apiextensions.k8s.io/v1, Kind=ConversionReview, got "
            "%s, Kind=%s",
            got_version ? got_version : "", kind ? kind : "");
    if (!json_is_object(response))
        return failed(err, "no response provided");
    if (strict && !text_eq(got, uid))
        return failed(err, "expected response.uid=\"%s\", got \"%s\"", uid, got ? got : "");
    if (!text_eq(status, "Success"))
        return message && *message ? failed(err, "%s", message)
                                   : failed(err, "response.result.status was '%s', not 'Success'",
                                            status ? status : "");
    *converted = json_object_get(response, "convertedObjects");
    return true;
}

/* ---- what comes back ---- */

static bool same(const char *what, const char *before, const char *after, struct error *err)
{
    return strcmp(before, after) == 0 ||
           failed(err, "must have the same %s: %s != %s", what, before, after);
}

/* Labels and annotations, all that a webhook may change of metadata. */
static const struct free_member {
    const char *key;
    void (*validate)(const json_t *map, struct error *err);
} free_members[] = {
    {"labels", meta_validate_labels},
    {"annotations", meta_validate_annotations},
};

/* Upstream's aggregate: one as it is, several in brackets. */
static bool failed_causes(const struct error *found, struct error *err)
{
    struct buf text = BUF_TEXT;
    for (size_t i = 0; i < found->cause_count; i++)
        buf_printf(&text, "%s%s: %s", i ? ", " : "", found->causes[i].field,
                   found->causes[i].message);
    const char *words = buf_ok(&text) ? text.data : "too many faults";
    bool many = found->cause_count > 1;
    failed(err, "%s%s%s", many ? "[" : "", words, many ? "]" : "");
    buf_free(&text);
    return false;
}

/* What stood in the original is let pass: it may be older than a rule. */
static bool check_member(const struct free_member *member, const json_t *before, const json_t *map,
                         struct error *err)
{
    CLEANUP(error_clear) struct error found = {0};
    const json_t *value;
    const char *name;
    if (!map || json_is_null(map))
        return true;
    if (!json_is_object(map))
        return failed(err, "invalid metadata.%s of type %s in converted object", member->key,
                      go_type_name(map));
    json_object_foreach (map, name, value)
        if (!json_is_string(value))
            return failed(err, "metadata.%s[%s] must be a string, but is %s in converted object",
                          member->key, name, go_type_name(value));
    if (!before || !json_equal(before, map))
        member->validate(map, &found);
    return !found.cause_count || failed_causes(&found, err);
}

/* Metadata is the original's, but for labels and annotations. */
static bool restore_metadata(const json_t *original, json_t *converted, struct error *err)
{
    json_t *theirs = json_object_get(converted, "metadata");
    if (!json_is_object(theirs))
        return failed(err, "missing metadata in converted object");
    json_auto_t *ours = json_deep_copy(json_object_get(original, "metadata"));
    for (size_t i = 0; i < ARRAY_LEN(free_members); i++) {
        const struct free_member *member = &free_members[i];
        json_t *value = json_object_get(theirs, member->key);
        if (!check_member(member, json_object_get(ours, member->key), value, err))
            return false;
        if (json_is_object(value))
            json_object_set(ours, member->key, value);
        else
            json_object_del(ours, member->key);
    }
    json_object_set(converted, "metadata", ours);
    return true;
}

static bool check_kind(const struct resource *row, const json_t *converted, struct error *err)
{
    const char *version = json_text(converted, "apiVersion"), *kind = json_text(converted, "kind");
    if (!text_eq(version, row->api_version))
        return failed(err, "invalid groupVersion (expected %s, received %s)", row->api_version,
                      version ? version : "");
    return text_eq(kind, row->kind) ||
           failed(err, "invalid kind (expected %s, received %s)", row->kind, kind ? kind : "");
}

static bool check_identity(const json_t *original, const json_t *converted, struct error *err)
{
    return same("name", meta_name(original), meta_name(converted), err) &&
           same("namespace", meta_namespace(original), meta_namespace(converted), err) &&
           same("UID", meta_uid(original), meta_uid(converted), err);
}

/* The object as `row` has it; NULL with the reason, in the words for a single object: upstream's
 * storage has each of a list converted alone. */
static json_t *take_converted(const struct resource *row, const json_t *original,
                              const json_t *given, struct error *err)
{
    CLEANUP(error_clear) struct error why = {0};
    json_t *copy = json_is_object(given) ? json_deep_copy(given) : json_object();
    const char *what = "object at index 0";
    bool ok = check_kind(row, copy, &why);
    if (ok) {
        what = "object";
        ok = check_identity(original, copy, &why);
    }
    if (ok) {
        what = "metadata";
        ok = restore_metadata(original, copy, &why) &&
             schema_shape(row->type, copy, FIELD_VALIDATION_IGNORE, NULL, &why);
    }
    if (ok)
        return copy;
    json_decref(copy);
    failed(err, "returned invalid %s: %s", what, why.message ? why.message : "");
    return NULL;
}

/* ---- one review ---- */

struct batch {
    const struct crd *crd;
    const struct resource *row;
    json_t **objects;
    const size_t *places; /* of those that are sent */
    size_t count;
};

static json_t *review_of(const struct batch *batch, const char *version, const char *uid)
{
    json_t *objects = json_array();
    for (size_t i = 0; i < batch->count; i++)
        json_array_append(objects, batch->objects[batch->places[i]]);
    json_t *review =
        json_pack("{s:s, s:o, s:{s:s, s:s, s:o}}", "kind", "ConversionReview", "apiVersion",
                  json_sprintf("apiextensions.k8s.io/%s", version), "request", "uid", uid,
                  "desiredAPIVersion", batch->row->api_version, "objects", objects);
    return review;
}

static bool replace_all(const struct batch *batch, const json_t *converted, struct error *err)
{
    json_t **made = xcalloc(batch->count + 1, sizeof(json_t *));
    bool ok = true;
    for (size_t i = 0; i < batch->count && ok; i++) {
        made[i] = take_converted(batch->row, batch->objects[batch->places[i]],
                                 json_array_get(converted, i), err);
        ok = made[i] != NULL;
    }
    for (size_t i = 0; i < batch->count; i++) {
        json_t *drop = ok ? batch->objects[batch->places[i]] : made[i];
        if (ok)
            batch->objects[batch->places[i]] = made[i];
        json_decref(drop);
    }
    free(made);
    return ok;
}

static bool convert_batch(struct api *api, struct cluster *cluster, const struct batch *batch,
                          struct error *err)
{
    const json_t *conversion = batch->crd->conversion, *converted = NULL;
    CLEANUP(webhook_client_deinit) struct webhook_client client;
    CLEANUP(error_clear) struct error why = {0};
    const char *version =
        webhook_review_version(json_at(conversion, "webhook", "conversionReviewVersions"));
    char uid[UUID_TEXT_SIZE];
    uuid_make(uid);
    webhook_client_init(&client, json_at(conversion, "webhook", "clientConfig"));
    json_auto_t *review = version ? review_of(batch, version, uid) : NULL;
    const struct webhook_call call = {.client = &client,
                                      .review = review,
                                      .timeout_ms = TIMEOUT_MS,
                                      .answer_max = ANSWER_MAX,
                                      .answer_times = ANSWER_TIMES};
    CLEANUP(webhook_answer_clear) struct webhook_answer answer = {0};
    bool answered = review && webhook_call(api, cluster, &call, &answer, &why);
    const char *from = json_text(batch->objects[batch->places[0]], "apiVersion");
    if (!review)
        return failed(err, "no supported conversion review versions");
    if (!answered || !read_answer(answer.tree, version, uid, &converted, &why))
        return failed(err, "conversion webhook for %s, Kind=%s failed: %s", from, batch->row->kind,
                      why.message);
    if (json_array_size(converted) != batch->count)
        return failed(err, "conversion webhook for %s, Kind=%s returned %zu objects, expected %zu",
                      from, batch->row->kind, json_array_size(converted), batch->count);
    CLEANUP(free_ptr) char *kept = xstrdup(from ? from : "");
    return replace_all(batch, converted, &why) ||
           failed(err, "conversion webhook for %s, Kind=%s %s", kept, batch->row->kind,
                  why.message);
}

bool conversion_run(struct api *api, struct cluster *cluster, const struct crd *crd,
                    const struct resource *row, json_t **objects, size_t count, struct error *err)
{
    size_t *places = xcalloc(count + 1, sizeof(*places)), found = 0;
    bool ok = true;
    for (size_t i = 0; i < count; i++)
        if (!text_eq(json_text(objects[i], "apiVersion"), row->api_version))
            places[found++] = i;
    for (size_t at = 0; at < found && ok; at += REVIEW_COUNT) {
        size_t left = found - at;
        const struct batch batch = {crd, row, objects, places + at,
                                    left < REVIEW_COUNT ? left : REVIEW_COUNT};
        ok = convert_batch(api, cluster, &batch, err);
    }
    free(places);
    return ok;
}

/* ---- stored objects ---- */

static struct object *object_of(const struct object *before, const struct type *type, json_t *tree,
                                struct error *err)
{
    struct buf bytes = BUF_INIT(STORED_MAX);
    struct object_draft draft;
    struct object *made = NULL;
    if (schema_draft_make(type, tree, &bytes, &draft, err)) {
        made = object_new(before->resource, &draft, before->revision, tree);
        made->converted = true;
    }
    buf_free(&bytes);
    return made;
}

/* How many of them go into one review: by their size, as text and in memory. */
static size_t take_some(struct object *const *objects, size_t count)
{
    size_t bytes = 0, tree = 0, taken = 0;
    for (; taken < count && taken < REVIEW_COUNT; taken++) {
        bytes += objects[taken]->body.len;
        tree += json_tree_bound(objects[taken]->body);
        if (taken && (bytes > REVIEW_BYTES || tree > REVIEW_TREE))
            break;
    }
    return taken;
}

static bool exchange(struct object **objects, json_t **trees, size_t count,
                     const struct resource *row, struct error *err)
{
    bool ok = true;
    for (size_t i = 0; i < count && ok; i++) {
        if (str_is(conversion_version(objects[i]), row->api_version))
            continue;
        struct object *made = object_of(objects[i], row->type, trees[i], err);
        ok = made != NULL;
        if (ok)
            object_unref(objects[i]), objects[i] = made;
    }
    return ok;
}

bool conversion_run_stored(struct api *api, struct cluster *cluster, const struct crd *crd,
                           const struct resource *row, struct object **objects, size_t count,
                           struct error *err)
{
    bool ok = true;
    for (size_t at = 0, some; at < count && ok; at += some) {
        some = take_some(objects + at, count - at);
        if (!conversion_needed(crd, row, objects + at, some))
            continue;
        json_t **trees = xcalloc(some, sizeof(json_t *));
        for (size_t i = 0; i < some; i++) {
            trees[i] = object_json(objects[at + i]);
            crd_default_stored(crd, trees[i]);
        }
        ok = conversion_run(api, cluster, crd, row, trees, some, err) &&
             exchange(objects + at, trees, some, row, err);
        for (size_t i = 0; i < some; i++)
            json_decref(trees[i]);
        free(trees);
    }
    return ok;
}
