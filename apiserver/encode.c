/* From reply to bytes. A stored object goes out as it is kept, referenced by the response; a list
 * is copied from the cached bytes block by block as the socket takes them; only other shapes and
 * encodings are rendered. */
#include "apiserver/encode.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#include "apiserver/api_internal.h"
#include "apiserver/audit/audit.h"
#include "apiserver/custom.h"
#include "apiserver/documents/documents.h"
#include "apiserver/flow_match.h"
#include "apiserver/list_body.h"
#include "apiserver/negotiate.h"
#include "apiserver/render.h"
#include "apiserver/status.h"
#include "apiserver/transcode.h"
#include "apiserver/backend/tunnel.h"
#include "base/clock.h"
#include "schema/protobuf.h"

#define RENDER_MAX   ((size_t)1 << 30)
#define LIST_BLOCK   ((size_t)64 << 10)
#define STREAM_BLOCK ((size_t)32 << 10)
#define GZIP_MIN     ((size_t)128 << 10) /* upstream's threshold */
#define GZIP_LEVEL   1
#define YEAR_S       ((int64_t)365 * 24 * 3600)

#define WARNED_MAX  4096 /* characters of all warnings; where there are more, each is told by */
#define WARNING_CUT 256  /* so many, until that is reached: headers have only so much room */

/* ---- bytes ---- */

static void free_bytes(void *cls)
{
    free(cls);
}

/* Takes the buffer's bytes. */
static struct MHD_Response *from_buf(struct buf *bytes, struct encoding *encoding)
{
    size_t len = encoding->size = bytes->len;
    char *data = buf_take(bytes);
    if (!data)
        return NULL;
    return MHD_create_response_from_buffer_with_free_callback_cls(len, data, free_bytes, data);
}

static bool takes_gzip(const struct request *request)
{
    const char *accepts =
        MHD_lookup_connection_value(request->http, MHD_HEADER_KIND, "Accept-Encoding");
    return accepts && strstr(accepts, "gzip");
}

bool gzip_bytes(struct buf *out, struct str plain, int level)
{
    z_stream stream = {0};
    if (plain.len > UINT32_MAX ||
        deflateInit2(&stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    size_t bound = deflateBound(&stream, plain.len);
    char *room = buf_reserve(out, bound);
    stream.next_in = (Bytef *)(uintptr_t)plain.data;
    stream.avail_in = (uInt)plain.len;
    stream.next_out = (Bytef *)room;
    stream.avail_out = (uInt)bound;
    bool ok = room && deflate(&stream, Z_FINISH) == Z_STREAM_END;
    if (ok)
        out->len += stream.total_out;
    deflateEnd(&stream);
    return ok;
}

bool gunzip_bytes(struct str packed, char *out, size_t len)
{
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)packed.data,
                       .avail_in = (uInt)packed.len,
                       .next_out = (Bytef *)out,
                       .avail_out = (uInt)len};
    if (inflateInit2(&stream, 15 + 16) != Z_OK)
        return false;
    bool ok = inflate(&stream, Z_FINISH) == Z_STREAM_END && stream.total_out == len;
    inflateEnd(&stream);
    return ok;
}

/* ---- lists ---- */

static size_t list_estimate(const struct request *request)
{
    size_t size = 0;
    for (size_t i = 0; i < request->reply.list.count && size < GZIP_MIN; i++)
        size += request->reply.list.items[i]->body.len;
    return size;
}

/* ---- the response ---- */

static void to_yaml(struct buf *bytes)
{
    struct buf out = BUF_INIT(RENDER_MAX);
    bool written = yaml_write_list(&out, buf_str(bytes));
    buf_free(written ? bytes : &out);
    if (written)
        *bytes = out;
}

static void to_pretty(struct buf *bytes)
{
    struct buf out = BUF_INIT(RENDER_MAX);
    json_indent(&out, buf_str(bytes));
    buf_free(bytes);
    *bytes = out;
}

/* Go's encoder ends a document with a line break, but not one that is indented for people. */
static void end_json(struct buf *bytes, bool pretty)
{
    if (pretty)
        to_pretty(bytes);
    else if (bytes->len && bytes->data[bytes->len - 1] != '\n')
        buf_add_char(bytes, '\n');
}

/* Compressed when that pays and is accepted. Takes `bytes`. */
static struct MHD_Response *pack_bytes(struct request *request, struct buf *bytes,
                                       struct encoding *encoding)
{
    if (bytes->len < GZIP_MIN || !takes_gzip(request))
        return from_buf(bytes, encoding);
    struct buf packed = BUF_INIT(RENDER_MAX);
    encoding->gzip = gzip_bytes(&packed, buf_str(bytes), GZIP_LEVEL);
    buf_free(encoding->gzip ? bytes : &packed);
    return from_buf(encoding->gzip ? &packed : bytes, encoding);
}

/* Rendered JSON in the encoding that was asked for. Takes `bytes`. */
static struct MHD_Response *finish_bytes(struct request *request, struct buf *bytes,
                                         struct encoding *encoding)
{
    enum media media = request->accept.media;
    if (media == MEDIA_PROTOBUF && !transcode_protobuf(bytes))
        media = MEDIA_JSON;
    if (media == MEDIA_YAML)
        to_yaml(bytes);
    if (media == MEDIA_JSON)
        end_json(bytes, request->accept.pretty);
    encoding->type = media_type(media);
    return pack_bytes(request, bytes, encoding);
}

/* JSON as it is kept. */
static bool wants_stored(const struct request *request)
{
    return request->accept.media == MEDIA_JSON && !request->accept.pretty;
}

static void unref_object(void *cls)
{
    object_unref(cls);
}

static struct MHD_Response *encode_object(struct request *request, struct encoding *encoding)
{
    struct object *object = request->reply.object;
    bool plain = render_is_plain(request) && wants_stored(request);
    if (plain && (object->body.len < GZIP_MIN || !takes_gzip(request))) {
        encoding->type = "application/json";
        encoding->size = object->body.len + 1; /* with the end of its line */
        return MHD_create_response_from_buffer_with_free_callback_cls(
            encoding->size, (void *)(uintptr_t)object->body.data, unref_object, object_ref(object));
    }
    struct buf bytes = BUF_INIT(RENDER_MAX);
    render_object(&bytes, request, object);
    return finish_bytes(request, &bytes, encoding);
}

/* The list put together from what is kept of its items; NULL when it must be rendered. */
static struct list_body *stored_list(const struct request *request)
{
    if (!render_is_plain(request))
        return NULL;
    if (request->accept.media == MEDIA_PROTOBUF && request->reply.computed)
        return NULL; /* its messages would serve nobody else */
    if (request->accept.media == MEDIA_PROTOBUF)
        return list_body_protobuf(request);
    return wants_stored(request) ? list_body_json(request) : NULL;
}

static ssize_t list_read(void *cls, uint64_t pos, char *out, size_t max)
{
    size_t copied = list_body_copy(cls, out, max);
    (void)pos;
    return copied ? (ssize_t)copied : MHD_CONTENT_READER_END_OF_STREAM;
}

static void list_free(void *cls)
{
    list_body_free(cls);
}

static struct MHD_Response *encode_list(struct request *request, struct encoding *encoding)
{
    struct buf bytes = BUF_INIT(RENDER_MAX);
    struct list_body *body = stored_list(request);
    if (!body) {
        render_list(&bytes, request);
        return finish_bytes(request, &bytes, encoding);
    }
    size_t size = list_body_size(body);
    encoding->type = media_type(request->accept.media);
    if (size < GZIP_MIN || !takes_gzip(request))
        return MHD_create_response_from_callback(size, LIST_BLOCK, list_read, body, list_free);
    char *room = buf_reserve(&bytes, size);
    if (room)
        bytes.len += list_body_copy(body, room, size);
    list_body_free(body);
    return pack_bytes(request, &bytes, encoding);
}

static struct MHD_Response *encode_json(struct request *request, struct encoding *encoding)
{
    struct buf bytes = BUF_INIT(RENDER_MAX);
    json_t *json = request->reply.json;
    bool is_kind = request->resource && text_eq(json_text(json, "kind"), request->resource->kind);
    if (is_kind)
        render_tree(&bytes, request, json, false, true);
    else
        render_json(&bytes, request, json);
    return finish_bytes(request, &bytes, encoding);
}

/* Aggregated discovery is the one answer whose type names its shape. */
static const char *discovery_type(const struct accept *accept)
{
#define SHAPED(media, version) media ";g=apidiscovery.k8s.io;v=" version ";as=APIGroupDiscoveryList"
    static const char *const types[][2] = {
        [MEDIA_JSON] = {SHAPED("application/json", "v2"), SHAPED("application/json", "v2beta1")},
        [MEDIA_YAML] = {SHAPED("application/yaml", "v2"), SHAPED("application/yaml", "v2beta1")},
        [MEDIA_PROTOBUF] = {SHAPED(PROTOBUF_MEDIA, "v2"), SHAPED(PROTOBUF_MEDIA, "v2beta1")},
    };
#undef SHAPED
    return types[accept->media][accept->beta];
}

static struct MHD_Response *encode_bytes(struct request *request, struct encoding *encoding)
{
    struct reply *reply = &request->reply;
    encoding->type = reply->content_type;
    if (!reply->document)
        return from_buf(&reply->bytes, encoding);
    if (reply->formed && !wants_stored(request)) {
        struct buf bytes = BUF_INIT(RENDER_MAX);
        if (!document_copy(reply->document, &bytes)) {
            buf_free(&bytes);
            return NULL;
        }
        struct MHD_Response *response = finish_bytes(request, &bytes, encoding);
        if (request->accept.shape == SHAPE_DISCOVERY)
            encoding->type = discovery_type(&request->accept);
        return response;
    }
    return document_response(reply->document, takes_gzip(request), &encoding->gzip);
}

static struct MHD_Response *encode_stream(struct request *request, struct encoding *encoding)
{
    struct stream *stream = request->reply.stream;
    bool protobuf = request->accept.media == MEDIA_PROTOBUF;
    encoding->type =
        protobuf ? "application/vnd.kubernetes.protobuf;stream=watch" : "application/json";
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, STREAM_BLOCK, stream_read, stream, NULL);
    if (!response)
        return NULL;
    stream_link(stream, &request->api->streams);
    if (!custom_is_served(request))
        stream_end(stream);
    return response;
}

static struct MHD_Response *encode_error(struct request *request, struct encoding *encoding)
{
    struct buf bytes = BUF_INIT(RENDER_MAX);
    negotiate_error(request);
    status_write(&bytes, &request->error, request->reply.next_page);
    return finish_bytes(request, &bytes, encoding);
}

/* At most `max` characters of it; adds to `*count` how many. */
static struct str beginning(const char *text, size_t max, size_t *count)
{
    struct str rest = str_of(text);
    for (; rest.len && max; max--, ++*count) {
        size_t len = str_utf8_character(rest);
        len = len ? len : 1;
        rest = (struct str){rest.data + len, rest.len - len};
    }
    return (struct str){text, (size_t)(rest.data - text)};
}

static void add_warning(struct MHD_Response *response, struct str warning)
{
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    buf_add_text(&text, "299 - \"");
    for (size_t i = 0; i < warning.len; i++) {
        if (warning.data[i] == '"' || warning.data[i] == '\\')
            buf_add_char(&text, '\\');
        if ((unsigned char)warning.data[i] >= ' ')
            buf_add_char(&text, warning.data[i]);
    }
    buf_add_char(&text, '"');
    MHD_add_response_header(response, "Warning", text.data);
}

/* Source: apiserver's pkg/endpoints/filters/warning.go. */
static void add_warnings(struct request *request, struct MHD_Response *response)
{
    const struct warnings *warnings = &request->warnings;
    size_t all = 0, told = 0;
    for (size_t i = 0; i < warnings->count; i++)
        (void)beginning(warnings->items[i], SIZE_MAX, &all);
    size_t max = all > WARNED_MAX ? WARNING_CUT : SIZE_MAX;
    for (size_t i = 0; i < warnings->count && told < WARNED_MAX; i++)
        add_warning(response, beginning(warnings->items[i], max, &told));
}

/* The client's own, or a fresh one: what an answer is looked up by. */
static void add_audit_id(struct request *request, struct MHD_Response *response)
{
    const char *audited = audit_id(request),
               *given = audited ? audited
                                : MHD_lookup_connection_value(request->http, MHD_HEADER_KIND,
                                                              "Audit-Id");
    char fresh[UUID_TEXT_SIZE];
    if (!given || !*given || strlen(given) > AUDIT_ID_MAX)
        uuid_make(fresh);
    else
        fresh[0] = '\0';
    MHD_add_response_header(response, "Audit-Id", *fresh ? fresh : given);
}

/* A document that is asked for by its hash never changes. */
static void add_caching(struct request *request, struct MHD_Response *response)
{
    char expires[40];
    struct tm in_a_year;
    if (MHD_get_response_header(response, "Cache-Control") || request->reply.code == 101)
        return;
    const char *control = request->error.code ? NULL : request->reply.cache_control;
    MHD_add_response_header(response, "Cache-Control", control ? control : "no-cache, private");
    if (!request->reply.immutable)
        return;
    time_t then = (time_t)(clock_now_us() / 1000000 + YEAR_S);
    if (gmtime_r(&then, &in_a_year) &&
        strftime(expires, sizeof(expires), "%a, %d %b %Y %H:%M:%S GMT", &in_a_year))
        MHD_add_response_header(response, "Expires", expires);
}

/* As Go spells them on the wire. */
static void add_flow(const struct request *request, struct MHD_Response *response)
{
    const struct flow_match *match = request->flow_matched;
    if (!match)
        return;
    MHD_add_response_header(response, "X-Kubernetes-Pf-Flowschema-Uid", match->schema_uid);
    MHD_add_response_header(response, "X-Kubernetes-Pf-Prioritylevel-Uid", match->level_uid);
}

static void add_headers(struct request *request, struct MHD_Response *response,
                        const struct encoding *encoding)
{
    char seconds[24];
    if (encoding->type)
        MHD_add_response_header(response, "Content-Type", encoding->type);
    if (request->reply.location)
        MHD_add_response_header(response, "Location", request->reply.location);
    if (encoding->gzip) {
        MHD_add_response_header(response, "Content-Encoding", "gzip");
        MHD_add_response_header(response, "Vary", "Accept-Encoding");
    }
    add_audit_id(request, response);
    add_flow(request, response);
    add_caching(request, response);
    if (encoding->type && text_starts(encoding->type, "text/plain; charset"))
        MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (request->reply.etag) {
        MHD_add_response_header(response, "ETag", request->reply.etag);
        MHD_add_response_header(response, "Vary", "Accept");
    }
    if (request->error.code && request->error.retry_after_s) {
        snprintf(seconds, sizeof(seconds), "%d", request->error.retry_after_s);
        MHD_add_response_header(response, "Retry-After", seconds);
    }
    add_warnings(request, response);
}

bool encode_is_heavy(const struct request *request)
{
    return request->reply.kind == REPLY_LIST && !request->error.code &&
           list_estimate(request) >= GZIP_MIN &&
           (takes_gzip(request) || !wants_stored(request) || !render_is_plain(request));
}

typedef struct MHD_Response *(*encode_fn)(struct request *request, struct encoding *encoding);
static const encode_fn encoders[] = {
    [REPLY_NONE] = encode_error,      [REPLY_OBJECT] = encode_object,
    [REPLY_JSON] = encode_json,       [REPLY_LIST] = encode_list,
    [REPLY_BYTES] = encode_bytes,     [REPLY_STREAM] = encode_stream,
    [REPLY_TUNNEL] = tunnel_response,
};

struct MHD_Response *encode_response(struct request *request, unsigned *code)
{
    struct encoding encoding = {.size = SIZE_MAX};
    struct MHD_Response *response;
    if (!request->error.code && request->reply.kind == REPLY_NONE)
        error_internal(&request->error, "the request was not answered");
    if (request->error.code) {
        *code = (unsigned)request->error.code;
        audit_answered(request, *code);
        response = encode_error(request, &encoding);
    } else {
        *code = (unsigned)request->reply.code;
        audit_answered(request, *code);
        response = encoders[request->reply.kind](request, &encoding);
    }
    if (response)
        add_headers(request, response, &encoding);
    request->response_size = encoding.size;
    return response;
}
