/* A Swagger 2.0 document in the protobuf form that old kubectl reads. One table holds the messages;
 * JSON members that are not in it are left out, `x-...` members become vendor extensions (name and
 * YAML text; JSON is YAML). Source: google/gnostic, openapiv2/OpenAPIv2.proto, for the numbers. */
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
};

/* clang-format off */
static const struct member {
    enum message of;
    const char *key; /* NULL: every other member, as (name, value) pairs */
    uint32_t number;
    enum member_kind kind;
    enum message type;
    uint32_t wrap; /* the message stands inside another, under this number; 0: it does not */
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
    {SCHEMA, "additionalProperties", 21, MEMBER_ADDITIONAL, 0, 0},
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
};
/* clang-format on */

/* Where vendor extensions go. */
static const uint32_t extension_numbers[MESSAGE_COUNT] = {
    [DOCUMENT] = 16,
    [PATH_ITEM] = 10,
    [OPERATION] = 13,
    [SCHEMA] = 31,
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
    size_t outer = wire_begin(out, number);
    size_t inner = member->wrap ? wire_begin(out, member->wrap) : 0;
    put_message(out, member->type, value);
    if (member->wrap)
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

static void put_additional(struct buf *out, uint32_t number, const json_t *value)
{
    size_t item = wire_begin(out, number);
    if (json_is_boolean(value)) {
        wire_varint(out, 2, json_is_true(value));
    } else {
        size_t schema = wire_begin(out, 1);
        put_message(out, SCHEMA, value);
        wire_end(out, schema);
    }
    wire_end(out, item);
}

static void put_text(struct buf *out, uint32_t number, const json_t *value)
{
    if (json_is_string(value))
        wire_bytes(out, number, (struct str){json_string_value(value), json_string_length(value)});
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
        put_additional(out, member->number, value);
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
    json_t *item, *self = (json_t *)(uintptr_t)value; /* jansson's iterators are not const */
    if (type == TEXT_LIST) {
        put_text(out, 1, value);
        for (size_t i = 0; i < json_array_size(value); i++)
            put_text(out, 1, json_array_get(value, i));
        return;
    }
    json_object_foreach (self, key, item) {
        const struct member *member = find(type, key);
        if (text_starts(key, "x-") && extension_numbers[type])
            put_extension(out, extension_numbers[type], key, item);
        else if (member)
            put_member(out, member, key, item);
    }
}

bool openapi_v2_protobuf(struct buf *out, struct str json)
{
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *document = json_parse(json, JSON_LOAD_LENIENT, &err);
    if (!json_is_object(document))
        return false;
    put_message(out, DOCUMENT, document);
    return buf_ok(out);
}
