/* The authorizer: requests are put together here, and decided by the caller of the evaluation. */
#include <string.h>

#include "cel/library.h"

/* A copy of the request with that text in one of its members. */
static struct cel_value with(struct cel_eval *eval, const struct cel_value *args,
                             const struct cel_type *type, size_t member)
{
    struct cel_authz_request *request = cel_eval_alloc(eval, 1, sizeof(*request));
    struct cel_value text = cel_copy_text(eval, args[1].text);
    if (!request || cel_is_error(&text))
        return cel_stopped(eval);
    *request = *(const struct cel_authz_request *)args[0].opaque;
    *(const char **)((char *)request + member) = text.text.data;
    return cel_of_opaque(type, request);
}

static bool is_blank(struct str text)
{
    return str_trim(text).len == 0;
}

#define MEMBER(name) offsetof(struct cel_authz_request, name)
#define PART(function, type, member)                                                               \
    struct cel_value cel_lib_##function(struct cel_eval *eval, const struct cel_value *args)       \
    {                                                                                              \
        return with(eval, args, &type, MEMBER(member));                                            \
    }

struct cel_value cel_lib_authz_path(struct cel_eval *eval, const struct cel_value *args)
{
    return is_blank(args[1].text) ? cel_fail(eval, "path must not be empty")
                                  : with(eval, args, &cel_path_check, MEMBER(path));
}

struct cel_value cel_lib_authz_resource(struct cel_eval *eval, const struct cel_value *args)
{
    return is_blank(args[1].text) ? cel_fail(eval, "resource must not be empty")
                                  : with(eval, args, &cel_resource_check, MEMBER(resource));
}

PART(authz_group, cel_group_check, group)
PART(authz_subresource, cel_resource_check, subresource)
PART(authz_namespace, cel_resource_check, namespace_)
PART(authz_name, cel_resource_check, name)
PART(authz_field_selector, cel_resource_check, field_selector)
PART(authz_label_selector, cel_resource_check, label_selector)

static bool is_name(struct str text, size_t most, bool dots)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        bool edge = i == 0 || i + 1 == text.len || (i && text.data[i - 1] == '.');
        if (!alnum && (edge || (c != '-' && !(dots && c == '.'))))
            return false;
    }
    return text.len && text.len <= most;
}

struct cel_value cel_lib_authz_service_account(struct cel_eval *eval, const struct cel_value *args)
{
    if (!is_name(args[2].text, 253, true))
        return cel_fail(eval, "Invalid service account name");
    if (!is_name(args[1].text, 63, false))
        return cel_fail(eval, "Invalid service account namespace");
    const struct cel_value first =
        with(eval, args, &cel_authorizer, MEMBER(service_account_namespace));
    if (cel_is_error(&first))
        return first;
    const struct cel_value named[2] = {first, args[2]};
    return with(eval, named, &cel_authorizer, MEMBER(service_account_name));
}

struct cel_value cel_lib_authz_check(struct cel_eval *eval, const struct cel_value *args)
{
    struct cel_value asked = with(eval, args, &cel_resource_check, MEMBER(verb));
    struct cel_authz_answer *answer = cel_eval_alloc(eval, 1, sizeof(*answer));
    const struct cel_authz *authz = cel_eval_authz(eval);
    if (!answer || cel_is_error(&asked))
        return cel_stopped(eval);
    if (!authz)
        return cel_fail(eval, "no such attribute(s): authorizer");
    authz->check(authz->data, asked.opaque, answer);
    return cel_of_opaque(&cel_decision, answer);
}

static const struct cel_authz_answer *answer_of(const struct cel_value *value)
{
    return value->opaque;
}

struct cel_value cel_lib_authz_allowed(struct cel_eval *eval, const struct cel_value *args)
{
    (void)eval; /* nothing can fail */
    return cel_of_bool(answer_of(args)->allowed);
}

struct cel_value cel_lib_authz_reason(struct cel_eval *eval, const struct cel_value *args)
{
    (void)eval; /* nothing can fail */
    return cel_of_text(str_of(answer_of(args)->reason));
}

struct cel_value cel_lib_authz_errored(struct cel_eval *eval, const struct cel_value *args)
{
    (void)eval; /* nothing can fail */
    return cel_of_bool(answer_of(args)->error[0] != '\0');
}

struct cel_value cel_lib_authz_error(struct cel_eval *eval, const struct cel_value *args)
{
    (void)eval; /* nothing can fail */
    return cel_of_text(str_of(answer_of(args)->error));
}
