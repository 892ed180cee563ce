#include "apiserver/audit/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "apiserver/api_internal.h"
#include "apiserver/audit/audit_event.h"
#include "apiserver/audit/audit_log.h"
#include "apiserver/audit/audit_policy.h"
#include "base/metrics.h"

#define POLICY_MAX ((size_t)1 << 20)
#define MIB        (INT64_C(1) << 20)
#define EVENT_MAX  (3 * AUDIT_OBJECT_MAX) /* two objects, and what is said of them */

static const struct metric_family events_family = {.name = "apiserver_audit_event_total",
                                                   .help = "[ALPHA] Audit events that were made.",
                                                   .kind = METRIC_COUNTER};
static const struct metric_family levels_family = {
    .name = "apiserver_audit_level_total",
    .help = "[ALPHA] Requests by the level that the audit policy gives them.",
    .kind = METRIC_COUNTER,
    .labels = {"level"}};

struct audit {
    struct audit_policy *policy;
    struct audit_log *log;
    struct metric *events, *levels[AUDIT_LEVELS];
};

/* ---- the server's ---- */

static bool read_file(const char *path, struct buf *out, struct error *err)
{
    char block[4096];
    ssize_t got = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && (got = read(fd, block, sizeof(block))) > 0)
        buf_add(out, block, (size_t)got);
    int why = errno;
    if (fd >= 0)
        close(fd);
    if (got < 0)
        return error_unavailable(err, "the audit policy %s cannot be read: %s", path,
                                 strerror(why));
    return buf_ok(out) || error_bad_request(err, "the audit policy %s is too long", path);
}

static struct audit_policy *read_policy(const char *path, struct error *err)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT(POLICY_MAX);
    if (!read_file(path, &text, err))
        return NULL;
    struct audit_policy *policy = audit_policy_read(buf_str(&text), err);
    if (!policy)
        error_wrap(err, "the audit policy %s", path);
    return policy;
}

bool audit_open(const struct api_audit_options *options, struct audit **out, struct error *err)
{
    struct audit *audit = NULL;
    *out = NULL;
    if (!options->policy_file || !options->log_path)
        return true;
    audit = xcalloc(1, sizeof(*audit));
    audit->policy = read_policy(options->policy_file, err);
    const struct audit_log_options log = {.path = options->log_path,
                                          .size_max_bytes = options->log_size_max_mib * MIB,
                                          .backups_max = options->log_backups_max,
                                          .age_max_days = options->log_age_max_days};
    audit->log = audit->policy ? audit_log_open(&log, err) : NULL;
    if (!audit->log) {
        audit_close(audit);
        return false;
    }
    audit->events = metric_series(&events_family, NULL);
    for (int i = AUDIT_NONE; i < AUDIT_LEVELS; i++)
        audit->levels[i] = metric_with(&levels_family, audit_level_names[i]);
    *out = audit;
    return true;
}

void audit_close(struct audit *audit)
{
    if (!audit)
        return;
    audit_log_close(audit->log);
    audit_policy_free(audit->policy);
    free(audit);
}

/* ---- a request's ---- */

static void put(const struct request *request, enum audit_stage stage)
{
    const struct audit_entry *entry = request->audit;
    struct audit *audit = request->api->audit;
    if (entry->verdict.omits & (1U << stage))
        return;
    struct buf line = BUF_INIT(EVENT_MAX);
    audit_entry_write(entry, stage, &line);
    metric_add(audit->events, 1);
    audit_log_put(audit->log, &line);
}

/* Reads from inside are of caches, and nobody's request; parts of a request are its own. */
static bool concerns(const struct request *request)
{
    static const char *const reads[] = {"get", "list", "watch"};
    if (request->audit_judged || request->trusted)
        return false;
    for (size_t i = 0; request->caller && i < ARRAY_LEN(reads); i++)
        if (text_eq(request->route.verb, reads[i]))
            return false;
    return true;
}

static void begin(struct request *request, const struct user *user)
{
    const struct route *route = &request->route;
    if (!concerns(request))
        return;
    const struct audit_asked asked = {.user = user,
                                      .verb = route->verb,
                                      .is_resource = route->is_resource,
                                      .group = route->group,
                                      .resource = route->plural,
                                      .sub = route->sub,
                                      .ns = route->ns,
                                      .name = route->name,
                                      .path = route->path};
    struct audit_verdict verdict = audit_policy_decide(request->api->audit->policy, &asked);
    metric_add(request->api->audit->levels[verdict.level], 1);
    request->audit_judged = true;
    if (verdict.level == AUDIT_NONE)
        return;
    request->audit = audit_entry_new(request, user, verdict);
    put(request, AUDIT_RECEIVED);
}

enum step_result step_audit(struct request *request)
{
    if (request->api->audit)
        begin(request, &request->user);
    return STEP_NEXT;
}

void audit_nobody(struct request *request)
{
    if (request->api->audit)
        begin(request, NULL);
}

void audit_impersonated(struct request *request)
{
    if (request->audit)
        audit_entry_impersonated(request->audit, &request->user);
}

void audit_authorized(struct request *request, bool allowed, char *reason)
{
    audit_annotate(request, "authorization.k8s.io/decision", allowed ? "allow" : "forbid");
    audit_annotate(request, "authorization.k8s.io/reason", reason ? reason : "");
    free(reason);
}

void audit_annotate(struct request *request, const char *key, const char *value)
{
    if (request->audit)
        audit_entry_annotate(request->audit, key, value);
}

void audit_asked(struct request *request, const json_t *object)
{
    if (request->audit)
        audit_entry_asked(request->audit, object);
}

const char *audit_id(const struct request *request)
{
    return request->audit ? request->audit->id : NULL;
}

/* Everything about the answer; a patch's body is there by now, too. */
static void learn(struct request *request, unsigned code)
{
    struct audit_entry *entry = request->audit;
    if (text_eq(request->route.verb, "patch") && request->http)
        audit_entry_patch(entry, buf_str(&request->body));
    else if (text_eq(request->route.verb, "patch") && request->given)
        audit_entry_asked(entry, request->given);
    audit_entry_status(entry, request, code);
    audit_entry_answer(entry, request);
}

void audit_answered(struct request *request, unsigned code)
{
    struct audit_entry *entry = request->audit;
    if (!entry || entry->started)
        return;
    entry->started = true;
    learn(request, code);
    if (entry->runs_long) {
        put(request, AUDIT_STARTED);
        return;
    }
    entry->complete = true;
    put(request, AUDIT_COMPLETE);
}

void audit_end(struct request *request)
{
    struct audit_entry *entry = request->audit;
    if (!entry)
        return;
    if (!entry->started)
        audit_entry_cut(entry);
    if (!entry->started && entry->runs_long)
        put(request, AUDIT_STARTED);
    if (!entry->complete)
        put(request, AUDIT_COMPLETE);
    request->audit = NULL;
    audit_entry_free(entry);
}
