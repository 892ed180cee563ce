#include "apiserver/documents/documents.h"

#include <stdio.h>
#include <string.h>

#include "apiserver/backend/aggregate.h"
#include "apiserver/api_internal.h"
#include "apiserver/custom.h"
#include "apiserver/documents/document.h"
#include "apiserver/encode.h"
#include "apiserver/documents/health.h"
#include "apiserver/steps.h"
#include "base/codec.h"
#include "base/strmap.h"

#define JSON_TYPE       "application/json"
#define AGGREGATED_TYPE "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
#define AGGREGATED_BETA "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"
#define GNOSTIC_ACCEPT                                                                             \
    "proto-openapi.spec.v2" /* within the media type that kubectl before 1.24 asks for */
#define GNOSTIC_TYPE    "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
#define DOCUMENT_MAX    ((size_t)64 << 20)
#define GZIP_FROM       ((size_t)8 << 10)
#define DROP_PLAIN_FROM ((size_t)256 << 10) /* larger documents are kept compressed only */

struct documents {
    pthread_mutex_t lock;
    struct strmap built; /* guarded by lock; documents are immutable and stay */
};

/* ---- one document ---- */

void document_digest(const struct buf *plain, char digest[65])
{
    sha256_hex(plain->data, plain->len, digest);
    for (size_t i = 0; digest[i]; i++)
        digest[i] = digest[i] >= 'a' ? (char)(digest[i] - 'a' + 'A') : digest[i];
}

struct document *document_make(const char *content_type, struct buf *plain)
{
    struct document *document = xcalloc(1, sizeof(*document));
    char digest[65];
    document->content_type = content_type;
    document->plain = *plain;
    document->plain_len = plain->len;
    document->gzip = BUF_INIT(DOCUMENT_MAX);
    *plain = (struct buf){0};
    document_digest(&document->plain, digest);
    (void)snprintf(document->etag, sizeof(document->etag), "\"%s\"", digest);
    if (document->plain_len >= GZIP_FROM &&
        gzip_bytes(&document->gzip, buf_str(&document->plain), 6) &&
        document->plain_len >= DROP_PLAIN_FROM)
        buf_free(&document->plain);
    return document;
}

void document_free(struct document *document)
{
    if (!document)
        return;
    buf_free(&document->plain);
    buf_free(&document->gzip);
    free(document);
}

static void free_bytes(void *cls)
{
    free(cls);
}

struct MHD_Response *document_response(const struct document *document, bool takes_gzip, bool *gzip)
{
    *gzip = takes_gzip && document->gzip.len;
    if (*gzip)
        return MHD_create_response_from_buffer(document->gzip.len, document->gzip.data,
                                               MHD_RESPMEM_PERSISTENT);
    if (document->plain.len)
        return MHD_create_response_from_buffer(document->plain.len, document->plain.data,
                                               MHD_RESPMEM_PERSISTENT);
    char *plain = try_malloc(document->plain_len + 1);
    if (!plain || !gunzip_bytes(buf_str(&document->gzip), plain, document->plain_len)) {
        free(plain);
        return NULL;
    }
    return MHD_create_response_from_buffer_with_free_callback_cls(document->plain_len, plain,
                                                                  free_bytes, plain);
}

/* ---- the set ---- */

struct documents *documents_new(void)
{
    struct documents *documents = xcalloc(1, sizeof(*documents));
    pthread_mutex_init(&documents->lock, NULL);
    return documents;
}

void documents_free(struct documents *documents)
{
    const char *key;
    void *document;
    if (!documents)
        return;
    for (size_t i = 0; strmap_next(&documents->built, &i, &key, &document);)
        document_free(document);
    strmap_clear(&documents->built);
    pthread_mutex_destroy(&documents->lock);
    free(documents);
}

static struct document *find(struct documents *documents, const char *key)
{
    pthread_mutex_lock(&documents->lock);
    struct document *document = strmap_get(&documents->built, key);
    pthread_mutex_unlock(&documents->lock);
    return document;
}

/* Keeps `made`, or the one that another thread kept first. */
static struct document *keep(struct documents *documents, const char *key, struct document *made)
{
    pthread_mutex_lock(&documents->lock);
    struct document *kept = strmap_get(&documents->built, key);
    if (!kept) {
        strmap_put(&documents->built, key, made);
        kept = made;
        made = NULL;
    }
    pthread_mutex_unlock(&documents->lock);
    document_free(made);
    return kept;
}

bool documents_serves(const struct cluster *cluster, const char *group, const char *version)
{
    struct edition edition = {.host = cluster->id == CLUSTER_HOST_ID};
    size_t count;
    const struct group_version *all = group_version_all(&count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(all[i].group, group) == 0 && strcmp(all[i].version, version) == 0)
            return edition_shows(&edition, group);
    return false;
}

/* ---- which document a path names ---- */

struct path {
    const char *text;
    char *copy, *group, *version; /* behind the prefix; NULL when absent */
};

static void path_clear(struct path *path)
{
    free(path->copy);
}

static bool build_core(struct buf *out, const struct edition *edition, const struct path *path)
{
    (void)path;
    discovery_versions(out, edition);
    return true;
}

static bool build_core_resources(struct buf *out, const struct edition *edition,
                                 const struct path *path)
{
    return !path->version && path->group && discovery_resources(out, edition, "", path->group);
}

static bool build_groups(struct buf *out, const struct edition *edition, const struct path *path)
{
    (void)path;
    discovery_groups(out, edition);
    return true;
}

static bool build_group(struct buf *out, const struct edition *edition, const struct path *path)
{
    if (path->version)
        return discovery_resources(out, edition, path->group, path->version);
    return path->group && discovery_group(out, edition, path->group);
}

static bool build_openapi_index(struct buf *out, const struct edition *edition,
                                const struct path *path)
{
    (void)path;
    openapi_index(out, edition);
    return true;
}

static bool build_openapi_core(struct buf *out, const struct edition *edition,
                               const struct path *path)
{
    return path->group && !path->version && openapi_group(out, edition, "", path->group);
}

static bool build_openapi_group(struct buf *out, const struct edition *edition,
                                const struct path *path)
{
    return path->group && path->version && openapi_group(out, edition, path->group, path->version);
}

static bool build_swagger(struct buf *out, const struct edition *edition, const struct path *path)
{
    (void)path;
    return openapi_swagger(out, edition);
}

static const struct document_row {
    const char *prefix;
    bool exact, aggregated, slow, prefixed; /* prefixed: holds URLs of its own server */
    bool hashed;                            /* asked for by its hash */
    bool (*build)(struct buf *out, const struct edition *edition, const struct path *path);
} document_rows[] = {
    {"/api", true, true, false, false, false, build_core},
    {"/api/", false, false, false, false, false, build_core_resources},
    {"/apis", true, true, false, false, false, build_groups},
    {"/apis/", false, false, false, false, false, build_group},
    {"/openapi/v2", true, false, true, false, false, build_swagger},
    {"/openapi/v3", true, false, true, true, false, build_openapi_index},
    {"/openapi/v3/api/", false, false, true, false, true, build_openapi_core},
    {"/openapi/v3/apis/", false, false, true, false, true, build_openapi_group},
};

static const struct document_row *find_row(const char *path)
{
    for (size_t i = 0; i < ARRAY_LEN(document_rows); i++) {
        const struct document_row *row = &document_rows[i];
        if (row->exact ? strcmp(path, row->prefix) == 0 : text_starts(path, row->prefix))
            return row;
    }
    return NULL;
}

static bool split(struct path *path, const char *text, const char *prefix)
{
    size_t skip = strlen(prefix);
    *path = (struct path){.text = text};
    if (strlen(text) <= skip)
        return true;
    path->copy = xstrdup(text + skip);
    path->group = path->copy;
    path->version = strchr(path->copy, '/');
    if (path->version)
        *path->version++ = '\0';
    return !path->version || !strchr(path->version, '/');
}

static enum step_result not_found(struct request *request)
{
    return reply_text(request, 404, "404 page not found\n");
}

static enum step_result send_document(struct request *request, const struct document *document)
{
    const char *known =
        MHD_lookup_connection_value(request->http, MHD_HEADER_KIND, "If-None-Match");
    request->reply.kind = REPLY_BYTES;
    request->reply.code = 200;
    request->reply.content_type = document->content_type;
    request->reply.etag = document->etag;
    if (known && strcmp(known, document->etag) == 0) {
        request->reply.code = 304;
        request->reply.bytes = BUF_TEXT;
        return STEP_DONE;
    }
    request->reply.document = document;
    return STEP_DONE;
}

/* Clusters that are reached by a path have it in front of their URLs. */
static enum step_result send_prefixed(struct request *request, const struct document *document)
{
    static const struct str marker = {"\"/openapi/", 10};
    struct str rest = buf_str(&document->plain);
    struct buf out = BUF_INIT(DOCUMENT_MAX);
    char *at;
    while (rest.len && (at = memmem(rest.data, rest.len, marker.data, marker.len))) {
        size_t before = (size_t)(at - rest.data) + 1;
        buf_add(&out, rest.data, before);
        buf_printf(&out, "/clusters/%s", request->cluster->name);
        rest = (struct str){rest.data + before, rest.len - before};
    }
    buf_add_str(&out, rest);
    return reply_bytes(request, 200, document->content_type, &out);
}

/* By its hash, a document may be kept for ever; by an old one, the client is told the new. */
static enum step_result send_hashed(struct request *request, const struct document *document,
                                    const char *hash)
{
    size_t len = strlen(document->etag) - 2;
    struct buf nothing = BUF_TEXT;
    if (strlen(hash) == len && strncmp(hash, document->etag + 1, len) == 0) {
        request->reply.immutable = true;
        return send_document(request, document);
    }
    request->reply.location =
        xasprintf("%s%s%s?hash=%.*s", request->route.cluster ? "/clusters/" : "",
                  request->route.cluster ? request->route.cluster : "", request->route.path,
                  (int)len, document->etag + 1);
    return reply_bytes(request, 301, NULL, &nothing);
}

static enum step_result answer(struct request *request, const struct document_row *row,
                               const struct document *document)
{
    const char *hash = route_arg(&request->route, "hash");
    if (row->prefixed && request->route.cluster && document->plain.len)
        return send_prefixed(request, document);
    if (row->hashed && hash && *hash)
        return send_hashed(request, document, hash);
    return send_document(request, document);
}

/* What is asked for beside the path: each variant is a document of its own. */
struct variant {
    struct edition edition;
    bool aggregated, gnostic;
};

static const char *variant_type(const struct variant *variant)
{
    if (variant->gnostic)
        return GNOSTIC_TYPE;
    if (!variant->aggregated)
        return JSON_TYPE;
    return variant->edition.beta ? AGGREGATED_BETA : AGGREGATED_TYPE;
}

static bool build(struct buf *out, const struct document_row *row, const struct variant *variant,
                  const char *text)
{
    CLEANUP(path_clear) struct path path;
    if (!split(&path, text, row->prefix))
        return false;
    if (variant->aggregated)
        discovery_aggregated(out, &variant->edition, strcmp(row->prefix, "/api") == 0);
    else if (variant->gnostic)
        return openapi_gnostic(out, &variant->edition);
    else
        return row->build(out, &variant->edition, &path);
    return true;
}

/* OpenAPI documents come in JSON, and v2 in gnostic's protobuf; upstream says no more than 406. */
static bool accepts_document(const struct document_row *row, const char *accept)
{
    static const char *const types[] = {"application/json", "*/*", "application/*"};
    if (!row->slow || !accept || !*accept)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (strstr(accept, types[i]))
            return true;
    return row->build == build_swagger && strstr(accept, GNOSTIC_ACCEPT);
}

static enum step_result serve(struct request *request, const struct document_row *row,
                              const char *accept)
{
    struct buf nothing = BUF_TEXT;
    if (!accepts_document(row, accept))
        return reply_bytes(request, 406, NULL, &nothing);
    enum step_result result = custom_load(request);
    if (result != STEP_NEXT)
        return result;
    const struct custom *custom = request->custom;
    result = aggregates_load(request);
    if (result != STEP_NEXT)
        return result;
    const struct aggregates *others = request->aggregates;
    aggregates_refresh(request->api, request->cluster, others, row->build == build_swagger);
    struct documents *documents = others->count      ? others->documents
                                  : custom->row_count ? custom->documents
                                                      : request->api->documents;
    struct variant variant = {
        .edition = {.host = request->cluster->id == CLUSTER_HOST_ID,
                    .rows = custom->rows,
                    .row_count = custom->row_count,
                    .aggregates = others->count ? others : NULL},
        .aggregated = row->aggregated && request->accept.shape == SHAPE_DISCOVERY,
        .gnostic = row->build == build_swagger && accept && strstr(accept, GNOSTIC_ACCEPT),
    };
    variant.edition.beta = variant.aggregated && request->accept.beta;
    CLEANUP(free_ptr)
    char *key = xasprintf("%d%d%d%d%s", variant.edition.host, variant.edition.beta,
                          variant.aggregated, variant.gnostic, request->route.path);
    struct document *document = find(documents, key);
    if (document)
        return answer(request, row, document);
    if (row->slow && !request->may_block)
        return STEP_BLOCK;
    struct buf bytes = BUF_INIT(DOCUMENT_MAX);
    if (!build(&bytes, row, &variant, request->route.path) || !buf_ok(&bytes) || bytes.len == 0) {
        buf_free(&bytes);
        return not_found(request);
    }
    return answer(request, row,
                  keep(documents, key, document_make(variant_type(&variant), &bytes)));
}

enum step_result step_document(struct request *request)
{
    const char *accept = request->http
                             ? MHD_lookup_connection_value(request->http, MHD_HEADER_KIND, "Accept")
                             : NULL;
    struct error ignored = {0};
    if (strcmp(request->method, "GET") != 0 && strcmp(request->method, "HEAD") != 0) {
        error_set(&request->error, ERROR_METHOD_NOT_ALLOWED,
                  "the server does not allow this method on the requested resource");
        return STEP_FAIL;
    }
    if (!accept_parse(accept, &request->accept, &ignored)) /* these paths have one form only */
        error_clear(&ignored);
    const struct document_row *row = find_row(request->route.path);
    if (row)
        return serve(request, row, accept);
    enum step_result result = health_serve(request);
    return result == STEP_NEXT ? not_found(request) : result;
}
