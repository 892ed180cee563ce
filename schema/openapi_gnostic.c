/* OpenAPI documents in protobuf: Swagger 2.0 as old kubectl reads it, and version 3 as newer Go
 * clients do. One table holds the messages of both; JSON members that are not in it are left out,
 * `x-...` members become vendor extensions (name and YAML text; JSON is YAML). Source:
 * google/gnostic, openapiv2/OpenAPIv2.proto and openapiv3/OpenAPIv3.proto, for the numbers. */
#include <string.h>

#include "base/json.h"
#include "schema/openapi.h"
#include "schema/wire.h"

enum message {
    DOCUMENT,
    INFO,
    PATHS,
    PATH_ITEM,
    OPERATION,
    BODY_PARAMETER,
    QUERY_PARAMETER,
    PATH_PARAMETER,
    RESPONSES,
    RESPONSE,
    DEFINITIONS,
    SCHEMA,
    PROPERTIES,
    SECURITY_DEFINITIONS,
    API_KEY,
    SECURITY_REQUIREMENT,
    TEXT_LIST,
    V3_DOCUMENT,
    V3_INFO,
    V3_PATHS,
    V3_PATH_ITEM,
    V3_OPERATION,
    V3_PARAMETER,
    V3_BODY,
    V3_MEDIA_TYPES,
    V3_MEDIA_TYPE,
    V3_RESPONSES,
    V3_RESPONSE,
    V3_COMPONENTS,
    V3_SCHEMAS,
    V3_SCHEMA,
    V3_ITEMS, /* one schema, as a list of them */
    V3_SECURITY_SCHEMES,
    V3_SECURITY_SCHEME,
    REFERENCE,
    MESSAGE_COUNT,
};

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
    const char *key; /* NULL: every other member, as (name, value) pairs */
    uint32_t number;
    enum member_kind kind;
    enum message type;
    uint32_t wrap; /* the message stands inside another, under this number; 0: it does not.
                      OR_REFERENCE: under 1, or under 2 when it is a reference */
} members[] = {
    {DOCUMENT, "swagger", 1, MEMBER_TEXT, 0, 0},
    {DOCUMENT, "info", 2, MEMBER_MESSAGE, INFO, 0},
    {DOCUMENT, "paths", 8, MEMBER_MESSAGE, PATHS, 0},
    {DOCUMENT, "definitions", 9, MEMBER_MESSAGE, DEFINITIONS, 0},
    {DOCUMENT, "security", 12, MEMBER_MESSAGES, SECURITY_REQUIREMENT, 0},
    {DOCUMENT, "securityDefinitions", 13, MEMBER_MESSAGE, SECURITY_DEFINITIONS, 0},
    {INFO, "title", 1, MEMBER_TEXT, 0, 0},
    {INFO, "version", 2, MEMBER_TEXT, 0, 0},
    {PATHS, NULL, 2, MEMBER_MESSAGE, PATH_ITEM, 0},
    {PATH_ITEM, "get", 2, MEMBER_MESSAGE, OPERATION, 0},
    {PATH_ITEM, "put", 3, MEMBER_MESSAGE, OPERATION, 0},
    {PATH_ITEM, "post", 4, MEMBER_MESSAGE, OPERATION, 0},
    {PATH_ITEM, "delete", 5, MEMBER_MESSAGE, OPERATION, 0},
    {PATH_ITEM, "options", 6, MEMBER_MESSAGE, OPERATION, 0},
    {PATH_ITEM, "head", 7, MEMBER_MESSAGE, OPERATION, 0},
    {PATH_ITEM, "patch", 8, MEMBER_MESSAGE, OPERATION, 0},
    {PATH_ITEM, "parameters", 9, MEMBER_PARAMETERS, 0, 0},
    {OPERATION, "tags", 1, MEMBER_TEXTS, 0, 0},
    {OPERATION, "description", 3, MEMBER_TEXT, 0, 0},
    {OPERATION, "operationId", 5, MEMBER_TEXT, 0, 0},
    {OPERATION, "produces", 6, MEMBER_TEXTS, 0, 0},
    {OPERATION, "consumes", 7, MEMBER_TEXTS, 0, 0},
    {OPERATION, "parameters", 8, MEMBER_PARAMETERS, 0, 0},
    {OPERATION, "responses", 9, MEMBER_MESSAGE, RESPONSES, 0},
    {OPERATION, "schemes", 10, MEMBER_TEXTS, 0, 0},
    {BODY_PARAMETER, "description", 1, MEMBER_TEXT, 0, 0},
    {BODY_PARAMETER, "name", 2, MEMBER_TEXT, 0, 0},
    {BODY_PARAMETER, "in", 3, MEMBER_TEXT, 0, 0},
    {BODY_PARAMETER, "required", 4, MEMBER_BOOL, 0, 0},
    {BODY_PARAMETER, "schema", 5, MEMBER_MESSAGE, SCHEMA, 0},
    {QUERY_PARAMETER, "required", 1, MEMBER_BOOL, 0, 0},
    {QUERY_PARAMETER, "in", 2, MEMBER_TEXT, 0, 0},
    {QUERY_PARAMETER, "description", 3, MEMBER_TEXT, 0, 0},
    {QUERY_PARAMETER, "name", 4, MEMBER_TEXT, 0, 0},
    {QUERY_PARAMETER, "type", 6, MEMBER_TEXT, 0, 0},
    {QUERY_PARAMETER, "uniqueItems", 20, MEMBER_BOOL, 0, 0},
    {PATH_PARAMETER, "required", 1, MEMBER_BOOL, 0, 0},
    {PATH_PARAMETER, "in", 2, MEMBER_TEXT, 0, 0},
    {PATH_PARAMETER, "description", 3, MEMBER_TEXT, 0, 0},
    {PATH_PARAMETER, "name", 4, MEMBER_TEXT, 0, 0},
    {PATH_PARAMETER, "type", 5, MEMBER_TEXT, 0, 0},
    {PATH_PARAMETER, "uniqueItems", 19, MEMBER_BOOL, 0, 0},
    {RESPONSES, NULL, 1, MEMBER_MESSAGE, RESPONSE, 1},
    {RESPONSE, "description", 1, MEMBER_TEXT, 0, 0},
    {RESPONSE, "schema", 2, MEMBER_MESSAGE, SCHEMA, 1},
    {DEFINITIONS, NULL, 1, MEMBER_MESSAGE, SCHEMA, 0},
    {PROPERTIES, NULL, 1, MEMBER_MESSAGE, SCHEMA, 0},
    {SCHEMA, "$ref", 1, MEMBER_TEXT, 0, 0},
    {SCHEMA, "format", 2, MEMBER_TEXT, 0, 0},
    {SCHEMA, "title", 3, MEMBER_TEXT, 0, 0},
    {SCHEMA, "description", 4, MEMBER_TEXT, 0, 0},
    {SCHEMA, "default", 5, MEMBER_ANY, 0, 0},
    {SCHEMA, "multipleOf", 6, MEMBER_DOUBLE, 0, 0},
    {SCHEMA, "maximum", 7, MEMBER_DOUBLE, 0, 0},
    {SCHEMA, "exclusiveMaximum", 8, MEMBER_BOOL, 0, 0},
    {SCHEMA, "minimum", 9, MEMBER_DOUBLE, 0, 0},
    {SCHEMA, "exclusiveMinimum", 10, MEMBER_BOOL, 0, 0},
    {SCHEMA, "maxLength", 11, MEMBER_INT, 0, 0},
    {SCHEMA, "minLength", 12, MEMBER_INT, 0, 0},
    {SCHEMA, "pattern", 13, MEMBER_TEXT, 0, 0},
    {SCHEMA, "maxItems", 14, MEMBER_INT, 0, 0},
    {SCHEMA, "minItems", 15, MEMBER_INT, 0, 0},
    {SCHEMA, "uniqueItems", 16, MEMBER_BOOL, 0, 0},
    {SCHEMA, "maxProperties", 17, MEMBER_INT, 0, 0},
    {SCHEMA, "minProperties", 18, MEMBER_INT, 0, 0},
    {SCHEMA, "required", 19, MEMBER_TEXTS, 0, 0},
    {SCHEMA, "enum", 20, MEMBER_ANYS, 0, 0},
    {SCHEMA, "additionalProperties", 21, MEMBER_ADDITIONAL, SCHEMA, 0},
    {SCHEMA, "type", 22, MEMBER_MESSAGE, TEXT_LIST, 0},
    {SCHEMA, "items", 23, MEMBER_MESSAGE, SCHEMA, 1},
    {SCHEMA, "allOf", 24, MEMBER_MESSAGES, SCHEMA, 0},
    {SCHEMA, "properties", 25, MEMBER_MESSAGE, PROPERTIES, 0},
    {SECURITY_DEFINITIONS, NULL, 1, MEMBER_MESSAGE, API_KEY, 2},
    {API_KEY, "type", 1, MEMBER_TEXT, 0, 0},
    {API_KEY, "name", 2, MEMBER_TEXT, 0, 0},
    {API_KEY, "in", 3, MEMBER_TEXT, 0, 0},
    {API_KEY, "description", 4, MEMBER_TEXT, 0, 0},
    {SECURITY_REQUIREMENT, NULL, 1, MEMBER_MESSAGE, TEXT_LIST, 0},

    {V3_DOCUMENT, "openapi", 1, MEMBER_TEXT, 0, 0},
    {V3_DOCUMENT, "info", 2, MEMBER_MESSAGE, V3_INFO, 0},
    {V3_DOCUMENT, "paths", 4, MEMBER_MESSAGE, V3_PATHS, 0},
    {V3_DOCUMENT, "components", 5, MEMBER_MESSAGE, V3_COMPONENTS, 0},
    {V3_DOCUMENT, "security", 6, MEMBER_MESSAGES, SECURITY_REQUIREMENT, 0},
    {V3_INFO, "title", 1, MEMBER_TEXT, 0, 0},
    {V3_INFO, "version", 6, MEMBER_TEXT, 0, 0},
    {V3_PATHS, NULL, 1, MEMBER_MESSAGE, V3_PATH_ITEM, 0},
    {V3_PATH_ITEM, "get", 4, MEMBER_MESSAGE, V3_OPERATION, 0},
    {V3_PATH_ITEM, "put", 5, MEMBER_MESSAGE, V3_OPERATION, 0},
    {V3_PATH_ITEM, "post", 6, MEMBER_MESSAGE, V3_OPERATION, 0},
    {V3_PATH_ITEM, "delete", 7, MEMBER_MESSAGE, V3_OPERATION, 0},
    {V3_PATH_ITEM, "options", 8, MEMBER_MESSAGE, V3_OPERATION, 0},
    {V3_PATH_ITEM, "head", 9, MEMBER_MESSAGE, V3_OPERATION, 0},
    {V3_PATH_ITEM, "patch", 10, MEMBER_MESSAGE, V3_OPERATION, 0},
    {V3_PATH_ITEM, "parameters", 13, MEMBER_MESSAGES, V3_PARAMETER, OR_REFERENCE},
    {V3_OPERATION, "tags", 1, MEMBER_TEXTS, 0, 0},
    {V3_OPERATION, "description", 3, MEMBER_TEXT, 0, 0},
    {V3_OPERATION, "operationId", 5, MEMBER_TEXT, 0, 0},
    {V3_OPERATION, "parameters", 6, MEMBER_MESSAGES, V3_PARAMETER, OR_REFERENCE},
    {V3_OPERATION, "requestBody", 7, MEMBER_MESSAGE, V3_BODY, OR_REFERENCE},
    {V3_OPERATION, "responses", 8, MEMBER_MESSAGE, V3_RESPONSES, 0},
    {V3_OPERATION, "deprecated", 10, MEMBER_BOOL, 0, 0},
    {V3_PARAMETER, "name", 1, MEMBER_TEXT, 0, 0},
    {V3_PARAMETER, "in", 2, MEMBER_TEXT, 0, 0},
    {V3_PARAMETER, "description", 3, MEMBER_TEXT, 0, 0},
    {V3_PARAMETER, "required", 4, MEMBER_BOOL, 0, 0},
    {V3_PARAMETER, "schema", 10, MEMBER_MESSAGE, V3_SCHEMA, OR_REFERENCE},
    {V3_BODY, "description", 1, MEMBER_TEXT, 0, 0},
    {V3_BODY, "content", 2, MEMBER_MESSAGE, V3_MEDIA_TYPES, 0},
    {V3_BODY, "required", 3, MEMBER_BOOL, 0, 0},
    {V3_MEDIA_TYPES, NULL, 1, MEMBER_MESSAGE, V3_MEDIA_TYPE, 0},
    {V3_MEDIA_TYPE, "schema", 1, MEMBER_MESSAGE, V3_SCHEMA, OR_REFERENCE},
    {V3_RESPONSES, NULL, 2, MEMBER_MESSAGE, V3_RESPONSE, OR_REFERENCE},
    {V3_RESPONSE, "description", 1, MEMBER_TEXT, 0, 0},
    {V3_RESPONSE, "content", 3, MEMBER_MESSAGE, V3_MEDIA_TYPES, 0},
    {V3_COMPONENTS, "schemas", 1, MEMBER_MESSAGE, V3_SCHEMAS, 0},
    {V3_COMPONENTS, "securitySchemes", 7, MEMBER_MESSAGE, V3_SECURITY_SCHEMES, 0},
    {V3_SCHEMAS, NULL, 1, MEMBER_MESSAGE, V3_SCHEMA, OR_REFERENCE},
    {V3_SCHEMA, "nullable", 1, MEMBER_BOOL, 0, 0},
    {V3_SCHEMA, "example", 7, MEMBER_ANY, 0, 0},
    {V3_SCHEMA, "title", 9, MEMBER_TEXT, 0, 0},
    {V3_SCHEMA, "multipleOf", 10, MEMBER_DOUBLE, 0, 0},
    {V3_SCHEMA, "maximum", 11, MEMBER_DOUBLE, 0, 0},
    {V3_SCHEMA, "exclusiveMaximum", 12, MEMBER_BOOL, 0, 0},
    {V3_SCHEMA, "minimum", 13, MEMBER_DOUBLE, 0, 0},
    {V3_SCHEMA, "exclusiveMinimum", 14, MEMBER_BOOL, 0, 0},
    {V3_SCHEMA, "maxLength", 15, MEMBER_INT, 0, 0},
    {V3_SCHEMA, "minLength", 16, MEMBER_INT, 0, 0},
    {V3_SCHEMA, "pattern", 17, MEMBER_TEXT, 0, 0},
    {V3_SCHEMA, "maxItems", 18, MEMBER_INT, 0, 0},
    {V3_SCHEMA, "minItems", 19, MEMBER_INT, 0, 0},
    {V3_SCHEMA, "uniqueItems", 20, MEMBER_BOOL, 0, 0},
    {V3_SCHEMA, "maxProperties", 21, MEMBER_INT, 0, 0},
    {V3_SCHEMA, "minProperties", 22, MEMBER_INT, 0, 0},
    {V3_SCHEMA, "required", 23, MEMBER_TEXTS, 0, 0},
    {V3_SCHEMA, "enum", 24, MEMBER_ANYS, 0, 0},
    {V3_SCHEMA, "type", 25, MEMBER_TEXT, 0, 0},
    {V3_SCHEMA, "allOf", 26, MEMBER_MESSAGES, V3_SCHEMA, OR_REFERENCE},
    {V3_SCHEMA, "oneOf", 27, MEMBER_MESSAGES, V3_SCHEMA, OR_REFERENCE},
    {V3_SCHEMA, "anyOf", 28, MEMBER_MESSAGES, V3_SCHEMA, OR_REFERENCE},
    {V3_SCHEMA, "not", 29, MEMBER_MESSAGE, V3_SCHEMA, 0},
    {V3_SCHEMA, "items", 30, MEMBER_MESSAGE, V3_ITEMS, 0},
    {V3_SCHEMA, "properties", 31, MEMBER_MESSAGE, V3_SCHEMAS, 0},
    {V3_SCHEMA, "additionalProperties", 32, MEMBER_ADDITIONAL, V3_SCHEMA, OR_REFERENCE},
    {V3_SCHEMA, "default", 33, MEMBER_DEFAULT, 0, 0},
    {V3_SCHEMA, "description", 34, MEMBER_TEXT, 0, 0},
    {V3_SCHEMA, "format", 35, MEMBER_TEXT, 0, 0},
    {V3_SECURITY_SCHEMES, NULL, 1, MEMBER_MESSAGE, V3_SECURITY_SCHEME, OR_REFERENCE},
    {V3_SECURITY_SCHEME, "type", 1, MEMBER_TEXT, 0, 0},
    {V3_SECURITY_SCHEME, "description", 2, MEMBER_TEXT, 0, 0},
    {V3_SECURITY_SCHEME, "name", 3, MEMBER_TEXT, 0, 0},
    {V3_SECURITY_SCHEME, "in", 4, MEMBER_TEXT, 0, 0},
    {REFERENCE, "$ref", 1, MEMBER_TEXT, 0, 0},
};
/* clang-format on */

/* Where vendor extensions go. */
static const uint32_t extension_numbers[MESSAGE_COUNT] = {
    [DOCUMENT] = 16,   [PATH_ITEM] = 10,    [OPERATION] = 13,    [SCHEMA] = 31,
    [V3_DOCUMENT] = 9, [V3_PATH_ITEM] = 14, [V3_OPERATION] = 13, [V3_SCHEMA] = 36,
};

static void put_message(struct buf *out, enum message type, const json_t *value);

static void put_any(struct buf *out, uint32_t number, const json_t *value)
{
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    json_write(&text, value);
    size_t any = wire_begin(out, number);
    wire_bytes(out, 2, buf_str(&text));
    wire_end(out, any);
}

/* A message of its own, inside a wrapper if the table says so. */
static void put_inside(struct buf *out, const struct member *member, uint32_t number,
                       const json_t *value)
{
    bool reference = member->wrap == OR_REFERENCE && json_object_get(value, "$ref");
    uint32_t wrap = member->wrap != OR_REFERENCE ? member->wrap : reference ? 2 : 1;
    size_t outer = wire_begin(out, number);
    size_t inner = wrap ? wire_begin(out, wrap) : 0;
    put_message(out, reference ? REFERENCE : member->type, value);
    if (wrap)
        wire_end(out, inner);
    wire_end(out, outer);
}

/* ParametersItem{Parameter{BodyParameter | NonBodyParameter{Query... | Path...}}} */
static void put_parameter(struct buf *out, uint32_t number, const json_t *value)
{
    const char *in = json_string_value(json_object_get(value, "in"));
    bool body = text_eq(in, "body"), path = text_eq(in, "path");
    size_t item = wire_begin(out, number), parameter = wire_begin(out, 1),
           kind = wire_begin(out, body ? 1 : 2);
    size_t inner = body ? 0 : wire_begin(out, path ? 4 : 3);
    put_message(out, body ? BODY_PARAMETER : path ? PATH_PARAMETER : QUERY_PARAMETER, value);
    if (!body)
        wire_end(out, inner);
    wire_end(out, kind);
    wire_end(out, parameter);
    wire_end(out, item);
}

static void put_additional(struct buf *out, const struct member *member, const json_t *value)
{
    size_t item = wire_begin(out, member->number);
    if (json_is_boolean(value))
        wire_varint(out, 2, json_is_true(value));
    else
        put_inside(out, member, 1, value);
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

static void put_one(struct buf *out, const struct member *member, const json_t *value)
{
    switch (member->kind) {
    case MEMBER_TEXTS:
    case MEMBER_TEXT:
        put_text(out, member->number, value);
        break;
    case MEMBER_BOOL:
        wire_varint(out, member->number, json_is_true(value));
        break;
    case MEMBER_INT:
        wire_varint(out, member->number, (uint64_t)json_integer_value(value));
        break;
    case MEMBER_DOUBLE:
        wire_double(out, member->number, json_number_value(value));
        break;
    case MEMBER_ANY:
    case MEMBER_ANYS:
        put_any(out, member->number, value);
        break;
    case MEMBER_PARAMETERS:
        put_parameter(out, member->number, value);
        break;
    case MEMBER_ADDITIONAL:
        put_additional(out, member, value);
        break;
    case MEMBER_DEFAULT:
        put_default(out, member->number, value);
        break;
    case MEMBER_MESSAGE:
    case MEMBER_MESSAGES:
        put_inside(out, member, member->number, value);
        break;
    }
}

static bool is_repeated(enum member_kind kind)
{
    return kind == MEMBER_TEXTS || kind == MEMBER_ANYS || kind == MEMBER_MESSAGES ||
           kind == MEMBER_PARAMETERS;
}

static void put_member(struct buf *out, const struct member *member, const char *key,
                       const json_t *value)
{
    if (!member->key) { /* a pair */
        const struct member inside = {
            .kind = member->kind, .type = member->type, .wrap = member->wrap, .number = 2};
        size_t pair = wire_begin(out, member->number);
        wire_bytes(out, 1, str_of(key));
        put_one(out, &inside, value);
        wire_end(out, pair);
        return;
    }
    if (!is_repeated(member->kind) || !json_is_array(value)) {
        put_one(out, member, value);
        return;
    }
    for (size_t i = 0; i < json_array_size(value); i++)
        put_one(out, member, json_array_get(value, i));
}

static void put_extension(struct buf *out, uint32_t number, const char *key, const json_t *value)
{
    size_t pair = wire_begin(out, number);
    wire_bytes(out, 1, str_of(key));
    put_any(out, 2, value);
    wire_end(out, pair);
}

/* The row of a member of a message; NULL when it is left out. */
static const struct member *find(enum message type, const char *key)
{
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (members[i].of == type && (!members[i].key || strcmp(members[i].key, key) == 0))
            return &members[i];
    return NULL;
}

static void put_message(struct buf *out, enum message type, const json_t *value)
{
    const char *key;
    json_t *item;
    if (type == TEXT_LIST) {
        put_text(out, 1, value);
        for (size_t i = 0; i < json_array_size(value); i++)
            put_text(out, 1, json_array_get(value, i));
        return;
    }
    if (type == V3_ITEMS) {
        put_inside(out, &(struct member){.type = V3_SCHEMA, .wrap = OR_REFERENCE}, 1, value);
        return;
    }
    json_object_foreach (value, key, item) {
        const struct member *member = find(type, key);
        if (text_starts(key, "x-") && extension_numbers[type])
            put_extension(out, extension_numbers[type], key, item);
        else if (member)
            put_member(out, member, key, item);
    }
}

static bool put_document(struct buf *out, enum message type, struct str json)
{
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *document = json_parse(json, JSON_LOAD_LENIENT, &err);
    if (!json_is_object(document))
        return false;
    put_message(out, type, document);
    return buf_ok(out);
}

bool openapi_v2_protobuf(struct buf *out, struct str json)
{
    return put_document(out, DOCUMENT, json);
}

bool openapi_v3_protobuf(struct buf *out, struct str json)
{
    return put_document(out, V3_DOCUMENT, json);
}
