/* tests/controllers/support_api.c: decisions are tested without a server: whoever calls it here has
 * a bug. */
#include "tests/test.h"

#include "apiserver/api.h"

static bool no_server(struct error *err)
{
    return error_unavailable(err, "a decision must not call the API");
}

struct store *api_store(struct api *api)
{
    (void)api;
    return NULL;
}

bool api_get(const struct api_caller *caller, const char *resource, const char *ns,
             const char *name, json_t **out, struct error *err)
{
    (void)caller, (void)resource, (void)ns, (void)name, (void)out;
    return no_server(err);
}

bool api_create(const struct api_caller *caller, const char *resource, const char *ns,
                json_t *object, json_t **out, struct error *err)
{
    (void)caller, (void)resource, (void)ns, (void)object, (void)out;
    return no_server(err);
}

bool api_update(const struct api_caller *caller, const char *resource, const char *subresource,
                const char *ns, const char *name, json_t *object, json_t **out, struct error *err)
{
    (void)caller, (void)resource, (void)subresource, (void)ns, (void)name, (void)object, (void)out;
    return no_server(err);
}

bool api_patch(const struct api_caller *caller, const char *resource, const char *subresource,
               const char *ns, const char *name, json_t *patch, json_t **out, struct error *err)
{
    (void)caller, (void)resource, (void)subresource, (void)ns, (void)name, (void)patch, (void)out;
    return no_server(err);
}

bool api_delete(const struct api_caller *caller, const char *resource, const char *ns,
                const char *name, const struct api_delete_options *options, struct error *err)
{
    (void)caller, (void)resource, (void)ns, (void)name, (void)options;
    return no_server(err);
}

enum api_probe api_probe_service(struct api *api, struct cluster *cluster, const char *name,
                                 char **problem)
{
    (void)api, (void)cluster, (void)name, (void)problem;
    return API_PROBE_PASSED;
}
