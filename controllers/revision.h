/* controllers/revision.h: ControllerRevisions: the templates that a StatefulSet or DaemonSet has
 * had. */
#pragma once
#include "controllers/observe.h"
#include "controllers/plan.h"

#define REVISIONS "controllerrevisions.apps"

struct revision_seen {
    const json_t *owner;
    const char *api_kind;     /* "StatefulSet" */
    const char *hash_label;   /* the label that the revision carries */
    json_t *const *revisions; /* that it owns */
    size_t count;
};
/* The revision that says what the owner's template says, or NULL; the plan then makes it (or brings
 * an old one to the front), and the rest of the decision waits for the next look. */
const json_t *revision_current(const struct revision_seen *seen, struct plan *plan);
const json_t *revision_by_name(const struct revision_seen *seen, const char *name);
/* Deletes the oldest beyond spec.revisionHistoryLimit that none of `used` (names, NULL-ended) is.
 */
void revision_trim(const struct revision_seen *seen, const char *const *used, struct plan *plan);
/* The template in it. Borrowed. */
const json_t *revision_template(const json_t *revision);
/* All that `owner` controls. */
MUST_CHECK bool revision_observe(struct cluster *cluster, const json_t *owner,
                                 struct json_list *out, struct error *err);
