/* tests/bench/http.h: one keep-alive HTTPS connection for measuring: no pool, no retries, nothing
 * between the clock and the wire. */
#pragma once
#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"

struct target { /* from a kubeconfig; owned, frozen */
    char host[64], port[8];
    char *prefix; /* path before /api, "" or "/clusters/NAME" */
    void *tls;    /* SSL_CTX */
};
bool target_open(const char *kubeconfig, struct target *target, struct error *err);
void target_close(struct target *target);

struct http;
/* Connects and shakes hands. NULL when that fails. */
struct http *http_open(const struct target *target);
void http_close(struct http *http);
/* What the connection's requests accept from now on; `media_type` must outlive it. JSON at first.
 */
void http_accept(struct http *http, const char *media_type);
/* One exchange; the status, or 0 when the connection broke. `body` (may be NULL) gets the answer's.
 */
int http_call(struct http *http, const char *method, const char *path, const char *content_type,
              struct str send, struct buf *body);
/* Begins a GET whose answer is a stream of lines; then http_line gives one at a time, borrowed;
 * false at its end. */
int http_stream(struct http *http, const char *path);
bool http_line(struct http *http, struct str *line);
