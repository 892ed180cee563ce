#include "apiserver/documents/documents.h"

#include <stdio.h>
#include <string.h>

#include "apiserver/backend/aggregate.h"
#include "apiserver/api_internal.h"
#include "apiserver/custom.h"
#include "apiserver/documents/document.h"
#include "apiserver/encode.h"
#include "apiserver/negotiate.h"
#include "apiserver/documents/health.h"
#include "apiserver/steps.h"
#include "base/codec.h"
#include "base/strmap.h"
#include "schema/openapi.h"

#define JSON_TYPE       "application/json"
#define AGGREGATED_TYPE "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
#define AGGREGATED_BETA "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"
#define OPENAPI_V3      "/openapi/v3/"
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

bool document_copy(const struct document *document, struct buf *out)
{
    if (document->plain.len) {
        buf_add_str(out, buf_str(&document->plain));
        return buf_ok(out);
    }
    char *room = buf_reserve(out, document->plain_len);
    if (!room || !gunzip_bytes(buf_str(&document->gzip), room, document->plain_len))
        return false;
    out->len += document->plain_len;
    return true;
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
    struct buf plain = BUF_INIT(DOCUMENT_MAX);
    if (!document_copy(document, &plain)) {
        buf_free(&plain);
        return NULL;
    }
    size_t len = plain.len;
    char *bytes = buf_take(&plain);
    return MHD_create_response_from_buffer_with_free_callback_cls(len, bytes, free_bytes, bytes);
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

/* Upstream has a web service for each group of its own, whose answers are Statuses, and one for
 * /api. */
static bool is_service_path(const struct cluster *cluster, const char *path)
{
    struct edition edition = {.host = cluster->id == CLUSTER_HOST_ID};
    struct str rest = str_of(path);
    size_t count;
    const struct group_version *all = group_version_all(&count);
    if (text_eq(path, "/api") || text_starts(path, "/api/"))
        return true;
    if (!text_starts(path, "/apis/"))
        return false;
    rest = (struct str){rest.data + 6, rest.len - 6};
    struct str group = str_cut(&rest, '/');
    for (size_t i = 0; i < count; i++)
        if (group.len && str_is(group, all[i].group))
            return edition_shows(&edition, all[i].group);
    return false;
}

enum step_result documents_absent(struct request *request)
{
    if (!is_service_path(request->cluster, request->route.path))
        return reply_text(request, 404, "404 page not found\n");
    error_set(&request->error, ERROR_NOT_FOUND, "the server could not find the requested resource");
    return STEP_FAIL;
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
    if (path->version)
        return openapi_group(out, edition, path->group, path->version);
    return path->group && openapi_root_group(out, edition, path->group);
}

static bool build_openapi_root(struct buf *out, const struct edition *edition,
                               const struct path *path)
{
    (void)edition;
    return openapi_v3_root(out, path->text + strlen(OPENAPI_V3));
}

static bool build_swagger(struct buf *out, const struct edition *edition, const struct path *path)
{
    (void)path;
    return openapi_swagger(out, edition);
}

/* OpenAPI documents in protobuf, under the two names of its type that clients use. */
struct packing {
    const char *types[4]; /* with JSON first; answers carry the second */
    bool (*pack)(struct buf *out, struct str json);
};

static const struct packing packing_v2 = {
    .types = {JSON_TYPE, "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
              "application/com.github.proto-openapi.spec.v2@v1.0+protobuf", NULL},
    .pack = openapi_v2_protobuf,
};
static const struct packing packing_v3 = {
    .types = {JSON_TYPE, "application/com.github.proto-openapi.spec.v3.v1.0+protobuf",
              "application/com.github.proto-openapi.spec.v3@v1.0+protobuf", NULL},
    .pack = openapi_v3_protobuf,
};

enum row_flag {
    ROW_EXACT = 1,
    ROW_AGGREGATED = 2, /* has the aggregated form of discovery, too */
    ROW_SLOW = 4,       /* takes long to build */
    ROW_PREFIXED = 8,   /* holds URLs of its own server */
    ROW_HASHED = 16,    /* asked for by its hash */
    ROW_SLASH = 32,     /* also with a slash behind it */
    ROW_FORMED = 64,    /* in each encoding that objects have */
    ROW_WHOLE = 128,    /* what is behind the prefix is one name */
};

#define DISCOVERY_ROOT (ROW_EXACT | ROW_AGGREGATED | ROW_SLASH | ROW_FORMED)
#define DISCOVERY      (ROW_SLASH | ROW_FORMED)

static const struct document_row {
    const char *prefix;
    unsigned flags;
    const struct packing *packing; /* NULL: comes in JSON alone */
    bool (*build)(struct buf *out, const struct edition *edition, const struct path *path);
} document_rows[] = {
    {"/api", DISCOVERY_ROOT, NULL, build_core},
    {"/apis", DISCOVERY_ROOT, NULL, build_groups},
    {"/api/", DISCOVERY, NULL, build_core_resources},
    {"/apis/", DISCOVERY, NULL, build_group},
    {"/openapi/v2", ROW_EXACT | ROW_SLOW, &packing_v2, build_swagger},
    {"/openapi/v3", ROW_EXACT | ROW_SLOW | ROW_PREFIXED, NULL, build_openapi_index},
    {OPENAPI_V3 "api/", ROW_SLOW | ROW_HASHED, &packing_v3, build_openapi_core},
    {OPENAPI_V3 "apis/", ROW_SLOW | ROW_HASHED, &packing_v3, build_openapi_group},
    {OPENAPI_V3, ROW_WHOLE | ROW_HASHED, &packing_v3, build_openapi_root},
};

static bool is_path(const char *path, const char *exact, bool slash)
{
    size_t len = strlen(exact);
    return strncmp(path, exact, len) == 0 &&
           (!path[len] || (slash && path[len] == '/' && !path[len + 1]));
}

static const struct document_row *find_row(const char *path)
{
    for (size_t i = 0; i < ARRAY_LEN(document_rows); i++) {
        const struct document_row *row = &document_rows[i];
        if (row->flags & ROW_EXACT ? is_path(path, row->prefix, row->flags & ROW_SLASH)
                                   : text_starts(path, row->prefix))
            return row;
    }
    return NULL;
}

static bool split(struct path *path, const char *text, const struct document_row *row)
{
    size_t skip = strlen(row->prefix);
    *path = (struct path){.text = text};
    if (strlen(text) <= skip || (row->flags & (ROW_EXACT | ROW_WHOLE)))
        return true;
    path->copy = xstrdup(text + skip);
    size_t len = strlen(path->copy);
    if ((row->flags & ROW_SLASH) && path->copy[len - 1] == '/')
        path->copy[len - 1] = '\0';
    path->group = path->copy;
    path->version = strchr(path->copy, '/');
    if (path->version)
        *path->version++ = '\0';
    return !path->version || !strchr(path->version, '/');
}

enum step_result document_get_only(struct request *request)
{
    error_set(&request->error, ERROR_METHOD_NOT_ALLOWED,
              "the server does not allow this method on the requested resource");
    return STEP_FAIL;
}

static enum step_result send_document(struct request *request, const struct document *document)
{
    const char *known =
        MHD_lookup_connection_value(request->http, MHD_HEADER_KIND, "If-None-Match");
    request->reply.kind = REPLY_BYTES;
    request->reply.code = 200;
    request->reply.content_type = document->content_type;
    request->reply.etag = *document->etag ? document->etag : NULL;
    if (request->reply.etag && known && strcmp(known, document->etag) == 0) {
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
        request->reply.cache_control = "public, immutable";
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
    if ((row->flags & ROW_PREFIXED) && request->route.cluster && document->plain.len)
        return send_prefixed(request, document);
    if ((row->flags & ROW_HASHED) && hash && *hash)
        return send_hashed(request, document, hash);
    return send_document(request, document);
}

/* What is asked for beside the path: each variant is a document of its own. */
struct variant {
    struct edition edition;
    bool aggregated, packed;
};

static const char *variant_type(const struct document_row *row, const struct variant *variant)
{
    if (variant->packed)
        return row->packing->types[1];
    if (!variant->aggregated)
        return JSON_TYPE;
    return variant->edition.beta ? AGGREGATED_BETA : AGGREGATED_TYPE;
}

static bool build(struct buf *out, const struct document_row *row, const struct variant *variant,
                  const char *text)
{
    CLEANUP(path_clear) struct path path;
    if (!split(&path, text, row))
        return false;
    if (!variant->aggregated)
        return row->build(out, &variant->edition, &path);
    discovery_aggregated(out, &variant->edition, strcmp(row->prefix, "/api") == 0);
    return true;
}

/* Takes the JSON. A document in protobuf goes by the hash of its JSON; plain discovery has no ETag.
 */
static struct document *make(const struct document_row *row, const struct variant *variant,
                             struct buf *json)
{
    struct buf packed = BUF_INIT(DOCUMENT_MAX);
    char digest[65];
    if (!variant->packed) {
        struct document *document = document_make(variant_type(row, variant), json);
        if ((row->flags & ROW_FORMED) && !variant->aggregated)
            *document->etag = '\0';
        return document;
    }
    bool ok = row->packing->pack(&packed, buf_str(json));
    document_digest(json, digest);
    buf_free(json);
    if (!ok) {
        buf_free(&packed);
        return NULL;
    }
    struct document *document = document_make(variant_type(row, variant), &packed);
    (void)snprintf(document->etag, sizeof(document->etag), "\"%s\"", digest);
    return document;
}

/* Which form the answer takes; STEP_NEXT, or its end: upstream says no more than 406 about OpenAPI.
 */
static enum step_result choose_form(struct request *request, const struct document_row *row,
                                    struct variant *variant)
{
    const char *accept = request->http
                             ? MHD_lookup_connection_value(request->http, MHD_HEADER_KIND, "Accept")
                             : NULL;
    CLEANUP(error_clear) struct error none = {0};
    struct buf nothing = BUF_TEXT;
    if (row->packing) {
        int chosen = accept_choose(accept, row->packing->types);
        variant->packed = chosen > 0;
        return chosen < 0 ? reply_bytes(request, 406, NULL, &nothing) : STEP_NEXT;
    }
    if (!(row->flags & ROW_FORMED))
        return STEP_NEXT;
    request->reply.formed = true;
    if ((row->flags & ROW_AGGREGATED) && negotiate(request, ACCEPT_DISCOVERY, &none)) {
        variant->aggregated = true;
        variant->edition.beta = request->accept.beta;
        request->reply.formed = request->accept.pretty || request->accept.media != MEDIA_JSON;
        return STEP_NEXT;
    }
    return negotiate(request, 0, &request->error) ? STEP_NEXT : STEP_FAIL;
}

static enum step_result serve(struct request *request, const struct document_row *row)
{
    struct variant variant = {0};
    enum step_result result = custom_load(request);
    if (result == STEP_NEXT)
        result = aggregates_load(request);
    if (result == STEP_NEXT)
        result = choose_form(request, row, &variant);
    if (result != STEP_NEXT)
        return result;
    const struct custom *custom = request->custom;
    const struct aggregates *others = request->aggregates;
    aggregates_refresh(request->api, request->cluster, others, row->build == build_swagger);
    struct documents *documents = others->count       ? others->documents
                                  : custom->row_count ? custom->documents
                                                      : request->api->documents;
    variant.edition.host = request->cluster->id == CLUSTER_HOST_ID;
    variant.edition.rows = custom->rows;
    variant.edition.row_count = custom->row_count;
    variant.edition.aggregates = others->count ? others : NULL;
    CLEANUP(free_ptr)
    char *key = xasprintf("%d%d%d%d%s", variant.edition.host, variant.edition.beta,
                          variant.aggregated, variant.packed, request->route.path);
    struct document *document = find(documents, key);
    if (document)
        return answer(request, row, document);
    if ((row->flags & ROW_SLOW) && !request->may_block)
        return STEP_BLOCK;
    struct buf bytes = BUF_INIT(DOCUMENT_MAX);
    document = build(&bytes, row, &variant, request->route.path) && buf_ok(&bytes) && bytes.len
                   ? make(row, &variant, &bytes)
                   : NULL;
    buf_free(&bytes);
    return document ? answer(request, row, keep(documents, key, document))
                    : documents_absent(request);
}

enum step_result step_document(struct request *request)
{
    const struct document_row *row = find_row(request->route.path);
    if (row && (row->flags & ROW_FORMED) && strcmp(request->method, "GET") != 0)
        return document_get_only(request);
    if (row)
        return serve(request, row);
    enum step_result result = health_serve(request);
    return result == STEP_NEXT ? documents_absent(request) : result;
}
