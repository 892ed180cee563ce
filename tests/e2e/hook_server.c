/* A webhook for the walks: admission and conversion over TLS, by path. It is put into an image,
 * too, and links nothing of ours: in a Pod no sanitizer starts.
 *
 *   hook_server PORT CERTIFICATE KEY
 *
 * GET /calls/PATH tells how often PATH was asked for. Reviews are read as text, which will do for
 * those that a Warren writes. */
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BODY_MAX  ((size_t)4 << 20)
#define SLOW_S    40 /* longer than any webhook may take */
#define PATHS_MAX 16

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned calls[PATHS_MAX]; /* guarded by lock: by the row of the path */

struct visit {
    char *body; /* terminated */
    size_t len;
};

/* ---- answers ---- */

/* The text of the first string member of that name, "" when there is none. */
static void find_text(const char *body, const char *name, char *out, size_t size)
{
    char key[64];
    (void)snprintf(key, sizeof(key), "\"%s\":\"", name);
    const char *at = strstr(body, key);
    const char *start = at ? at + strlen(key) : "\"";
    (void)snprintf(out, size, "%.*s", (int)strcspn(start, "\""), start);
}

/* An AdmissionReview whose response has `fields` besides its uid; owned. */
static char *review_of(const char *body, const char *fields)
{
    char uid[64], *text = NULL;
    find_text(body, "uid", uid, sizeof(uid));
    if (asprintf(
            &text,
            "{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\",\"response\":{"
            "\"uid\":\"%s\",%s}}",
            uid, fields) < 0)
        return NULL;
    return text;
}

/* From JSON patches in base64. */
#define PATCH(base64) "\"allowed\":true,\"patchType\":\"JSONPatch\",\"patch\":\"" base64 "\""
/* [{"op":"add","path":"/data/stage-1","value":"yes"}], and 2 */
#define STAGE_1 PATCH("W3sib3AiOiJhZGQiLCJwYXRoIjoiL2RhdGEvc3RhZ2UtMSIsInZhbHVlIjoieWVzIn1d")
#define STAGE_2 PATCH("W3sib3AiOiJhZGQiLCJwYXRoIjoiL2RhdGEvc3RhZ2UtMiIsInZhbHVlIjoieWVzIn1d")

static char *allow(const char *body)
{
    return review_of(body, "\"allowed\":true");
}

static char *deny(const char *body)
{
    return review_of(body, "\"allowed\":false");
}

static char *deny_message(const char *body)
{
    return review_of(body, "\"allowed\":false,\"status\":{\"code\":409,\"reason\":\"Conflict\","
                           "\"message\":\"not today\"}");
}

static char *stage_1(const char *body)
{
    return review_of(body, STAGE_1);
}

/* What the first stage has put there is what the second waits for. */
static char *stage_2(const char *body)
{
    return review_of(body, strstr(body, "\"stage-1\":\"yes\"") ? STAGE_2 : "\"allowed\":true");
}

static char *warn(const char *body)
{
    return review_of(body, "\"allowed\":true,\"warnings\":[\"mind the gap\"],"
                           "\"auditAnnotations\":{\"seen\":\"yes\"}");
}

static char *slow(const char *body)
{
    sleep(SLOW_S);
    return allow(body);
}

/* Denies what is not asked for trying alone. */
static char *only_dry(const char *body)
{
    return strstr(body, "\"dryRun\":true") ? allow(body) : deny(body);
}

static char *broken(const char *body)
{
    (void)body;
    return NULL;
}

/* ---- conversion ---- */

/* The end of the array that begins at `start`, as far as brackets in texts do not disturb. */
static const char *array_end(const char *start)
{
    int depth = 0;
    bool quoted = false;
    for (const char *at = start; *at; at++) {
        if (*at == '"' && at[-1] != '\\')
            quoted = !quoted;
        else if (!quoted && (*at == '[' || *at == ']'))
            depth += *at == '[' ? 1 : -1;
        if (depth == 0)
            return at + 1;
    }
    return start + strlen(start);
}

/* v1 says `host` for what v2 says `address` for. */
static const struct rewording {
    const char *v1, *v2;
} rewordings[] = {
    {"\"apiVersion\":\"hooks.example.com/v1\"", "\"apiVersion\":\"hooks.example.com/v2\""},
    {"\"host\":", "\"address\":"}};

static void reword(FILE *out, const char *from, const char *end, bool to_v2)
{
    while (from < end) {
        const char *old = NULL, *new = NULL;
        for (size_t i = 0; i < sizeof(rewordings) / sizeof(rewordings[0]) && !old; i++) {
            const char *before = to_v2 ? rewordings[i].v1 : rewordings[i].v2;
            if (strncmp(from, before, strlen(before)) != 0)
                continue;
            old = before;
            new = to_v2 ? rewordings[i].v2 : rewordings[i].v1;
        }
        if (old) {
            (void)fputs(new, out);
            from += strlen(old);
        } else {
            (void)fputc(*from++, out);
        }
    }
}

static char *convert(const char *body)
{
    char uid[64], *text = NULL;
    size_t size = 0;
    const char *objects = strstr(body, "\"objects\":[");
    FILE *out = open_memstream(&text, &size);
    find_text(body, "uid", uid, sizeof(uid));
    if (!objects || !out)
        abort();
    objects += strlen("\"objects\":");
    (void)fprintf(out,
                  "{\"kind\":\"ConversionReview\",\"apiVersion\":\"apiextensions.k8s.io/v1\","
                  "\"response\":{\"uid\":\"%s\",\"result\":{\"status\":\"Success\"},"
                  "\"convertedObjects\":",
                  uid);
    reword(out, objects, array_end(objects),
           strstr(body, "\"desiredAPIVersion\":\"hooks.example.com/v2\"") != NULL);
    (void)fputs("}}", out);
    (void)fclose(out);
    return text;
}

/* ---- the server ---- */

static const struct path {
    const char *path;
    char *(*answer)(const char *body); /* NULL from it: 500 */
} paths[] = {
    {"/allow", allow},     {"/deny", deny},         {"/deny-message", deny_message},
    {"/stage-1", stage_1}, {"/stage-2", stage_2},   {"/warn", warn},
    {"/slow", slow},       {"/only-dry", only_dry}, {"/broken", broken},
    {"/redirect", broken}, {"/convert", convert},
};
#define PATH_COUNT (sizeof(paths) / sizeof(paths[0]))
_Static_assert(PATH_COUNT <= PATHS_MAX, "every path is counted");

static size_t find_path(const char *path)
{
    size_t i = 0;
    while (i < PATH_COUNT && strcmp(paths[i].path, path) != 0)
        i++;
    return i;
}

static enum MHD_Result reply(struct MHD_Connection *http, unsigned code, const char *text)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
    MHD_add_response_header(response, "Content-Type", "application/json");
    if (code == 307)
        MHD_add_response_header(response, "Location", "https://127.0.0.1:6443/");
    enum MHD_Result result = MHD_queue_response(http, code, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result tell_calls(struct MHD_Connection *http, const char *path)
{
    char text[16];
    size_t at = find_path(path);
    if (at == PATH_COUNT)
        return reply(http, 404, "no such path");
    pthread_mutex_lock(&lock);
    (void)snprintf(text, sizeof(text), "%u", calls[at]);
    pthread_mutex_unlock(&lock);
    return reply(http, 200, text);
}

static enum MHD_Result answer(struct MHD_Connection *http, const char *path,
                              const struct visit *visit)
{
    size_t at = find_path(path);
    if (strncmp(path, "/calls/", 7) == 0)
        return tell_calls(http, path + 6);
    if (at == PATH_COUNT || !visit->body)
        return reply(http, 404, "no such path");
    pthread_mutex_lock(&lock);
    calls[at]++;
    pthread_mutex_unlock(&lock);
    if (strcmp(path, "/redirect") == 0)
        return reply(http, 307, "elsewhere");
    char *text = paths[at].answer(visit->body);
    enum MHD_Result result = text ? reply(http, 200, text) : reply(http, 500, "boom");
    free(text);
    return result;
}

static bool add_data(struct visit *visit, const char *data, size_t size)
{
    char *grown = visit->len + size < BODY_MAX ? realloc(visit->body, visit->len + size + 1) : NULL;
    if (!grown)
        return false;
    memcpy(grown + visit->len, data, size);
    visit->body = grown;
    visit->len += size;
    grown[visit->len] = '\0';
    return true;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *http, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **context)
{
    struct visit *visit = *context;
    (void)cls, (void)method, (void)version;
    if (!visit) {
        *context = calloc(1, sizeof(*visit));
        return *context ? MHD_YES : MHD_NO;
    }
    if (!*size)
        return answer(http, url, visit);
    bool added = add_data(visit, data, *size);
    *size = 0;
    return added ? MHD_YES : MHD_NO;
}

static void on_end(void *cls, struct MHD_Connection *http, void **context,
                   enum MHD_RequestTerminationCode code)
{
    struct visit *visit = *context;
    (void)cls, (void)http, (void)code;
    if (visit)
        free(visit->body);
    free(visit);
}

static char *read_file(const char *path)
{
    char *text = calloc(1, 65536);
    FILE *file = fopen(path, "re");
    if (!file || !text || fread(text, 1, 65535, file) == 0) {
        perror(path);
        exit(1);
    }
    (void)fclose(file);
    return text;
}

int main(int argc, char **argv)
{
    sigset_t stop;
    int signal_number;
    if (argc != 4) {
        (void)fprintf(stderr, "usage: hook_server PORT CERTIFICATE KEY\n");
        return 2;
    }
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    pthread_sigmask(SIG_BLOCK, &stop, NULL);
    char *certificate = read_file(argv[2]), *key = read_file(argv[3]);
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_TLS,
        (uint16_t)strtoul(argv[1], NULL, 10), NULL, NULL, on_request, NULL,
        MHD_OPTION_HTTPS_MEM_KEY, key, MHD_OPTION_HTTPS_MEM_CERT, certificate,
        MHD_OPTION_NOTIFY_COMPLETED, on_end, NULL, MHD_OPTION_END);
    if (!daemon) {
        (void)fprintf(stderr, "cannot listen on port %s\n", argv[1]);
        return 1;
    }
    sigwait(&stop, &signal_number);
    _exit(0); /* slow answers are not waited for */
}
