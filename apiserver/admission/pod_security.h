/* apiserver/admission/pod_security.h: the Pod Security Standards: what a namespace's labels ask
 * for, and what of a Pod is against it. Pure; admission_security.c asks.
 *
 * Source: pod-security-admission of 1.32, with its default configuration (privileged, nobody
 * exempt) and its gates (no relaxation for user namespaces). */
#pragma once
#include <limits.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "base/strmap.h"

enum pod_security_level {
    POD_SECURITY_PRIVILEGED,
    POD_SECURITY_BASELINE,
    POD_SECURITY_RESTRICTED, /* in the order of strictness */
};

#define POD_SECURITY_LATEST (INT_MAX - 1)
struct pod_security_grade {
    enum pod_security_level level;
    int version; /* the N of v1.N */
};

enum pod_security_mode { POD_SECURITY_ENFORCE, POD_SECURITY_AUDIT, POD_SECURITY_WARN };
#define POD_SECURITY_MODES 3

struct pod_security_policy {
    struct pod_security_grade grades[POD_SECURITY_MODES];
};

/* The value of a label, or NULL. */
typedef const char *(*pod_security_label_fn)(const void *from, const char *key);
/* What the labels ask for. One that cannot be read is restricted and latest for what is enforced,
 * privileged for the rest, and a cause in `err`, which may be NULL. */
void pod_security_policy_read(pod_security_label_fn label, const void *from,
                              struct pod_security_policy *policy, struct error *err);
/* Whether no Pod can be against any of it. */
bool pod_security_is_privileged(const struct pod_security_policy *policy);
bool pod_security_grade_eq(const struct pod_security_grade *a, const struct pod_security_grade *b);
/* Appends "restricted:latest", "baseline:v1.20". */
void pod_security_grade_write(struct buf *out, const struct pod_security_grade *grade);
/* Whether Pods that `old` let through could be against `now`. */
bool pod_security_tightens(const struct pod_security_grade *now,
                           const struct pod_security_grade *old);

/* Whether a Pod, or a template, of this metadata and spec is against the grade. Appends why, comma
 * separated: the bare reasons, and the reasons with their details in parentheses. Either may be
 * NULL. */
bool pod_security_violates(const struct pod_security_grade *grade, const json_t *metadata,
                           const json_t *spec, struct buf *reasons, struct buf *details);

/* Whether an update changes anything of a Pod that may be changed and that is judged. */
bool pod_security_matters(const json_t *pod, const json_t *old);

/* Pods that stood in a namespace before, counted by what they are against. */
struct pod_security_tally {
    struct strmap by_reasons;
};
void pod_security_tally_add(struct pod_security_tally *tally, const char *reasons,
                            const char *pod_name);
void pod_security_tally_clear(struct pod_security_tally *tally);
/* A line for each of `reasons`, in order: "NAME (and 2 other pods): REASONS". Owned, as many as
 * tally->by_reasons.count. */
char **pod_security_tally_lines(const struct pod_security_tally *tally);
