#include "apiserver/body.h"

#include <string.h>
#include <strings.h>

#include "apiserver/api_internal.h"
#include "apiserver/steps.h"
#include "schema/protobuf.h"

/* ---- options in the query ---- */

static const struct options_row {
    const char *verb, *kind;
} options_rows[] = {
    {"create", "CreateOptions"},
    {"update", "UpdateOptions"},
    {"patch", "PatchOptions"},
};

const char *body_options_kind(const char *verb)
{
    for (size_t i = 0; i < ARRAY_LEN(options_rows); i++)
        if (strcmp(verb, options_rows[i].verb) == 0)
            return options_rows[i].kind;
    return "DeleteOptions";
}

static const struct validation_row {
    const char *text;
    enum field_validation validation;
} validation_rows[] = {
    {"", FIELD_VALIDATION_WARN},
    {"Ignore", FIELD_VALIDATION_IGNORE},
    {"Warn", FIELD_VALIDATION_WARN},
    {"Strict", FIELD_VALIDATION_STRICT},
};

static void read_validation(struct request *request)
{
    const char *text = route_arg(&request->route, "fieldValidation");
    request->validation = request->caller ? FIELD_VALIDATION_IGNORE : FIELD_VALIDATION_WARN;
    if (!text)
        return;
    for (size_t i = 0; i < ARRAY_LEN(validation_rows); i++)
        if (strcmp(text, validation_rows[i].text) == 0) {
            request->validation = validation_rows[i].validation;
            return;
        }
    error_add_cause(&request->error, CAUSE_NOT_SUPPORTED, "fieldValidation",
                    "Unsupported value: \"%s\": supported values: \"Ignore\", \"Strict\", \"Warn\"",
                    text);
}

enum step_result step_options(struct request *request)
{
    const struct route *route = &request->route;
    for (size_t i = 0; i < route->arg_count; i++) {
        if (strcmp(route->args[i].key, "dryRun") != 0)
            continue;
        if (strcmp(route->args[i].value, "All") == 0)
            request->dry_run = true;
        else
            error_add_cause(&request->error, CAUSE_NOT_SUPPORTED, "dryRun",
                            "Unsupported value: \"%s\": supported values: \"All\"",
                            route->args[i].value);
    }
    read_validation(request);
    return error_seal_invalid(&request->error, body_options_kind(route->verb), "meta.k8s.io", "")
               ? STEP_NEXT
               : STEP_FAIL;
}

/* ---- the body ---- */

enum body_media { BODY_JSON, BODY_YAML, BODY_PROTOBUF, BODY_UNKNOWN };

static enum body_media body_media(const struct request *request)
{
    struct str rest = str_of(request->content_type);
    if (request->caller || !request->content_type)
        return BODY_JSON;
    struct str name = str_trim(str_cut(&rest, ';'));
    if (name.len == 0 || str_is(name, "application/json"))
        return BODY_JSON;
    if (str_is(name, "application/yaml") || str_is(name, "application/x-yaml"))
        return BODY_YAML;
    if (str_is(name, PROTOBUF_MEDIA))
        return BODY_PROTOBUF;
    return BODY_UNKNOWN;
}

static json_t *parse_body(struct request *request, const struct type *type)
{
    struct error *err = &request->error;
    struct str body = buf_str(&request->body);
    if (request->caller) {
        json_t *copy = request->given ? json_deep_copy(request->given) : json_object();
        if (!schema_shape(type, copy, FIELD_VALIDATION_IGNORE, &request->warnings, err))
            json_decref(copy), copy = NULL;
        return copy;
    }
    switch (body_media(request)) {
    case BODY_JSON:
        return schema_decode(type, body, request->validation, &request->warnings, err);
    case BODY_YAML: {
        enum json_load_kind kind =
            request->validation == FIELD_VALIDATION_STRICT ? JSON_LOAD_STRICT : JSON_LOAD_LENIENT;
        json_t *tree = yaml_parse(body, kind, err);
        if (tree && !schema_shape(type, tree, request->validation, &request->warnings, err))
            json_decref(tree), tree = NULL;
        return tree;
    }
    case BODY_PROTOBUF:
        return protobuf_decode_object(type, body, err);
    case BODY_UNKNOWN:
        break;
    }
    error_set(err, ERROR_UNSUPPORTED_MEDIA_TYPE,
              "the body of the request was in an unknown format - accepted media types include: "
              "application/json, application/yaml, application/vnd.kubernetes.protobuf");
    return NULL;
}

static void explain(struct request *request, const char *kind, const char *version)
{
    CLEANUP(free_ptr)
    char *prefix = xasprintf("%s in version \"%s\" cannot be handled as a %s", kind, version, kind);
    if (request->error.reason == ERROR_BAD_REQUEST)
        error_wrap(&request->error, "%s", prefix);
}

json_t *body_decode(struct request *request, const struct type *type, const char *kind,
                    const char *version, bool optional)
{
    if (optional && !request->caller && request->body.len == 0)
        return NULL;
    if (!request->caller && request->body.len == 0) {
        error_bad_request(&request->error, "%s in version \"%s\" cannot be handled as a %s: EOF",
                          kind, version, kind);
        return NULL;
    }
    json_t *tree = parse_body(request, type);
    if (!tree) {
        explain(request, kind, version);
        return NULL;
    }
    if (!json_is_object(tree)) {
        json_decref(tree);
        error_bad_request(
            &request->error,
            "%s in version \"%s\" cannot be handled as a %s: json: cannot unmarshal into "
            "Go value of type %s.%s",
            kind, version, kind, version, kind);
        return NULL;
    }
    return tree;
}

void body_expects(const struct request *request, const char **kind, const char **group,
                  const char **version)
{
    const struct subresource *sub = request->sub;
    bool own = sub && sub->kind && sub->group && sub->version && *sub->version;
    *kind = sub && sub->kind ? sub->kind : request->resource->kind;
    *group = own ? sub->group : request->resource->group;
    *version = own ? sub->version : request->resource->version;
}

static bool check_kind(struct request *request, const char *kind, const char *group,
                       const char *version)
{
    CLEANUP(free_ptr)
    char *api_version = *group ? xasprintf("%s/%s", group, version) : xstrdup(version);
    const char *given_version = json_text(request->object, "apiVersion");
    const char *given_kind = json_text(request->object, "kind");
    if (given_version && *given_version && strcmp(given_version, api_version) != 0)
        return error_bad_request(
            &request->error,
            "the API version in the data (%s) does not match the expected API version (%s)",
            given_version, api_version);
    if (given_kind && *given_kind && strcmp(given_kind, kind) != 0)
        return error_bad_request(&request->error,
                                 "%s in version \"%s\" cannot be handled as a %s: converting "
                                 "(%s.%s) to (%s.%s): unknown "
                                 "conversion",
                                 given_kind, version, kind, version, given_kind, version, kind);
    json_set_text(request->object, "apiVersion", api_version);
    json_set_text(request->object, "kind", kind);
    return true;
}

enum step_result step_decode(struct request *request)
{
    const char *kind, *group, *version;
    body_expects(request, &kind, &group, &version);
    request->object = body_decode(request, request->type, kind, version, false);
    if (!request->object || !check_kind(request, kind, group, version))
        return STEP_FAIL;
    if (request->view) /* what is shown becomes what is stored once the old one is known */
        return STEP_NEXT;
    schema_default(request->type, request->object);
    return STEP_NEXT;
}
