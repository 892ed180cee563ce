/* The steps that every request takes: which cluster, who, may they, and to whom it goes. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "apiserver/backend/aggregate.h"
#include "apiserver/api_internal.h"
#include "apiserver/audit/audit.h"
#include "apiserver/connection.h"
#include "apiserver/custom.h"
#include "apiserver/meter.h"
#include "apiserver/documents/documents.h"
#include "apiserver/api_hook.h"
#include "apiserver/negotiate.h"
#include "apiserver/special.h"
#include "apiserver/steps.h"
#include "apiserver/view.h"
#include "auth/auth.h"
#include "base/clock.h"
#include "base/go_duration.h"
#include "rbac/rbac.h"
#include "schema/go_text.h"
#include "schema/local_volume.h"

#define IDENTITY_NS ((int64_t)60 * 1000000000)

static enum step_result not_served(struct request *request)
{
    error_set(&request->error, ERROR_NOT_FOUND, "the server could not find the requested resource");
    return STEP_FAIL;
}

static bool is_custom(const struct request *request)
{
    return request->resource && request->resource->type && request->resource->type->custom;
}

/* Custom resources have a handler of their own, upstream, that names what was wanted. */
static enum step_result not_allowed(struct request *request)
{
    const char *key = is_custom(request) ? request->resource->key : NULL;
    if (key) {
        error_set(&request->error, ERROR_METHOD_NOT_ALLOWED,
                  "%s is not supported on resources of kind \"%s\"", request->route.verb, key);
        error_details(&request->error, key, NULL);
        return STEP_FAIL;
    }
    error_set(&request->error, ERROR_METHOD_NOT_ALLOWED,
              "the server does not allow this method on the requested resource");
    return STEP_FAIL;
}

static void route_call(struct request *request)
{
    const struct call *call = &request->call;
    const struct resource *row = call->row ?: resource_by_key(call->resource);
    request->route = (struct route){
        .path = "",
        .is_resource = true,
        .verb = call->verb,
        .group = row ? row->group : "",
        .version = row ? row->version : "",
        .plural = row ? row->plural : call->resource,
        .sub = call->sub,
        .ns = call->ns,
        .name = call->name,
        .rest = "",
    };
    if (!call->selector)
        return;
    request->route.args = xcalloc(1, sizeof(*request->route.args));
    request->route.args[request->route.arg_count++] =
        (struct route_arg){"labelSelector", call->selector};
}

/* What runs long takes its time. Others are answered well before any timeout that makes sense, so
 * that it is only looked at. */
static bool check_timeout(struct request *request)
{
    const char *timeout = route_arg(&request->route, "timeout");
    int64_t ns;
    if (!timeout || !*timeout || route_runs_long(&request->route) ||
        go_duration_parse(str_of(timeout), &ns))
        return true;
    CLEANUP(buf_free) struct buf why = BUF_TEXT;
    go_duration_error(&why, str_of(timeout));
    return error_bad_request(&request->error, "invalid timeout specified in the request URL - %s",
                             buf_ok(&why) ? why.data : "");
}

enum step_result step_route(struct request *request)
{
    if (request->caller) {
        route_call(request);
        return STEP_NEXT;
    }
    if (request->body_too_large) {
        error_set(&request->error, ERROR_TOO_LARGE, "Request entity too large: limit is %zu",
                  BODY_MAX);
        return STEP_FAIL;
    }
    return route_parse(&request->route, request->method, request->target, &request->error) &&
                   check_timeout(request)
               ? STEP_NEXT
               : STEP_FAIL;
}

/* ---- cluster ---- */

static const char *header(const struct request *request, const char *name)
{
    return request->http ? MHD_lookup_connection_value(request->http, MHD_HEADER_KIND, name) : NULL;
}

/* The label of NAME.domain in the Host header; false when the header names no cluster. */
static bool host_label(const struct request *request, char out[64])
{
    const char *host = header(request, "Host"), *domain = request->api->domain;
    if (!host || !domain)
        return false;
    size_t len = strcspn(host, ":"), domain_len = strlen(domain);
    if (len <= domain_len + 1 || len - domain_len - 1 >= 64 || host[len - domain_len - 1] != '.' ||
        strncasecmp(host + len - domain_len, domain, domain_len) != 0)
        return false;
    memcpy(out, host, len - domain_len - 1);
    out[len - domain_len - 1] = '\0';
    return true;
}

static struct cluster *find_cluster(const struct request *request)
{
    struct store *store = request->api->store;
    const struct connection *connection = request->connection;
    char label[64];
    if (request->caller)
        return cluster_ref(request->caller->cluster);
    if (connection && connection->pinned)
        return request->route.cluster ? NULL : cluster_ref(connection->cluster);
    if (request->route.cluster)
        return store_cluster(store, request->route.cluster);
    if (connection && connection->cluster)
        return cluster_ref(connection->cluster);
    if (connection && connection->astray)
        return NULL;
    if (host_label(request, label))
        return store_cluster(store, label);
    return store_cluster_by_id(store, CLUSTER_HOST_ID);
}

enum step_result step_cluster(struct request *request)
{
    request->cluster = find_cluster(request);
    if (!request->cluster)
        return not_served(request);
    atomic_store_explicit(&request->cluster->used_mono_ns, clock_mono_ns(), memory_order_relaxed);
    return STEP_NEXT;
}

/* ---- who ---- */

static struct str bearer(const struct request *request)
{
    static const char prefix[] = "Bearer ";
    const char *value = header(request, "Authorization");
    if (!value)
        return (struct str){0};
    if (strncasecmp(value, prefix, sizeof(prefix) - 1) != 0)
        return (struct str){0};
    return str_trim(str_of(value + sizeof(prefix) - 1));
}

static bool known_identity(struct request *request, bool has_bearer)
{
    const struct connection *connection = request->connection;
    if (!connection || has_bearer || connection->identity_cluster != request->cluster->id ||
        clock_mono_ns() - connection->identity_mono_ns > IDENTITY_NS)
        return false;
    user_copy(&request->user, &connection->identity);
    return true;
}

static void remember_identity(struct request *request, const struct credentials *credentials)
{
    struct connection *connection = request->connection;
    if (!connection || credentials->bearer.data || !credentials->peer_cert_der.len)
        return;
    user_clear(&connection->identity);
    user_copy(&connection->identity, &request->user);
    connection->identity_cluster = request->cluster->id;
    connection->identity_mono_ns = clock_mono_ns();
}

/* What a service-account token is checked against. */
static bool warm_identity(struct request *request)
{
    static const char *const resources[] = {"serviceaccounts", "pods", "secrets", "nodes"};
    if (!auth_warm(request->cluster, &request->error))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(resources); i++)
        if (!cache_warm(request->cluster, resources[i], &request->error))
            return false;
    return true;
}

enum step_result step_authenticate(struct request *request)
{
    if (request->caller) {
        user_copy(&request->user, request->caller->user);
        return STEP_NEXT;
    }
    struct credentials credentials = {.bearer = bearer(request)};
    if (known_identity(request, credentials.bearer.data))
        return STEP_NEXT;
    if (request->connection)
        credentials.peer_cert_der = connection_peer(request->connection);
    enum auth_result result = auth_authenticate(request->cluster, &credentials, &request->user);
    if (result == AUTH_COLD) {
        if (!request->may_block)
            return STEP_BLOCK;
        if (!warm_identity(request))
            return STEP_FAIL;
        result = auth_authenticate(request->cluster, &credentials, &request->user);
    }
    switch (result) {
    case AUTH_OK:
        remember_identity(request, &credentials);
        return STEP_NEXT;
    case AUTH_ANONYMOUS:
        return STEP_NEXT;
    case AUTH_COLD:
        error_unavailable(&request->error, "the credentials could not be checked");
        return STEP_FAIL;
    case AUTH_DENIED:
        break;
    }
    error_set(&request->error, ERROR_UNAUTHORIZED, "Unauthorized");
    audit_nobody(request);
    return STEP_FAIL;
}

/* ---- may they ---- */

/* `reason` may be NULL. */
static enum step_result authorize(struct request *request, const struct rbac_attributes *attributes,
                                  char **reason)
{
    enum rbac_decision decision = rbac_authorize(request->cluster, attributes, reason);
    if (decision == RBAC_COLD) {
        if (!request->may_block)
            return STEP_BLOCK;
        if (!rbac_warm(request->cluster, &request->error))
            return STEP_FAIL;
        decision = rbac_authorize(request->cluster, attributes, reason);
    }
    if (decision == RBAC_ALLOW)
        return STEP_NEXT;
    rbac_forbid(&request->error, attributes);
    return STEP_FAIL;
}

static bool is_read(const char *verb)
{
    return strcmp(verb, "get") == 0 || strcmp(verb, "list") == 0 || strcmp(verb, "watch") == 0;
}

enum step_result step_authorize(struct request *request)
{
    const struct route *route = &request->route;
    if (request->trusted)
        return STEP_NEXT;
    struct rbac_attributes attributes = {
        .user = &request->user,
        .verb = route->verb,
        .group = route->group,
        .resource = route->plural,
        .subresource = route->sub,
        .ns = route->ns,
        .name = route->name,
        .path = route->is_resource ? NULL : route->path,
        .pod_node = route_selected(route, "spec.nodeName"),
        .volume_node = route_labelled(route, LOCAL_VOLUME_NODE),
    };
    char *reason = NULL;
    enum step_result result =
        authorize(request, &attributes, audit_wanted(request) ? &reason : NULL);
    if (result != STEP_BLOCK && audit_wanted(request))
        audit_authorized(request, result == STEP_NEXT, reason);
    if (result != STEP_BLOCK)
        request->authorized = result == STEP_NEXT ? AUTHORIZED_YES : AUTHORIZED_NO;
    if (result != STEP_NEXT || request->caller || is_read(route->verb))
        return result;
    if (atomic_load(&request->cluster->state) != CLUSTER_ACTIVE) {
        error_set(&request->error, ERROR_FORBIDDEN,
                  "forbidden: this cluster is suspended: it can be read, not changed");
        return STEP_FAIL;
    }
    return STEP_NEXT;
}

/* Headers that name another identity: each needs the right to impersonate it. */
static enum step_result may_impersonate(struct request *request, const char *group,
                                        const char *resource, const char *sub, const char *ns,
                                        const char *name)
{
    struct rbac_attributes attributes = {
        .user = &request->user,
        .verb = "impersonate",
        .group = group,
        .resource = resource,
        .subresource = sub,
        .ns = ns,
        .name = name,
    };
    return authorize(request, &attributes, NULL);
}

struct impersonation {
    struct request *request;
    struct user user;
    bool has_groups;
    enum step_result result;
};

static enum MHD_Result each_group(void *cls, enum MHD_ValueKind kind, const char *key,
                                  const char *value)
{
    struct impersonation *as = cls;
    (void)kind;
    if (!value || strcasecmp(key, "Impersonate-Group") != 0)
        return MHD_YES;
    as->has_groups = true;
    as->result = may_impersonate(as->request, "", "groups", "", "", value);
    user_add_group(&as->user, value);
    return as->result == STEP_NEXT ? MHD_YES : MHD_NO;
}

/* The key of an Impersonate-Extra-KEY header, in lower case, its percent signs undone; owned. */
static char *extra_key(const char *header_name)
{
    char *key = xstrdup(header_name), *to = key;
    for (const char *from = key; *from; from++) {
        unsigned byte;
        char hex[3] = {from[1], from[1] ? from[2] : '\0', '\0'};
        bool escaped = *from == '%' && strspn(hex, "0123456789abcdefABCDEF") == 2 &&
                       sscanf(hex, "%2x", &byte) == 1 && byte;
        *to++ = escaped ? (char)byte : (char)(*from >= 'A' && *from <= 'Z' ? *from + 32 : *from);
        from += escaped ? 2 : 0;
    }
    *to = '\0';
    return key;
}

static enum MHD_Result each_extra(void *cls, enum MHD_ValueKind kind, const char *key,
                                  const char *value)
{
    static const char prefix[] = "Impersonate-Extra-";
    struct impersonation *as = cls;
    (void)kind;
    if (!value || strncasecmp(key, prefix, sizeof(prefix) - 1) != 0)
        return MHD_YES;
    CLEANUP(free_ptr) char *name = extra_key(key + sizeof(prefix) - 1);
    if (!as->user.extra)
        as->user.extra = json_object();
    json_array_append_new(json_ensure_array(as->user.extra, name), json_string(value));
    as->result =
        may_impersonate(as->request, "authentication.k8s.io", "userextras", name, "", value);
    return as->result == STEP_NEXT ? MHD_YES : MHD_NO;
}

/* A service account brings its groups, unless others are named. */
static enum step_result impersonate_user(struct request *request, struct impersonation *as,
                                         const char *name)
{
    static const char prefix[] = "system:serviceaccount:";
    if (!text_starts(name, prefix) || !strchr(name + sizeof(prefix) - 1, ':'))
        return may_impersonate(request, "", "users", "", "", name);
    struct str account = str_of(name + sizeof(prefix) - 1);
    CLEANUP(free_ptr) char *ns = str_dup(str_cut(&account, ':'));
    CLEANUP(free_ptr) char *bare = str_dup(account);
    if (!as->has_groups)
        user_add_account_groups(&as->user, str_of(ns));
    return may_impersonate(request, "", "serviceaccounts", "", ns, bare);
}

static enum step_result impersonate(struct request *request, struct impersonation *as,
                                    const char *name, const char *uid)
{
    MHD_get_connection_values(request->http, MHD_HEADER_KIND, each_group, as);
    if (as->result == STEP_NEXT)
        as->result = impersonate_user(request, as, name);
    if (as->result == STEP_NEXT)
        MHD_get_connection_values(request->http, MHD_HEADER_KIND, each_extra, as);
    if (as->result == STEP_NEXT && uid)
        as->result = may_impersonate(request, "authentication.k8s.io", "uids", "", "", uid);
    return as->result;
}

/* Who says that somebody is not authenticated is believed. */
static void add_kind_of_user(struct user *user)
{
    static const char unknown[] = "system:unauthenticated";
    bool anonymous = strcmp(user->name, "system:anonymous") == 0;
    if (anonymous || !user_in(user, unknown))
        user_add_group(user, anonymous ? unknown : "system:authenticated");
}

/* What needs a user to go with. */
static enum MHD_Result each_other(void *cls, enum MHD_ValueKind kind, const char *key,
                                  const char *value)
{
    (void)kind;
    bool uid = strcasecmp(key, "Impersonate-Uid") == 0 && value && *value;
    if (!uid && strcasecmp(key, "Impersonate-Group") != 0 &&
        strncasecmp(key, "Impersonate-Extra-", 18) != 0)
        return MHD_YES;
    *(bool *)cls = true;
    return MHD_NO;
}

enum step_result step_impersonate(struct request *request)
{
    const char *name = header(request, "Impersonate-User"),
               *uid = header(request, "Impersonate-Uid");
    struct impersonation as = {.request = request, .result = STEP_NEXT};
    bool others = false;
    if (!request->http)
        return STEP_NEXT;
    if (!name || !*name) {
        MHD_get_connection_values(request->http, MHD_HEADER_KIND, each_other, &others);
        if (!others)
            return STEP_NEXT;
        error_bad_request(&request->error, "requested to impersonate without impersonating a user");
        return STEP_FAIL;
    }
    if (impersonate(request, &as, name, uid) != STEP_NEXT) {
        user_clear(&as.user);
        return as.result;
    }
    as.user.name = xstrdup(name);
    as.user.uid = uid ? xstrdup(uid) : NULL;
    add_kind_of_user(&as.user);
    user_clear(&request->user);
    request->user = as.user;
    audit_impersonated(request);
    return STEP_NEXT;
}

/* ---- to whom ---- */

static const step_fn get_chain[] = {step_get, NULL};
static const step_fn list_chain[] = {step_list, NULL};
static const step_fn watch_chain[] = {step_watch, NULL};
static const step_fn post_chain[] = {
    step_options,        step_compute,     step_decode,   step_create_meta,    step_track,
    step_admit,          step_create_fill, step_allocate, step_create_prepare, step_create_validate,
    step_admit_validate, step_track_end,   step_quota,    step_store,          NULL};
static const step_fn put_chain[] = {
    step_options,        step_compute,   step_decode,   step_update_read,    step_update_rebase,
    step_track,          step_admit,     step_allocate, step_update_prepare, step_update_validate,
    step_admit_validate, step_track_end, step_quota,    step_store,          NULL};
static const step_fn patch_chain[] = {
    step_options,        step_compute,   step_patch_read, step_patch,          step_update_rebase,
    step_track,          step_admit,     step_allocate,   step_update_prepare, step_update_validate,
    step_admit_validate, step_track_end, step_quota,      step_store,          NULL};
static const step_fn delete_chain[] = {step_delete, step_admit_delete, step_quota, step_store,
                                       NULL};
static const step_fn delete_collection_chain[] = {step_delete_collection, NULL};
static const step_fn document_chain[] = {step_document, NULL};

const step_fn *const create_chain = post_chain + 3;

static const struct verb_row {
    const char *verb;
    uint32_t flag;
    bool collection; /* addresses the collection, not one object */
    const step_fn *chain;
} verb_rows[] = {
    {"get", VERB_GET, false, get_chain},
    {"list", VERB_LIST, true, list_chain},
    {"watch", VERB_WATCH, true, watch_chain},
    {"create", VERB_CREATE, true, post_chain},
    {"update", VERB_UPDATE, false, put_chain},
    {"patch", VERB_PATCH, false, patch_chain},
    {"delete", VERB_DELETE, false, delete_chain},
    {"deletecollection", VERB_DELETE_COLLECTION, true, delete_collection_chain},
};

static const struct verb_row *verb_find(const char *verb)
{
    for (size_t i = 0; i < ARRAY_LEN(verb_rows); i++)
        if (strcmp(verb, verb_rows[i].verb) == 0)
            return &verb_rows[i];
    return NULL;
}

/* Resources that are built in have no HEAD, and watches by their path ask with GET. */
static bool fits_method(const struct request *request, const struct verb_row *row)
{
    bool head = strcmp(request->method, "HEAD") == 0;
    return request->caller ||
           (head ? is_custom(request)
                 : row->flag != VERB_WATCH || strcmp(request->method, "GET") == 0);
}

/* Whether the path has the shape that this scope and verb are served at. */
static bool scope_fits(const struct request *request, const struct verb_row *row)
{
    const struct route *route = &request->route;
    bool has_ns = *route->ns && strcmp(route->plural, "namespaces") != 0;
    if (!request->resource->namespaced)
        return !has_ns;
    return has_ns || strcmp(row->verb, "list") == 0 || strcmp(row->verb, "watch") == 0;
}

/* What upstream's handler of custom resources looks at first, whatever the verb: a path of the
 * other scope is none of theirs, and a verb for one object needs its name. */
static enum step_result check_custom_path(struct request *request, const struct verb_row *row)
{
    if (!is_custom(request) || request->caller)
        return STEP_NEXT;
    if (!scope_fits(request, row))
        return not_served(request);
    if (row->collection || *request->route.name || row->flag == VERB_GET)
        return STEP_NEXT;
    error_bad_request(&request->error, "name must be provided");
    return STEP_FAIL;
}

static enum step_result find_row(struct request *request)
{
    const struct route *route = &request->route;
    request->resource =
        resource_find(str_of(route->group), str_of(route->version), str_of(route->plural));
    const struct resource *row = request->resource;
    if (!row) {
        enum step_result result = custom_load(request);
        if (result != STEP_NEXT)
            return result;
        row = request->caller && !request->call.row
                  ? custom_by_key(request->custom, request->call.resource)
                  : custom_find(request->custom, route->group, route->version, route->plural);
        request->resource = row;
    }
    if (row && (!row->host_only || request->cluster->id == CLUSTER_HOST_ID))
        return STEP_NEXT;
    request->resource = NULL;
    return documents_absent(request);
}

static enum step_result find_subresource(struct request *request)
{
    const struct route *route = &request->route;
    const struct api_hook *hook = api_hook_find(request);
    request->sub = resource_sub(request->resource, str_of(route->sub));
    if (!request->sub && is_custom(request)) {
        error_not_found(&request->error, request->resource->key, route->name);
        return STEP_FAIL;
    }
    bool hooked = hook && hook->sub && !(request->sub && request->sub->type);
    if (hooked)
        request->chain = api_hook_chain;
    return request->sub || hooked ? STEP_NEXT : not_served(request);
}

/* A name that no object can have, in upstream's words. */
static bool check_name(struct request *request)
{
    const char *name = request->route.name;
    bool dots = strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
    if (!dots && !strchr(name, '%'))
        return true;
    return error_bad_request(&request->error, "Name parameter invalid: \"%s\": may not %s '%s'",
                             name, dots ? "be" : "contain", dots ? name : "%");
}

/* How much of an object goes with a Table's row. */
static bool check_include(struct request *request)
{
    const char *include = route_arg(&request->route, "includeObject");
    if (request->accept.shape != SHAPE_TABLE || !include || !*include || text_eq(include, "None") ||
        text_eq(include, "Metadata") || text_eq(include, "Object"))
        return true;
    CLEANUP(buf_free) struct buf quoted = BUF_TEXT;
    go_quote(&quoted, str_of(include));
    return error_bad_request(&request->error,
                             "Unable to convert to Table as requested: includeObject: Invalid "
                             "value: %s: must be 'Metadata', 'Object', 'None', or empty",
                             buf_ok(&quoted) ? quoted.data : "");
}

/* Kinds that upstream, or their definition, says to use no more. */
static void warn_of_kind(struct request *request)
{
    const char *warning = strcmp(request->resource->key, "componentstatuses") == 0
                              ? "v1 ComponentStatus is deprecated in v1.19+"
                              : request->resource->deprecation;
    if (!warning)
        return;
    warnings_add(&request->warnings, warning);
    meter_deprecated(request);
    audit_annotate(request, "k8s.io/deprecated", "true");
}

/* What cannot be read, such as a review, has no columns. */
static enum step_result choose_form(struct request *request, uint32_t verbs, bool watch)
{
    unsigned offers = ACCEPT_SHAPES;
    if (request->caller)
        return STEP_NEXT;
    warn_of_kind(request);
    if (request->type->flags & TYPE_NO_PROTOBUF)
        offers |= ACCEPT_NO_PROTOBUF;
    if (!(verbs & (VERB_GET | VERB_LIST)))
        offers |= ACCEPT_NO_TABLE;
    if (watch)
        offers |= ACCEPT_STREAM;
    return negotiate(request, offers, &request->error) && check_include(request) ? STEP_NEXT
                                                                                 : STEP_FAIL;
}

/* Any method goes, and what the client accepts is for the server behind. */
static enum step_result dispatch_proxy(struct request *request)
{
    enum step_result result = find_row(request);
    if (result == STEP_NEXT)
        result = find_subresource(request);
    if (result == STEP_NEXT)
        request->chain = special_chain(request->resource->key, request->route.sub, "");
    return result;
}

enum step_result step_dispatch(struct request *request)
{
    const struct route *route = &request->route;
    enum step_result result = aggregate_dispatch(request);
    if (result != STEP_NEXT || request->chain)
        return result;
    if (!route->is_resource) {
        request->chain = document_chain;
        return STEP_NEXT;
    }
    if (!request->caller && route_is_proxy(route))
        return dispatch_proxy(request);
    if ((result = find_row(request)) != STEP_NEXT)
        return result;
    if (route->is_deep)
        return not_served(request);
    const struct verb_row *row = verb_find(route->verb);
    if (!row || !fits_method(request, row))
        return not_allowed(request);
    if ((result = check_custom_path(request, row)) != STEP_NEXT)
        return result;
    if (*route->sub && ((result = find_subresource(request)) != STEP_NEXT || request->chain))
        return result;
    uint32_t verbs = request->sub ? request->sub->verbs : request->resource->verbs;
    request->view = view_find(request->resource, route->sub);
    request->storage = store_intern(
        request->view && request->view->storage ? request->view->storage : request->resource->key);
    request->type =
        request->sub && request->sub->type ? request->sub->type : request->resource->type;
    request->chain = special_chain(request->resource->key, route->sub, route->verb);
    if (!(verbs & row->flag))
        return not_allowed(request);
    if (!scope_fits(request, row))
        return row->flag == VERB_CREATE || row->flag == VERB_DELETE_COLLECTION
                   ? not_allowed(request)
                   : not_served(request);
    if (!request->sub && row->collection != (*route->name == '\0') && row->flag != VERB_LIST &&
        row->flag != VERB_WATCH)
        return not_allowed(request);
    if (!row->collection && !check_name(request))
        return STEP_FAIL;
    if (!request->chain)
        request->chain = row->chain;
    return choose_form(request, verbs, row->flag == VERB_WATCH);
}

enum step_result step_body(struct request *request)
{
    return request->early && !special_streams(request->chain) ? STEP_BODY : STEP_NEXT;
}
