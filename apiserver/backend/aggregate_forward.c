/* Requests for what another server serves: passed on with the client's identity in headers, which
 * the server believes because the front proxy's certificate comes with them. */
#include <stdio.h>
#include <string.h>

#include "apiserver/backend/aggregate_internal.h"
#include "apiserver/api_internal.h"
#include "apiserver/backend/backend.h"
#include "apiserver/custom.h"
#include "apiserver/backend/forward.h"
#include "base/parse.h"

#define DISCOVERY_MS 5000 /* upstream's aggregatedDiscoveryTimeout */
#define AGGREGATOR   "system:aggregator"
#define OPENAPI_PATH "/openapi/v3"

/* ---- whose ---- */

/* Cuts "/apis/GROUP/VERSION" exactly; owned copies. */
static bool split_discovery(const char *path, char **group, char **version)
{
    static const struct str prefix = {"/apis/", 6};
    struct str rest = str_of(path);
    if (!str_starts(rest, prefix))
        return false;
    rest.data += prefix.len;
    rest.len -= prefix.len;
    struct str first = str_cut(&rest, '/');
    if (!first.len || !rest.len || memchr(rest.data, '/', rest.len))
        return false;
    *group = str_dup(first);
    *version = str_dup(rest);
    return true;
}

static const step_fn aggregate_chain[] = {step_aggregate, NULL};

enum step_result aggregate_dispatch(struct request *request)
{
    const struct route *route = &request->route;
    CLEANUP(free_ptr) char *group = NULL;
    CLEANUP(free_ptr) char *version = NULL;
    const char *path = route->path;
    if (request->caller)
        return STEP_NEXT;
    if (!route->is_resource) {
        if (text_starts(path, OPENAPI_PATH "/"))
            path += sizeof(OPENAPI_PATH) - 1;
        if (!split_discovery(path, &group, &version))
            return STEP_NEXT;
    }
    const char *of_group = group ? group : route->group,
               *of_version = version ? version : route->version;
    if (!*of_group || !aggregate_may_serve(of_group, of_version))
        return STEP_NEXT;
    enum step_result result = aggregates_load(request);
    if (result != STEP_NEXT)
        return result;
    request->aggregate = aggregates_find(request->aggregates, of_group, of_version);
    if (request->aggregate)
        request->chain = aggregate_chain;
    return STEP_NEXT;
}

bool aggregate_streams(const step_fn *chain)
{
    return chain == aggregate_chain;
}

/* ---- headers that name the client ---- */

static void add_header(struct buf *out, const char *name, const char *value)
{
    buf_printf(out, "%s: ", name);
    for (; *value; value++) /* no identity can begin a header of its own */
        buf_add_char(out, (unsigned char)*value < ' ' ? ' ' : *value);
    buf_add_text(out, "\r\n");
}

/* A key of extra as part of a header's name: what may not be there is percent-encoded. */
static char *extra_name(const char *key)
{
    struct buf name = BUF_TEXT;
    buf_add_text(&name, "X-Remote-Extra-");
    for (; *key; key++) {
        if (*key != '%' && head_name_char(*key))
            buf_add_char(&name, *key);
        else
            buf_printf(&name, "%%%02X", (unsigned char)*key);
    }
    return buf_take(&name);
}

void aggregate_add_user(struct buf *out, const struct user *user)
{
    const char *key;
    json_t *values, *value;
    size_t i;
    add_header(out, "X-Remote-User", user->name);
    for (size_t g = 0; g < user->groups.count; g++)
        add_header(out, "X-Remote-Group", user->groups_said[g]);
    json_object_foreach (user->extra, key, values) {
        CLEANUP(free_ptr) char *name = extra_name(key);
        json_array_foreach (values, i, value)
            if (json_is_string(value))
                add_header(out, name, json_string_value(value));
    }
}

/* ---- passing on ---- */

static enum step_result unavailable(struct request *request)
{
    return reply_text(request, 503, "service unavailable\n");
}

static bool is_long(const struct request *request)
{
    static const char *const subs[] = {"attach", "exec", "proxy", "log", "portforward"};
    for (size_t i = 0; i < ARRAY_LEN(subs); i++)
        if (strcmp(request->route.sub, subs[i]) == 0)
            return true;
    return strcmp(request->route.verb, "watch") == 0 || forward_is_upgrade(request);
}

static unsigned head_ms(const struct request *request)
{
    if (!request->route.is_resource)
        return DISCOVERY_MS;
    return is_long(request) ? 0 : FORWARD_REQUEST_MS;
}

/* The target as it came, without the cluster's prefix. */
static char *path_of(const struct request *request)
{
    const char *path = request->target;
    for (unsigned cut = request->route.cluster ? 2 : 0; cut; cut--) {
        path += strspn(path, "/");
        path += strcspn(path, "/?");
    }
    return xstrdup(*path ? path : "/");
}

static bool find_place(struct request *request, const struct aggregate_item *item,
                       struct reach_place *place)
{
    char port[12];
    CLEANUP(error_clear) struct error ignored = {0};
    (void)snprintf(port, sizeof(port), "%u", item->port);
    const struct reach_target target = {
        .kind = REACH_SERVICE, .ns = item->ns, .name = item->service, .port = port};
    return reach_resolve(request->cluster, &target, place, &ignored);
}

enum step_result step_aggregate(struct request *request)
{
    const struct aggregate_item *item = request->aggregate;
    CLEANUP(forward_target_clear) struct forward_target target = {.more = BUF_TEXT};
    CLEANUP(keypair_clear) struct keypair identity = {0};
    if (!item->available)
        return unavailable(request);
    if (!request->may_block)
        return STEP_BLOCK;
    if (!find_place(request, item, &target.place))
        return unavailable(request);
    if (!aggregate_identity(request->cluster, &identity, &request->error))
        return STEP_FAIL;
    target.flags = FORWARD_TLS | FORWARD_PLAIN_ERRORS | (item->insecure ? FORWARD_INSECURE : 0);
    target.server_name = xasprintf("%s.%s.svc", item->service, item->ns);
    target.roots = item->roots ? xstrdup(item->roots) : NULL;
    target.cert = TAKE(identity.cert);
    target.key = TAKE(identity.key);
    target.host = xasprintf("%s:%u", target.place.address, target.place.port);
    target.path = path_of(request);
    target.head_ms = head_ms(request);
    if (text_starts(request->route.path, OPENAPI_PATH)) {
        struct user aggregator = {.name = (char *)(uintptr_t)AGGREGATOR};
        aggregate_add_user(&target.more, &aggregator);
    } else {
        aggregate_add_user(&target.more, &request->user);
    }
    return forward_start(request, &target);
}
