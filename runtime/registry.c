/* HTTP to a registry, through libcurl: addresses, authentication, retries. */
#include "runtime/registry.h"

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "runtime/image_manifest.h"
#include "runtime/system_error.h"

#define ATTEMPTS_MAX       5
#define BACKOFF_FIRST_MS   200
#define CONNECT_TIMEOUT_S  15L
#define TRANSFER_TIMEOUT_S 3600L
#define STALL_BYTES        1024L /* a second, over ... */
#define STALL_S            60L
#define TOKEN_BYTES_MAX    ((size_t)64 << 10)
#define CHALLENGE_MAX      4096
#define ACCEPT                                                                                     \
    "Accept: application/vnd.oci.image.index.v1+json, "                                            \
    "application/vnd.oci.image.manifest.v1+json, "                                                 \
    "application/vnd.docker.distribution.manifest.list.v2+json, "                                  \
    "application/vnd.docker.distribution.manifest.v2+json"

struct registry {
    CURL *curl;
    char *host, *path;
    char *username, *password; /* NULL: anonymous */
    char *token;               /* of the token server; NULL: none yet */
    bool basic;                /* the registry asked for the password itself */
    bool plain;                /* http */
    bool may_be_plain;         /* loopback: http is tried when TLS does not work */
};

/* What one transfer needs and leaves. */
struct transfer {
    CURL *curl;
    struct buf *out; /* small answers; NULL: to `fd` */
    int fd;
    int64_t offset, bytes_max; /* of the file */
    bool overflow, started;
    int write_errno;
    char challenge[CHALLENGE_MAX]; /* WWW-Authenticate */
    long status;
    CURLcode code;
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void curl_start(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT); /* a failure shows at curl_easy_init */
}

static bool is_loopback(const char *host)
{
    return text_starts(host, "127.") || strcmp(host, "localhost") == 0 ||
           text_starts(host, "localhost:") || text_starts(host, "[::1]");
}

static bool listed(const char *const *hosts, const char *host)
{
    for (; hosts && *hosts; hosts++)
        if (strcmp(*hosts, host) == 0)
            return true;
    return false;
}

struct registry *registry_open(const struct image_reference *reference,
                               const struct image_auth *auth, const char *const *http_hosts)
{
    pthread_once(&curl_once, curl_start);
    struct registry *registry = xcalloc(1, sizeof(*registry));
    registry->curl = curl_easy_init();
    registry->host = xstrdup(strcmp(reference->host, "docker.io") == 0 ? "registry-1.docker.io"
                                                                       : reference->host);
    registry->path = xstrdup(reference->path);
    if (auth && auth->username) {
        registry->username = xstrdup(auth->username);
        registry->password = xstrdup(auth->password ? auth->password : "");
    }
    registry->plain = listed(http_hosts, reference->host);
    registry->may_be_plain = !registry->plain && is_loopback(reference->host);
    return registry;
}

void registry_close(struct registry *registry)
{
    if (!registry)
        return;
    curl_easy_cleanup(registry->curl);
    if (registry->password)
        explicit_bzero(registry->password, strlen(registry->password));
    free(registry->host);
    free(registry->path);
    free(registry->username);
    free(registry->password);
    free(registry->token);
    free(registry);
}

/* ---- one transfer ---- */

/* A server that knows no ranges sends the whole from its start. */
static bool begin_file(struct transfer *transfer)
{
    long status = 0;
    curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
    transfer->started = true;
    if (status == 206 || transfer->offset == 0)
        return true;
    transfer->offset = 0;
    return ftruncate(transfer->fd, 0) == 0;
}

static size_t on_data(char *data, size_t size, size_t count, void *arg)
{
    struct transfer *transfer = arg;
    size_t len = size * count;
    long status = 0;
    curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200 && status != 206)
        return len; /* an error's text is of no use to us */
    if (transfer->out) {
        buf_add(transfer->out, data, len);
        transfer->overflow = !buf_ok(transfer->out);
        return transfer->overflow ? 0 : len;
    }
    if (!transfer->started && !begin_file(transfer))
        return 0;
    if (transfer->offset + (int64_t)len > transfer->bytes_max) {
        transfer->overflow = true;
        return 0;
    }
    ssize_t done = pwrite(transfer->fd, data, len, transfer->offset);
    if (done < 0) {
        transfer->write_errno = errno;
        return 0;
    }
    transfer->offset += done;
    return (size_t)done;
}

static size_t on_header(char *data, size_t size, size_t count, void *arg)
{
    struct transfer *transfer = arg;
    struct str value = {data, size * count}, name = str_cut(&value, ':');
    value = str_trim(value);
    if (name.len == 16 && strncasecmp(name.data, "www-authenticate", 16) == 0 &&
        value.len < CHALLENGE_MAX) {
        memcpy(transfer->challenge, value.data, value.len);
        transfer->challenge[value.len] = '\0';
    }
    return size * count;
}

static void set_common(CURL *curl, const char *url, bool plain, struct transfer *transfer)
{
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, plain ? "http,https" : "https");
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, plain ? "http,https" : "https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_UNRESTRICTED_AUTH, 0L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 5L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, TRANSFER_TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, STALL_BYTES);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, STALL_S);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "127.0.0.1,localhost,::1");
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "warren/" WARREN_VERSION);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, transfer);
}

static void set_password(const struct registry *registry)
{
    curl_easy_setopt(registry->curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    curl_easy_setopt(registry->curl, CURLOPT_USERNAME, registry->username);
    curl_easy_setopt(registry->curl, CURLOPT_PASSWORD, registry->password);
}

/* GET /v2/PATH/WHAT once, with what credentials we have. */
static void fetch_once(struct registry *registry, const char *what, struct transfer *transfer)
{
    CLEANUP(free_ptr)
    char *url = xasprintf("%s://%s/v2/%s/%s", registry->plain ? "http" : "https", registry->host,
                          registry->path, what);
    struct curl_slist *headers = curl_slist_append(NULL, ACCEPT);
    CURL *curl = transfer->curl = registry->curl;
    set_common(curl, url, registry->plain, transfer);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    if (registry->token) {
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
        curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, registry->token);
    } else if (registry->basic)
        set_password(registry);
    if (!transfer->out && transfer->offset > 0)
        curl_easy_setopt(curl, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)transfer->offset);
    transfer->started = false;
    transfer->challenge[0] = '\0';
    transfer->status = 0;
    transfer->code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &transfer->status);
    curl_slist_free_all(headers);
}

/* ---- authentication ---- */

/* The value of `name="..."` in a challenge; owned, NULL when it is not there. */
static char *challenge_value(const char *challenge, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = challenge; (at = strcasestr(at, name)); at += len) {
        bool at_start = at == challenge || at[-1] == ' ' || at[-1] == ',';
        if (!at_start || at[len] != '=' || at[len + 1] != '"')
            continue;
        const char *from = at + len + 2, *end = strchr(from, '"');
        return end ? xstrndup(from, (size_t)(end - from)) : NULL;
    }
    return NULL;
}

static char *token_url(CURL *curl, const char *realm, const char *service, const char *scope)
{
    char *escaped_service = curl_easy_escape(curl, service ? service : "", 0);
    char *escaped_scope = curl_easy_escape(curl, scope, 0);
    char *url =
        xasprintf("%s%sservice=%s&scope=%s", realm, strchr(realm, '?') ? "&" : "?",
                  escaped_service ? escaped_service : "", escaped_scope ? escaped_scope : "");
    curl_free(escaped_service);
    curl_free(escaped_scope);
    return url;
}

static bool take_token(struct registry *registry, struct str answer, struct error *err)
{
    json_auto_t *json = json_parse(answer, JSON_LOAD_LENIENT, err);
    const char *token = json_text(json, "token");
    token = token ? token : json_text(json, "access_token");
    if (!json)
        return false;
    if (!token || strpbrk(token, "\r\n"))
        return error_set(err, ERROR_FORBIDDEN, "the token server of %s gave no token",
                         registry->host);
    free(registry->token);
    registry->token = xstrdup(token);
    return true;
}

/* The scope is our own, not the one that the challenge asks for: nothing but reading this
 * repository. */
static bool fetch_token(struct registry *registry, const char *challenge, struct error *err)
{
    CLEANUP(free_ptr) char *realm = challenge_value(challenge, "realm");
    CLEANUP(free_ptr) char *service = challenge_value(challenge, "service");
    CLEANUP(free_ptr) char *scope = xasprintf("repository:%s:pull", registry->path);
    CLEANUP(buf_free) struct buf answer = BUF_INIT(TOKEN_BYTES_MAX);
    struct transfer transfer = {.curl = registry->curl, .out = &answer, .fd = -1};
    bool plain_allowed = registry->plain && realm && text_starts(realm, "http://");
    if (!realm || (!text_starts(realm, "https://") && !plain_allowed))
        return error_set(err, ERROR_FORBIDDEN,
                         "registry %s names no token server that can be trusted", registry->host);
    CLEANUP(free_ptr) char *url = token_url(registry->curl, realm, service, scope);
    set_common(registry->curl, url, plain_allowed, &transfer);
    curl_easy_setopt(registry->curl, CURLOPT_FOLLOWLOCATION, 0L);
    if (registry->username)
        set_password(registry);
    transfer.code = curl_easy_perform(registry->curl);
    curl_easy_getinfo(registry->curl, CURLINFO_RESPONSE_CODE, &transfer.status);
    if (transfer.code != CURLE_OK)
        return error_set(err, ERROR_UNAVAILABLE, "the token server of %s: %s", registry->host,
                         curl_easy_strerror(transfer.code));
    if (transfer.status != 200)
        return error_set(err, ERROR_FORBIDDEN, "the token server of %s answers %ld", registry->host,
                         transfer.status);
    return take_token(registry, buf_str(&answer), err);
}

/* After a 401: true when another try makes sense. */
static bool authenticate(struct registry *registry, const char *challenge, struct error *err)
{
    if (strncasecmp(challenge, "bearer ", 7) == 0)
        return fetch_token(registry, challenge + 7, err);
    if (strncasecmp(challenge, "basic", 5) == 0 && registry->username && !registry->basic) {
        registry->basic = true;
        return true;
    }
    return error_set(err, ERROR_FORBIDDEN,
                     "registry %s wants a valid user name and password for %s", registry->host,
                     registry->path);
}

/* ---- retries ---- */

static bool is_tls_failure(CURLcode code)
{
    return code == CURLE_SSL_CONNECT_ERROR || code == CURLE_PEER_FAILED_VERIFICATION ||
           code == CURLE_SSL_CACERT_BADFILE || code == CURLE_RECV_ERROR ||
           code == CURLE_GOT_NOTHING;
}

static bool is_passing(const struct transfer *transfer)
{
    if (transfer->overflow || transfer->write_errno ||
        transfer->code == CURLE_UNSUPPORTED_PROTOCOL ||
        transfer->code == CURLE_PEER_FAILED_VERIFICATION || transfer->code == CURLE_URL_MALFORMAT)
        return false;
    return transfer->code != CURLE_OK || transfer->status == 429 || transfer->status >= 500;
}

static bool explain(const struct registry *registry, const char *what,
                    const struct transfer *transfer, struct error *err)
{
    const char *path = registry->path, *host = registry->host;
    errno = transfer->write_errno;
    if (transfer->overflow)
        return error_set(err, ERROR_INVALID, "%s of %s/%s is larger than it may be", what, host,
                         path);
    if (transfer->write_errno)
        return error_system(err, "write %s of %s/%s", what, host, path);
    if (transfer->code != CURLE_OK)
        return error_set(err, ERROR_UNAVAILABLE, "pull %s/%s: %s", host, path,
                         curl_easy_strerror(transfer->code));
    if (transfer->status == 404)
        return error_set(err, ERROR_NOT_FOUND, "pull %s/%s: %s: not found", host, path, what);
    if (transfer->status == 401 || transfer->status == 403)
        return error_set(
            err, ERROR_FORBIDDEN,
            "pull access denied for %s/%s, repository does not exist or may require authorization",
            host, path);
    return error_set(err, ERROR_UNAVAILABLE, "pull %s/%s: the registry answers %ld", host, path,
                     transfer->status);
}

/* Doubling, with a little that differs between nodes that failed together. */
static void back_off(unsigned attempt)
{
    int wait_ms = BACKOFF_FIRST_MS << attempt;
    (void)poll(NULL, 0, wait_ms + (int)((unsigned)getpid() % (unsigned)wait_ms) / 2);
}

static void forget_partial(struct transfer *transfer)
{
    if (transfer->out)
        buf_clear(transfer->out);
    else if (transfer->status == 416) { /* what is there is no beginning of this blob */
        (void)!ftruncate(transfer->fd, 0);
        transfer->offset = 0;
    }
}

static bool fetch(struct registry *registry, const char *what, struct transfer *transfer,
                  struct error *err)
{
    bool asked = false;
    if (!registry->curl)
        return error_set(err, ERROR_INTERNAL, "no memory for HTTP");
    for (unsigned attempt = 0;; attempt++) {
        fetch_once(registry, what, transfer);
        if (transfer->code == CURLE_OK && (transfer->status == 200 || transfer->status == 206)) {
            registry->may_be_plain = false; /* what worked once is not given up for less */
            return true;
        }
        if (registry->may_be_plain && is_tls_failure(transfer->code)) {
            registry->plain = true;
            registry->may_be_plain = false;
            continue;
        }
        bool unauthorized = transfer->code == CURLE_OK && transfer->status == 401;
        if (unauthorized &&
            !asked) { /* also when a token has run out in the middle of a long pull */
            asked = true;
            if (!authenticate(registry, transfer->challenge, err))
                return false;
            continue;
        }
        bool again = is_passing(transfer) ||
                     (transfer->status == 416 && !transfer->out && transfer->offset > 0);
        if (!again || attempt + 1 >= ATTEMPTS_MAX)
            return explain(registry, what, transfer, err);
        forget_partial(transfer);
        back_off(attempt);
    }
}

/* ---- the public face ---- */

bool registry_manifest(struct registry *registry, const char *which, struct buf *out,
                       struct error *err)
{
    CLEANUP(free_ptr) char *what = xasprintf("manifests/%s", which);
    struct transfer *transfer = xcalloc(1, sizeof(*transfer));
    *transfer = (struct transfer){.out = out, .fd = -1};
    bool ok = fetch(registry, what, transfer, err);
    free(transfer);
    return ok;
}

bool registry_blob(struct registry *registry, const char *digest, struct buf *out,
                   struct error *err)
{
    CLEANUP(free_ptr) char *what = xasprintf("blobs/%s", digest);
    struct transfer *transfer = xcalloc(1, sizeof(*transfer));
    *transfer = (struct transfer){.out = out, .fd = -1};
    bool ok = fetch(registry, what, transfer, err);
    free(transfer);
    return ok;
}

bool registry_download(struct registry *registry, const char *digest, int64_t size_bytes, int fd,
                       struct error *err)
{
    struct stat info;
    CLEANUP(free_ptr) char *what = xasprintf("blobs/%s", digest);
    if (fstat(fd, &info) != 0)
        return error_system(err, "look at the download of %s", digest);
    if (info.st_size > size_bytes && ftruncate(fd, 0) != 0)
        return error_system(err, "start the download of %s anew", digest);
    if (info.st_size == size_bytes)
        return true;
    struct transfer *transfer = xcalloc(1, sizeof(*transfer));
    *transfer = (struct transfer){
        .fd = fd, .offset = info.st_size > size_bytes ? 0 : info.st_size, .bytes_max = size_bytes};
    bool ok = fetch(registry, what, transfer, err);
    if (ok && transfer->offset != size_bytes)
        ok = error_set(err, ERROR_INVALID, "%s of %s/%s ends too early", what, registry->host,
                       registry->path);
    free(transfer);
    return ok;
}
