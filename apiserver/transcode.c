#include "apiserver/transcode.h"

#include "base/json_scan.h"
#include "schema/protobuf.h"

#define OUT_MAX ((size_t)1 << 30)

static const struct known_kind {
    const char *api_version, *kind, *type;
} known_kinds[] = {
    {"v1", "Status", "io.k8s.apimachinery.pkg.apis.meta.v1.Status"},
    {"meta.k8s.io/v1", "PartialObjectMetadata",
     "io.k8s.apimachinery.pkg.apis.meta.v1.PartialObjectMetadata"},
    {"meta.k8s.io/v1", "PartialObjectMetadataList",
     "io.k8s.apimachinery.pkg.apis.meta.v1.PartialObjectMetadataList"},
    {"autoscaling/v1", "Scale", "io.k8s.api.autoscaling.v1.Scale"},
    {"", "APIVersions", "io.k8s.apimachinery.pkg.apis.meta.v1.APIVersions"},
    {"v1", "APIGroupList", "io.k8s.apimachinery.pkg.apis.meta.v1.APIGroupList"},
    {"v1", "APIGroup", "io.k8s.apimachinery.pkg.apis.meta.v1.APIGroup"},
    {"", "APIResourceList", "io.k8s.apimachinery.pkg.apis.meta.v1.APIResourceList"},
    {"v1", "APIResourceList", "io.k8s.apimachinery.pkg.apis.meta.v1.APIResourceList"},
    {"apidiscovery.k8s.io/v2", "APIGroupDiscoveryList",
     "io.k8s.api.apidiscovery.v2.APIGroupDiscoveryList"},
    {"apidiscovery.k8s.io/v2beta1", "APIGroupDiscoveryList",
     "io.k8s.api.apidiscovery.v2.APIGroupDiscoveryList"}, /* has the same numbers */
};

static const struct type *resource_type(struct str api_version, struct str kind)
{
    struct str version = api_version, group = str_cut(&version, '/');
    if (version.len == 0) {
        version = group;
        group = (struct str){"", 0};
    }
    const struct resource *row = resource_by_kind(group, version, kind);
    return row ? row->type : NULL;
}

static const struct type *type_of(struct str api_version, struct str kind)
{
    static const struct str list = {"List", 4};
    for (size_t i = 0; i < ARRAY_LEN(known_kinds); i++)
        if (str_is(api_version, known_kinds[i].api_version) && str_is(kind, known_kinds[i].kind))
            return type_find(known_kinds[i].type);
    const struct type *type = resource_type(api_version, kind);
    if (type || !str_ends(kind, list))
        return type;
    type = resource_type(api_version, (struct str){kind.data, kind.len - list.len});
    CLEANUP(free_ptr) char *name = type ? xasprintf("%sList", type->name) : NULL;
    return name ? type_find(name) : NULL;
}

bool transcode_protobuf(struct buf *bytes)
{
    struct str json = buf_str(bytes);
    struct buf out = BUF_INIT(OUT_MAX);
    const struct type *type =
        type_of(json_member_text(json, STR("apiVersion")), json_member_text(json, STR("kind")));
    if (!type || (type->flags & TYPE_NO_PROTOBUF) || !protobuf_encode_object(&out, type, json)) {
        buf_free(&out);
        return false;
    }
    buf_free(bytes);
    *bytes = out;
    return true;
}
