/* apiserver/admission/callout.h: a POST of JSON to a webhook that somebody configured, over HTTPS.
 *
 * Where it goes is chosen by whoever may write the configuration, a tenant for one. So a Service is
 * reached through its Pods' node and their own network (reach.h), whatever address it claims; and a
 * tenant's URL must not lead to a loopback, link-local, private or host address, which is checked
 * on the very address that is dialled. Redirects are not followed, proxies not used, the
 * certificate always verified. Blocks: lane threads (lanes.h) only. */
#pragma once
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "store/cluster.h"

#define CALLOUT_TIMEOUT_MAX_MS 30000
#define CALLOUT_ANSWER_MAX     ((size_t)3 << 20)

struct api;

/* A webhook's clientConfig; strings are the caller's. */
struct callout_target {
    const char *url; /* NULL: a Service */
    const char *ns, *name, *path;
    unsigned port;
    struct str ca_pem; /* empty: the system's roots */
};

struct callout {
    const struct callout_target *target;
    const char *query; /* behind the path; "" for none */
    struct str body;
    int64_t timeout_ms;
    size_t answer_max;
};

struct callouts;                               /* idle connections, kept for the next call */
struct callouts *callouts_new(bool anywhere);  /* tenants' URLs may lead to private addresses too */
void callouts_stop(struct callouts *callouts); /* ends the calls that are under way */
void callouts_free(struct callouts *callouts);

/* `answer` (made here) gets the body of a 2xx. On failure `err` has the words of Go's client:
 * `Post "https://name.ns.svc:443/path?timeout=10s": context deadline exceeded`. */
MUST_CHECK bool callout_post(struct api *api, struct cluster *cluster, const struct callout *call,
                             struct buf *answer, struct error *err);

/* Whether a tenant may not choose this address (IPv4, or IPv6 with its embedded forms), by what it
 * is; the host's own addresses apart. For tests. */
struct sockaddr;
bool callout_is_private(const struct sockaddr *address);
