#include "apiserver/transcode.h"

#include <string.h>

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

static const struct type *type_of(const char *api_version, const char *kind)
{
    for (size_t i = 0; i < ARRAY_LEN(known_kinds); i++)
        if (strcmp(known_kinds[i].api_version, api_version) == 0 &&
            strcmp(known_kinds[i].kind, kind) == 0)
            return type_find(known_kinds[i].type);
    const struct type *type = resource_type(str_of(api_version), str_of(kind));
    size_t len = strlen(kind);
    if (type || len < 5 || !text_ends(kind, "List"))
        return type;
    type = resource_type(str_of(api_version), (struct str){kind, len - 4});
    CLEANUP(free_ptr) char *name = type ? xasprintf("%sList", type->name) : NULL;
    return name ? type_find(name) : NULL;
}

bool transcode_protobuf(struct buf *bytes)
{
    struct error ignored = {0};
    struct buf out = BUF_INIT(OUT_MAX);
    json_auto_t *tree = json_parse(buf_str(bytes), JSON_LOAD_LENIENT, &ignored);
    const char *api_version = json_text(tree, "apiVersion"), *kind = json_text(tree, "kind");
    const struct type *type = api_version && kind ? type_of(api_version, kind) : NULL;
    error_clear(&ignored);
    if (!type || !protobuf_encode_object(&out, type, tree) || !buf_ok(&out)) {
        buf_free(&out);
        return false;
    }
    buf_free(bytes);
    *bytes = out;
    return true;
}
