#include "apiserver/admission/pod_security.h"

#include <stdlib.h>
#include <string.h>

#include "apiserver/admission/pod_security_checks.h"
#include "base/parse.h"
#include "schema/meta.h"

#define LABEL_PREFIX "pod-security.kubernetes.io/"

static const char *const level_names[] = {"privileged", "baseline", "restricted"};
static const char *const mode_names[POD_SECURITY_MODES] = {"enforce", "audit", "warn"};

/* ---- grades ---- */

bool pod_security_grade_eq(const struct pod_security_grade *a, const struct pod_security_grade *b)
{
    return a->level == b->level && a->version == b->version;
}

void pod_security_grade_write(struct buf *out, const struct pod_security_grade *grade)
{
    buf_printf(out, "%s:", level_names[grade->level]);
    if (grade->version == POD_SECURITY_LATEST)
        buf_add_text(out, "latest");
    else
        buf_printf(out, "v1.%d", grade->version);
}

bool pod_security_tightens(const struct pod_security_grade *now,
                           const struct pod_security_grade *old)
{
    if (pod_security_grade_eq(now, old) || now->level == POD_SECURITY_PRIVILEGED)
        return false;
    return now->version != old->version || now->level > old->level;
}

bool pod_security_is_privileged(const struct pod_security_policy *policy)
{
    for (size_t i = 0; i < POD_SECURITY_MODES; i++)
        if (policy->grades[i].level != POD_SECURITY_PRIVILEGED)
            return false;
    return true;
}

/* ---- labels ---- */

static bool parse_level(const char *text, enum pod_security_level *level)
{
    for (size_t i = 0; i < ARRAY_LEN(level_names); i++)
        if (strcmp(text, level_names[i]) == 0) {
            *level = (enum pod_security_level)i;
            return true;
        }
    return false;
}

/* "latest", or "v1.N" without leading zeros. */
static bool parse_version(const char *text, int *version)
{
    int64_t minor = 0;
    *version = POD_SECURITY_LATEST;
    if (strcmp(text, "latest") == 0)
        return true;
    if (!text_starts(text, "v1."))
        return false;
    const char *digits = text + strlen("v1.");
    if (strspn(digits, "0123456789") != strlen(digits) || (digits[0] == '0' && digits[1]) ||
        !parse_i64(str_of(digits), 0, POD_SECURITY_LATEST - 1, &minor))
        return false;
    *version = (int)minor;
    return true;
}

static void complain(struct error *err, const char *label, const char *value, const char *why)
{
    if (!err)
        return;
    CLEANUP(free_ptr) char *field = xasprintf("metadata.labels[%s]", label);
    error_add_invalid(err, field, value, why);
}

struct labels {
    pod_security_label_fn get;
    const void *from;
};

/* What one mode's two labels say; false when there is none that names a level. */
static bool read_mode(const struct labels *labels, enum pod_security_mode mode,
                      struct pod_security_grade *grade, bool *has_version, struct error *err)
{
    CLEANUP(free_ptr) char *level_key = xasprintf("%s%s", LABEL_PREFIX, mode_names[mode]);
    CLEANUP(free_ptr) char *version_key = xasprintf("%s-version", level_key);
    const char *level = labels->get(labels->from, level_key),
               *version = labels->get(labels->from, version_key);
    if (level && !parse_level(level, &grade->level)) {
        grade->level =
            mode == POD_SECURITY_ENFORCE ? POD_SECURITY_RESTRICTED : POD_SECURITY_PRIVILEGED;
        complain(err, level_key, level, "must be one of privileged, baseline, restricted");
    }
    if (version && !parse_version(version, &grade->version))
        complain(err, version_key, version, "must be \"latest\" or \"v1.x\"");
    *has_version = version != NULL;
    return level != NULL;
}

void pod_security_policy_read(pod_security_label_fn label, const void *from,
                              struct pod_security_policy *policy, struct error *err)
{
    const struct labels labels = {label, from};
    struct pod_security_grade *grades = policy->grades;
    bool has_level[POD_SECURITY_MODES], has_version[POD_SECURITY_MODES];
    for (size_t i = 0; i < POD_SECURITY_MODES; i++) {
        grades[i] = (struct pod_security_grade){POD_SECURITY_PRIVILEGED, POD_SECURITY_LATEST};
        has_level[i] =
            read_mode(&labels, (enum pod_security_mode)i, &grades[i], &has_version[i], err);
    }
    /* who enforces more than is warned of is warned of that */
    if (has_level[POD_SECURITY_WARN] || !has_level[POD_SECURITY_ENFORCE])
        return;
    grades[POD_SECURITY_WARN].level = grades[POD_SECURITY_ENFORCE].level;
    if (!has_version[POD_SECURITY_WARN])
        grades[POD_SECURITY_WARN].version = grades[POD_SECURITY_ENFORCE].version;
}

/* ---- a Pod ---- */

static bool in_force(const struct pod_security_check *check, const struct pod_security_grade *grade)
{
    return check->level <= grade->level && check->since <= grade->version &&
           grade->version < check->until;
}

static bool is_replaced(const struct pod_security_check *check,
                        const struct pod_security_grade *grade)
{
    for (size_t i = 0; i < pod_security_check_count; i++)
        if (text_eq(pod_security_checks[i].instead_of, check->id) &&
            in_force(&pod_security_checks[i], grade))
            return true;
    return false;
}

static bool applies(const struct pod_security_check *check, const struct pod_security_grade *grade,
                    const json_t *spec)
{
    bool passes =
        grade->version >= check->linux_since && text_eq(json_text(spec, "os", "name"), "windows");
    return in_force(check, grade) && !passes && !is_replaced(check, grade);
}

static json_t *all_containers(const json_t *spec)
{
    static const char *const members[] = {"initContainers", "containers", "ephemeralContainers"};
    json_t *all = json_array();
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        json_array_extend(all, json_object_get(spec, members[i]));
    return all;
}

static void write_violation(bool first, const char *reason, const struct buf *detail,
                            struct buf *reasons, struct buf *details)
{
    const char *between = first ? "" : ", ";
    if (reasons)
        buf_printf(reasons, "%s%s", between, reason);
    if (details)
        buf_printf(details, "%s%s (%s)", between, reason, detail->data);
}

bool pod_security_violates(const struct pod_security_grade *grade, const json_t *metadata,
                           const json_t *spec, struct buf *reasons, struct buf *details)
{
    json_auto_t *containers = all_containers(spec);
    const struct pod_security_seen seen = {metadata, spec, containers, grade->version};
    bool any = false;
    for (size_t i = 0; i < pod_security_check_count; i++) {
        CLEANUP(buf_free) struct buf detail = BUF_TEXT;
        const struct pod_security_check *check = &pod_security_checks[i];
        const char *reason = applies(check, grade, spec) ? check->check(&seen, &detail) : NULL;
        if (!reason)
            continue;
        write_violation(!any, reason, &detail, reasons, details);
        any = true;
    }
    return any;
}

/* ---- updates ---- */

static bool same_annotation(const json_t *pod, const json_t *old, const char *key)
{
    return text_eq(meta_annotation(pod, key), meta_annotation(old, key));
}

static bool container_matters(const json_t *pod, const json_t *old, const json_t *container,
                              const json_t *old_container)
{
    const char *name = json_text(container, "name");
    CLEANUP(free_ptr)
    char *key = xasprintf("container.seccomp.security.alpha.kubernetes.io/%s", name ? name : "");
    return !text_eq(json_text(container, "image"), json_text(old_container, "image")) ||
           !same_annotation(pod, old, key);
}

static bool containers_matter(const json_t *pod, const json_t *old, const char *member)
{
    const json_t *now = json_at(pod, "spec", member), *before = json_at(old, "spec", member);
    if (json_array_size(now) != json_array_size(before))
        return true;
    for (size_t i = 0; i < json_array_size(now); i++)
        if (container_matters(pod, old, json_array_get(now, i), json_array_get(before, i)))
            return true;
    return false;
}

static bool ephemeral_matter(const json_t *pod, const json_t *old)
{
    const json_t *before = json_at(old, "spec", "ephemeralContainers"), *container;
    size_t i;
    json_array_foreach (json_at(pod, "spec", "ephemeralContainers"), i, container) {
        const json_t *old_container = json_named(before, json_text(container, "name"));
        if (!old_container || container_matters(pod, old, container, old_container))
            return true;
    }
    return false;
}

bool pod_security_matters(const json_t *pod, const json_t *old)
{
    return !same_annotation(pod, old, "seccomp.security.alpha.kubernetes.io/pod") ||
           containers_matter(pod, old, "containers") ||
           containers_matter(pod, old, "initContainers") || ephemeral_matter(pod, old);
}

/* ---- many Pods ---- */

struct tallied {
    char *first; /* by name */
    size_t count;
};

void pod_security_tally_add(struct pod_security_tally *tally, const char *reasons,
                            const char *pod_name)
{
    struct tallied *entry = strmap_get(&tally->by_reasons, reasons);
    if (!entry) {
        entry = xcalloc(1, sizeof(*entry));
        strmap_put(&tally->by_reasons, reasons, entry);
    }
    if (!entry->first || strcmp(pod_name, entry->first) < 0) {
        free(entry->first);
        entry->first = xstrdup(pod_name);
    }
    entry->count++;
}

void pod_security_tally_clear(struct pod_security_tally *tally)
{
    const char *reasons;
    void *value;
    for (size_t i = 0; strmap_next(&tally->by_reasons, &i, &reasons, &value);) {
        free(((struct tallied *)value)->first);
        free(value);
    }
    strmap_clear(&tally->by_reasons);
}

static char *tally_line(const struct tallied *entry, const char *reasons)
{
    if (entry->count == 1)
        return xasprintf("%s: %s", entry->first, reasons);
    if (entry->count == 2)
        return xasprintf("%s (and 1 other pod): %s", entry->first, reasons);
    return xasprintf("%s (and %zu other pods): %s", entry->first, entry->count - 1, reasons);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char **pod_security_tally_lines(const struct pod_security_tally *tally)
{
    size_t count = 0;
    const char *reasons;
    void *value;
    char **lines = xcalloc(tally->by_reasons.count + 1, sizeof(*lines));
    for (size_t i = 0; strmap_next(&tally->by_reasons, &i, &reasons, &value);)
        lines[count++] = tally_line(value, reasons);
    qsort(lines, count, sizeof(*lines), by_text);
    return lines;
}
