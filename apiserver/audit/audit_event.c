#include "apiserver/audit/audit_event.h"

#include <arpa/inet.h>
#include <string.h>

#include "apiserver/api_internal.h"
#include "apiserver/connection.h"
#include "apiserver/render.h"
#include "apiserver/status.h"
#include "base/clock.h"
#include "schema/meta.h"

#define AGENT_MAX    1024 /* upstream's, with what follows */
#define AGENT_CUT    "...TRUNCATED"
#define SOURCES_MAX  32
#define CLUSTER_NOTE "tenancy.warren.dev/cluster"
#define CUT_NOTE     "audit.k8s.io/truncated" /* as upstream's backend that cuts says it */

/* ---- who and from where ---- */

static json_t *describe_user(const struct user *user)
{
    json_t *out = json_object();
    if (!user)
        return out;
    json_set_text(out, "username", user->name);
    if (user->uid && *user->uid)
        json_set_text(out, "uid", user->uid);
    for (size_t i = 0; i < user->groups.count; i++)
        json_array_append_new(json_ensure_array(out, "groups"), json_string(user->groups_said[i]));
    if (user->extra && json_object_size(user->extra))
        json_object_set_new(out, "extra", json_deep_copy(user->extra));
    return out;
}

static const char *header(const struct request *request, const char *name)
{
    return request->http ? MHD_lookup_connection_value(request->http, MHD_HEADER_KIND, name) : NULL;
}

/* Appends the address when it is one, and not the last already. */
static void add_source(json_t *list, struct str text)
{
    char address[INET6_ADDRSTRLEN];
    struct in6_addr ignored;
    text = str_trim(text);
    if (!text.len || text.len >= sizeof(address) || json_array_size(list) >= SOURCES_MAX)
        return;
    memcpy(address, text.data, text.len);
    address[text.len] = '\0';
    const char *last = json_string_value(json_array_get(list, json_array_size(list) - 1));
    if ((inet_pton(AF_INET, address, &ignored) == 1 ||
         inet_pton(AF_INET6, address, &ignored) == 1) &&
        !text_eq(last, address))
        json_array_append_new(list, json_string(address));
}

static void add_peer(json_t *list, const struct request *request)
{
    char address[INET6_ADDRSTRLEN] = "127.0.0.1"; /* of our own components */
    const union MHD_ConnectionInfo *info =
        request->http ? MHD_get_connection_info(request->http, MHD_CONNECTION_INFO_CLIENT_ADDRESS)
                      : NULL;
    const struct sockaddr *peer = info ? info->client_addr : NULL;
    if (peer && peer->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)peer)->sin_addr, address,
                  sizeof(address));
    if (peer && peer->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr, address,
                  sizeof(address));
    add_source(list, str_of(address));
}

/* Proxies on the way say for whom they ask, and are believed as little as upstream does. */
static json_t *describe_sources(const struct request *request)
{
    json_t *list = json_array();
    const char *forwarded = header(request, "X-Forwarded-For"),
               *real = header(request, "X-Real-Ip");
    struct str rest = str_of(forwarded ? forwarded : "");
    while (rest.len)
        add_source(list, str_cut(&rest, ','));
    if (real)
        add_source(list, str_of(real));
    add_peer(list, request);
    return list;
}

static void add_agent(json_t *fields, const struct request *request)
{
    const char *agent = request->http ? header(request, "User-Agent") : "warren";
    if (!agent || !*agent)
        return;
    if (strlen(agent) <= AGENT_MAX) {
        json_set_text(fields, "userAgent", agent);
        return;
    }
    CLEANUP(free_ptr) char *cut = xasprintf("%.*s" AGENT_CUT, AGENT_MAX, agent);
    json_set_text(fields, "userAgent", cut);
}

/* ---- what ---- */

static void add_text(json_t *object, const char *key, const char *text)
{
    if (text && *text)
        json_set_text(object, key, text);
}

/* A call from inside has no URI: the one that it would have. */
static void add_uri(json_t *fields, const struct request *request)
{
    const struct route *route = &request->route;
    if (request->http) {
        json_set_text(fields, "requestURI", request->target);
        return;
    }
    bool in_ns = *route->ns && strcmp(route->plural, "namespaces") != 0;
    CLEANUP(free_ptr)
    char *uri = xasprintf("%s%s/%s%s%s/%s%s%s%s%s", *route->group ? "/apis/" : "/api", route->group,
                          route->version, in_ns ? "/namespaces/" : "", in_ns ? route->ns : "",
                          route->plural, *route->name ? "/" : "", route->name,
                          *route->sub ? "/" : "", route->sub);
    json_set_text(fields, "requestURI", uri);
}

static json_t *describe_object(const struct route *route)
{
    json_t *out = json_object();
    add_text(out, "resource", route->plural);
    add_text(out, "namespace", route->ns);
    add_text(out, "name", route->name);
    add_text(out, "apiGroup", route->group);
    add_text(out, "apiVersion", route->version);
    add_text(out, "subresource", route->sub);
    return out;
}

static void make_id(struct audit_entry *entry, const struct request *request)
{
    const char *given = header(request, "Audit-Id");
    _Static_assert(sizeof(entry->id) >= UUID_TEXT_SIZE, "an id of ours fits");
    if (!given || !*given || strlen(given) > AUDIT_ID_MAX)
        uuid_make(entry->id);
    else
        memcpy(entry->id, given, strlen(given) + 1);
}

struct audit_entry *audit_entry_new(const struct request *request, const struct user *user,
                                    struct audit_verdict verdict)
{
    const struct route *route = &request->route;
    struct audit_entry *entry = xcalloc(1, sizeof(*entry));
    entry->verdict = verdict;
    entry->asked = entry->answer = BUF_INIT(AUDIT_OBJECT_MAX);
    entry->received_us = clock_now_us() - (clock_mono_ns() - request->start_mono_ns) / 1000;
    entry->runs_long = route_runs_long(route);
    entry->fields = json_object();
    make_id(entry, request);
    add_uri(entry->fields, request);
    json_set_text(entry->fields, "verb", route->verb);
    json_object_set_new(entry->fields, "user", describe_user(user));
    json_object_set_new(entry->fields, "sourceIPs", describe_sources(request));
    add_agent(entry->fields, request);
    if (route->is_resource)
        json_object_set_new(entry->fields, "objectRef", describe_object(route));
    audit_entry_annotate(entry, CLUSTER_NOTE, request->cluster->name);
    return entry;
}

void audit_entry_free(struct audit_entry *entry)
{
    if (!entry)
        return;
    json_decref(entry->fields);
    buf_free(&entry->asked);
    buf_free(&entry->answer);
    free(entry);
}

/* ---- what becomes known ---- */

void audit_entry_impersonated(struct audit_entry *entry, const struct user *user)
{
    json_object_set_new(entry->fields, "impersonatedUser", describe_user(user));
}

void audit_entry_annotate(struct audit_entry *entry, const char *key, const char *value)
{
    json_t *annotations = json_ensure_object(entry->fields, "annotations");
    if (!json_object_get(annotations, key))
        json_set_text(annotations, key, value);
}

/* Of an object, or of every item of a list. */
static void drop_managed(json_t *object)
{
    json_t *item;
    size_t i;
    json_object_del(json_object_get(object, "metadata"), "managedFields");
    json_array_foreach (json_object_get(object, "items"), i, item)
        json_object_del(json_object_get(item, "metadata"), "managedFields");
}

/* Writes what the policy keeps of it; what is too large is left out. */
static void write_object(struct audit_entry *entry, struct buf *out, const json_t *object)
{
    json_auto_t *copy = NULL;
    if (entry->verdict.omits_managed) {
        copy = json_deep_copy(object);
        drop_managed(copy);
    }
    json_write(out, copy ? copy : object);
    if (buf_ok(out))
        return;
    buf_free(out);
    audit_entry_annotate(entry, CUT_NOTE, "true");
}

static void fill(json_t *reference, const char *key, const char *text)
{
    if (!json_object_get(reference, key))
        add_text(reference, key, text);
}

void audit_entry_asked(struct audit_entry *entry, const json_t *object)
{
    json_t *reference = json_ensure_object(entry->fields, "objectRef");
    fill(reference, "namespace", json_text(object, "metadata", "namespace"));
    fill(reference, "name", json_text(object, "metadata", "name"));
    fill(reference, "uid", json_text(object, "metadata", "uid"));
    fill(reference, "resourceVersion", json_text(object, "metadata", "resourceVersion"));
    if (entry->verdict.level < AUDIT_REQUEST)
        return;
    buf_clear(&entry->asked);
    write_object(entry, &entry->asked, object);
}

void audit_entry_patch(struct audit_entry *entry, struct str body)
{
    CLEANUP(error_clear) struct error ignored = {0}; /* then there is nothing to show */
    if (entry->verdict.level < AUDIT_REQUEST || entry->asked.len || !body.len)
        return;
    json_auto_t *tree = *body.data == '{' || *body.data == '['
                            ? json_parse(body, JSON_LOAD_LENIENT, &ignored)
                            : yaml_parse(body, JSON_LOAD_LENIENT, &ignored);
    if (tree)
        write_object(entry, &entry->asked, tree);
}

/* Of a Status that is the answer, what is not about its list; of anything else the code alone. */
void audit_entry_status(struct audit_entry *entry, const struct request *request, unsigned code)
{
    static const char *const kept[] = {"status", "message", "reason", "details"};
    CLEANUP(buf_free) struct buf text = BUF_INIT(AUDIT_OBJECT_MAX);
    CLEANUP(error_clear) struct error ignored = {0}; /* it is of our own making */
    json_auto_t *status = NULL, *out = json_object();
    json_object_set_new(out, "metadata", json_object());
    if (request->error.code) {
        status_write(&text, &request->error, NULL);
        status = json_parse(buf_str(&text), JSON_LOAD_LENIENT, &ignored);
    } else if (request->reply.kind == REPLY_JSON &&
               text_eq(json_text(request->reply.json, "kind"), "Status")) {
        status = json_incref(request->reply.json);
    }
    for (size_t i = 0; status && i < ARRAY_LEN(kept); i++)
        if (json_object_get(status, kept[i]))
            json_object_set(out, kept[i], json_object_get(status, kept[i]));
    json_object_set_new(out, "code", json_integer(code));
    json_object_set(entry->fields, "responseStatus", out);
}

void audit_entry_cut(struct audit_entry *entry)
{
    json_t *status = json_ensure_object(entry->fields, "responseStatus");
    json_object_set_new(status, "metadata", json_object());
    json_set_text(status, "status", "Success");
    json_set_text(status, "message", "Connection closed early");
    json_object_set_new(status, "code", json_integer(200));
}

/* As the client gets it, but in JSON. */
static void render(struct buf *out, struct request *request)
{
    const struct reply *reply = &request->reply;
    if (request->error.code)
        status_write(out, &request->error, NULL);
    else if (reply->kind == REPLY_OBJECT)
        render_object(out, request, reply->object);
    else if (reply->kind == REPLY_LIST)
        render_list(out, request);
    else if (reply->kind == REPLY_JSON)
        json_write(out, reply->json);
}

void audit_entry_answer(struct audit_entry *entry, struct request *request)
{
    CLEANUP(error_clear) struct error ignored = {0}; /* it is of our own making */
    if (entry->verdict.level < AUDIT_REQUEST_RESPONSE || !request->route.is_resource)
        return;
    buf_clear(&entry->answer);
    render(&entry->answer, request);
    if (!buf_ok(&entry->answer)) {
        buf_free(&entry->answer);
        audit_entry_annotate(entry, CUT_NOTE, "true");
        return;
    }
    if (!entry->verdict.omits_managed || !entry->answer.len)
        return;
    json_auto_t *tree = json_parse(buf_str(&entry->answer), JSON_LOAD_LENIENT, &ignored);
    buf_clear(&entry->answer);
    if (tree)
        write_object(entry, &entry->answer, tree);
}

/* ---- the line ---- */

static void write_text(struct buf *out, const char *key, const char *text)
{
    buf_printf(out, ",\"%s\":", key);
    json_write_string(out, str_of(text));
}

static void write_field(struct buf *out, const struct audit_entry *entry, const char *key)
{
    const json_t *value = json_object_get(entry->fields, key);
    if (!value)
        return;
    buf_printf(out, ",\"%s\":", key);
    json_write(out, value);
}

static void write_raw(struct buf *out, const char *key, const struct buf *json)
{
    if (!json->len)
        return;
    buf_printf(out, ",\"%s\":", key);
    buf_add_str(out, buf_str(json));
}

static void write_time(struct buf *out, const char *key, int64_t at_us)
{
    char text[TIME_TEXT_SIZE];
    time_format_micro(at_us, text);
    write_text(out, key, text);
}

void audit_entry_write(const struct audit_entry *entry, enum audit_stage stage, struct buf *out)
{
    static const char *const before[] = {"requestURI", "verb",      "user",      "impersonatedUser",
                                         "sourceIPs",  "userAgent", "objectRef", "responseStatus"};
    buf_add_text(out, "{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\"");
    write_text(out, "level", audit_level_names[entry->verdict.level]);
    write_text(out, "auditID", entry->id);
    write_text(out, "stage", audit_stage_names[stage]);
    for (size_t i = 0; i < ARRAY_LEN(before); i++)
        write_field(out, entry, before[i]);
    write_raw(out, "requestObject", &entry->asked);
    write_raw(out, "responseObject", &entry->answer);
    write_time(out, "requestReceivedTimestamp", entry->received_us);
    write_time(out, "stageTimestamp",
               stage == AUDIT_RECEIVED ? entry->received_us : clock_now_us());
    write_field(out, entry, "annotations");
    buf_add_char(out, '}');
}
