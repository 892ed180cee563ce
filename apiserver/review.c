/* Reviews: questions about who somebody is and what they may do. Nothing is stored. */
#include <string.h>

#include "apiserver/special.h"
#include "auth/auth.h"
#include "base/clock.h"
#include "rbac/rbac.h"
#include "schema/go_text.h"
#include "schema/meta.h"

static const char *text_or_empty(const json_t *object, const char *key)
{
    const char *text = json_text(object, key);
    return text ? text : "";
}

static struct rbac_attributes attributes_of(const struct user *user, const json_t *spec)
{
    const json_t *resource = json_object_get(spec, "resourceAttributes"),
                 *path = json_object_get(spec, "nonResourceAttributes");
    const json_t *from = resource ? resource : path;
    return (struct rbac_attributes){
        .user = user,
        .verb = text_or_empty(from, "verb"),
        .group = text_or_empty(resource, "group"),
        .resource = text_or_empty(resource, "resource"),
        .subresource = text_or_empty(resource, "subresource"),
        .ns = text_or_empty(resource, "namespace"),
        .name = text_or_empty(resource, "name"),
        .path = resource ? NULL : text_or_empty(path, "path"),
    };
}

enum step_result step_review_meta(struct request *request)
{
    json_t *metadata = json_ensure_object(request->object, "metadata");
    meta_wipe_system_fields(metadata);
    json_object_set_new(metadata, "creationTimestamp", json_null());
    return request_place(request) ? STEP_NEXT : STEP_FAIL;
}

/* Reviews are asked and answered: they have no name, and no labels. */
static void check_metadata(struct request *request)
{
    const char *key, *where = request->resource->namespaced ? " except for namespace" : "";
    json_t *value, *metadata = json_object_get(request->object, "metadata");
    json_object_foreach (metadata, key, value) {
        bool filled = json_is_object(value) || json_is_array(value)
                          ? json_object_size(value) + json_array_size(value) > 0
                          : !json_is_null(value) && !text_eq(json_string_value(value), "");
        bool may = strcmp(key, "managedFields") == 0 ||
                   (request->resource->namespaced && strcmp(key, "namespace") == 0);
        if (!filled || may)
            continue;
        CLEANUP(buf_free) struct buf shown = BUF_TEXT;
        json_write(&shown, metadata);
        error_add_cause(&request->error, CAUSE_INVALID, "metadata",
                        "Invalid value: %s: must be empty%s", shown.data, where);
        return;
    }
}

static void check_label_key(struct error *err, const char *path, const char *key)
{
    const char *wrong = name_check_qualified(key);
    if (wrong)
        error_add_invalid(err, path, key, wrong);
}

static void check_label_values(struct error *err, const char *path, const json_t *values)
{
    json_t *value;
    size_t i;
    json_array_foreach (values, i, value) {
        const char *text = json_string_value(value) ? json_string_value(value) : "";
        const char *wrong = name_check_label_value(text);
        CLEANUP(free_ptr) char *at = xasprintf("%s[%zu]", path, i);
        if (wrong)
            error_add_invalid(err, at, text, wrong);
    }
}

/* Operators that are not known are let through, so that newer clients may ask. Keys of fields are
 * paths, keys of labels are names. */
static void check_requirement(struct error *err, const json_t *requirement, const char *path,
                              bool labels)
{
    const char *operator= text_or_empty(requirement, "operator");
    const char *name = text_or_empty(requirement, "key");
    const json_t *list = json_object_get(requirement, "values");
    bool filled = json_array_size(list) > 0;
    CLEANUP(free_ptr) char *key = xasprintf("%s.key", path);
    CLEANUP(free_ptr) char *values = xasprintf("%s.values", path);
    if (!labels && !*name)
        error_add_required(err, key, "must be specified");
    if (!filled && (strcmp(operator, "In") == 0 || strcmp(operator, "NotIn") == 0))
        error_add_required(err, values, "must be specified when `operator` is 'In' or 'NotIn'");
    if (filled && (strcmp(operator, "Exists") == 0 || strcmp(operator, "DoesNotExist") == 0))
        error_add_forbidden(err, values,
                            "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
    if (!labels)
        return;
    check_label_key(err, key, name);
    check_label_values(err, values, list);
}

/* Source: pkg/apis/authorization/validation. */
static void check_selector(struct error *err, const json_t *resource, const char *member)
{
    const json_t *selector = json_object_get(resource, member),
                 *requirements = json_object_get(selector, "requirements");
    bool raw = *text_or_empty(selector, "rawSelector");
    json_t *item;
    size_t i;
    if (!json_is_object(selector))
        return;
    CLEANUP(free_ptr) char *path = xasprintf("spec.resourceAttributes.%s", member);
    CLEANUP(free_ptr) char *raw_path = xasprintf("%s.rawSelector", path);
    CLEANUP(free_ptr) char *list_path = xasprintf("%s.requirements", path);
    if (raw && json_array_size(requirements) > 0)
        error_add_invalid(err, raw_path, text_or_empty(selector, "rawSelector"),
                          "may not specified at the same time as requirements");
    if (!raw && json_array_size(requirements) == 0) {
        CLEANUP(free_ptr)
        char *detail =
            xasprintf("when %s is specified, requirements or rawSelector is required", path);
        error_add_required(err, list_path, detail);
    }
    json_array_foreach (requirements, i, item) {
        CLEANUP(free_ptr) char *at = xasprintf("%s[%zu]", list_path, i);
        check_requirement(err, item, at, strcmp(member, "labelSelector") == 0);
    }
}

/* As Go prints the struct. */
static void refuse_path(struct error *err, const json_t *path, const char *why)
{
    CLEANUP(buf_free) struct buf shown = BUF_TEXT;
    buf_add_text(&shown, "authorization.NonResourceAttributes{Path:");
    go_quote(&shown, str_of(text_or_empty(path, "path")));
    buf_add_text(&shown, ", Verb:");
    go_quote(&shown, str_of(text_or_empty(path, "verb")));
    error_add_cause(err, CAUSE_INVALID, "spec.nonResourceAttributes", "Invalid value: %s}: %s",
                    buf_ok(&shown) ? shown.data : "", why);
}

static void check_attributes(struct request *request)
{
    const json_t *spec = json_object_get(request->object, "spec"),
                 *resource = json_object_get(spec, "resourceAttributes"),
                 *path = json_object_get(spec, "nonResourceAttributes");
    if (resource && path)
        refuse_path(&request->error, path,
                    "cannot be specified in combination with resourceAttributes");
    else if (!resource && !path)
        error_add_cause(&request->error, CAUSE_INVALID, "spec.resourceAttributes",
                        "Invalid value: \"null\": exactly one of nonResourceAttributes or "
                        "resourceAttributes must be specified");
}

/* Reviews in a namespace are of what is in it. */
static void check_place(struct request *request)
{
    const json_t *spec = json_object_get(request->object, "spec"),
                 *resource = json_object_get(spec, "resourceAttributes"),
                 *path = json_object_get(spec, "nonResourceAttributes");
    const char *ns = text_or_empty(resource, "namespace");
    if (!request->resource->namespaced)
        return;
    if (resource && !text_eq(ns, request_ns(request)))
        error_add_invalid(&request->error, "spec.resourceAttributes.namespace", ns,
                          "must match metadata.namespace");
    if (path)
        refuse_path(&request->error, path, "disallowed on this kind of request");
}

static enum step_result answer(struct request *request, const struct user *user)
{
    json_t *spec = json_object_get(request->object, "spec");
    const json_t *resource = json_object_get(spec, "resourceAttributes");
    check_selector(&request->error, resource, "fieldSelector");
    check_selector(&request->error, resource, "labelSelector");
    check_metadata(request);
    check_place(request);
    if (request->error.cause_count)
        return request_invalid(request, request->resource->kind, request->resource->group, "");
    struct rbac_attributes attributes = attributes_of(user, spec);
    CLEANUP(free_ptr) char *reason = NULL;
    enum rbac_decision decision = rbac_authorize(request->cluster, &attributes, &reason);
    if (decision == RBAC_COLD) {
        if (!request->may_block)
            return STEP_BLOCK;
        if (!rbac_warm(request->cluster, &request->error))
            return STEP_FAIL;
        decision = rbac_authorize(request->cluster, &attributes, &reason);
    }
    json_t *status = json_pack("{s:b}", "allowed", decision == RBAC_ALLOW);
    if (reason)
        json_set_text(status, "reason", reason);
    json_object_set_new(request->object, "status", status);
    return reply_json(request, 201, json_incref(request->object));
}

enum step_result step_review_self_access(struct request *request)
{
    check_attributes(request);
    return answer(request, &request->user);
}

static void spec_user(const json_t *spec, struct user *user)
{
    const json_t *groups = json_object_get(spec, "groups"), *group;
    size_t i;
    *user = (struct user){.name = xstrdup(text_or_empty(spec, "user"))};
    json_array_foreach (groups, i, group)
        if (json_is_string(group))
            user_add_group(user, json_string_value(group));
}

enum step_result step_review_access(struct request *request)
{
    json_t *spec = json_object_get(request->object, "spec");
    CLEANUP(user_clear) struct user user;
    spec_user(spec, &user);
    check_attributes(request);
    if (!*user.name && user.groups.count == 0)
        error_add_invalid(&request->error, "spec.user", "",
                          "at least one of user or group must be specified");
    return answer(request, &user);
}

enum step_result step_review_self_rules(struct request *request)
{
    const char *ns = json_text(request->object, "spec", "namespace");
    if (!ns || !*ns) {
        error_bad_request(&request->error, "no namespace on request");
        return STEP_FAIL;
    }
    json_t *status = rbac_rules(request->cluster, &request->user, ns);
    if (!status && !request->may_block)
        return STEP_BLOCK;
    if (!status && !rbac_warm(request->cluster, &request->error))
        return STEP_FAIL;
    if (!status)
        status = rbac_rules(request->cluster, &request->user, ns);
    json_object_set_new(request->object, "status", status ? status : json_object());
    return reply_json(request, 201, json_incref(request->object));
}

json_t *review_user_json(const struct user *user)
{
    json_t *groups = json_array(), *info = json_object();
    json_set_text(info, "username", user->name);
    if (user->uid)
        json_set_text(info, "uid", user->uid);
    for (size_t i = 0; i < user->groups.count; i++)
        json_array_append_new(groups, json_string(user->groups_said[i]));
    json_object_set_new(info, "groups", groups);
    if (user->extra)
        json_object_set(info, "extra", user->extra);
    return info;
}

/* What is answered is made anew: of what was asked nothing comes back. */
enum step_result step_review_self(struct request *request)
{
    char now[TIME_TEXT_SIZE];
    time_format(clock_now_us(), now);
    json_object_set_new(request->object, "metadata", json_pack("{s:s}", "creationTimestamp", now));
    json_object_set_new(request->object, "status",
                        json_pack("{s:o}", "userInfo", review_user_json(&request->user)));
    return reply_json(request, 201, json_incref(request->object));
}

static void read_audiences(const json_t *list, struct strset *audiences)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *audience = json_string_value(json_array_get(list, i));
        if (audience)
            strset_add(audiences, audience);
    }
}

static json_t *token_accepted(const struct user *user, const struct strset *matched)
{
    json_t *good_for = json_array();
    for (size_t i = 0; i < matched->count; i++)
        json_array_append_new(good_for, json_string(matched->items[i]));
    return json_pack("{s:b, s:o, s:o}", "authenticated", 1, "user", review_user_json(user),
                     "audiences", good_for);
}

/* `why` may be NULL. */
static json_t *token_refused(const char *why)
{
    CLEANUP(free_ptr)
    char *text =
        why ? xasprintf("[invalid bearer token, %s]", why) : xstrdup("invalid bearer token");
    return json_pack("{s:{}, s:s}", "user", "error", text);
}

enum step_result step_review_token(struct request *request)
{
    const char *text = json_text(request->object, "spec", "token");
    struct str token = str_of(text ? text : "");
    CLEANUP(free_ptr) char *why = NULL;
    CLEANUP(user_clear) struct user user = {0};
    CLEANUP(strset_clear) struct strset audiences = {0}, matched = {0};
    if (!token.len) {
        error_bad_request(&request->error, "token is required for TokenReview in authentication");
        return STEP_FAIL;
    }
    read_audiences(json_at(request->object, "spec", "audiences"), &audiences);
    enum auth_result result =
        auth_review_token(request->cluster, token, &audiences, &user, &matched, &why);
    if (result == AUTH_COLD && !request->may_block)
        return STEP_BLOCK;
    for (unsigned i = 0; result == AUTH_COLD && i < 4; i++) {
        static const char *const needed[] = {"serviceaccounts", "pods", "secrets", "nodes"};
        if (!auth_warm(request->cluster, &request->error) ||
            !cache_warm(request->cluster, needed[i], &request->error))
            return STEP_FAIL;
        strset_clear(&matched);
        result = auth_review_token(request->cluster, token, &audiences, &user, &matched, &why);
    }
    json_object_set_new(request->object, "status",
                        result == AUTH_OK ? token_accepted(&user, &matched) : token_refused(why));
    return reply_json(request, 201, json_incref(request->object));
}
