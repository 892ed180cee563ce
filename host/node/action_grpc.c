/* grpc probes: one Check of the standard health service, over HTTP/2 without TLS.
 * Source: gRPC Health Checking Protocol; upstream pkg/probe/grpc for the words. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/parse.h"
#include "host/node/action_internal.h"

#define SERVICE_MAX   4096
#define PREFIX_SIZE   5 /* of a message: not compressed, its length */
#define UNIMPLEMENTED 12

struct answer {
    struct buf body;
    int64_t grpc_status; /* -1: not told */
};

/* HealthCheckRequest{service: 1}, with its prefix. */
static void write_check(struct buf *out, const char *service)
{
    size_t len = strlen(service);
    size_t head = !len ? 0 : len < 128 ? 2 : 3, message = head + len;
    const char prefix[PREFIX_SIZE] = {0, 0, 0, (char)(message >> 8), (char)message};
    const char field[] = {0x0a, (char)(len < 128 ? len : (len & 127) | 128), (char)(len >> 7)};
    buf_add(out, prefix, sizeof(prefix));
    buf_add(out, field, head);
    buf_add(out, service, len);
}

/* The HealthCheckResponse's status; 0 (UNKNOWN) when it says none. */
static unsigned read_status(const struct buf *body)
{
    const char *message = body->len > PREFIX_SIZE + 1 ? body->data + PREFIX_SIZE : NULL;
    return message && message[0] == 0x08 ? (unsigned char)message[1] : 0;
}

/* Of headers and trailers alike. */
static size_t take_header(char *data, size_t size, size_t count, void *arg)
{
    static const char name[] = "grpc-status:";
    struct answer *answer = arg;
    size_t len = size * count;
    if (len > sizeof(name) && strncasecmp(data, name, sizeof(name) - 1) == 0) {
        struct str value =
            str_trim((struct str){data + sizeof(name) - 1, len - (sizeof(name) - 1)});
        if (!parse_i64(value, 0, 1000, &answer->grpc_status))
            answer->grpc_status = -1;
    }
    return len;
}

static CURLcode check(const struct action_target *target, const char *service,
                      struct answer *answer)
{
    CURL *handle = curl_easy_init();
    CLEANUP(buf_free) struct buf request = BUF_INIT(SERVICE_MAX + 16);
    CLEANUP(free_ptr)
    char *url = xasprintf("http://%s:%u/grpc.health.v1.Health/Check", target->host, target->port);
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/grpc");
    headers = curl_slist_append(headers, "TE: trailers");
    write_check(&request, service);
    CURLcode why = CURLE_OUT_OF_MEMORY;
    if (handle) {
        action_prepare_curl(handle, target, url, &answer->body);
        curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE);
        curl_easy_setopt(handle, CURLOPT_USERAGENT, "kube-probe/1.32");
        curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.data);
        curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE, (long)request.len);
        curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, take_header);
        curl_easy_setopt(handle, CURLOPT_HEADERDATA, answer);
        why = curl_easy_perform(handle);
        curl_easy_cleanup(handle);
    }
    curl_slist_free_all(headers);
    return why;
}

/* Upstream's words. */
static void say_why(char output[ACTION_OUTPUT_SIZE], const struct action_target *target,
                    CURLcode why, const struct answer *answer)
{
    static const char *const statuses[] = {"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"};
    unsigned status = read_status(&answer->body);
    long long limit_s = (long long)target->action->timeout_ms / 1000;
    if (why == CURLE_OPERATION_TIMEDOUT)
        (void)snprintf(output, ACTION_OUTPUT_SIZE,
                       "timeout: health rpc did not complete within %llds", limit_s);
    else if (why == CURLE_COULDNT_CONNECT)
        (void)snprintf(output, ACTION_OUTPUT_SIZE,
                       "timeout: failed to connect service \"%s:%u\" within %llds", target->host,
                       target->port, limit_s);
    else if (answer->grpc_status == UNIMPLEMENTED)
        action_say(output, "error: this server does not implement the grpc health protocol "
                           "(grpc.health.v1.Health)");
    else if (why != CURLE_OK || answer->grpc_status > 0)
        (void)snprintf(output, ACTION_OUTPUT_SIZE, "error: health rpc probe failed: %s",
                       why != CURLE_OK ? curl_easy_strerror(why) : "the call failed");
    else
        (void)snprintf(output, ACTION_OUTPUT_SIZE, "service unhealthy (responded with \"%s\")",
                       status < ARRAY_LEN(statuses) ? statuses[status] : "UNKNOWN");
}

bool action_run_grpc(const struct action *action, const json_t *spec,
                     char output[ACTION_OUTPUT_SIZE])
{
    struct action_target target;
    struct answer answer = {.body = BUF_INIT(ACTION_BODY_MAX), .grpc_status = -1};
    const char *service = json_text(spec, "service");
    if (!action_find_target(action, spec, &target) || (service && strlen(service) > SERVICE_MAX)) {
        action_say(output, "the probe's address is not known");
        return false;
    }
    CURLcode why = check(&target, service ? service : "", &answer);
    bool serves = why == CURLE_OK && answer.grpc_status <= 0 && read_status(&answer.body) == 1;
    if (!serves)
        say_why(output, &target, why, &answer);
    buf_free(&answer.body);
    return serves;
}
