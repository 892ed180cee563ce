#include "schema/condition.h"

#include <string.h>

#include "base/str.h"
#include "schema/json_time.h"

static size_t place(const json_t *conditions, const char *type)
{
    size_t count = json_array_size(conditions);
    for (size_t i = 0; i < count; i++)
        if (text_eq(json_text(json_array_get(conditions, i), "type"), type))
            return i;
    return count;
}

json_t *condition_find(const json_t *conditions, const char *type)
{
    return json_array_get(conditions, place(conditions, type)); /* NULL past the end */
}

bool condition_is(const json_t *conditions, const char *type, const char *status)
{
    return text_eq(json_text(condition_find(conditions, type), "status"), status);
}

bool condition_remove(json_t *conditions, const char *type)
{
    return json_array_remove(conditions, place(conditions, type)) == 0;
}

bool condition_set(json_t *conditions, const struct condition *want, int64_t now_us, bool updated)
{
    json_t *old = condition_find(conditions, want->type);
    bool same_status = old && text_eq(json_text(old, "status"), want->status);
    if (same_status && text_eq(json_text(old, "reason"), want->reason))
        return false;
    json_t *fresh = json_pack("{s:s, s:s}", "type", want->type, "status", want->status);
    if (updated)
        json_object_set_new(fresh, "lastUpdateTime", json_time(now_us));
    if (same_status && json_object_get(old, "lastTransitionTime"))
        json_object_set(fresh, "lastTransitionTime", json_object_get(old, "lastTransitionTime"));
    else
        json_object_set_new(fresh, "lastTransitionTime", json_time(now_us));
    json_set_text(fresh, "reason", want->reason);
    json_set_text(fresh, "message", want->message);
    (void)condition_remove(conditions, want->type); /* there may be none */
    json_array_append_new(conditions, fresh);
    return true;
}
