/* tests/apiserver/support_hook.h: a webhook over TLS on loopback, with a certificate authority of
 * its own. What it answers depends on the path, by the rows of the test that starts it. */
#pragma once
#include <microhttpd.h>
#include <pthread.h>

#include "base/json.h"

#define HOOK_SEEN_MAX 64

struct hook_server;

/* One path. `answer` gets the review and makes the whole answer (new); NULL: 500 "boom". */
struct hook_path {
    const char *path;
    json_t *(*answer)(struct hook_server *server, const json_t *review);
};

struct hook_server {
    struct MHD_Daemon *daemon;
    unsigned port;
    char *url, *ca_base64, *other_ca_base64; /* "https://127.0.0.1:PORT"; another authority's */
    const struct hook_path *paths;           /* NULL-ended */
    pthread_mutex_t lock;
    pthread_cond_t released;
    bool release;                /* guarded by lock: slow answers may go */
    unsigned met;                /* guarded by lock: answers that wait for each other */
    json_t *seen[HOOK_SEEN_MAX]; /* guarded by lock: reviews, in order */
    char *seen_paths[HOOK_SEEN_MAX];
    size_t seen_count;
};

void hook_server_start(struct hook_server *server, const struct hook_path *paths);
void hook_server_stop(struct hook_server *server);
/* Forgets what was seen. */
void hook_server_clear(struct hook_server *server);
size_t hook_server_calls(struct hook_server *server);
/* The last review's request; borrowed until the next clear. */
const json_t *hook_server_request(struct hook_server *server);
/* Waits until hook_server_release() or 20 s: for answers that come too late. */
void hook_server_wait(struct hook_server *server);
/* Waits until so many answers do, or 20 s: false. */
bool hook_server_meet(struct hook_server *server, unsigned wanted);
void hook_server_release(struct hook_server *server);

/* The AdmissionReview that answers `review`; `response` (taken) is what follows uid. */
json_t *hook_answer(const json_t *review, json_t *response);
/* The response with a JSON patch, given as text. */
json_t *hook_patch(const json_t *review, const char *patch);
