#include "schema/api_service.h"

char *api_service_name(const char *group, const char *version)
{
    return xasprintf("%s.%s", version, group);
}

static json_t *make(const char *group, const char *version, int group_priority,
                    int version_priority, const char *managed)
{
    CLEANUP(free_ptr) char *name = api_service_name(group, version);
    json_t *spec = json_object();
    if (*group)
        json_set_text(spec, "group", group);
    json_set_text(spec, "version", version);
    json_object_set_new(spec, "groupPriorityMinimum", json_integer(group_priority));
    json_object_set_new(spec, "versionPriority", json_integer(version_priority));
    return json_pack("{s:s, s:s, s:{s:s, s:{s:s}}, s:o}", "kind", "APIService", "apiVersion",
                     "apiregistration.k8s.io/v1", "metadata", "name", name, "labels",
                     API_SERVICE_MANAGED, managed, "spec", spec);
}

json_t *api_service_local(const struct group_version *group_version, const char *since)
{
    json_t *object =
        make(group_version->group, group_version->version, group_version->group_priority,
             group_version->version_priority, "onstart");
    json_object_set_new(object, "status",
                        json_pack("{s:[{s:s, s:s, s:s, s:s, s:s}]}", "conditions", "type",
                                  "Available", "status", "True", "lastTransitionTime", since,
                                  "reason", "Local", "message",
                                  "Local APIServices are always available"));
    return object;
}

json_t *api_service_custom(const char *group, const char *version)
{
    return make(group, version, API_SERVICE_CUSTOM_GROUP, API_SERVICE_CUSTOM_VERSION, "true");
}
