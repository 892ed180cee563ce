/* apiserver/admission/pod_security_checks.h: the single checks, a table in the order in which they
 * are told. For pod_security.c. */
#pragma once
#include "apiserver/admission/pod_security.h"

struct pod_security_seen {
    const json_t *metadata, *spec;
    const json_t *containers; /* init, then plain, then ephemeral ones */
    int version;              /* of the grade */
};

/* NULL when the Pod passes; else the reason, with details appended to `detail`. */
typedef const char *(*pod_security_check_fn)(const struct pod_security_seen *pod,
                                             struct buf *detail);

struct pod_security_check {
    const char *id;
    enum pod_security_level level;
    int since, until; /* in versions since <= V < until */
    pod_security_check_fn check;
    const char *instead_of; /* the id of a baseline check that a restricted one replaces, or NULL */
    int linux_since;        /* from this version on, Pods for Windows pass */
};

extern const struct pod_security_check pod_security_checks[];
extern const size_t pod_security_check_count;
