#include "host/node/stream_spdy.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "base/mem.h"

#define HEAD_SIZE 8
#define INPUT_MAX (SPDY_FRAME_MAX + ((size_t)128 << 10))

/* ---- the dictionary: words with their lengths, then plain text ---- */

static const char *const words[] = {
    "options",
    "head",
    "post",
    "put",
    "delete",
    "trace",
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "accept-ranges",
    "age",
    "allow",
    "authorization",
    "cache-control",
    "connection",
    "content-base",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-md5",
    "content-range",
    "content-type",
    "date",
    "etag",
    "expect",
    "expires",
    "from",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "last-modified",
    "location",
    "max-forwards",
    "pragma",
    "proxy-authenticate",
    "proxy-authorization",
    "range",
    "referer",
    "retry-after",
    "server",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "vary",
    "via",
    "warning",
    "www-authenticate",
    "method",
    "get",
    "status",
    "200 OK",
    "version",
    "HTTP/1.1",
    "url",
    "public",
    "set-cookie",
    "keep-alive",
    "origin",
};

static const char dictionary_tail[] =
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 "
    "Unauthorized"
    "403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
    "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, "
    "GMT"
    "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/"
    "plain,"
    "text/"
    "javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq="
    "0.";

void spdy_dictionary(unsigned char out[SPDY_DICTIONARY_LEN])
{
    size_t at = 0;
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        size_t len = strlen(words[i]);
        const unsigned char head[4] = {0, 0, 0, (unsigned char)len};
        memcpy(out + at, head, sizeof(head));
        memcpy(out + at + sizeof(head), words[i], len);
        at += sizeof(head) + len;
    }
    assert(at + sizeof(dictionary_tail) - 1 == SPDY_DICTIONARY_LEN);
    memcpy(out + at, dictionary_tail, sizeof(dictionary_tail) - 1);
}

/* ---- the session ---- */

bool spdy_init(struct spdy *spdy)
{
    unsigned char dictionary[SPDY_DICTIONARY_LEN];
    *spdy = (struct spdy){.input = BUF_INIT(INPUT_MAX)};
    spdy_dictionary(dictionary);
    if (inflateInit(&spdy->inflate) != Z_OK)
        return false;
    if (deflateInit(&spdy->deflate, Z_DEFAULT_COMPRESSION) != Z_OK) {
        inflateEnd(&spdy->inflate);
        return false;
    }
    return deflateSetDictionary(&spdy->deflate, dictionary, sizeof(dictionary)) == Z_OK;
}

static void drop_headers(struct spdy *spdy)
{
    for (size_t i = 0; i < spdy->header_count; i++) {
        free(spdy->headers[i].name);
        free(spdy->headers[i].value);
    }
    spdy->header_count = 0;
}

void spdy_deinit(struct spdy *spdy)
{
    drop_headers(spdy);
    inflateEnd(&spdy->inflate);
    deflateEnd(&spdy->deflate);
    buf_free(&spdy->input);
}

bool spdy_feed(struct spdy *spdy, const void *data, size_t len)
{
    buf_add(&spdy->input, data, len);
    return buf_ok(&spdy->input);
}

const char *spdy_header(const struct spdy *spdy, const char *name)
{
    for (size_t i = 0; i < spdy->header_count; i++)
        if (strcmp(spdy->headers[i].name, name) == 0)
            return spdy->headers[i].value;
    return NULL;
}

/* ---- reading ---- */

static uint32_t read_u32(const char *at)
{
    const unsigned char *bytes = (const unsigned char *)at;
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Appends what the block inflates to; a block that inflates past the buffer's maximum fails. */
static bool inflate_block(struct spdy *spdy, struct str block, struct buf *out)
{
    z_stream *zlib = &spdy->inflate;
    unsigned char dictionary[SPDY_DICTIONARY_LEN], piece[4096];
    zlib->next_in = (Bytef *)(uintptr_t)block.data;
    zlib->avail_in = (uInt)block.len;
    do {
        zlib->next_out = piece;
        zlib->avail_out = sizeof(piece);
        int why = inflate(zlib, Z_SYNC_FLUSH);
        if (why == Z_NEED_DICT) {
            spdy_dictionary(dictionary);
            why = inflateSetDictionary(zlib, dictionary, sizeof(dictionary));
        }
        if (why != Z_OK && why != Z_BUF_ERROR)
            return false;
        buf_add(out, piece, sizeof(piece) - zlib->avail_out);
        if (!buf_ok(out) || (why == Z_BUF_ERROR && zlib->avail_out == sizeof(piece)))
            return buf_ok(out) && zlib->avail_in == 0;
    } while (zlib->avail_in || zlib->avail_out == 0);
    return true;
}

/* Cuts a length and that many bytes off the front; false when they are not there. */
static bool cut_text(struct str *rest, struct str *text)
{
    if (rest->len < 4)
        return false;
    size_t len = read_u32(rest->data);
    if (len > rest->len - 4)
        return false;
    *text = (struct str){rest->data + 4, len};
    *rest = (struct str){rest->data + 4 + len, rest->len - 4 - len};
    return true;
}

static bool read_headers(struct spdy *spdy, struct str block)
{
    CLEANUP(buf_free) struct buf plain = BUF_INIT(SPDY_HEADER_BYTES);
    drop_headers(spdy);
    if (!inflate_block(spdy, block, &plain) || plain.len < 4)
        return false;
    size_t count = read_u32(plain.data);
    struct str rest = {plain.data + 4, plain.len - 4};
    if (count > SPDY_HEADERS_MAX)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct str name, value;
        if (!cut_text(&rest, &name) || !cut_text(&rest, &value) || memchr(name.data, 0, name.len))
            return false;
        char *lower = str_dup(name);
        for (char *c = lower; *c; c++)
            *c = (char)tolower((unsigned char)*c);
        spdy->headers[spdy->header_count++] = (struct spdy_header){lower, str_dup(value)};
    }
    return true;
}

/* How many bytes of a control frame's body come before its header block, or are its whole body. */
static size_t fixed_size(unsigned type)
{
    switch (type) {
    case SPDY_SYN_STREAM:
        return 10;
    case SPDY_SYN_REPLY:
    case SPDY_HEADERS:
    case SPDY_SETTINGS:
    case SPDY_PING:
        return 4;
    case SPDY_RST_STREAM:
    case SPDY_GOAWAY:
    case SPDY_WINDOW_UPDATE:
        return 8;
    default:
        return 0;
    }
}

/* `body` is the frame without its first eight bytes. False when it is malformed. */
static bool read_control(struct spdy *spdy, unsigned type, unsigned flags, struct str body,
                         struct spdy_event *event)
{
    if (body.len < fixed_size(type))
        return false;
    *event = (struct spdy_event){.type = (enum spdy_type)type, .fin = flags & SPDY_FIN};
    if (body.len >= 4)
        event->stream = read_u32(body.data) & (type == SPDY_PING ? UINT32_MAX : INT32_MAX);
    bool has_headers = type == SPDY_SYN_STREAM || type == SPDY_SYN_REPLY || type == SPDY_HEADERS;
    struct str block = {body.data + fixed_size(type), body.len - fixed_size(type)};
    if (has_headers && !read_headers(spdy, block))
        return false;
    return type != SPDY_SYN_STREAM || event->stream != 0;
}

enum spdy_result spdy_next(struct spdy *spdy, struct spdy_event *event)
{
    struct buf *input = &spdy->input;
    if (spdy->taken) {
        memmove(input->data, input->data + spdy->taken, input->len - spdy->taken);
        input->len -= spdy->taken;
        spdy->taken = 0;
    }
    if (input->len < HEAD_SIZE)
        return SPDY_NEED_MORE;
    uint32_t first = read_u32(input->data), second = read_u32(input->data + 4);
    size_t len = second & 0xffffff;
    unsigned flags = second >> 24;
    if (len > SPDY_FRAME_MAX)
        return SPDY_BROKEN;
    if (input->len < HEAD_SIZE + len)
        return SPDY_NEED_MORE;
    spdy->taken = HEAD_SIZE + len;
    struct str body = {input->data + HEAD_SIZE, len};
    if (!(first >> 31)) {
        *event = (struct spdy_event){SPDY_DATA, first, flags & SPDY_FIN, body};
        return first ? SPDY_EVENT : SPDY_BROKEN;
    }
    if ((first >> 16 & 0x7fff) != 3)
        return SPDY_BROKEN;
    return read_control(spdy, first & 0xffff, flags, body, event) ? SPDY_EVENT : SPDY_BROKEN;
}

/* ---- writing ---- */

static void add_u32(struct buf *out, uint32_t value)
{
    const unsigned char bytes[4] = {(unsigned char)(value >> 24), (unsigned char)(value >> 16),
                                    (unsigned char)(value >> 8), (unsigned char)value};
    buf_add(out, bytes, sizeof(bytes));
}

static void add_control(struct buf *out, enum spdy_type type, unsigned flags, size_t len)
{
    add_u32(out, UINT32_C(0x80030000) | type);
    add_u32(out, flags << 24 | (uint32_t)len);
}

void spdy_write_data(struct buf *out, uint32_t stream, bool fin, struct str data)
{
    assert(data.len <= 0xffffff);
    add_u32(out, stream);
    add_u32(out, (fin ? (uint32_t)SPDY_FIN << 24 : 0) | (uint32_t)data.len);
    buf_add_str(out, data);
}

static bool deflate_headers(struct spdy *spdy, const char *const *pairs, struct buf *out)
{
    unsigned char piece[4096];
    uint32_t count = 0;
    CLEANUP(buf_free) struct buf plain = BUF_INIT(SPDY_HEADER_BYTES);
    while (pairs[count * 2])
        count++;
    add_u32(&plain, count);
    for (uint32_t i = 0; i < count * 2; i++) {
        add_u32(&plain, (uint32_t)strlen(pairs[i]));
        buf_add_text(&plain, pairs[i]);
    }
    spdy->deflate.next_in = (Bytef *)plain.data;
    spdy->deflate.avail_in = (uInt)plain.len;
    do {
        spdy->deflate.next_out = piece;
        spdy->deflate.avail_out = sizeof(piece);
        if (deflate(&spdy->deflate, Z_SYNC_FLUSH) == Z_STREAM_ERROR)
            return false;
        buf_add(out, piece, sizeof(piece) - spdy->deflate.avail_out);
    } while (spdy->deflate.avail_out == 0);
    return buf_ok(&plain) && buf_ok(out);
}

bool spdy_write_reply(struct spdy *spdy, struct buf *out, uint32_t stream)
{
    CLEANUP(buf_free) struct buf block = BUF_INIT(SPDY_HEADER_BYTES);
    if (!deflate_headers(spdy, (const char *const[]){NULL}, &block))
        return false;
    add_control(out, SPDY_SYN_REPLY, 0, 4 + block.len);
    add_u32(out, stream);
    buf_add_str(out, buf_str(&block));
    return true;
}

bool spdy_write_open(struct spdy *spdy, struct buf *out, uint32_t stream, const char *const *pairs)
{
    CLEANUP(buf_free) struct buf block = BUF_INIT(SPDY_HEADER_BYTES);
    if (!deflate_headers(spdy, pairs, &block))
        return false;
    add_control(out, SPDY_SYN_STREAM, 0, 10 + block.len);
    add_u32(out, stream);
    add_u32(out, 0);
    buf_add(out, "\0\0", 2);
    buf_add_str(out, buf_str(&block));
    return true;
}

void spdy_write_reset(struct buf *out, uint32_t stream, uint32_t status)
{
    add_control(out, SPDY_RST_STREAM, 0, 8);
    add_u32(out, stream);
    add_u32(out, status);
}

void spdy_write_ping(struct buf *out, uint32_t id)
{
    add_control(out, SPDY_PING, 0, 4);
    add_u32(out, id);
}

void spdy_write_goaway(struct buf *out, uint32_t last_stream)
{
    add_control(out, SPDY_GOAWAY, 0, 8);
    add_u32(out, last_stream);
    add_u32(out, 0);
}
