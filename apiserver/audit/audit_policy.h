/* apiserver/audit/audit_policy.h: which requests an audit log tells of, and how much: the Policy of
 * audit.k8s.io/v1. Pure. Source: apiserver pkg/audit/policy, pkg/apis/audit/validation. */
#pragma once
#include <stdbool.h>

#include "auth/user.h"
#include "base/error.h"
#include "base/str.h"

enum audit_level { AUDIT_NONE, AUDIT_METADATA, AUDIT_REQUEST, AUDIT_REQUEST_RESPONSE };
enum audit_stage { AUDIT_RECEIVED, AUDIT_STARTED, AUDIT_COMPLETE, AUDIT_PANIC };
#define AUDIT_LEVELS 4
extern const char *const audit_level_names[AUDIT_LEVELS];
extern const char *const audit_stage_names[];

struct audit_policy;
/* A Policy in YAML or JSON. NULL with BAD_REQUEST for what is none, or what upstream's validation
 * refuses. */
struct audit_policy *audit_policy_read(struct str text, struct error *err);
void audit_policy_free(struct audit_policy *policy);

struct audit_asked {
    const struct user *user; /* NULL: nobody, since authentication failed */
    const char *verb;
    bool is_resource;
    const char *group, *resource, *sub, *ns, *name; /* "" none */
    const char *path;                               /* of a request for no resource */
};
struct audit_verdict {
    enum audit_level level;
    unsigned omits;     /* a bit for each stage */
    bool omits_managed; /* managedFields of objects */
};
/* By the first rule that fits; none: AUDIT_NONE. */
struct audit_verdict audit_policy_decide(const struct audit_policy *policy,
                                         const struct audit_asked *asked);
