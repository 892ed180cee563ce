/* LimitRanges: defaults for containers that state nothing, then bounds for containers, Pods and
 * claims. Source: Kubernetes docs "Limit Ranges"; upstream plugin/pkg/admission/limitranger. */
#include <string.h>

#include "quota/rule_set.h"
#include "quota/usage.h"
#include "schema/meta.h"
#include "base/quantity.h"

#define LIMITS_RESOURCE "limitranges"
#define ANNOTATION      "kubernetes.io/limit-ranger"

/* ---- defaults ---- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* "cpu, memory WHICH for KIND NAME" */
static void note_set(struct buf *note, const char **names, size_t count, const char *what,
                     const char *container)
{
    qsort(names, count, sizeof(*names), by_text);
    buf_add_text(note, note->len ? "; " : "LimitRanger plugin set: ");
    for (size_t i = 0; i < count; i++)
        buf_printf(note, "%s%s", i ? ", " : "", names[i]);
    buf_printf(note, " %s %s", what, container);
}

/* Sets what `defaults` has and the container's resources.WHICH lacks. */
static void fill(json_t *container, const char *which, const json_t *defaults, const char *what,
                 struct buf *note)
{
    CLEANUP(free_ptr) const char **names = xcalloc(json_object_size(defaults) + 1, sizeof(*names));
    size_t count = 0;
    const char *name;
    json_t *value;
    json_object_foreach (defaults, name, value) {
        if (json_at(container, "resources", which, name))
            continue;
        json_object_set_new(json_ensure_object(json_ensure_object(container, "resources"), which),
                            name, json_deep_copy(value));
        names[count++] = name;
    }
    if (count)
        note_set(note, names, count, what, json_text(container, "name") ?: "");
}

static void fill_containers(json_t *pod, const char *list, const char *kind, const json_t *limit,
                            struct buf *note)
{
    CLEANUP(free_ptr) char *request_text = xasprintf("request for %s", kind);
    CLEANUP(free_ptr) char *limit_text = xasprintf("limit for %s", kind);
    json_t *container;
    size_t i;
    json_array_foreach (json_at(pod, "spec", list), i, container) {
        fill(container, "requests", json_at(limit, "defaultRequest"), request_text, note);
        fill(container, "limits", json_at(limit, "default"), limit_text, note);
    }
}

static void apply_defaults(json_t *pod, const json_t *range)
{
    CLEANUP(buf_free) struct buf note = BUF_TEXT;
    const json_t *limit;
    size_t i;
    json_array_foreach (json_at(range, "spec", "limits"), i, limit) {
        if (!text_eq(json_text(limit, "type"), "Container"))
            continue;
        fill_containers(pod, "containers", "container", limit, &note);
        fill_containers(pod, "initContainers", "init container", limit, &note);
    }
    if (note.len && buf_ok(&note))
        meta_set_annotation(pod, ANNOTATION, note.data);
}

/* ---- bounds ---- */

struct subject {      /* one container, one Pod or one claim */
    const char *type; /* "Container" */
    struct amounts requests, limits;
    bool requests_only; /* a claim has no limit */
};

struct complaints {
    struct buf text;
    size_t count;
};

static void complain(struct complaints *complaints, const char *format, ...) PRINTF_LIKE(2, 3);
static void complain(struct complaints *complaints, const char *format, ...)
{
    va_list args;
    if (complaints->count++)
        buf_add_text(&complaints->text, ", ");
    va_start(args, format);
    buf_vprintf(&complaints->text, format, args);
    va_end(args);
}

struct bound {
    const char *name, *text; /* "cpu"; as the LimitRange writes it, canonical */
    int64_t milli;
};

static void check_min(const struct subject *subject, const struct bound *bound,
                      struct complaints *out)
{
    const struct amount *request = amounts_find(&subject->requests, bound->name);
    const struct amount *limit = amounts_find(&subject->limits, bound->name);
    const struct amount *low = request && request->milli < bound->milli ? request
                               : limit && limit->milli < bound->milli   ? limit
                                                                        : NULL;
    if (!request) {
        complain(out, "minimum %s usage per %s is %s.  No request is specified", bound->name,
                 subject->type, bound->text);
    } else if (low) {
        CLEANUP(free_ptr) char *text = amount_text(bound->name, low->milli);
        complain(out, "minimum %s usage per %s is %s, but %s is %s", bound->name, subject->type,
                 bound->text, low == request ? "request" : "limit", text);
    }
}

static void check_max(const struct subject *subject, const struct bound *bound,
                      struct complaints *out)
{
    const struct amount *request = amounts_find(&subject->requests, bound->name);
    const struct amount *limit =
        subject->requests_only ? request : amounts_find(&subject->limits, bound->name);
    const struct amount *high = limit && limit->milli > bound->milli       ? limit
                                : request && request->milli > bound->milli ? request
                                                                           : NULL;
    if (!limit) {
        complain(out, "maximum %s usage per %s is %s.  No %s is specified", bound->name,
                 subject->type, bound->text, subject->requests_only ? "request" : "limit");
    } else if (high) {
        CLEANUP(free_ptr) char *text = amount_text(bound->name, high->milli);
        complain(out, "maximum %s usage per %s is %s, but %s is %s", bound->name, subject->type,
                 bound->text, high == request ? "request" : "limit", text);
    }
}

static void check_ratio(const struct subject *subject, const struct bound *bound,
                        struct complaints *out)
{
    int64_t request = amounts_get(&subject->requests, bound->name),
            limit = amounts_get(&subject->limits, bound->name);
    if (request == 0 || limit == 0) {
        const char *which = request == 0 ? "request" : "limit";
        complain(out,
                 "%s max limit to request ratio per %s is %s, but no %s is specified or %s is 0",
                 bound->name, subject->type, bound->text, which, which);
        return;
    }
    if ((__int128)limit * 1000 <= (__int128)bound->milli * request)
        return;
    int64_t millionths = (int64_t)((__int128)limit * 1000000 / request);
    complain(out, "%s max limit to request ratio per %s is %s, but provided ratio is %lld.%06lld",
             bound->name, subject->type, bound->text, (long long)(millionths / 1000000),
             (long long)(millionths % 1000000));
}

static void check_all(const struct subject *subject, const json_t *bounds,
                      void (*check)(const struct subject *, const struct bound *,
                                    struct complaints *),
                      struct complaints *out)
{
    CLEANUP(amounts_free) struct amounts sorted = {0};
    amounts_read(&sorted, bounds);
    for (size_t i = 0; i < sorted.count; i++) {
        const char *name = sorted.items[i].name;
        const json_t *value = json_at(bounds, name);
        CLEANUP(free_ptr)
        char *text = json_is_string(value) ? xstrdup(json_string_value(value))
                                           : amount_text(name, sorted.items[i].milli);
        check(subject, &(struct bound){.name = name, .text = text, .milli = sorted.items[i].milli},
              out);
    }
}

static void check_limit(const struct subject *subject, const json_t *limit, struct complaints *out)
{
    if (!text_eq(json_text(limit, "type"), subject->type))
        return;
    check_all(subject, json_at(limit, "min"), check_min, out);
    check_all(subject, json_at(limit, "max"), check_max, out);
    if (!subject->requests_only)
        check_all(subject, json_at(limit, "maxLimitRequestRatio"), check_ratio, out);
}

static void subject_clear(struct subject *subject)
{
    amounts_free(&subject->requests);
    amounts_free(&subject->limits);
}

static void check_containers(const json_t *pod, const char *list, const json_t *limit,
                             struct complaints *out)
{
    const json_t *container;
    size_t i;
    json_array_foreach (json_at(pod, "spec", list), i, container) {
        CLEANUP(subject_clear) struct subject subject = {.type = "Container"};
        amounts_read(&subject.requests, json_at(container, "resources", "requests"));
        amounts_read(&subject.limits, json_at(container, "resources", "limits"));
        check_limit(&subject, limit, out);
    }
}

static void check_pod(const json_t *pod, const json_t *limit, struct complaints *out)
{
    CLEANUP(subject_clear) struct subject subject = {.type = "Pod"};
    check_containers(pod, "containers", limit, out);
    check_containers(pod, "initContainers", limit, out);
    usage_containers_sum(pod, "requests", &subject.requests);
    usage_containers_sum(pod, "limits", &subject.limits);
    check_limit(&subject, limit, out);
}

static void check_claim(const json_t *claim, const json_t *limit, struct complaints *out)
{
    CLEANUP(subject_clear)
    struct subject subject = {.type = "PersistentVolumeClaim", .requests_only = true};
    amounts_read(&subject.requests, json_at(claim, "spec", "resources", "requests"));
    check_limit(&subject, limit, out);
}

/* ---- the way through ---- */

static bool check_range(const char *resource, const json_t *object, const json_t *range,
                        struct error *err)
{
    struct complaints complaints = {.text = BUF_TEXT};
    bool is_pod = strcmp(resource, "pods") == 0;
    const json_t *limit;
    size_t i;
    json_array_foreach (json_at(range, "spec", "limits"), i, limit)
        (is_pod ? check_pod : check_claim)(object, limit, &complaints);
    if (complaints.count)
        error_forbidden(err, resource, meta_name(object), complaints.count > 1 ? "[%s]" : "%s",
                        complaints.text.data);
    buf_free(&complaints.text);
    return complaints.count == 0;
}

static bool peek_ranges(struct cluster *cluster, const json_t *object, struct object_list *ranges)
{
    const struct cache_range range = {.ns = meta_namespace(object)};
    return cache_list_peek(cluster, LIMITS_RESOURCE, &range, ranges) == CACHE_LIST_OK;
}

enum quota_result quota_limit_defaults(struct cluster *cluster, json_t *pod)
{
    struct object_list ranges = {0};
    if (!peek_ranges(cluster, pod, &ranges))
        return QUOTA_COLD;
    for (size_t i = 0; i < ranges.count; i++) {
        json_auto_t *range = object_json(ranges.items[i]);
        apply_defaults(pod, range);
    }
    object_list_free(&ranges);
    return QUOTA_OK;
}

enum quota_result quota_limit_check(struct cluster *cluster, const char *resource,
                                    const json_t *object, struct error *err)
{
    struct object_list ranges = {0};
    enum quota_result result = QUOTA_OK;
    if (!peek_ranges(cluster, object, &ranges))
        return QUOTA_COLD;
    for (size_t i = 0; i < ranges.count && result == QUOTA_OK; i++) {
        json_auto_t *range = object_json(ranges.items[i]);
        if (!check_range(resource, object, range, err))
            result = QUOTA_DENIED;
    }
    object_list_free(&ranges);
    return result;
}
