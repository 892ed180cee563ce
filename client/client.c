/* Requests: one handle of curl's for each that is under way, kept with its connection for the next
 * one. */
#include "client/client.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "client/client_internal.h"

static char *copy_or_null(const char *text)
{
    return text ? xstrdup(text) : NULL;
}

static void curl_start(void)
{
    (void)curl_global_init(
        CURL_GLOBAL_DEFAULT); /* fails only when memory is out; so will the next call */
}

struct client *client_new(const struct client_options *options, struct error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, curl_start);
    if (!options->server ||
        (!text_starts(options->server, "https://") && !text_starts(options->server, "http://"))) {
        error_bad_request(err, "the server's address must begin with https:// or http://");
        return NULL;
    }
    struct client *client = xcalloc(1, sizeof(*client));
    size_t len = strlen(options->server);
    while (len && options->server[len - 1] == '/')
        len--;
    client->server = xstrndup(options->server, len);
    client->ca_pem = copy_or_null(options->ca_pem);
    client->cert_pem = copy_or_null(options->cert_pem);
    client->key_pem = copy_or_null(options->key_pem);
    client->token = copy_or_null(options->token);
    client->token_file = copy_or_null(options->token_file);
    pthread_mutex_init(&client->lock, NULL);
    return client;
}

void client_free(struct client *client)
{
    if (!client)
        return;
    for (size_t i = 0; i < client->idle_count; i++)
        curl_easy_cleanup(client->idle[i]);
    pthread_mutex_destroy(&client->lock);
    if (client->key_pem)
        explicit_bzero(client->key_pem, strlen(client->key_pem));
    free(client->key_pem);
    free(client->cert_pem);
    free(client->ca_pem);
    free(client->token);
    free(client->token_file);
    free(client->server);
    free(client);
}

CURL *client_take(struct client *client)
{
    CURL *handle = NULL;
    pthread_mutex_lock(&client->lock);
    if (client->idle_count)
        handle = client->idle[--client->idle_count];
    pthread_mutex_unlock(&client->lock);
    return handle ? handle : curl_easy_init();
}

void client_give(struct client *client, CURL *handle)
{
    if (!handle)
        return;
    curl_easy_reset(handle); /* keeps the connection */
    pthread_mutex_lock(&client->lock);
    if (client->idle_count < CLIENT_IDLE_MAX)
        client->idle[client->idle_count++] = TAKE(handle);
    pthread_mutex_unlock(&client->lock);
    if (handle)
        curl_easy_cleanup(handle);
}

/* ---- credentials ---- */

static bool read_token(struct client *client, const struct stat *stat, struct error *err)
{
    CLEANUP(close_fd) int fd = open(client->token_file, O_RDONLY | O_CLOEXEC);
    struct buf text = BUF_INIT(CLIENT_TOKEN_MAX);
    char *room = buf_reserve(&text, CLIENT_TOKEN_MAX - 1);
    ssize_t got = fd < 0 ? -1 : read(fd, room, CLIENT_TOKEN_MAX - 1);
    if (got <= 0) {
        buf_free(&text);
        return error_unavailable(err, "the token file cannot be read");
    }
    free(client->token);
    client->token = str_dup(str_trim((struct str){room, (size_t)got}));
    client->token_mtime = stat->st_mtim;
    buf_free(&text);
    return true;
}

/* Adds the bearer token; reads its file again when that has changed. */
static bool add_token(struct client *client, struct curl_slist **headers, struct error *err)
{
    bool ok = true;
    pthread_mutex_lock(&client->lock);
    struct stat stat_now;
    if (client->token_file && stat(client->token_file, &stat_now) == 0 &&
        (!client->token || stat_now.st_mtim.tv_sec != client->token_mtime.tv_sec ||
         stat_now.st_mtim.tv_nsec != client->token_mtime.tv_nsec))
        ok = read_token(client, &stat_now, err);
    if (ok && client->token) {
        CLEANUP(free_ptr) char *line = xasprintf("Authorization: Bearer %s", client->token);
        *headers = curl_slist_append(*headers, line);
    }
    pthread_mutex_unlock(&client->lock);
    return ok;
}

static void set_blob(CURL *handle, CURLoption option, char *pem)
{
    struct curl_blob blob = {.data = pem, .len = pem ? strlen(pem) : 0, .flags = CURL_BLOB_NOCOPY};
    if (pem)
        curl_easy_setopt(handle, option, &blob);
}

bool client_prepare(struct client *client, CURL *handle, const char *path,
                    struct curl_slist **headers, struct error *err)
{
    if (strlen(path) > CLIENT_URL_MAX)
        return error_bad_request(err, "the request's path is too long");
    CLEANUP(free_ptr) char *url = xasprintf("%s%s", client->server, path);
    curl_easy_setopt(handle, CURLOPT_URL, url);
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, CLIENT_CONNECT_MS);
    curl_easy_setopt(handle, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(handle, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(handle, CURLOPT_USERAGENT, "warren/" WARREN_VERSION);
    curl_easy_setopt(handle, CURLOPT_NOPROXY, "*");
    set_blob(handle, CURLOPT_CAINFO_BLOB, client->ca_pem);
    set_blob(handle, CURLOPT_SSLCERT_BLOB, client->cert_pem);
    set_blob(handle, CURLOPT_SSLKEY_BLOB, client->key_pem);
    *headers = curl_slist_append(*headers, "Accept: application/json");
    return add_token(client, headers, err);
}

/* ---- one request ---- */

static size_t take_bytes(char *data, size_t size, size_t count, void *arg)
{
    struct buf *answer = arg;
    buf_add(answer, data, size * count);
    return buf_ok(answer) ? size * count : 0;
}

static void add_body(CURL *handle, const char *content_type, const struct buf *body,
                     struct curl_slist **headers)
{
    CLEANUP(free_ptr)
    char *line = xasprintf("Content-Type: %s", content_type ? content_type : "application/json");
    *headers = curl_slist_append(*headers, line);
    *headers = curl_slist_append(*headers, "Expect:"); /* never wait for 100 Continue */
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->len);
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, body->data ? body->data : "");
}

/* JSON null stands for an answer that is none: "ok", empty. */
static json_t *answer_json(const struct buf *answer)
{
    CLEANUP(error_clear) struct error ignored = {0};
    json_t *value = answer->len ? json_parse(buf_str(answer), JSON_LOAD_LENIENT, &ignored) : NULL;
    return value ? value : json_null();
}

static bool transfer(struct client *client, CURL *handle, struct buf *answer, json_t **out,
                     struct error *err)
{
    long code = 0;
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, CLIENT_REQUEST_MS);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_bytes);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, answer);
    CURLcode why = curl_easy_perform(handle);
    if (why != CURLE_OK)
        return client_transfer_error(client, why, err);
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &code);
    if (code < 200 || code > 299)
        return client_status_error(code, buf_str(answer), err);
    if (out)
        *out = answer_json(answer);
    return true;
}

bool client_request(struct client *client, const char *method, const char *path,
                    const char *content_type, const json_t *body, json_t **out, struct error *err)
{
    CLEANUP(buf_free) struct buf answer = BUF_INIT(CLIENT_ANSWER_MAX);
    CLEANUP(buf_free) struct buf sent = BUF_TEXT;
    struct curl_slist *headers = NULL;
    CURL *handle = client_take(client);
    if (!handle)
        return error_unavailable(err, "out of memory");
    bool ok = client_prepare(client, handle, path, &headers, err);
    if (ok) {
        if (body) {
            json_write(&sent, body);
            add_body(handle, content_type, &sent, &headers);
        }
        curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, method);
        curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
        ok = transfer(client, handle, &answer, out, err);
    }
    client_give(client, handle);
    curl_slist_free_all(headers);
    return ok;
}

bool client_get(struct client *client, const char *path, json_t **out, struct error *err)
{
    return client_request(client, "GET", path, NULL, NULL, out, err);
}

bool client_create(struct client *client, const char *path, const json_t *object, json_t **out,
                   struct error *err)
{
    return client_request(client, "POST", path, "application/json", object, out, err);
}

bool client_patch(struct client *client, const char *path, const json_t *patch, json_t **out,
                  struct error *err)
{
    return client_request(client, "PATCH", path, "application/merge-patch+json", patch, out, err);
}

bool client_delete(struct client *client, const char *path, const json_t *options,
                   struct error *err)
{
    return client_request(client, "DELETE", path, "application/json", options, NULL, err);
}
