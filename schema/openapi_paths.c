/* The paths of every resource, and what can be done there. */
#include <ctype.h>
#include <string.h>

#include "schema/openapi_operation.h"

/* clang-format off */
static const struct operation operations[] = {
    {"get", "list", "list", "", ON_COLLECTION, VERB_LIST, USE_LIST, BODY_NONE, RESULT_LIST, "200"},
    {"post", "post", "create", "", ON_COLLECTION, VERB_CREATE, USE_WRITE, BODY_SELF, RESULT_SELF, "200 201 202"},
    {"delete", "deletecollection", "delete", "Collection", ON_COLLECTION, VERB_DELETE_COLLECTION, USE_COLLECTION,
     BODY_DELETE, RESULT_STATUS, "200"},
    {"get", "get", "read", "", ON_ITEM, VERB_GET, 0, BODY_NONE, RESULT_SELF, "200"},
    {"put", "put", "replace", "", ON_ITEM, VERB_UPDATE, USE_WRITE, BODY_SELF, RESULT_SELF, "200 201"},
    {"patch", "patch", "patch", "", ON_ITEM, VERB_PATCH, USE_PATCH, BODY_PATCH, RESULT_SELF, "200 201"},
    {"delete", "delete", "delete", "", ON_ITEM, VERB_DELETE, USE_DELETE, BODY_DELETE, RESULT_STATUS, "200 202"},
    {"get", "get", "read", "", ON_SUB, VERB_GET, 0, BODY_NONE, RESULT_SELF, "200"},
    {"post", "post", "create", "", ON_SUB, VERB_CREATE, USE_WRITE, BODY_SELF, RESULT_SELF, "200 201 202"},
    {"put", "put", "replace", "", ON_SUB, VERB_UPDATE, USE_WRITE, BODY_SELF, RESULT_SELF, "200 201"},
    {"patch", "patch", "patch", "", ON_SUB, VERB_PATCH, USE_PATCH, BODY_PATCH, RESULT_SELF, "200 201"},
};

static const struct connect_method connect_methods[] = {
    {"get", "Get", VERB_GET, false},       {"post", "Post", VERB_CREATE, false},
    {"put", "Put", VERB_UPDATE, true},     {"patch", "Patch", VERB_PATCH, true},
    {"delete", "Delete", VERB_DELETE, true}, {"options", "Options", VERB_GET, true},
    {"head", "Head", VERB_GET, true},
};
/* clang-format on */

/* "rbac.authorization.k8s.io" as "RbacAuthorization". */
static char *group_id(const char *group)
{
    struct str name = *group ? str_of(group) : STR("core");
    CLEANUP(buf_free) struct buf out = BUF_TEXT;
    bool upper = true;
    if (text_ends(group, ".k8s.io"))
        name.len -= strlen(".k8s.io");
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.data[i];
        if (isalnum(c))
            buf_add_char(&out, (char)(upper ? toupper(c) : c));
        upper = !isalnum(c);
    }
    return buf_take(&out);
}

/* Opens the path's member; the caller adds operations, then path_end(). */
static void path_begin(const struct path *path, bool with_namespace)
{
    const struct resource *row = path->row;
    CLEANUP(free_ptr)
    char *url = xasprintf("%s%s/%s%s/%s%s%s%s%s", *row->group ? "/apis/" : "/api", row->group,
                          row->version, with_namespace ? "/namespaces/{namespace}" : "",
                          row->plural, path->named ? "/{name}" : "", path->sub ? "/" : "",
                          path->sub ? path->sub->name : "", path->rest ? "/{path}" : "");
    doc_object(path->doc->out, url);
}

static void path_end(struct path *path)
{
    operation_write_path_parameters(path);
    doc_close(path->doc->out, '}');
}

static bool any_operation(enum where where, uint32_t verbs)
{
    for (size_t i = 0; i < ARRAY_LEN(operations); i++)
        if (operations[i].where == where && (operations[i].verb & verbs))
            return true;
    return false;
}

static void plain_path(struct path *path, enum where where, uint32_t verbs)
{
    if (!any_operation(where, verbs))
        return;
    path_begin(path, path->namespaced);
    for (size_t i = 0; i < ARRAY_LEN(operations); i++)
        if (operations[i].where == where && (operations[i].verb & verbs))
            operation_write(path, &operations[i], "");
    path_end(path);
}

static void connect_path(struct path *path)
{
    path_begin(path, path->namespaced);
    for (size_t i = 0; i < ARRAY_LEN(connect_methods); i++)
        if ((path->sub->verbs & connect_methods[i].verb) &&
            (path->sub->path || !connect_methods[i].paths_only))
            operation_write_connect(path, &connect_methods[i]);
    path_end(path);
}

/* A list over all namespaces. */
static void everywhere_path(struct path *path)
{
    path->namespaced = false;
    path_begin(path, false);
    operation_write(path, &operations[0], "ForAllNamespaces");
    path_end(path);
    path->namespaced = true;
}

static void resource_paths(struct openapi *doc, const struct resource *row, bool custom)
{
    CLEANUP(free_ptr) char *id = group_id(row->group);
    struct path path = {
        .doc = doc, .row = row, .group_id = id, .namespaced = row->namespaced, .custom = custom};
    plain_path(&path, ON_COLLECTION, row->verbs);
    if (row->namespaced && (row->verbs & VERB_LIST))
        everywhere_path(&path);
    path.named = true;
    plain_path(&path, ON_ITEM, row->verbs);
    for (size_t i = 0; i < row->subresource_count; i++) {
        path.sub = &row->subresources[i];
        if (!path.sub->connect) {
            plain_path(&path, ON_SUB, path.sub->verbs);
            continue;
        }
        connect_path(&path);
        path.rest = path.sub->path;
        if (path.rest)
            connect_path(&path);
        path.rest = false;
    }
}

/* The discovery document of the group version. */
static void discovery_path(struct openapi *doc, const char *group, const char *version)
{
    const struct resource row = {.group = group, .version = version, .kind = "APIResources"};
    CLEANUP(free_ptr) char *id = group_id(group);
    CLEANUP(free_ptr) char *url = xasprintf("%s%s/%s/", *group ? "/apis/" : "/api", group, version);
    struct path path = {.doc = doc, .row = &row, .group_id = id};
    doc_object(doc->out, url);
    operation_write_discovery(&path);
    doc_close(doc->out, '}');
}

/* clang-format off */
static const struct root roots[] = {
    {"/.well-known/openid-configuration/", "WellKnown", "getServiceAccountIssuerOpenIDConfiguration",
     "get the configuration of the issuer of service account tokens", NULL, "application/json"},
    {"/api/", "core", "getCoreAPIVersions", "get available API versions", META "APIVersions", NULL},
    {"/apis/", "apis", "getAPIVersions", "get available API versions", META "APIGroupList", NULL},
    {"/openid/v1/jwks/", "openid", "getServiceAccountIssuerOpenIDKeyset",
     "get the public keys of the issuer of service account tokens", NULL, "application/jwk-set+json"},
    {"/version/", "version", "getCodeVersion", "get the version information for this server",
     "io.k8s.apimachinery.pkg.version.Info", "application/json"},
};
/* clang-format on */

char *openapi_root_name(size_t at)
{
    return at < ARRAY_LEN(roots) ? xstrndup(roots[at].url + 1, strlen(roots[at].url) - 2) : NULL;
}

void openapi_roots(struct openapi *doc)
{
    struct path path = {.doc = doc};
    for (size_t i = 0; i < ARRAY_LEN(roots); i++)
        operation_write_root(&path, &roots[i]);
}

bool openapi_root(struct openapi *doc, const char *name)
{
    struct path path = {.doc = doc};
    for (size_t i = 0; i < ARRAY_LEN(roots); i++) {
        CLEANUP(free_ptr) char *own = openapi_root_name(i);
        if (strcmp(own, name) != 0)
            continue;
        operation_write_root(&path, &roots[i]);
        return true;
    }
    return false;
}

void openapi_group_root(struct openapi *doc, const char *group)
{
    CLEANUP(free_ptr) char *id = group_id(group);
    CLEANUP(free_ptr) char *tag = xstrdup(id);
    CLEANUP(free_ptr) char *operation = xasprintf("get%sAPIGroup", id);
    CLEANUP(free_ptr) char *url = xasprintf("/apis/%s/", group);
    tag[0] = (char)tolower((unsigned char)tag[0]);
    struct path path = {.doc = doc};
    operation_write_root(&path, &(struct root){url, tag, operation, "get information of a group",
                                               META "APIGroup", NULL});
}

static bool is_built_in(const struct resource *row)
{
    size_t count;
    const struct resource *const *built_in = resource_all(&count);
    for (size_t i = 0; i < count; i++)
        if (built_in[i] == row)
            return true;
    return false;
}

void openapi_paths(struct openapi *doc, const char *group, const char *version,
                   const struct resource *const *rows, size_t row_count)
{
    bool any = false;
    size_t built_in_count;
    const struct resource *const *built_in = resource_all(&built_in_count);
    for (size_t i = 0; i < built_in_count + row_count; i++) {
        bool extra = i >= built_in_count;
        const struct resource *row = extra ? rows[i - built_in_count] : built_in[i];
        if (strcmp(row->group, group) != 0 || strcmp(row->version, version) != 0)
            continue;
        bool custom = extra && !is_built_in(row);
        if (!custom && row->host_only != extra)
            continue; /* host rows only when they are given, the others once */
        if (!any)
            discovery_path(doc, group, version);
        any = true;
        resource_paths(doc, row, custom);
    }
}
