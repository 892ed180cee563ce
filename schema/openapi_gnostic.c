/* OpenAPI documents in protobuf: Swagger 2.0 as old kubectl reads it, and version 3 as newer Go
 * clients do. One table holds the messages of both; JSON members that are not in it are left out,
 * `x-...` members become vendor extensions (name and YAML text; JSON is YAML). Source:
 * google/gnostic, openapiv2/OpenAPIv2.proto and openapiv3/OpenAPIv3.proto, for the numbers. */
#include <string.h>

#include "base/json.h"
#include "schema/openapi.h"
#include "schema/wire.h"

/* A message of one version, or of both where they have it alike. */
enum message {
    DOCUMENT,
    INFO,
    PATHS,
    PATH_ITEM,
    OPERATION,
    PARAMETER, /* of version 2: in the body */
    QUERY_PARAMETER,
    PATH_PARAMETER,
    BODY,
    MEDIA_TYPES,
    MEDIA_TYPE,
    RESPONSES,
    RESPONSE,
    COMPONENTS,
    SCHEMAS,
    SCHEMA,
    ITEMS, /* one schema, as a list of them */
    SECURITY_SCHEMES,
    SECURITY_SCHEME,
    SECURITY_REQUIREMENT,
    TEXT_LIST,
    REFERENCE,
    MESSAGE_COUNT,
};

enum { V2, V3, VERSIONS };

enum member_kind {
    MEMBER_TEXT,
    MEMBER_BOOL,
    MEMBER_INT,
    MEMBER_DOUBLE,
    MEMBER_TEXTS, /* repeated string; a single string counts as a list of one */
    MEMBER_ANY,   /* Any: YAML text */
    MEMBER_ANYS,  /* repeated Any */
    MEMBER_MESSAGE,
    MEMBER_MESSAGES,   /* repeated */
    MEMBER_PARAMETERS, /* repeated ParametersItem */
    MEMBER_ADDITIONAL, /* AdditionalPropertiesItem: bool or schema */
    MEMBER_DEFAULT,    /* DefaultType: a number, bool or string */
};

#define OR_REFERENCE UINT32_MAX

/* clang-format off */
static const struct member {
    enum message of;
    const char *key;            /* NULL: every other member, as (name, value) pairs */
    uint32_t numbers[VERSIONS]; /* 0: that version has none */
    enum member_kind kind;
    enum message type;
    uint32_t wraps[VERSIONS]; /* the message stands inside another, under this number; 0: it does not.
                                 OR_REFERENCE: under 1, or under 2 when it is a reference */
} members[] = {
    {DOCUMENT, "swagger", {1, 0}, MEMBER_TEXT, 0, {0, 0}},
    {DOCUMENT, "openapi", {0, 1}, MEMBER_TEXT, 0, {0, 0}},
    {DOCUMENT, "info", {2, 2}, MEMBER_MESSAGE, INFO, {0, 0}},
    {DOCUMENT, "paths", {8, 4}, MEMBER_MESSAGE, PATHS, {0, 0}},
    {DOCUMENT, "definitions", {9, 0}, MEMBER_MESSAGE, SCHEMAS, {0, 0}},
    {DOCUMENT, "components", {0, 5}, MEMBER_MESSAGE, COMPONENTS, {0, 0}},
    {DOCUMENT, "security", {12, 6}, MEMBER_MESSAGES, SECURITY_REQUIREMENT, {0, 0}},
    {DOCUMENT, "securityDefinitions", {13, 0}, MEMBER_MESSAGE, SECURITY_SCHEMES, {0, 0}},
    {INFO, "title", {1, 1}, MEMBER_TEXT, 0, {0, 0}},
    {INFO, "version", {2, 6}, MEMBER_TEXT, 0, {0, 0}},
    {PATHS, NULL, {2, 1}, MEMBER_MESSAGE, PATH_ITEM, {0, 0}},
    {PATH_ITEM, "get", {2, 4}, MEMBER_MESSAGE, OPERATION, {0, 0}},
    {PATH_ITEM, "put", {3, 5}, MEMBER_MESSAGE, OPERATION, {0, 0}},
    {PATH_ITEM, "post", {4, 6}, MEMBER_MESSAGE, OPERATION, {0, 0}},
    {PATH_ITEM, "delete", {5, 7}, MEMBER_MESSAGE, OPERATION, {0, 0}},
    {PATH_ITEM, "options", {6, 8}, MEMBER_MESSAGE, OPERATION, {0, 0}},
    {PATH_ITEM, "head", {7, 9}, MEMBER_MESSAGE, OPERATION, {0, 0}},
    {PATH_ITEM, "patch", {8, 10}, MEMBER_MESSAGE, OPERATION, {0, 0}},
    {PATH_ITEM, "parameters", {9, 0}, MEMBER_PARAMETERS, 0, {0, 0}},
    {PATH_ITEM, "parameters", {0, 13}, MEMBER_MESSAGES, PARAMETER, {0, OR_REFERENCE}},
    {OPERATION, "tags", {1, 1}, MEMBER_TEXTS, 0, {0, 0}},
    {OPERATION, "description", {3, 3}, MEMBER_TEXT, 0, {0, 0}},
    {OPERATION, "operationId", {5, 5}, MEMBER_TEXT, 0, {0, 0}},
    {OPERATION, "produces", {6, 0}, MEMBER_TEXTS, 0, {0, 0}},
    {OPERATION, "consumes", {7, 0}, MEMBER_TEXTS, 0, {0, 0}},
    {OPERATION, "parameters", {8, 0}, MEMBER_PARAMETERS, 0, {0, 0}},
    {OPERATION, "parameters", {0, 6}, MEMBER_MESSAGES, PARAMETER, {0, OR_REFERENCE}},
    {OPERATION, "requestBody", {0, 7}, MEMBER_MESSAGE, BODY, {0, OR_REFERENCE}},
    {OPERATION, "responses", {9, 8}, MEMBER_MESSAGE, RESPONSES, {0, 0}},
    {OPERATION, "schemes", {10, 0}, MEMBER_TEXTS, 0, {0, 0}},
    {OPERATION, "deprecated", {0, 10}, MEMBER_BOOL, 0, {0, 0}},
    {PARAMETER, "description", {1, 3}, MEMBER_TEXT, 0, {0, 0}},
    {PARAMETER, "name", {2, 1}, MEMBER_TEXT, 0, {0, 0}},
    {PARAMETER, "in", {3, 2}, MEMBER_TEXT, 0, {0, 0}},
    {PARAMETER, "required", {4, 4}, MEMBER_BOOL, 0, {0, 0}},
    {PARAMETER, "schema", {5, 10}, MEMBER_MESSAGE, SCHEMA, {0, OR_REFERENCE}},
    {QUERY_PARAMETER, "required", {1, 0}, MEMBER_BOOL, 0, {0, 0}},
    {QUERY_PARAMETER, "in", {2, 0}, MEMBER_TEXT, 0, {0, 0}},
    {QUERY_PARAMETER, "description", {3, 0}, MEMBER_TEXT, 0, {0, 0}},
    {QUERY_PARAMETER, "name", {4, 0}, MEMBER_TEXT, 0, {0, 0}},
    {QUERY_PARAMETER, "type", {6, 0}, MEMBER_TEXT, 0, {0, 0}},
    {QUERY_PARAMETER, "uniqueItems", {20, 0}, MEMBER_BOOL, 0, {0, 0}},
    {PATH_PARAMETER, "required", {1, 0}, MEMBER_BOOL, 0, {0, 0}},
    {PATH_PARAMETER, "in", {2, 0}, MEMBER_TEXT, 0, {0, 0}},
    {PATH_PARAMETER, "description", {3, 0}, MEMBER_TEXT, 0, {0, 0}},
    {PATH_PARAMETER, "name", {4, 0}, MEMBER_TEXT, 0, {0, 0}},
    {PATH_PARAMETER, "type", {5, 0}, MEMBER_TEXT, 0, {0, 0}},
    {PATH_PARAMETER, "uniqueItems", {19, 0}, MEMBER_BOOL, 0, {0, 0}},
    {BODY, "description", {0, 1}, MEMBER_TEXT, 0, {0, 0}},
    {BODY, "content", {0, 2}, MEMBER_MESSAGE, MEDIA_TYPES, {0, 0}},
    {BODY, "required", {0, 3}, MEMBER_BOOL, 0, {0, 0}},
    {MEDIA_TYPES, NULL, {0, 1}, MEMBER_MESSAGE, MEDIA_TYPE, {0, 0}},
    {MEDIA_TYPE, "schema", {0, 1}, MEMBER_MESSAGE, SCHEMA, {0, OR_REFERENCE}},
    {RESPONSES, NULL, {1, 2}, MEMBER_MESSAGE, RESPONSE, {1, OR_REFERENCE}},
    {RESPONSE, "description", {1, 1}, MEMBER_TEXT, 0, {0, 0}},
    {RESPONSE, "schema", {2, 0}, MEMBER_MESSAGE, SCHEMA, {1, 0}},
    {RESPONSE, "content", {0, 3}, MEMBER_MESSAGE, MEDIA_TYPES, {0, 0}},
    {COMPONENTS, "schemas", {0, 1}, MEMBER_MESSAGE, SCHEMAS, {0, 0}},
    {COMPONENTS, "securitySchemes", {0, 7}, MEMBER_MESSAGE, SECURITY_SCHEMES, {0, 0}},
    {SCHEMAS, NULL, {1, 1}, MEMBER_MESSAGE, SCHEMA, {0, OR_REFERENCE}},
    {SCHEMA, "$ref", {1, 0}, MEMBER_TEXT, 0, {0, 0}},
    {SCHEMA, "nullable", {0, 1}, MEMBER_BOOL, 0, {0, 0}},
    {SCHEMA, "example", {0, 7}, MEMBER_ANY, 0, {0, 0}},
    {SCHEMA, "format", {2, 35}, MEMBER_TEXT, 0, {0, 0}},
    {SCHEMA, "title", {3, 9}, MEMBER_TEXT, 0, {0, 0}},
    {SCHEMA, "description", {4, 34}, MEMBER_TEXT, 0, {0, 0}},
    {SCHEMA, "default", {5, 0}, MEMBER_ANY, 0, {0, 0}},
    {SCHEMA, "default", {0, 33}, MEMBER_DEFAULT, 0, {0, 0}},
    {SCHEMA, "multipleOf", {6, 10}, MEMBER_DOUBLE, 0, {0, 0}},
    {SCHEMA, "maximum", {7, 11}, MEMBER_DOUBLE, 0, {0, 0}},
    {SCHEMA, "exclusiveMaximum", {8, 12}, MEMBER_BOOL, 0, {0, 0}},
    {SCHEMA, "minimum", {9, 13}, MEMBER_DOUBLE, 0, {0, 0}},
    {SCHEMA, "exclusiveMinimum", {10, 14}, MEMBER_BOOL, 0, {0, 0}},
    {SCHEMA, "maxLength", {11, 15}, MEMBER_INT, 0, {0, 0}},
    {SCHEMA, "minLength", {12, 16}, MEMBER_INT, 0, {0, 0}},
    {SCHEMA, "pattern", {13, 17}, MEMBER_TEXT, 0, {0, 0}},
    {SCHEMA, "maxItems", {14, 18}, MEMBER_INT, 0, {0, 0}},
    {SCHEMA, "minItems", {15, 19}, MEMBER_INT, 0, {0, 0}},
    {SCHEMA, "uniqueItems", {16, 20}, MEMBER_BOOL, 0, {0, 0}},
    {SCHEMA, "maxProperties", {17, 21}, MEMBER_INT, 0, {0, 0}},
    {SCHEMA, "minProperties", {18, 22}, MEMBER_INT, 0, {0, 0}},
    {SCHEMA, "required", {19, 23}, MEMBER_TEXTS, 0, {0, 0}},
    {SCHEMA, "enum", {20, 24}, MEMBER_ANYS, 0, {0, 0}},
    {SCHEMA, "additionalProperties", {21, 32}, MEMBER_ADDITIONAL, SCHEMA, {0, OR_REFERENCE}},
    {SCHEMA, "type", {22, 0}, MEMBER_MESSAGE, TEXT_LIST, {0, 0}},
    {SCHEMA, "type", {0, 25}, MEMBER_TEXT, 0, {0, 0}},
    {SCHEMA, "items", {23, 0}, MEMBER_MESSAGE, SCHEMA, {1, 0}},
    {SCHEMA, "items", {0, 30}, MEMBER_MESSAGE, ITEMS, {0, 0}},
    {SCHEMA, "allOf", {24, 26}, MEMBER_MESSAGES, SCHEMA, {0, OR_REFERENCE}},
    {SCHEMA, "oneOf", {0, 27}, MEMBER_MESSAGES, SCHEMA, {0, OR_REFERENCE}},
    {SCHEMA, "anyOf", {0, 28}, MEMBER_MESSAGES, SCHEMA, {0, OR_REFERENCE}},
    {SCHEMA, "not", {0, 29}, MEMBER_MESSAGE, SCHEMA, {0, 0}},
    {SCHEMA, "properties", {25, 31}, MEMBER_MESSAGE, SCHEMAS, {0, 0}},
    {SECURITY_SCHEMES, NULL, {1, 1}, MEMBER_MESSAGE, SECURITY_SCHEME, {2, OR_REFERENCE}},
    {SECURITY_SCHEME, "type", {1, 1}, MEMBER_TEXT, 0, {0, 0}},
    {SECURITY_SCHEME, "name", {2, 3}, MEMBER_TEXT, 0, {0, 0}},
    {SECURITY_SCHEME, "in", {3, 4}, MEMBER_TEXT, 0, {0, 0}},
    {SECURITY_SCHEME, "description", {4, 2}, MEMBER_TEXT, 0, {0, 0}},
    {SECURITY_REQUIREMENT, NULL, {1, 1}, MEMBER_MESSAGE, TEXT_LIST, {0, 0}},
    {REFERENCE, "$ref", {0, 1}, MEMBER_TEXT, 0, {0, 0}},
};
/* clang-format on */

/* Where vendor extensions go. */
static const uint32_t extension_numbers[MESSAGE_COUNT][VERSIONS] = {
    [DOCUMENT] = {16, 9},
    [PATH_ITEM] = {10, 14},
    [OPERATION] = {13, 13},
    [SCHEMA] = {31, 36},
};

struct packer {
    struct buf *out;
    unsigned version; /* V2, V3 */
};

static void put_message(const struct packer *packer, enum message type, const json_t *value);

static void put_any(struct buf *out, uint32_t number, const json_t *value)
{
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    json_write(&text, value);
    size_t any = wire_begin(out, number);
    wire_bytes(out, 2, buf_str(&text));
    wire_end(out, any);
}

/* A message of its own, inside a wrapper if the table says so. */
static void put_inside(const struct packer *packer, const struct member *member, uint32_t number,
                       const json_t *value)
{
    struct buf *out = packer->out;
    uint32_t wrap = member->wraps[packer->version];
    bool reference = wrap == OR_REFERENCE && json_object_get(value, "$ref");
    if (wrap == OR_REFERENCE)
        wrap = reference ? 2 : 1;
    size_t outer = wire_begin(out, number);
    size_t inner = wrap ? wire_begin(out, wrap) : 0;
    put_message(packer, reference ? REFERENCE : member->type, value);
    if (wrap)
        wire_end(out, inner);
    wire_end(out, outer);
}

/* ParametersItem{Parameter{BodyParameter | NonBodyParameter{Query... | Path...}}} */
static void put_parameter(const struct packer *packer, uint32_t number, const json_t *value)
{
    struct buf *out = packer->out;
    const char *in = json_string_value(json_object_get(value, "in"));
    bool body = text_eq(in, "body"), path = text_eq(in, "path");
    size_t item = wire_begin(out, number), parameter = wire_begin(out, 1),
           kind = wire_begin(out, body ? 1 : 2);
    size_t inner = body ? 0 : wire_begin(out, path ? 4 : 3);
    put_message(packer, body ? PARAMETER : path ? PATH_PARAMETER : QUERY_PARAMETER, value);
    if (!body)
        wire_end(out, inner);
    wire_end(out, kind);
    wire_end(out, parameter);
    wire_end(out, item);
}

static void put_additional(const struct packer *packer, const struct member *member,
                           uint32_t number, const json_t *value)
{
    struct buf *out = packer->out;
    size_t item = wire_begin(out, number);
    if (json_is_boolean(value))
        wire_varint(out, 2, json_is_true(value));
    else
        put_inside(packer, member, 1, value);
    wire_end(out, item);
}

static void put_text(struct buf *out, uint32_t number, const json_t *value)
{
    if (json_is_string(value))
        wire_bytes(out, number, (struct str){json_string_value(value), json_string_length(value)});
}

/* There is no form for objects and lists. */
static void put_default(struct buf *out, uint32_t number, const json_t *value)
{
    size_t item = wire_begin(out, number);
    if (json_is_number(value))
        wire_double(out, 1, json_number_value(value));
    else if (json_is_boolean(value))
        wire_varint(out, 2, json_is_true(value));
    put_text(out, 3, value);
    wire_end(out, item);
}

static void put_one(const struct packer *packer, const struct member *member, uint32_t number,
                    const json_t *value)
{
    struct buf *out = packer->out;
    switch (member->kind) {
    case MEMBER_TEXTS:
    case MEMBER_TEXT:
        put_text(out, number, value);
        break;
    case MEMBER_BOOL:
        wire_varint(out, number, json_is_true(value));
        break;
    case MEMBER_INT:
        wire_varint(out, number, (uint64_t)json_integer_value(value));
        break;
    case MEMBER_DOUBLE:
        wire_double(out, number, json_number_value(value));
        break;
    case MEMBER_ANY:
    case MEMBER_ANYS:
        put_any(out, number, value);
        break;
    case MEMBER_PARAMETERS:
        put_parameter(packer, number, value);
        break;
    case MEMBER_ADDITIONAL:
        put_additional(packer, member, number, value);
        break;
    case MEMBER_DEFAULT:
        put_default(out, number, value);
        break;
    case MEMBER_MESSAGE:
    case MEMBER_MESSAGES:
        put_inside(packer, member, number, value);
        break;
    }
}

static bool is_repeated(enum member_kind kind)
{
    return kind == MEMBER_TEXTS || kind == MEMBER_ANYS || kind == MEMBER_MESSAGES ||
           kind == MEMBER_PARAMETERS;
}

static void put_member(const struct packer *packer, const struct member *member, const char *key,
                       const json_t *value)
{
    uint32_t number = member->numbers[packer->version];
    if (!member->key) { /* a pair */
        size_t pair = wire_begin(packer->out, number);
        wire_bytes(packer->out, 1, str_of(key));
        put_one(packer, member, 2, value);
        wire_end(packer->out, pair);
        return;
    }
    if (!is_repeated(member->kind) || !json_is_array(value)) {
        put_one(packer, member, number, value);
        return;
    }
    for (size_t i = 0; i < json_array_size(value); i++)
        put_one(packer, member, number, json_array_get(value, i));
}

static void put_extension(struct buf *out, uint32_t number, const char *key, const json_t *value)
{
    size_t pair = wire_begin(out, number);
    wire_bytes(out, 1, str_of(key));
    put_any(out, 2, value);
    wire_end(out, pair);
}

/* The row of a member of a message; NULL when it is left out. */
static const struct member *find(const struct packer *packer, enum message type, const char *key)
{
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (members[i].of == type && members[i].numbers[packer->version] &&
            (!members[i].key || strcmp(members[i].key, key) == 0))
            return &members[i];
    return NULL;
}

static void put_message(const struct packer *packer, enum message type, const json_t *value)
{
    static const struct member schema = {.type = SCHEMA, .wraps = {0, OR_REFERENCE}};
    const char *key;
    json_t *item;
    uint32_t extensions = extension_numbers[type][packer->version];
    if (type == TEXT_LIST) {
        put_text(packer->out, 1, value);
        for (size_t i = 0; i < json_array_size(value); i++)
            put_text(packer->out, 1, json_array_get(value, i));
        return;
    }
    if (type == ITEMS) {
        put_inside(packer, &schema, 1, value);
        return;
    }
    json_object_foreach (value, key, item) {
        const struct member *member = find(packer, type, key);
        if (text_starts(key, "x-") && extensions)
            put_extension(packer->out, extensions, key, item);
        else if (member)
            put_member(packer, member, key, item);
    }
}

static bool put_document(struct buf *out, unsigned version, struct str json)
{
    const struct packer packer = {.out = out, .version = version};
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *document = json_parse(json, JSON_LOAD_LENIENT, &err);
    if (!json_is_object(document))
        return false;
    put_message(&packer, DOCUMENT, document);
    return buf_ok(out);
}

bool openapi_v2_protobuf(struct buf *out, struct str json)
{
    return put_document(out, V2, json);
}

bool openapi_v3_protobuf(struct buf *out, struct str json)
{
    return put_document(out, V3, json);
}
