/* Types: the fixed ones, equality, and how they are written. */
#include "cel/type.h"

#include "base/buf.h"

const struct cel_type cel_dyn = {.kind = CEL_DYN};
const struct cel_type cel_null = {.kind = CEL_NULL};
const struct cel_type cel_bool = {.kind = CEL_BOOL};
const struct cel_type cel_int = {.kind = CEL_INT};
const struct cel_type cel_uint = {.kind = CEL_UINT};
const struct cel_type cel_double = {.kind = CEL_DOUBLE};
const struct cel_type cel_string = {.kind = CEL_STRING};
const struct cel_type cel_bytes = {.kind = CEL_BYTES};
const struct cel_type cel_timestamp = {.kind = CEL_TIMESTAMP};
const struct cel_type cel_duration = {.kind = CEL_DURATION};
const struct cel_type cel_type_type = {.kind = CEL_TYPE};
const struct cel_type cel_list_dyn = {.kind = CEL_LIST, .params = {&cel_dyn}};
const struct cel_type cel_list_string = {.kind = CEL_LIST, .params = {&cel_string}};
const struct cel_type cel_map_dyn = {.kind = CEL_MAP, .params = {&cel_dyn, &cel_dyn}};
const struct cel_type cel_map_string = {.kind = CEL_MAP, .params = {&cel_string, &cel_dyn}};
const struct cel_type cel_authorizer = {.kind = CEL_OPAQUE,
                                        .name = "kubernetes.authorization.Authorizer"};
const struct cel_type cel_resource_check = {.kind = CEL_OPAQUE,
                                            .name = "kubernetes.authorization.ResourceCheck"};

static bool named(enum cel_kind kind)
{
    return kind == CEL_OBJECT || kind == CEL_OPAQUE || kind == CEL_PARAM;
}

bool cel_type_equal(const struct cel_type *a, const struct cel_type *b)
{
    if (a == b)
        return true;
    if (!a || !b || a->kind != b->kind)
        return false;
    if (named(a->kind))
        return text_eq(a->name, b->name);
    return cel_type_equal(a->params[0], b->params[0]) && cel_type_equal(a->params[1], b->params[1]);
}

void cel_type_write(struct buf *out, const struct cel_type *type)
{
    static const char *const names[] = {
        [CEL_DYN] = "dyn",       [CEL_NULL] = "null",           [CEL_BOOL] = "bool",
        [CEL_INT] = "int",       [CEL_UINT] = "uint",           [CEL_DOUBLE] = "double",
        [CEL_STRING] = "string", [CEL_BYTES] = "bytes",         [CEL_LIST] = "list",
        [CEL_MAP] = "map",       [CEL_TYPE] = "type",           [CEL_OPTIONAL] = "optional_type",
        [CEL_ERROR] = "!error!", [CEL_TIMESTAMP] = "timestamp", [CEL_DURATION] = "duration",
    };
    buf_add_text(out, named(type->kind) ? type->name : names[type->kind]);
    for (size_t i = 0; i < ARRAY_LEN(type->params) && type->params[i]; i++) {
        buf_add_text(out, i ? ", " : "(");
        cel_type_write(out, type->params[i]);
    }
    if (type->params[0])
        buf_add_char(out, ')');
}
