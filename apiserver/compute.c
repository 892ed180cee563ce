/* Writes in which a tenant's expressions are compiled or run: what that costs is the tenant's to
 * say, so it happens on the lanes of its cluster, of which it has a share, and not on the I/O
 * threads that serve all clusters. */
#include <string.h>

#include "apiserver/steps.h"
#include "schema/crd.h"
#include "schema/crd_rule.h"

/* Whose validation compiles what they hold. */
static const char *const compiled[] = {
    CRD_STORAGE,
    "mutatingwebhookconfigurations.admissionregistration.k8s.io",
    "validatingadmissionpolicies.admissionregistration.k8s.io",
    "validatingwebhookconfigurations.admissionregistration.k8s.io",
};

static bool is_compiled(const char *storage)
{
    for (size_t i = 0; i < ARRAY_LEN(compiled); i++)
        if (strcmp(compiled[i], storage) == 0)
            return true;
    return false;
}

enum step_result step_compute(struct request *request)
{
    const struct type *type = request->resource->type;
    bool runs = type && type->custom && crd_has_rules(type->custom);
    if (!runs && (*request->route.sub || !is_compiled(request->storage)))
        return STEP_NEXT;
    return request_may_compute(request);
}
