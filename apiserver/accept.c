#include "apiserver/accept.h"

#include <string.h>

#include "base/str.h"

#define CLAUSES_MAX 16

struct params {
    struct str as, group, version, stream, server_version;
    bool pretty;
};

struct clause {
    struct str type, subtype;
    int quality; /* thousandths */
    struct params params;
};

struct clauses {
    struct clause items[CLAUSES_MAX];
    size_t count;
};

/* In the order that a clause with an asterisk takes the first of. */
static const struct media_row {
    const char *type, *subtype;
    enum media media;
} media_rows[] = {
    {"application", "json", MEDIA_JSON},
    {"application", "yaml", MEDIA_YAML},
    {"application", "vnd.kubernetes.protobuf", MEDIA_PROTOBUF},
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

/* ---- the header ---- */

/* "0.9" to 900; what is no number is 0. */
static int quality_of(struct str text)
{
    struct str whole = str_cut(&text, '.');
    int value = whole.len && whole.data[0] >= '1' && whole.data[0] <= '9' ? 1000 : 0;
    for (int i = 0, scale = 100; i < (int)text.len && scale; i++, scale /= 10) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return 0;
        value += (text.data[i] - '0') * scale;
    }
    return value;
}

static void read_params(struct str text, struct clause *clause)
{
    const struct {
        const char *key;
        struct str *value;
    } rows[] = {
        {"as", &clause->params.as},
        {"g", &clause->params.group},
        {"v", &clause->params.version},
        {"stream", &clause->params.stream},
        {"sv", &clause->params.server_version},
    };
    while (text.len) {
        struct str value = str_cut(&text, ';');
        struct str key = str_trim(str_cut(&value, '='));
        if (value.len == 0 || memchr(value.data, '=', value.len))
            continue;
        value = str_trim(value);
        if (str_is(key, "q"))
            clause->quality = quality_of(value);
        else if (str_is(key, "pretty"))
            clause->params.pretty = str_is(value, "1");
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
            if (str_is(key, rows[i].key))
                *rows[i].value = value;
    }
}

static bool read_clause(struct str text, struct clause *clause)
{
    struct str name = str_cut(&text, ';');
    *clause = (struct clause){.quality = 1000};
    clause->subtype = name;
    clause->type = str_trim(str_cut(&clause->subtype, '/'));
    clause->subtype = str_trim(clause->subtype);
    if (clause->subtype.len == 0 && str_is(clause->type, "*"))
        clause->subtype = clause->type;
    read_params(text, clause);
    return clause->subtype.len && !memchr(clause->subtype.data, '/', clause->subtype.len);
}

/* Upstream's order, which is none in the strict sense: hence its way of sorting, too. */
static bool comes_before(const struct clause *a, const struct clause *b)
{
    return a->quality > b->quality || (!str_is(a->type, "*") && str_is(b->type, "*")) ||
           (!str_is(a->subtype, "*") && str_is(b->subtype, "*"));
}

static void read_clauses(struct str header, struct clauses *clauses)
{
    *clauses = (struct clauses){.count = 0};
    while (header.len && clauses->count < CLAUSES_MAX) {
        struct clause clause;
        if (!read_clause(str_cut(&header, ','), &clause))
            continue;
        size_t at = clauses->count++;
        for (; at && comes_before(&clause, &clauses->items[at - 1]); at--)
            clauses->items[at] = clauses->items[at - 1];
        clauses->items[at] = clause;
    }
}

/* ---- what is offered ---- */

static bool find_shape(const struct params *params, struct accept *accept)
{
    accept->shape = SHAPE_OBJECT;
    if (params->as.len == 0 && params->group.len == 0 && params->version.len == 0)
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

static bool is_offered(const struct accept *accept, unsigned offers)
{
    bool protobuf = accept->media == MEDIA_PROTOBUF;
    switch (accept->shape) {
    case SHAPE_OBJECT:
        return !(offers & ACCEPT_DISCOVERY) && !(protobuf && (offers & ACCEPT_NO_PROTOBUF));
    case SHAPE_TABLE:
        return (offers & ACCEPT_SHAPES) && !protobuf && !(offers & ACCEPT_NO_TABLE);
    case SHAPE_METADATA:
        return offers & ACCEPT_SHAPES;
    case SHAPE_DISCOVERY:
        return offers & ACCEPT_DISCOVERY;
    }
    return false;
}

static bool names(const struct clause *clause, struct str type, struct str subtype)
{
    bool any = str_is(clause->subtype, "*");
    return str_eq(clause->type, type) ? any || str_eq(clause->subtype, subtype)
                                      : any && str_is(clause->type, "*");
}

static bool meets(const struct clause *clause, const struct media_row *row, unsigned offers,
                  struct accept *accept)
{
    const struct params *params = &clause->params;
    if (!names(clause, str_of(row->type), str_of(row->subtype)))
        return false;
    if (params->stream.len && (row->media == MEDIA_YAML || !str_is(params->stream, "watch")))
        return false;
    if (params->server_version.len &&
        !((offers & ACCEPT_SHAPES) && str_is(params->server_version, "v1")))
        return false;
    *accept = (struct accept){.media = row->media, .pretty = params->pretty};
    return find_shape(params, accept) && is_offered(accept, offers);
}

static bool refuse(unsigned offers, struct error *err)
{
    return error_set(err, ERROR_NOT_ACCEPTABLE, "only the following media types are accepted: %s",
                     offers & ACCEPT_STREAM ? "application/json;stream=watch, "
                                              "application/vnd.kubernetes.protobuf;stream=watch"
                                            : "application/json, application/yaml, "
                                              "application/vnd.kubernetes.protobuf");
}

bool accept_parse(const char *header, unsigned offers, struct accept *accept, struct error *err)
{
    struct clauses clauses;
    *accept = (struct accept){0};
    if (!header || !*header)
        return !(offers & ACCEPT_DISCOVERY) || refuse(offers, err);
    read_clauses(str_of(header), &clauses);
    for (size_t i = 0; i < clauses.count; i++)
        for (size_t k = 0; k < ARRAY_LEN(media_rows); k++)
            if (meets(&clauses.items[i], &media_rows[k], offers, accept))
                return !((offers & ACCEPT_STREAM) && accept->media == MEDIA_YAML) ||
                       refuse(offers, err);
    *accept = (struct accept){0};
    return refuse(offers & ~(unsigned)ACCEPT_STREAM, err);
}

int accept_choose(const char *header, const char *const *types)
{
    struct clauses clauses;
    read_clauses(str_of(header && *header ? header : "*/*"), &clauses);
    for (size_t i = 0; i < clauses.count; i++)
        for (int k = 0; types[k]; k++) {
            struct str subtype = str_of(types[k]), type = str_cut(&subtype, '/');
            if (names(&clauses.items[i], type, subtype))
                return k;
        }
    return -1;
}

bool accept_pretty(const char *wanted, const char *agent)
{
    static const char *const yes[] = {"1", "t", "T", "TRUE", "true", "True"};
    static const char *const readers[] = {"curl", "Wget", "Mozilla/5.0"};
    if (wanted && *wanted) {
        for (size_t i = 0; i < ARRAY_LEN(yes); i++)
            if (strcmp(wanted, yes[i]) == 0)
                return true;
        return false;
    }
    for (size_t i = 0; agent && i < ARRAY_LEN(readers); i++)
        if (text_starts(agent, readers[i]))
            return true;
    return false;
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
