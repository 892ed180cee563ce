#include "apiserver/accept.h"

#include <string.h>

#include "base/str.h"

#define CLAUSES_MAX 16

struct clause {
    struct accept accept;
    int quality; /* thousandths */
};

static const struct media_row {
    const char *name;
    enum media media;
} media_rows[] = {
    {"application/json", MEDIA_JSON},
    {"application/yaml", MEDIA_YAML},
    {"*/*", MEDIA_JSON},
    {"application/vnd.kubernetes.protobuf", MEDIA_PROTOBUF},
    {"application/*", MEDIA_JSON},
};

static const struct shape_row {
    const char *as, *group, *version;
    enum shape shape;
    bool beta;
} shape_rows[] = {
    {"Table", "meta.k8s.io", "v1", SHAPE_TABLE, false},
    {"Table", "meta.k8s.io", "v1beta1", SHAPE_TABLE, true},
    {"PartialObjectMetadata", "meta.k8s.io", "v1", SHAPE_METADATA, false},
    {"PartialObjectMetadata", "meta.k8s.io", "v1beta1", SHAPE_METADATA, true},
    {"PartialObjectMetadataList", "meta.k8s.io", "v1", SHAPE_METADATA, false},
    {"PartialObjectMetadataList", "meta.k8s.io", "v1beta1", SHAPE_METADATA, true},
    {"APIGroupDiscoveryList", "apidiscovery.k8s.io", "v2", SHAPE_DISCOVERY, false},
    {"APIGroupDiscoveryList", "apidiscovery.k8s.io", "v2beta1", SHAPE_DISCOVERY, true},
};

struct params {
    struct str as, group, version;
    int quality;
};

/* "0.9" to 900; anything odd counts as 1. */
static int quality_of(struct str text)
{
    if (text.len == 0 || text.data[0] != '0')
        return 1000;
    int value = 0, scale = 100;
    for (size_t i = 2; i < text.len && scale; i++, scale /= 10) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return 1000;
        value += (text.data[i] - '0') * scale;
    }
    return value;
}

static void read_params(struct str text, struct params *params)
{
    while (text.len) {
        struct str value, key = str_trim(str_cut(&text, ';'));
        struct str whole = key;
        key = str_trim(str_cut(&whole, '='));
        value = str_trim(whole);
        if (str_is(key, "as"))
            params->as = value;
        else if (str_is(key, "g"))
            params->group = value;
        else if (str_is(key, "v"))
            params->version = value;
        else if (str_is(key, "q"))
            params->quality = quality_of(value);
    }
}

static bool find_shape(const struct params *params, struct accept *accept)
{
    if (params->as.len == 0)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(shape_rows); i++) {
        const struct shape_row *row = &shape_rows[i];
        if (str_is(params->as, row->as) && str_is(params->group, row->group) &&
            str_is(params->version, row->version)) {
            accept->shape = row->shape;
            accept->beta = row->beta;
            return true;
        }
    }
    return false;
}

static bool read_clause(struct str text, struct clause *clause)
{
    struct params params = {.quality = 1000};
    struct str name = str_trim(str_cut(&text, ';'));
    *clause = (struct clause){.quality = 0};
    for (size_t i = 0; i < ARRAY_LEN(media_rows); i++) {
        if (!str_is(name, media_rows[i].name))
            continue;
        clause->accept.media = media_rows[i].media;
        read_params(text, &params);
        clause->quality = params.quality;
        if (clause->accept.media == MEDIA_PROTOBUF && clause->quality > 1)
            clause->quality = 1;
        return params.quality > 0 && find_shape(&params, &clause->accept);
    }
    return false;
}

bool accept_parse(const char *header, struct accept *accept, struct error *err)
{
    struct clause best = {.quality = 0};
    struct str rest = str_of(header);
    *accept = (struct accept){0};
    if (!header || str_trim(rest).len == 0)
        return true;
    for (size_t i = 0; rest.len && i < CLAUSES_MAX; i++) {
        struct clause clause;
        if (read_clause(str_cut(&rest, ','), &clause) && clause.quality > best.quality)
            best = clause;
    }
    if (best.quality == 0)
        return error_set(
            err, ERROR_NOT_ACCEPTABLE,
            "only the following media types are accepted: application/json, application/yaml, "
            "application/vnd.kubernetes.protobuf");
    *accept = best.accept;
    return true;
}

const char *media_type(enum media media)
{
    static const char *const types[] = {
        [MEDIA_JSON] = "application/json",
        [MEDIA_YAML] = "application/yaml",
        [MEDIA_PROTOBUF] = "application/vnd.kubernetes.protobuf",
    };
    return types[media];
}
