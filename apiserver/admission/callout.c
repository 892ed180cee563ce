#include "apiserver/admission/callout.h"

#include <curl/curl.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <openssl/x509_vfy.h>

#include "apiserver/api_internal.h"
#include "apiserver/admission/callout_service.h"
#include "base/clock.h"

#define IDLE_MAX     64
#define IDLE_NS      ((int64_t)30 * 1000000000)
#define ADDRESS_SIZE 72
#define SAID_MAX     2048 /* of what a failing server said, in an error */

struct idle {
    char *key; /* cluster and place */
    CURL *handle;
    int64_t since_mono_ns;
};

struct callouts {
    bool anywhere;
    atomic_bool stopping;
    pthread_mutex_t lock;
    struct idle idle[IDLE_MAX]; /* guarded by lock; the longest idle first */
    size_t idle_count;
};

static void start_curl(void)
{
    (void)curl_global_init(
        CURL_GLOBAL_DEFAULT); /* fails only when memory is out; so will the next call */
}

struct callouts *callouts_new(bool anywhere)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start_curl);
    struct callouts *callouts = xcalloc(1, sizeof(*callouts));
    callouts->anywhere = anywhere;
    pthread_mutex_init(&callouts->lock, NULL);
    return callouts;
}

void callouts_stop(struct callouts *callouts)
{
    atomic_store(&callouts->stopping, true);
}

/* Under the lock, or alone. */
static void forget(struct callouts *callouts, size_t index)
{
    struct idle *idle = &callouts->idle[index];
    curl_easy_cleanup(idle->handle);
    free(idle->key);
    callouts->idle_count--;
    memmove(idle, idle + 1, (callouts->idle_count - index) * sizeof(*idle));
}

void callouts_free(struct callouts *callouts)
{
    if (!callouts)
        return;
    while (callouts->idle_count)
        forget(callouts, callouts->idle_count - 1);
    pthread_mutex_destroy(&callouts->lock);
    free(callouts);
}

/* ---- idle connections ---- */

/* One that was used for the same place, or a new one; takes old ones away. */
static CURL *take_handle(struct callouts *callouts, const char *key)
{
    CURL *found = NULL;
    int64_t now = clock_mono_ns();
    pthread_mutex_lock(&callouts->lock);
    while (callouts->idle_count && now - callouts->idle[0].since_mono_ns > IDLE_NS)
        forget(callouts, 0);
    for (size_t i = callouts->idle_count; i-- > 0 && !found;)
        if (strcmp(callouts->idle[i].key, key) == 0) {
            found = TAKE(callouts->idle[i].handle);
            forget(callouts, i); /* its entry: curl_easy_cleanup() takes NULL */
        }
    pthread_mutex_unlock(&callouts->lock);
    return found ? found : curl_easy_init();
}

static void give_handle(struct callouts *callouts, const char *key, CURL *handle)
{
    curl_easy_reset(handle); /* keeps the connection */
    pthread_mutex_lock(&callouts->lock);
    if (callouts->idle_count == IDLE_MAX)
        forget(callouts, 0);
    callouts->idle[callouts->idle_count++] = (struct idle){xstrdup(key), handle, clock_mono_ns()};
    pthread_mutex_unlock(&callouts->lock);
}

/* ---- one call ---- */

struct exchange {
    struct api *api;
    struct cluster *cluster;
    const struct callout *call;
    char url[4096], place[1024]; /* place: what of the URL says where */
    char host[256];              /* of a Service: the name that its certificate must have */
    char address[ADDRESS_SIZE];  /* that was dialled last */
    bool refused;                /* it was one that a tenant may not choose */
    struct buf *answer;
};

static void write_address(char out[ADDRESS_SIZE], const struct sockaddr *address)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 six;
        memcpy(&six, address, sizeof(six));
        inet_ntop(AF_INET6, &six.sin6_addr, text, sizeof(text));
        (void)snprintf(out, ADDRESS_SIZE, "[%s]:%u", text, ntohs(six.sin6_port));
    } else if (address->sa_family == AF_INET) {
        struct sockaddr_in four;
        memcpy(&four, address, sizeof(four));
        inet_ntop(AF_INET, &four.sin_addr, text, sizeof(text));
        (void)snprintf(out, ADDRESS_SIZE, "%s:%u", text, ntohs(four.sin_port));
    }
}

static bool same_address(const struct sockaddr *a, const struct sockaddr *b)
{
    if (!b || a->sa_family != b->sa_family)
        return false;
    if (a->sa_family == AF_INET)
        return memcmp(&((const struct sockaddr_in *)(const void *)a)->sin_addr,
                      &((const struct sockaddr_in *)(const void *)b)->sin_addr,
                      sizeof(struct in_addr)) == 0;
    return a->sa_family == AF_INET6 &&
           memcmp(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr,
                  &((const struct sockaddr_in6 *)(const void *)b)->sin6_addr,
                  sizeof(struct in6_addr)) == 0;
}

/* True also when it cannot be found out. */
static bool is_own(const struct sockaddr *address)
{
    struct ifaddrs *all = NULL;
    if (getifaddrs(&all) != 0)
        return true;
    bool own = false;
    for (struct ifaddrs *one = all; one && !own; one = one->ifa_next)
        own = same_address(address, one->ifa_addr);
    freeifaddrs(all);
    return own;
}

static bool may_dial(const struct exchange *exchange, const struct sockaddr *address)
{
    if (exchange->cluster->id == CLUSTER_HOST_ID || exchange->api->callouts->anywhere)
        return true;
    return !callout_is_private(address) && !is_own(address);
}

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct exchange *exchange = arg;
    (void)purpose;
    write_address(exchange->address, &address->addr);
    if (may_dial(exchange, &address->addr))
        return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    exchange->refused = true;
    return CURL_SOCKET_BAD;
}

static size_t take_answer(char *data, size_t size, size_t count, void *arg)
{
    struct exchange *exchange = arg;
    buf_add(exchange->answer, data, size * count);
    return buf_ok(exchange->answer) ? size * count : 0;
}

static int look_up(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct exchange *exchange = arg;
    (void)a, (void)b, (void)c, (void)d;
    return atomic_load_explicit(&exchange->api->callouts->stopping, memory_order_relaxed);
}

/* `target->url` begins with https://, which is checked when it is stored. */
static bool write_place(struct exchange *exchange, struct error *err)
{
    const struct callout *call = exchange->call;
    const struct callout_target *target = call->target;
    const char *separator = *call->query ? "?" : "";
    int place, url;
    if (target->url) {
        bool bare = !strchr(target->url + strlen("https://"), '/');
        place = snprintf(exchange->place, sizeof(exchange->place), "%s%s", target->url,
                         bare ? "/" : "");
    } else {
        (void)snprintf(exchange->host, sizeof(exchange->host), "%s.%s.svc", target->name,
                       target->ns);
        place = snprintf(exchange->place, sizeof(exchange->place), "https://%s:%u%s",
                         exchange->host, target->port, *target->path ? target->path : "/");
    }
    url = snprintf(exchange->url, sizeof(exchange->url), "%s%s%s", exchange->place, separator,
                   call->query);
    if (place < 0 || (size_t)place >= sizeof(exchange->place) || url < 0 ||
        (size_t)url >= sizeof(exchange->url))
        return error_set(err, ERROR_INTERNAL, "the webhook's address is too long");
    return true;
}

static void set_trust(CURL *handle, const struct callout_target *target)
{
    if (!target->ca_pem.len)
        return;
    struct curl_blob blob = {.data = (void *)(uintptr_t)target->ca_pem.data,
                             .len = target->ca_pem.len,
                             .flags = CURL_BLOB_COPY};
    curl_easy_setopt(handle, CURLOPT_CAPATH, NULL); /* only what was named is trusted */
    curl_easy_setopt(handle, CURLOPT_CAINFO_BLOB, &blob);
}

static void set_up(CURL *handle, struct exchange *exchange, struct curl_slist *headers)
{
    const struct callout *call = exchange->call;
    curl_easy_setopt(handle, CURLOPT_URL, exchange->url);
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(handle, CURLOPT_PROXY, "");
    curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(handle, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(handle, CURLOPT_MAXCONNECTS, 1L);
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, call->body.data);
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, (long)call->timeout_ms);
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, (long)call->timeout_ms);
    curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(handle, CURLOPT_OPENSOCKETDATA, exchange);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, exchange);
    curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, look_up);
    curl_easy_setopt(handle, CURLOPT_XFERINFODATA, exchange);
    curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
    set_trust(handle, call->target);
}

/* ---- what went wrong, as Go's client says it ---- */

static const char *tls_reason(CURL *handle)
{
    long result = 0;
    curl_easy_getinfo(handle, CURLINFO_SSL_VERIFYRESULT, &result);
    switch (result) {
    case X509_V_OK:
    case X509_V_ERR_UNSPECIFIED: /* what libcurl leaves when only the name is wrong */
        return "tls: failed to verify certificate: x509: certificate is not valid for the name "
               "that was "
               "asked for";
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return "tls: failed to verify certificate: x509: certificate has expired or is not yet "
               "valid";
    default:
        return "tls: failed to verify certificate: x509: certificate signed by unknown authority";
    }
}

static const struct failure {
    CURLcode code;
    const char *text;
} failures[] = {
    {CURLE_OPERATION_TIMEDOUT, "context deadline exceeded"},
    {CURLE_ABORTED_BY_CALLBACK, "context canceled"},
    {CURLE_COULDNT_RESOLVE_HOST, "dial tcp: lookup failed: no such host"},
    {CURLE_SSL_CACERT_BADFILE,
     "unable to load root certificates: unable to parse bytes as PEM block"},
    {CURLE_SSL_CONNECT_ERROR, "remote error: tls: handshake failure"},
    {CURLE_GOT_NOTHING, "EOF"},
    {CURLE_SEND_ERROR, "EOF"},
    {CURLE_RECV_ERROR, "EOF"},
    {CURLE_PARTIAL_FILE, "unexpected EOF"},
    {CURLE_WRITE_ERROR, "the answer is too large"},
};

static const char *failure_text(CURLcode code)
{
    for (size_t i = 0; i < ARRAY_LEN(failures); i++)
        if (failures[i].code == code)
            return failures[i].text;
    return curl_easy_strerror(code);
}

static bool transfer_failed(struct exchange *exchange, CURL *handle, CURLcode code,
                            struct error *err)
{
    long number = 0;
    if (exchange->refused)
        return error_set(err, ERROR_INTERNAL, "Post \"%s\": dial tcp %s: address not allowed",
                         exchange->url, exchange->address);
    if (code == CURLE_COULDNT_CONNECT) {
        curl_easy_getinfo(handle, CURLINFO_OS_ERRNO, &number);
        return error_set(err, ERROR_INTERNAL, "Post \"%s\": dial tcp %s: connect: %s",
                         exchange->url, exchange->address,
                         number == ECONNREFUSED ? "connection refused" : "no route to host");
    }
    return error_set(err, ERROR_INTERNAL, "Post \"%s\": %s", exchange->url,
                     code == CURLE_PEER_FAILED_VERIFICATION ? tls_reason(handle)
                                                            : failure_text(code));
}

static const struct status_row {
    long code;
    const char *text;
} status_rows[] = {
    {400, "the server rejected our request for an unknown reason"},
    {401, "the server has asked for the client to provide credentials"},
    {404, "the server could not find the requested resource"},
    {405, "the server does not allow this method on the requested resource"},
    {409, "the server reported a conflict"},
    {422, "the server rejected our request due to an error in our request"},
    {429, "the server has received too many requests and has asked us to try again later"},
    {503, "the server is currently unable to handle the request"},
    {504, "the server was unable to return a response in the time allotted, but may still be "
          "processing the request"},
};

static bool status_failed(const struct exchange *exchange, long code, struct error *err)
{
    struct str said = str_trim(buf_str(exchange->answer));
    int len = (int)(said.len < SAID_MAX ? said.len : SAID_MAX);
    for (size_t i = 0; i < ARRAY_LEN(status_rows); i++)
        if (status_rows[i].code == code)
            return error_set(err, ERROR_INTERNAL, "%s", status_rows[i].text);
    if (code >= 500 || code == 403)
        return error_set(
            err, ERROR_INTERNAL,
            "an error on the server (\"%.*s\") has prevented the request from succeeding", len,
            len ? said.data : "");
    return error_set(
        err, ERROR_INTERNAL,
        "the server responded with the status code %ld but did not return more information", code);
}

static bool perform(struct exchange *exchange, CURL *handle, struct error *err)
{
    long status = 0;
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    headers = curl_slist_append(headers, "Accept: application/json, */*");
    headers = curl_slist_append(headers, "User-Agent: kube-apiserver-admission");
    headers = curl_slist_append(headers, "Expect:");
    set_up(handle, exchange, headers);
    CURLcode code = curl_easy_perform(handle);
    bool ok = code == CURLE_OK;
    if (ok)
        curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    else
        (void)transfer_failed(exchange, handle, code, err);
    if (ok && (status < 200 || status > 299))
        ok = status_failed(exchange, status, err);
    curl_slist_free_all(headers);
    return ok;
}

/* To a Service: not by libcurl. */
static bool post_to_service(struct exchange *exchange, struct error *err)
{
    CLEANUP(error_clear) struct error dial = {0};
    const char *why = NULL, *path = strchr(exchange->url + strlen("https://"), '/');
    long status = 0;
    if (callout_service(exchange->api, exchange->cluster, exchange->call, exchange->host, path,
                        exchange->answer, &status, &why, &dial))
        return (status >= 200 && status <= 299) || status_failed(exchange, status, err);
    if (dial.code == 404)
        return error_set(err, ERROR_INTERNAL, "Post \"%s\": service \"%s\" not found",
                         exchange->url, exchange->call->target->name);
    return error_set(err, ERROR_INTERNAL, "Post \"%s\": %s", exchange->url,
                     dial.code ? dial.message : why);
}

bool callout_post(struct api *api, struct cluster *cluster, const struct callout *call,
                  struct buf *answer, struct error *err)
{
    struct callouts *callouts = api->callouts;
    struct exchange exchange = {.api = api, .cluster = cluster, .call = call, .answer = answer};
    *answer = BUF_INIT(call->answer_max);
    bool ok = write_place(&exchange, err);
    if (ok && !call->target->url)
        return post_to_service(&exchange, err);
    CLEANUP(free_ptr) char *key = xasprintf("%lld %s", (long long)cluster->id, exchange.place);
    CURL *handle = ok ? take_handle(callouts, key) : NULL;
    if (handle) {
        ok = perform(&exchange, handle, err);
        give_handle(callouts, key, handle);
    } else if (ok) {
        ok = error_set(err, ERROR_INTERNAL, "out of memory");
    }
    return ok;
}
