#include "apiserver/admission/policy_params.h"

#include <string.h>

#include "apiserver/custom.h"
#include "schema/meta.h"

#define PARAMS_MAX 1000 /* objects of one binding on one request */

static const struct resource *find_custom(const struct custom *custom, struct str group,
                                          struct str version, const char *kind)
{
    for (size_t i = 0; custom && i < custom->row_count; i++)
        if (str_is(group, custom->rows[i]->group) && str_is(version, custom->rows[i]->version) &&
            strcmp(custom->rows[i]->kind, kind) == 0)
            return custom->rows[i];
    return NULL;
}

/* The resource of the policy's paramKind; NULL with STEP_NEXT when there is none. */
static enum step_result find_resource(struct request *request, const struct policy *policy,
                                      const struct resource **row)
{
    struct str version = str_of(policy->param_version), group = {0};
    if (strchr(policy->param_version, '/'))
        group = str_cut(&version, '/');
    *row = resource_by_kind(group.data ? group : STR(""), version, str_of(policy->param_kind));
    if (*row)
        return STEP_NEXT;
    enum step_result result = custom_load(request);
    if (result == STEP_NEXT)
        *row =
            find_custom(request->custom, group.data ? group : STR(""), version, policy->param_kind);
    return result;
}

/* "" for a cluster-scoped kind; NULL with the reason. */
static const char *find_namespace(const struct asked *asked, const struct policy_binding *binding,
                                  const struct resource *row, char **why)
{
    const char *given = json_text(binding->param_ref, "namespace");
    if (!row->namespaced) {
        if (!given || !*given)
            return "";
        *why = xstrdup("paramRef.namespace must not be provided for a cluster-scoped `paramKind`");
        return NULL;
    }
    if (given && *given)
        return given;
    if (*request_ns(asked->request))
        return request_ns(asked->request);
    *why = xstrdup(
        "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources");
    return NULL;
}

static enum step_result read_named(struct request *request, const struct resource *row,
                                   const char *ns, const char *name, json_t *into)
{
    CLEANUP(object_unref_ptr) struct object *object = NULL;
    enum step_result result = request_read(request, store_intern(row->key), ns, name, &object);
    if (result == STEP_NEXT && object)
        json_array_append_new(into, object_json(object));
    return result;
}

static bool keep(const struct object *object, void *arg)
{
    return selector_matches_labels(arg, object);
}

static enum step_result read_selected(struct request *request, const struct resource *row,
                                      const char *ns, struct selector *selector, json_t *into)
{
    const struct cache_range range = {
        .ns = *ns ? ns : NULL, .keep = keep, .arg = selector, .limit = PARAMS_MAX};
    struct object_list list = {0};
    bool gone;
    enum step_result result = request_list(request, store_intern(row->key), &range, &list, &gone);
    for (size_t i = 0; result == STEP_NEXT && i < list.count; i++)
        json_array_append_new(into, object_json(list.items[i]));
    object_list_free(&list);
    return result;
}

static enum params_result not_found(const struct policy_binding *binding, char **why)
{
    const char *action = json_text(binding->param_ref, "parameterNotFoundAction");
    if (text_eq(action, "Allow"))
        return PARAMS_SKIP;
    *why = xstrdup("no params found for policy binding with `Deny` parameterNotFoundAction");
    return PARAMS_WRONG;
}

enum params_result policy_params(const struct asked *asked, const struct policy *policy,
                                 const struct policy_binding *binding, json_t **params, char **why,
                                 enum step_result *step)
{
    struct request *request = asked->request;
    const struct resource *row = NULL;
    json_auto_t *found = json_array();
    if (!policy->param_kind || !policy->param_version || !json_is_object(binding->param_ref)) {
        *params = json_pack("[n]");
        return PARAMS_FOUND;
    }
    if ((*step = find_resource(request, policy, &row)) != STEP_NEXT)
        return PARAMS_ELSEWHERE;
    if (!row) {
        *why = xasprintf("failed to find resource referenced by paramKind: '%s, Kind=%s'",
                         policy->param_version, policy->param_kind);
        return PARAMS_WRONG;
    }
    const char *ns = find_namespace(asked, binding, row, why),
               *name = json_text(binding->param_ref, "name");
    if (!ns)
        return PARAMS_WRONG;
    *step = name && *name ? read_named(request, row, ns, name, found)
                          : read_selected(request, row, ns, binding->params, found);
    if (*step != STEP_NEXT)
        return PARAMS_ELSEWHERE;
    if (json_array_size(found) == 0)
        return not_found(binding, why);
    *params = json_incref(found);
    return PARAMS_FOUND;
}
