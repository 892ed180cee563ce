#include "apiserver/body.h"

#include <string.h>
#include <strings.h>

#include "apiserver/api_internal.h"
#include "apiserver/audit/audit.h"
#include "apiserver/query.h"
#include "apiserver/steps.h"
#include "schema/go_text.h"
#include "schema/meta.h"
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
    query_not_supported(&request->error, "fieldValidation", text,
                        "\"\", \"Ignore\", \"Strict\", \"Warn\"");
}

void body_read_dry_run(struct request *request, const char *const *values, size_t count)
{
    CLEANUP(buf_free) struct buf all = BUF_TEXT;
    bool known = true;
    for (size_t i = 0; i < count; i++) {
        known = known && strcmp(values[i], "All") == 0;
        buf_add_text(&all, i ? ", " : "");
        go_quote(&all, str_of(values[i]));
    }
    if (known)
        request->dry_run = count > 0 || request->dry_run;
    else
        error_add_cause(&request->error, CAUSE_NOT_SUPPORTED, "dryRun",
                        "Unsupported value: []string{%s}: supported values: \"All\"",
                        buf_ok(&all) ? all.data : "");
}

void body_query_dry_run(struct request *request)
{
    const struct route *route = &request->route;
    const char *values[ROUTE_ARGS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < route->arg_count; i++)
        if (strcmp(route->args[i].key, "dryRun") == 0)
            values[count++] = route->args[i].value;
    body_read_dry_run(request, values, count);
}

enum step_result step_options(struct request *request)
{
    const struct route *route = &request->route;
    if (!request->caller)
        apply_check_options(request);
    body_query_dry_run(request);
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

/* To Go's decoder null is an object of which nothing is said, and so is YAML without a node. */
static struct str body_text(const struct request *request, enum body_media media)
{
    struct str body = buf_str(&request->body), bare = str_trim(body);
    bool empty = media == BODY_YAML && bare.len == 0;
    return str_is(bare, "null") || empty ? STR("{}") : body;
}

static json_t *parse_body(struct request *request, const struct type *type)
{
    struct error *err = &request->error;
    enum body_media media = body_media(request);
    struct str body = body_text(request, media);
    if (request->caller) {
        json_t *copy = request->given ? json_deep_copy(request->given) : json_object();
        if (!schema_shape(type, copy, FIELD_VALIDATION_IGNORE, &request->warnings, err))
            json_decref(copy), copy = NULL;
        return copy;
    }
    switch (media) {
    case BODY_JSON:
        return schema_decode(type, body, request->validation, &request->warnings, err);
    case BODY_YAML:
        return schema_decode_yaml(type, body, request->validation, &request->warnings, err);
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

#define SUMMARY_MAX 30

/* The beginning of a body, as upstream shows what it cannot read. */
static void summarize(struct buf *out, struct str body)
{
    struct str head = {body.data, body.len < SUMMARY_MAX ? body.len : SUMMARY_MAX};
    if (!body.len)
        buf_add_text(out, "<empty>");
    else if (*body.data == '{')
        buf_add_str(out, head);
    else
        for (size_t i = 0; i < head.len; i++)
            buf_printf(out, "%02x", (unsigned char)head.data[i]);
    if (body.len > SUMMARY_MAX)
        buf_add_text(out, " ...");
}

#define NO_KIND          "couldn't get version/kind; json parse error: "
#define NO_GROUP_VERSION "unexpected GroupVersion string: %s"

/* What JSON must be for its kind and version to be read, in upstream's words. */
static bool is_object(const json_t *tree, struct error *why)
{
    CLEANUP(buf_free) struct buf got = BUF_TEXT;
    if (json_is_object(tree))
        return true;
    go_value_kind(&got, tree, false);
    return error_bad_request(why,
                             NO_KIND
                             "json: cannot unmarshal %s into Go value of type struct { "
                             "APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind "
                             "string \"json:\\\"kind,omitempty\\\"\" }",
                             got.data);
}

/* Whether those two are what they must be: texts, and a group version. */
static bool has_types(const json_t *tree, struct error *why)
{
    static const char *const keys[] = {"kind", "apiVersion"};
    const char *version = json_text(tree, "apiVersion");
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        CLEANUP(buf_free) struct buf got = BUF_TEXT;
        const json_t *value = json_object_get(tree, keys[i]);
        if (!value || json_is_string(value) || json_is_null(value))
            continue;
        go_value_kind(&got, value, false);
        return error_bad_request(
            why, NO_KIND "json: cannot unmarshal %s into Go struct field .%s of type string",
            got.data, keys[i]);
    }
    if (version && strchr(version, '/') != strrchr(version, '/'))
        return error_bad_request(why, NO_GROUP_VERSION, version);
    return true;
}

/* Whether a body that was refused says its kind and version, which upstream reads on their own
 * first. */
static bool has_kind(const struct request *request, struct error *why)
{
    struct str body = buf_str(&request->body);
    json_auto_t *tree = NULL;
    switch (request->caller ? BODY_UNKNOWN : body_media(request)) {
    case BODY_JSON:
        tree = json_parse(body, JSON_LOAD_LENIENT, why);
        return tree ? is_object(tree, why) && has_types(tree, why)
                    : error_wrap(why, "couldn't get version/kind; json parse error");
    case BODY_YAML:
        tree = yaml_parse(body, JSON_LOAD_LENIENT, why);
        return tree && is_object(tree, why) && has_types(tree, why);
    case BODY_PROTOBUF:
        return (body.len >= 4 && memcmp(body.data, "k8s", 4) == 0) ||
               error_bad_request(why, "%s", request->error.message);
    case BODY_UNKNOWN:
        break;
    }
    return true;
}

static bool blame_bytes(struct request *request, const char *kind, const char *why)
{
    CLEANUP(buf_free) struct buf summary = BUF_TEXT;
    summarize(&summary, buf_str(&request->body));
    error_clear(&request->error);
    return error_bad_request(&request->error,
                             "the object provided is unrecognized (must be of type %s): %s (%s)",
                             kind, why, buf_ok(&summary) ? summary.data : "");
}

/* A body without kind and version is blamed by its bytes, any other by what it was to be. */
static void explain(struct request *request, const char *kind, const char *version)
{
    CLEANUP(error_clear) struct error why = {0};
    if (request->error.reason != ERROR_BAD_REQUEST)
        return;
    if (has_kind(request, &why)) {
        CLEANUP(free_ptr)
        char *what =
            xasprintf("%s in version \"%s\" cannot be handled as a %s", kind, version, kind);
        error_wrap(&request->error, "%s", what);
        return;
    }
    blame_bytes(request, kind, why.message);
}

json_t *body_decode(struct request *request, const struct type *type, const char *kind,
                    const char *version, bool optional)
{
    if (optional && !request->caller && request->body.len == 0)
        return NULL;
    json_t *tree = parse_body(request, type);
    if (tree)
        audit_asked(request, tree);
    else
        explain(request, kind, version);
    return tree;
}

json_t *body_decode_plain(struct request *request, const struct type *type)
{
    CLEANUP(error_clear) struct error why = {0};
    if (!request->caller && request->body.len == 0)
        return NULL;
    json_t *tree = parse_body(request, type);
    if (tree)
        audit_asked(request, tree);
    if (!tree && request->error.reason == ERROR_BAD_REQUEST) {
        bool readable = has_kind(request, &why);
        CLEANUP(free_ptr) char *text = xstrdup(readable ? request->error.message : why.message);
        error_clear(&request->error);
        error_set(&request->error, ERROR_UNKNOWN, "%s", text);
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

/* The package of upstream's own form of a group's kinds, which every version is converted to. */
static struct str internal_package(const char *group)
{
    struct str rest = str_of(group);
    return *group && strcmp(group, "events.k8s.io") != 0 ? str_cut(&rest, '.') : STR("core");
}

/* Lists are kinds as well. */
static bool is_known_kind(const char *api_version, const char *kind)
{
    struct str version = str_of(api_version), group = {"", 0}, name = str_of(kind);
    if (strchr(api_version, '/'))
        group = str_cut(&version, '/');
    if (resource_by_kind(group, version, name))
        return true;
    if (!text_ends(kind, "List"))
        return false;
    name.len -= strlen("List");
    return name.len ? resource_by_kind(group, version, name) != NULL
                    : strcmp(api_version, "v1") == 0;
}

/* A version of the same kind that upstream once served and still reads: "apps/v1beta1". */
static bool is_old_version(const char *given, const char *group)
{
    size_t len = strlen(group);
    return (strncmp(given, group, len) == 0 && given[len] == '/' && strstr(given + len, "beta")) ||
           strcmp(given, "extensions/v1beta1") == 0;
}

/* Upstream's order: a kind that it does not know, one that is not what is wanted. */
char *body_unreadable_kind(const char *given_version, const char *given_kind, const char *kind,
                           const char *group)
{
    const char *slash = strchr(given_version, '/'), *version = slash ? slash + 1 : given_version;
    bool same_kind = strcmp(given_kind, kind) == 0;
    struct str package = internal_package(group);
    if (!(same_kind && is_old_version(given_version, group)) &&
        !is_known_kind(given_version, given_kind))
        return xasprintf("no kind \"%s\" is registered for version \"%s\" in scheme "
                         "\"pkg/api/legacyscheme/scheme.go:30\"",
                         given_kind, given_version);
    return same_kind ? NULL
                     : xasprintf("converting (%s.%s) to (" STR_FMT ".%s): unknown conversion",
                                 version, given_kind, STR_ARG(package), kind);
}

/* At last another version of what is wanted. */
static bool refuse_kind(struct request *request, const char *given_version, const char *given_kind,
                        const char *kind, const char *group, const char *api_version)
{
    const char *slash = strchr(given_version, '/'), *version = slash ? slash + 1 : given_version;
    if (slash && strchr(version, '/')) {
        CLEANUP(free_ptr) char *what = xasprintf(NO_GROUP_VERSION, given_version);
        return blame_bytes(request, kind, what);
    }
    CLEANUP(free_ptr)
    char *why =
        request->type->custom ? NULL : body_unreadable_kind(given_version, given_kind, kind, group);
    if (why)
        return error_bad_request(&request->error,
                                 "%s in version \"%s\" cannot be handled as a %s: %s", given_kind,
                                 version, kind, why);
    if (strcmp(given_version, api_version) != 0)
        return error_bad_request(
            &request->error,
            "the API version in the data (%s) does not match the expected API version (%s)",
            given_version, api_version);
    CLEANUP(free_ptr) char *detail = xasprintf("must be %s", kind);
    error_add_invalid(&request->error, "kind", given_kind, detail);
    return error_seal_invalid(&request->error, given_kind, group, meta_name(request->object));
}

/* A custom resource says what it is; what has a type of Go's is that when it says nothing. */
static bool has_own_kind(struct request *request, const char *given_kind)
{
    return request->caller || !request->type->custom || (given_kind && *given_kind) ||
           error_bad_request(&request->error,
                             "Object 'Kind' is missing in 'unstructured object has no kind'");
}

static bool check_kind(struct request *request, const char *kind, const char *group,
                       const char *version)
{
    CLEANUP(free_ptr)
    char *api_version = *group ? xasprintf("%s/%s", group, version) : xstrdup(version);
    const char *given_version = json_text(request->object, "apiVersion");
    const char *given_kind = json_text(request->object, "kind");
    if (!has_own_kind(request, given_kind))
        return false;
    given_version = given_version && *given_version ? given_version : api_version;
    given_kind = given_kind && *given_kind ? given_kind : kind;
    if ((strcmp(given_version, api_version) != 0 || strcmp(given_kind, kind) != 0) &&
        !refuse_kind(request, given_version, given_kind, kind, group, api_version)) {
        warnings_free(&request->warnings); /* of fields, read as another kind's */
        return false;
    }
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
