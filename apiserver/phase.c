#include "apiserver/phase.h"

#include <string.h>

#include "base/clock.h"
#include "base/str.h"

void phase_stamp(const char *storage, json_t *object, const json_t *old)
{
    json_t *status = json_object_get(object, "status");
    const json_t *since = json_object_get(status, "lastPhaseTransitionTime"),
                 *before = json_at(old, "status", "lastPhaseTransitionTime");
    char now[TIME_TEXT_SIZE];
    if (strcmp(storage, "persistentvolumes") != 0 || !json_is_object(status))
        return;
    if (old && text_eq(json_text(status, "phase"), json_text(old, "status", "phase")))
        return;
    if (old && since && !json_equal(since, before))
        return;
    time_format(clock_now_us(), now);
    json_set_text(status, "lastPhaseTransitionTime", now);
}
