#include "tests/bench/http.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/json.h"
#include "base/parse.h"

#define BODY_MAX   ((size_t)512 << 20)
#define FILE_BYTES ((size_t)1 << 20)
#define CHUNK      65536

struct http {
    const struct target *target;
    const char *accept; /* lives as long */
    int fd;
    SSL *tls;
    struct buf in; /* received and not used yet, from `at` on */
    size_t at;
    struct buf out;
    struct buf line;
    size_t chunk_left; /* of a stream: bytes of this chunk that were not given yet */
};

/* ---- kubeconfig ---- */

static BIO *decoded(const json_t *object, const char *key)
{
    struct buf plain = BUF_INIT(FILE_BYTES);
    const char *text = json_text(object, key);
    if (!text || !base64_decode(&plain, str_of(text), BASE64_STANDARD))
        return BIO_new(BIO_s_mem());
    BIO *bio = BIO_new(BIO_s_mem());
    BIO_write(bio, plain.data, (int)plain.len);
    buf_free(&plain);
    return bio;
}

static SSL_CTX *context_of(const json_t *cluster, const json_t *user)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    BIO *ca_bio = decoded(cluster, "certificate-authority-data"),
        *cert_bio = decoded(user, "client-certificate-data");
    BIO *key_bio = decoded(user, "client-key-data");
    X509 *ca = PEM_read_bio_X509(ca_bio, NULL, NULL, NULL),
         *cert = PEM_read_bio_X509(cert_bio, NULL, NULL, NULL);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL);
    bool fine =
        ca && cert && key && X509_STORE_add_cert(SSL_CTX_get_cert_store(context), ca) == 1 &&
        SSL_CTX_use_certificate(context, cert) == 1 && SSL_CTX_use_PrivateKey(context, key) == 1;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    X509_free(ca);
    X509_free(cert);
    EVP_PKEY_free(key);
    BIO_free(ca_bio);
    BIO_free(cert_bio);
    BIO_free(key_bio);
    if (fine)
        return context;
    SSL_CTX_free(context);
    return NULL;
}

static bool read_url(const char *url, struct target *target)
{
    int used = 0;
    if (!url || sscanf(url, "https://%63[^:/]:%7[0-9]%n", target->host, target->port, &used) != 2)
        return false;
    target->prefix = xstrdup(url + used);
    size_t len = strlen(target->prefix);
    if (len && target->prefix[len - 1] == '/')
        target->prefix[len - 1] = '\0';
    return true;
}

bool target_open(const char *kubeconfig, struct target *target, struct error *err)
{
    FILE *file = fopen(kubeconfig, "re");
    CLEANUP(free_ptr) char *text = xmalloc(FILE_BYTES);
    size_t len = file ? fread(text, 1, FILE_BYTES, file) : 0;
    if (file)
        (void)fclose(file);
    json_auto_t *config = yaml_parse((struct str){text, len}, JSON_LOAD_LENIENT, err);
    const json_t *cluster =
        json_object_get(json_array_get(json_object_get(config, "clusters"), 0), "cluster");
    const json_t *user =
        json_object_get(json_array_get(json_object_get(config, "users"), 0), "user");
    *target = (struct target){0};
    if (!read_url(json_text(cluster, "server"), target) ||
        !(target->tls = context_of(cluster, user)))
        return error_bad_request(err, "%s is not a kubeconfig with embedded credentials",
                                 kubeconfig);
    return true;
}

void target_close(struct target *target)
{
    free(target->prefix);
    SSL_CTX_free(target->tls);
}

/* ---- connections ---- */

void http_accept(struct http *http, const char *media_type)
{
    http->accept = media_type;
}

struct http *http_open(const struct target *target)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    const int on = 1;
    struct http *http = xcalloc(1, sizeof(*http));
    http->target = target;
    http_accept(http, "application/json");
    http->in = http->out = http->line = BUF_INIT(BODY_MAX);
    http->fd = getaddrinfo(target->host, target->port, &hints, &found) == 0
                   ? socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0)
                   : -1;
    bool fine = http->fd >= 0 && connect(http->fd, found->ai_addr, found->ai_addrlen) == 0;
    if (found)
        freeaddrinfo(found);
    if (fine) {
        (void)setsockopt(http->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        http->tls = SSL_new(target->tls);
        SSL_set_fd(http->tls, http->fd);
        fine = SSL_connect(http->tls) == 1;
    }
    if (fine)
        return http;
    http_close(http);
    return NULL;
}

void http_close(struct http *http)
{
    if (!http)
        return;
    SSL_free(http->tls);
    close_fd(&http->fd);
    buf_free(&http->in);
    buf_free(&http->out);
    buf_free(&http->line);
    free(http);
}

static bool more(struct http *http)
{
    if (http->at == http->in.len) {
        buf_clear(&http->in);
        http->at = 0;
    }
    char *room = buf_reserve(&http->in, CHUNK);
    int got = room ? SSL_read(http->tls, room, CHUNK) : 0;
    if (got <= 0)
        return false;
    http->in.len += (size_t)got;
    return true;
}

static struct str unread(const struct http *http)
{
    return (struct str){http->in.data + http->at, http->in.len - http->at};
}

/* The next line without its end; false when the connection broke. */
static bool header_line(struct http *http, struct str *line)
{
    for (;;) {
        struct str rest = unread(http);
        const char *end = rest.len ? memchr(rest.data, '\n', rest.len) : NULL;
        if (end) {
            *line = (struct str){rest.data, (size_t)(end - rest.data)};
            http->at += line->len + 1;
            *line = str_trim(*line);
            return true;
        }
        if (!more(http))
            return false;
    }
}

/* Takes exactly `len` bytes into `body` (NULL: away). */
static bool take(struct http *http, size_t len, struct buf *body)
{
    while (len) {
        struct str rest = unread(http);
        size_t some = rest.len < len ? rest.len : len;
        if (body && some)
            buf_add(body, rest.data, some);
        http->at += some;
        len -= some;
        if (len && !more(http))
            return false;
    }
    return true;
}

static bool chunk_size(struct http *http, size_t *size)
{
    struct str line;
    *size = 0;
    if (!header_line(http, &line) || !line.len)
        return false;
    for (size_t i = 0; i < line.len; i++) {
        const char *digits = "0123456789abcdef", *at = strchr(digits, line.data[i] | 0x20);
        if (!at)
            return false;
        *size = *size * 16 + (size_t)(at - digits);
    }
    return true;
}

struct head {
    int status;
    int64_t length; /* -1: chunked */
};

static bool read_head(struct http *http, struct head *head)
{
    struct str line;
    *head = (struct head){.length = -1};
    if (!header_line(http, &line) || line.len < 12 ||
        sscanf(line.data, "HTTP/1.1 %d", &head->status) != 1)
        return false;
    while (header_line(http, &line)) {
        if (!line.len)
            return true;
        struct str value = line, name = str_cut(&value, ':');
        if (name.len == strlen("content-length") &&
            strncasecmp(name.data, "content-length", name.len) == 0 &&
            !parse_i64(str_trim(value), 0, INT64_MAX, &head->length))
            return false;
    }
    return false;
}

static bool send_request(struct http *http, const char *method, const char *path, const char *type,
                         struct str body)
{
    buf_clear(&http->out);
    buf_printf(&http->out, "%s %s%s HTTP/1.1\r\nHost: %s:%s\r\nAccept: %s\r\n", method,
               http->target->prefix, path, http->target->host, http->target->port, http->accept);
    if (type)
        buf_printf(&http->out, "Content-Type: %s\r\nContent-Length: %zu\r\n", type, body.len);
    buf_add_text(&http->out, "\r\n");
    buf_add_str(&http->out, body);
    return SSL_write(http->tls, http->out.data, (int)http->out.len) == (int)http->out.len;
}

int http_call(struct http *http, const char *method, const char *path, const char *content_type,
              struct str send, struct buf *body)
{
    struct head head;
    struct str line;
    size_t size;
    if (!send_request(http, method, path, content_type, send) || !read_head(http, &head))
        return 0;
    if (head.length >= 0)
        return take(http, (size_t)head.length, body) ? head.status : 0;
    while (chunk_size(http, &size))
        if (!size)
            return header_line(http, &line) ? head.status : 0;
        else if (!take(http, size, body) || !header_line(http, &line))
            return 0;
    return 0;
}

int http_stream(struct http *http, const char *path)
{
    struct head head;
    http->chunk_left = 0;
    return send_request(http, "GET", path, NULL, (struct str){0}) && read_head(http, &head)
               ? head.status
               : 0;
}

bool http_line(struct http *http, struct str *line)
{
    buf_clear(&http->line);
    for (;;) {
        struct str rest;
        if (!http->chunk_left && !chunk_size(http, &http->chunk_left))
            return false;
        if (!http->chunk_left)
            return false;
        if (http->at == http->in.len && !more(http))
            return false;
        rest = unread(http);
        if (rest.len > http->chunk_left)
            rest.len = http->chunk_left;
        const char *end = memchr(rest.data, '\n', rest.len);
        size_t used = end ? (size_t)(end - rest.data) + 1 : rest.len;
        buf_add(&http->line, rest.data, used);
        http->at += used;
        http->chunk_left -= used;
        if (!http->chunk_left && !header_line(http, &rest)) /* the chunk's own line end */
            return false;
        if (end) {
            *line = buf_str(&http->line);
            return true;
        }
    }
}
